// Every kernel of every instruction set of this machine against the reference kernels, without
// Python: for emulated machines. tests/test_kernels.py is the finer check.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "check.h"
#include "kernels/registry.h"
#include "problem.h"
#include "runtime/program.h"

namespace pydl::test {
namespace {

constexpr size_t kGuard = 64;
constexpr unsigned char kPoison = 0xA5;

// Memory of one operand, with edges that must not change.
class Block {
 public:
  explicit Block(const Spec& spec)
      : spec_(spec),
        size_(static_cast<size_t>(byte_size(spec))),
        bytes_(size_ + 2 * kGuard + 64, kPoison) {
    const auto address = reinterpret_cast<uintptr_t>(bytes_.data()) + kGuard;
    start_ = kGuard + (64 - address % 64) % 64;
  }

  const Spec& spec() const { return spec_; }
  unsigned char* data() { return bytes_.data() + start_; }
  const unsigned char* data() const { return bytes_.data() + start_; }
  Buffer buffer() { return {data(), static_cast<int64_t>(size_), spec_.dtype}; }
  bool intact() const {
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if ((i < start_ || i >= start_ + size_) && bytes_[i] != kPoison) return false;
    }
    return true;
  }

 private:
  Spec spec_;
  size_t size_;
  std::vector<unsigned char> bytes_;
  size_t start_ = 0;
};

// A small generator of its own: the same numbers with every library.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t bits() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 32);
  }
  double unit() { return bits() * 0x1p-32; }

 private:
  uint64_t state_;
};

