// Derived buffers: built once per content, rebuilt when it changes, each run keeping its own.
#include "runtime/derived.h"

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

namespace pydl::test {
namespace {

constexpr int kSize = 1000;
std::atomic<int> builds{0};

// The source doubled.
void build_double(const void*, const void* source, void* target, void*) {
  const auto* from = static_cast<const float*>(source);
  auto* to = static_cast<float*>(target);
  for (int i = 0; i < kSize; ++i) to[i] = 2 * from[i];
  ++builds;
}

void add_double(DerivedSet* set, int slot) {
  set->add({0, "double", kSize * int64_t{sizeof(float)}, build_double}, nullptr, slot, 0);
}

struct Content {
  explicit Content(float value) : data(kSize, value), state(1) {
    state.set(0, data.data(), kSize * int64_t{sizeof(float)}, DType::kFloat32);
  }
  void change(float value) {
    data.assign(kSize, value);
    state.touch(0);
  }

  std::vector<float> data;
  State state;
};

using Snapshot = std::shared_ptr<const DerivedSet::Snapshot>;

Snapshot current(const DerivedSet& set, const State& state) {
  Snapshot snapshot;
  expect_ok(set.current(state, &snapshot), "derived buffers");
  return snapshot;
}

bool all_equal(const Snapshot& snapshot, float value) {
  const auto* data = static_cast<const float*>(snapshot->pointers[0]);
  for (int i = 0; i < kSize; ++i) {
    if (data[i] != value) return false;
  }
  return true;
}

void rebuilt_when_stale() {
  DerivedSet set;
  add_double(&set, 0);
  Content content(3);
  const int before = builds;
  const Snapshot first = current(set, content.state);
  expect(current(set, content.state) == first && builds == before + 1, "built once");
  content.change(4);
  const Snapshot second = current(set, content.state);
  expect(all_equal(second, 8), "rebuilt after a change");
  expect(all_equal(first, 6), "an earlier run keeps what it saw");
  expect(builds == before + 2, "built once for each content");
}

// Each thread changes its own state and asks the shared set for its buffers.
void from_two_threads() {
  DerivedSet set;
  add_double(&set, 0);
  const auto work = [&](float first) {
    Content content(0);
    for (int turn = 0; turn < 200; ++turn) {
      const float value = first + static_cast<float>(turn);
      if (turn % 3 != 0) content.change(value);
      if (turn % 3 == 0) content.change(value + 1), content.change(value);
      const Snapshot snapshot = current(set, content.state);
      expect(all_equal(snapshot, 2 * value), "a thread sees buffers of its own state");
    }
  };
  std::thread other(work, 1000.0f);
  work(2000.0f);
  other.join();
}

// One state, read by both threads: they share one buffer.
void shared_state() {
  DerivedSet set;
  add_double(&set, 0);
  const Content content(5);
  const int before = builds;
  const auto work = [&] {
    for (int turn = 0; turn < 100; ++turn) {
      expect(all_equal(current(set, content.state), 10), "the shared state's buffer");
    }
  };
  std::thread other(work);
  work();
  other.join();
  expect(builds == before + 1, "built once for two threads");
}

}  // namespace

void check_derived() {
  rebuilt_when_stale();
  from_two_threads();
  shared_state();
}

}  // namespace pydl::test
