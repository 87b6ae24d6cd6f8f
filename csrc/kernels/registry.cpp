#include "kernels/registry.h"

#include <cstdlib>
#include <string>

#include "kernels/ref/bundle.h"

// Each bundle's namespace is declared here rather than included: cpu/bundle.h belongs to one ISA.
#define PYDL_DECLARE_BUNDLE(isa) \
  namespace pydl::isa {          \
  extern const Bundle kBundle;   \
  }
#ifdef PYDL_HAVE_BASELINE
PYDL_DECLARE_BUNDLE(baseline)
#endif
#ifdef PYDL_HAVE_AVX2
PYDL_DECLARE_BUNDLE(avx2)
#endif
#ifdef PYDL_HAVE_AVX512
PYDL_DECLARE_BUNDLE(avx512)
#endif
#ifdef PYDL_HAVE_NEON
PYDL_DECLARE_BUNDLE(neon)
#endif
#ifdef PYDL_HAVE_EMULATED
PYDL_DECLARE_BUNDLE(emulated)
#endif

namespace pydl {
namespace {

#if defined(__x86_64__)
// __builtin_cpu_supports also asks xgetbv whether the system saves the registers.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

std::vector<const Bundle*> detect() {
  std::vector<const Bundle*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
#ifdef PYDL_HAVE_AVX512
  if (has_avx512()) found.push_back(&avx512::kBundle);
#endif
#ifdef PYDL_HAVE_AVX2
  if (has_avx2()) found.push_back(&avx2::kBundle);
#endif
#endif
#ifdef PYDL_HAVE_NEON
  found.push_back(&neon::kBundle);
#endif
#ifdef PYDL_HAVE_BASELINE
  found.push_back(&baseline::kBundle);
#endif
#ifdef PYDL_HAVE_EMULATED
  found.push_back(&emulated::kBundle);  // of tests: never the first
#endif
  found.push_back(&ref::kBundle);
  return found;
}

void append(const Bundle& bundle, Opcode op, std::vector<const Candidate*>* out) {
  for (int f = 0; f < bundle.count; ++f) {
    const Family& family = *bundle.families[f];
    for (int i = 0; i < family.count; ++i) {
      if (family.candidates[i].op == op) out->push_back(&family.candidates[i]);
    }
  }
}

}  // namespace

const std::vector<const Bundle*>& available_bundles() {
  static const std::vector<const Bundle*> bundles = detect();
  return bundles;
}

std::string_view requested_isa(std::string_view isa) {
  if (!isa.empty()) return isa;
  const char* forced = std::getenv("PYDL_ISA");
  return forced == nullptr ? std::string_view() : forced;
}

const Bundle* find_bundle(std::string_view isa) {
  const std::string_view wanted = requested_isa(isa);
  if (wanted.empty()) return available_bundles().front();
  for (const Bundle* bundle : available_bundles()) {
    if (wanted == bundle->isa) return bundle;
  }
  return nullptr;
}

std::vector<const Candidate*> candidates(const Bundle& bundle, Opcode op) {
  std::vector<const Candidate*> found;
  append(bundle, op, &found);
  if (!bundle.device && &bundle != &ref::kBundle) append(ref::kBundle, op, &found);
  return found;
}

}  // namespace pydl
