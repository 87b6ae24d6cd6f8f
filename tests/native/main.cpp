// The tests below Python: for sanitizers and for emulated machines.
//
//     pydl_native_tests            all suites
//     pydl_native_tests crew ...   only these
#include <atomic>
#include <cstdio>
#include <cstring>
#include <vector>

#include "check.h"

namespace pydl::test {
namespace {

struct Suite {
  const char* name;
  void (*run)();
};

constexpr Suite kSuites[] = {{"crew", check_crew},
                             {"programs", check_programs},
                             {"derived", check_derived},
                             {"arenas", check_arenas},
#ifdef PYDL_EMULATION
                             {"emulation", check_emulation},
                             {"gemm_tiles", check_gemm_tiles},
                             {"conv_tiles", check_conv_tiles},
#endif
                             {"tempo", check_tempo},
                             {"devices", check_devices},
                             {"gemm_layouts", check_gemm_layouts},
                             {"gemm_wgmma", check_gemm_wgmma},
                             {"conv_layouts", check_conv_layouts},
                             {"kernels", check_kernels}};
std::atomic<int> failures{0};

const Suite* find_suite(const char* name) {
  for (const Suite& suite : kSuites) {
    if (std::strcmp(suite.name, name) == 0) return &suite;
  }
  return nullptr;
}

int run_suites(const std::vector<const Suite*>& suites) {
  for (const Suite* suite : suites) {
    const int before = failures;
    std::printf("%s\n", suite->name);
    suite->run();
    std::printf("%s: %s\n", suite->name, failures == before ? "passed" : "FAILED");
    std::fflush(stdout);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

void expect(bool held, const std::string& what) {
  if (held) return;
  ++failures;
  std::printf("    does not hold: %s\n", what.c_str());
}

void expect_ok(const Status& status, const std::string& what) {
  expect(status.ok(), what + ": " + status.message());
}

}  // namespace pydl::test

int main(int count, char** arguments) {
  std::vector<const pydl::test::Suite*> chosen;
  for (int i = 1; i < count; ++i) {
    chosen.push_back(pydl::test::find_suite(arguments[i]));
    if (chosen.back() != nullptr) continue;
    std::fprintf(stderr, "no suite is called '%s'\n", arguments[i]);
    return 2;
  }
  if (chosen.empty()) {
    for (const auto& suite : pydl::test::kSuites) chosen.push_back(&suite);
  }
  return pydl::test::run_suites(chosen);
}
