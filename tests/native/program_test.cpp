// Bound plans run natively: a loop with a stop flag, a loop and an `if` in it, on any number of
// threads, from several user threads, long enough that the loop tries both ways to run.
#include "runtime/program.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "kernels/registry.h"
#include "runtime/crew.h"

namespace pydl::test {
namespace {

int64_t parts_of(int64_t size) { return size % 2 == 0 ? 2 : 1; }

// `total += x` in each pass, part by part, `sum = total` unless `skip`, until `halt`.
std::string plan_text(int64_t size) {
  const int64_t parts = parts_of(size);
  const std::string part = std::to_string(size / parts);
  const std::string step = std::to_string(4 * size / parts);
  const std::string n = std::to_string(size);
  const std::string bytes = std::to_string(4 * size);
  const std::string flag = R"("dtype": "int64", "shape": [1], "step": 8})";
  const std::string rows = R"("dtype": "float32", "shape": [)" + n + R"(], "step": )" + bytes + "}";
  return R"({"format": "pydl-plan", "version": 1, "state": [
    {"name": "total", "dtype": "float32", "shape": [)" +
         n + R"(], "trainable": 0},
    {"name": "stop", "dtype": "int64", "shape": [1], "trainable": 0},
    {"name": "parts", "dtype": "int64", "shape": [1], "trainable": 0}],
    "entries": [{"name": "main", "inputs": [
      {"name": "steps", "dtype": "int64", "shape": [1], "step": 0},
      {"name": "x", )" +
         rows + R"(, {"name": "skip", )" + flag + R"(, {"name": "halt", )" + flag +
         R"(], "outputs": [{"name": "sum", )" + rows + R"(], "arena": 0, "values": [
      ["int64", [1], "input", 0, 0], ["float32", [)" +
         n + R"(], "input", 1, 0],
      ["int64", [1], "input", 2, 0], ["int64", [1], "input", 3, 0],
      ["float32", [)" +
         n + R"(], "state", 0, 0], ["int64", [1], "state", 1, 0],
      ["float32", [)" +
         n + R"(], "output", 0, 0],
      ["int64", [1], "state", 2, 0], ["float32", [)" +
         part + R"(], "state", 0, 0], ["float32", [)" + part + R"(], "input", 1, 0]],
    "code": [["loop", [0, 5], [], {"body": 5}],
      ["loop", [7], [], {"body": 1, "most": )" +
         std::to_string(parts) + R"(, "values": [8, 9], "steps": [)" + step + ", " + step +
         R"(]}], ["add", [8, 9], [8], {}],
      ["copy", [3], [5], {}], ["if", [2], [], {"skip": 1}], ["copy", [4], [6], {}]]}]})";
}

std::unique_ptr<Program> bind(int64_t size, const char* isa) {
  Plan plan;
  expect_ok(parse_plan(plan_text(size), &plan), "the plan is valid");
  std::unique_ptr<Program> program;
  const Entry* entry = plan.find("main");
  if (entry != nullptr) expect_ok(Program::bind(*entry, plan.state, isa, &program), "bind");
  return program;
}

// One call: its data, and the sums worked out here. Small whole numbers, so that sums are exact.
struct Trial {
  Trial(int64_t size, int64_t steps, int64_t halt_at, int seed)
      : size(size),
        halt_at(halt_at),
        steps(steps),
        x(static_cast<size_t>(size * steps)),
        skip(static_cast<size_t>(steps)),
        halt(static_cast<size_t>(steps)),
        sum(x.size(), -1),
        total(static_cast<size_t>(size)) {
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>((i * 7 + static_cast<size_t>(seed)) % 5);
    }
    for (size_t i = 0; i < skip.size(); ++i) skip[i] = i % 3 == 1;
    if (halt_at < steps) halt[static_cast<size_t>(halt_at)] = 1;
  }

  Status run(const Program& program) {
    State state(3);
    state.set(0, total.data(), size * 4, DType::kFloat32);
    state.set(1, &stop, 8, DType::kInt64);
    int64_t parts = parts_of(size);
    state.set(2, &parts, 8, DType::kInt64);
    const auto bytes = static_cast<int64_t>(x.size() * 4);
    return program.run(state,
                       {{&steps, 8, DType::kInt64},
                        {x.data(), bytes, DType::kFloat32},
                        {skip.data(), static_cast<int64_t>(skip.size() * 8), DType::kInt64},
                        {halt.data(), static_cast<int64_t>(halt.size() * 8), DType::kInt64}},
                       {{sum.data(), bytes, DType::kFloat32}}, &passes);
  }

  bool right() const {
    const int64_t done = std::min(steps, halt_at + 1);
    std::vector<float> want(static_cast<size_t>(size));
    for (int64_t pass = 0; pass < steps; ++pass) {
      const bool written = pass < done && skip[static_cast<size_t>(pass)] == 0;
      for (int64_t i = 0; i < size; ++i) {
        const auto at = static_cast<size_t>(pass * size + i);
        if (pass < done) want[static_cast<size_t>(i)] += x[at];
        if (sum[at] != (written ? want[static_cast<size_t>(i)] : -1)) return false;
      }
    }
    return passes == done && total == want && stop == (halt_at < steps ? 1 : 0);
  }

  int64_t size;
  int64_t halt_at;
  int64_t steps;
  std::vector<float> x;
  std::vector<int64_t> skip;
  std::vector<int64_t> halt;
  std::vector<float> sum;
  std::vector<float> total;
  int64_t stop = 0;
  int64_t passes = -1;
};

void run_and_check(const Program& program, Trial trial, const std::string& what) {
  expect_ok(trial.run(program), what);
  expect(trial.right(), what + ": the sums of every pass");
}

constexpr int64_t kCut = 80000;  // elements: half are more than kSerialBytes, kernels cut them
constexpr int64_t kNoHalt = 1000000;

void loops(const char* isa) {
  for (const int64_t size : {int64_t{1}, int64_t{37}, kCut}) {
    const std::unique_ptr<Program> program = bind(size, isa);
    if (program == nullptr) return;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      const std::string what = std::string(isa) + ", " + std::to_string(threads) + " threads";
      run_and_check(*program, Trial(size, 1, kNoHalt, 1), what + ", one pass");
      run_and_check(*program, Trial(size, 40, kNoHalt, 2), what + ", 40 passes");
      run_and_check(*program, Trial(size, 10, 0, 3), what + ", halted at once");
      run_and_check(*program, Trial(size, 10, 6, 4), what + ", halted");
    }
  }
}

void no_pass(const char* isa) {
  const std::unique_ptr<Program> program = bind(3, isa);
  if (program == nullptr) return;
  Trial trial(3, 1, kNoHalt, 0);
  trial.steps = 0;
  expect_ok(trial.run(*program), "no pass");
  expect(trial.passes == 0 && trial.sum == std::vector<float>(3, -1), "no pass changes nothing");
  trial.steps = -1;
  expect(!trial.run(*program).ok(), "a negative count is refused");
  trial.steps = 2;
  expect(!trial.run(*program).ok(), "more passes than memory are refused");
}

// Two threads, one program: what it learns about its tempo is shared, its results are not.
void two_user_threads(const char* isa) {
  set_thread_count(2);
  const std::unique_ptr<Program> program = bind(kCut, isa);
  if (program == nullptr) return;
  const auto work = [&](int seed) {
    for (int turn = 0; turn < 4; ++turn) {
      run_and_check(*program, Trial(kCut, 30, kNoHalt, seed + turn), "two user threads");
    }
  };
  std::thread other(work, 100);
  work(200);
  other.join();
}

// The same program again and again: launched directly, captured, launched as a graph; with the loop
// inside the graph and outside.
void on_device() {
  set_thread_count(1);
  for (const char* conditional : {"1", "0"}) {
    setenv("PYDL_CUDA_CONDITIONAL", conditional, 1);
    for (int turn = 0; turn < 2; ++turn) {
      loops("cuda");
      no_pass("cuda");
    }
    two_user_threads("cuda");
  }
  unsetenv("PYDL_CUDA_CONDITIONAL");
}

}  // namespace

void check_programs() {
  for (const Bundle* bundle : available_bundles()) {
    loops(bundle->isa);
    no_pass(bundle->isa);
    two_user_threads(bundle->isa);
  }
  if (use_device()) on_device();
  set_thread_count(0);
}

}  // namespace pydl::test