template <class T>
void put(unsigned char* data, int64_t i, T value) {
  std::memcpy(data + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

template <class T>
T get(const unsigned char* data, int64_t i) {
  T value;
  std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

void fill(const Problem& problem, Numbers* numbers, Block* block) {
  const auto whole = [&] {
    return static_cast<int64_t>(numbers->bits() % static_cast<uint64_t>(problem.range));
  };
  const auto real = [&] {
    return problem.positive ? 0.1 + 1.9 * numbers->unit() : 4 * numbers->unit() - 2;
  };
  const int64_t count = element_count(block->spec().shape);
  for (int64_t i = 0; i < count; ++i) {
    switch (block->spec().dtype) {
      case DType::kFloat32: put(block->data(), i, static_cast<float>(real())); break;
      case DType::kFloat64: put(block->data(), i, real()); break;
      case DType::kInt32: put(block->data(), i, static_cast<int32_t>(whole())); break;
      case DType::kInt64: put(block->data(), i, whole()); break;
      case DType::kUInt32: put(block->data(), i, numbers->bits()); break;
      default: put(block->data(), i, static_cast<unsigned char>(whole() & 1)); break;
    }
  }
}

// Rounding differs between kernels by a few units for each step of a sum.
bool near(double got, double want, double eps, int64_t length) {
  if (got == want || (std::isnan(got) && std::isnan(want))) return true;
  const double steps = 16 + 4 * std::sqrt(static_cast<double>(length));
  return std::abs(got - want) <= eps * steps * (1 + std::abs(want)) * (length > 1 ? 4 : 1);
}

bool same(const Block& got, const Block& want, int64_t length) {
  const int64_t count = element_count(want.spec().shape);
  for (int64_t i = 0; i < count; ++i) {
    if (want.spec().dtype == DType::kFloat32) {
      if (!near(get<float>(got.data(), i), get<float>(want.data(), i), 0x1p-23, length)) {
        return false;
      }
    } else if (want.spec().dtype == DType::kFloat64) {
      if (!near(get<double>(got.data(), i), get<double>(want.data(), i), 0x1p-52, length)) {
        return false;
      }
    }
  }
  return is_float(want.spec().dtype) ||
         std::memcmp(got.data(), want.data(), static_cast<size_t>(byte_size(want.spec()))) == 0;
}

using Blocks = std::vector<Block>;

std::vector<Buffer> buffers(Blocks* blocks) {
  std::vector<Buffer> list;
  for (Block& block : *blocks) list.push_back(block.buffer());
  return list;
}

Status run(const Problem& problem, Blocks* inputs, const char* isa, const char* kernel,
           Blocks* outputs) {
  std::vector<Spec> results;
  PYDL_RETURN_IF_ERROR(infer(problem.op, problem.inputs, problem.attrs, &results));
  std::unique_ptr<Program> program;
  PYDL_RETURN_IF_ERROR(
      Program::bind_op(problem.op, problem.inputs, results, problem.attrs, isa, kernel, &program));
  for (const Spec& spec : results) outputs->emplace_back(spec);
  return program->run(State(0), buffers(inputs), buffers(outputs), nullptr);
}

struct Tally {
  std::map<std::string, int> checked;  // by instruction set
  int failed = 0;

  void fail(const Problem& problem, const char* isa, const char* kernel, const char* why) {
    ++failed;
    std::printf("%s:%s %s\n    %s\n", isa, kernel, to_string(problem).c_str(), why);
  }
};

void compare(const Problem& problem, const Bundle& bundle, const Candidate& candidate,
             Blocks* inputs, const Blocks& want, Tally* tally) {
  Blocks got;
  const Status status = run(problem, inputs, bundle.isa, candidate.name, &got);
  if (!status.ok()) {
    const bool refused = status.message().find("no kernel takes") != std::string::npos;
    if (!refused) tally->fail(problem, bundle.isa, candidate.name, status.message().c_str());
    return;
  }
  ++tally->checked[bundle.isa];
  for (size_t i = 0; i < got.size(); ++i) {
    if (!got[i].intact()) {
      tally->fail(problem, bundle.isa, candidate.name, "wrote outside a result");
    } else if (!same(got[i], want[i], problem.length)) {
      tally->fail(problem, bundle.isa, candidate.name, "differs from the reference");
    }
  }
}

// Those of this machine's processors and of its GPU.
const std::vector<const Bundle*>& all_bundles() {
  static const std::vector<const Bundle*> bundles = [] {
    std::vector<const Bundle*> found = available_bundles();
    const Bundle* device = nullptr;
    if (use_device() && choose_bundle("cuda", &device).ok()) found.push_back(device);
    return found;
  }();
  return bundles;
}

void check(const Problem& problem, uint64_t seed, Tally* tally) {
  Numbers numbers(seed);
  Blocks inputs;
  for (const Spec& spec : problem.inputs) {
    inputs.emplace_back(spec);
    fill(problem, &numbers, &inputs.back());
  }
  Blocks want;
  const Status status = run(problem, &inputs, "ref", "", &want);
  if (!status.ok()) return tally->fail(problem, "ref", "", status.message().c_str());
  const std::vector<const Candidate*> reference =
      candidates(*available_bundles().back(), problem.op);
  const std::set<const Candidate*> known(reference.begin(), reference.end());
  for (const Bundle* bundle : all_bundles()) {
    for (const Candidate* candidate : candidates(*bundle, problem.op)) {
      if (known.count(candidate) != 0) continue;
      compare(problem, *bundle, *candidate, &inputs, want, tally);
    }
  }
}

}  // namespace

void check_kernels() {
  Tally tally;
  uint64_t seed = 0;
  const std::vector<Problem> problems = all_problems();
  for (const Problem& problem : problems) check(problem, ++seed, &tally);
  std::printf("%zu problems, %d failures\n", problems.size(), tally.failed);
  for (const auto& [isa, count] : tally.checked) {
    std::printf("%s: %d results compared with the reference\n", isa.c_str(), count);
  }
  expect(tally.failed == 0, "kernels agree with the reference");
  // A build without bundles (ThreadSanitizer's) still runs every problem on the reference.
  expect(tally.checked.size() + 1 == all_bundles().size(), "every bundle was compared");
}

}  // namespace pydl::test
