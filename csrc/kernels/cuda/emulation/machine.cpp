// Blocks and their threads, shared memory and launch errors.
#include "kernels/cuda/emulation/machine.h"

#include <cstdio>
#include <cstring>

#include "kernels/cuda/emulation/multiprocessor.h"
#include "kernels/cuda/launch.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define PYDL_FORBID(data, bytes) __asan_poison_memory_region(data, bytes)
#define PYDL_ALLOW(data, bytes) __asan_unpoison_memory_region(data, bytes)
#else
#define PYDL_FORBID(data, bytes) (void)0
#define PYDL_ALLOW(data, bytes) (void)0
#endif

namespace pydl::emulation {
namespace {

// CUDA's numbers for what happens here.
constexpr int kInvalidValue = 1;
constexpr int kOutOfMemory = 2;
constexpr int kInvalidConfiguration = 9;
constexpr int kLaunchFailure = 719;

constexpr size_t kMaxStaticShared = 48 * 1024;
constexpr size_t kMaxShared = 227 * 1024;
constexpr size_t kSharedAlign = 128;
// Twice: each array is followed by bytes nobody may touch.
constexpr size_t kSharedBytes = 2 * kMaxShared;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::string text(const dim3& d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
}

}  // namespace

Machine& machine() {
  static thread_local Machine instance;
  return instance;
}

Machine::~Machine() {
  if (shared_ != nullptr) PYDL_ALLOW(shared_, kSharedBytes);
}

void Machine::note(int code, std::string what) {
  std::fprintf(stderr, "pydl emulation: %s\n", what.c_str());
  if (error != 0) return;
  error = code;
  message = std::move(what);
}

bool Machine::acceptable(const Geometry& geometry) {
  constexpr unsigned kMaxGridX = 0x7fffffffu, kMaxGrid = 65535, kMaxDepth = 64;
  const dim3 grid = geometry.grid, block = geometry.block;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  const bool grid_fits = grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x <= kMaxGridX &&
                         grid.y <= kMaxGrid && grid.z <= kMaxGrid;
  const bool block_fits = block.x <= kMaxThreads && block.y <= kMaxThreads &&
                          block.z <= kMaxDepth && threads > 0 && threads <= kMaxThreads;
  if (!grid_fits || !block_fits) {
    note(kInvalidConfiguration, "no device runs grid " + text(grid) + " of blocks " + text(block));
    return false;
  }
  if (geometry.shared_bytes > kMaxShared) {
    note(kInvalidValue, std::to_string(geometry.shared_bytes) +
                            " bytes of shared memory, at most " + std::to_string(kMaxShared));
    return false;
  }
  return true;
}

void Machine::run(const Geometry& geometry, void (*thread)(const void*), const void* call) {
  if (!acceptable(geometry)) return;
  if (shared_ == nullptr) {
    shared_memory_.reset(new unsigned char[kSharedBytes + kSharedAlign]);
    const size_t at = reinterpret_cast<size_t>(shared_memory_.get());
    shared_ = shared_memory_.get() + (round_up(at, kSharedAlign) - at);
  }
  geometry_ = geometry;
  thread_ = thread;
  call_ = call;
  n_threads_ = static_cast<int>(geometry.block.x * geometry.block.y * geometry.block.z);
  gridDim = geometry.grid;
  blockDim = geometry.block;
  failed_ = false;
  for (unsigned z = 0; z < geometry.grid.z && !failed_; ++z) {
    for (unsigned y = 0; y < geometry.grid.y && !failed_; ++y) {
      for (unsigned x = 0; x < geometry.grid.x && !failed_; ++x) {
        blockIdx = {x, y, z};
        descending_ = (x + y + z) % 2 != 0;
        run_block();
      }
    }
  }
}

void Machine::begin_block() {
  ++block_;
  started_ = ended_ = at_barrier_ = 0;
  ready_.clear();
  next_ready_ = 0;
  for (int w = 0; w * warpSize < n_threads_; ++w) {
    const int lanes = n_threads_ - w * warpSize;
    lanes_[w] = lanes >= warpSize ? 0xffffffffu : (1u << lanes) - 1;
  }
  static_bytes_ = 0;
  PYDL_ALLOW(shared_, geometry_.shared_bytes);
  std::memset(shared_, 0xff, geometry_.shared_bytes);
  PYDL_FORBID(shared_ + geometry_.shared_bytes, kSharedBytes - geometry_.shared_bytes);
  shared_used_ = round_up(geometry_.shared_bytes + 1, kSharedAlign);
}

void Machine::run_block() {
  begin_block();
  while (ended_ < n_threads_ && !failed_) {
    if (resume_ready() || start_next() || failed_) continue;
    fail("threads wait for ever: " + waiting());
  }
  if (failed_) abandon();
}

bool Machine::resume_ready() {
  if (next_ready_ == ready_.size()) return false;
  const int thread = ready_[next_ready_++];
  if (next_ready_ == ready_.size()) {
    ready_.clear();
    next_ready_ = 0;
  }
  enter(thread);
  threads_[thread].fiber->resume();
  return true;
}

bool Machine::start_next() {
  if (started_ == n_threads_) return false;
  Fiber* fiber = idle_fiber();
  if (fiber == nullptr) {
    note(kOutOfMemory, "no memory for the stack of a thread");
    failed_ = true;
    return false;
  }
  fiber->resume();
  return true;
}

Fiber* Machine::idle_fiber() {
  if (idle_.empty()) {
    auto runner = std::make_unique<Runner>();
    runner->machine = this;
    runner->fiber = std::make_unique<Fiber>(
        [](void* argument) {
          Runner* self = static_cast<Runner*>(argument);
          self->machine->run_threads(self->fiber.get());
        },
        runner.get());
    if (!runner->fiber->ok()) return nullptr;
    idle_.push_back(runner->fiber.get());
    runners_.push_back(std::move(runner));
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

// On a fiber: threads one after another for as long as they end without waiting.
void Machine::run_threads(Fiber* fiber) {
  while (true) {
    while (started_ < n_threads_ && !failed_) {
      const int thread = descending_ ? n_threads_ - 1 - started_ : started_;
      ++started_;
      threads_[thread].fiber = fiber;
      enter(thread);
      thread_(call_);
      end_current();
    }
    idle_.push_back(fiber);
    fiber->suspend();
  }
}

void Machine::enter(int thread) {
  current_ = thread;
  threads_[thread].state = State::kRunning;
  const unsigned t = static_cast<unsigned>(thread), width = blockDim.x, height = blockDim.y;
  threadIdx = {t % width, t / width % height, t / width / height};
}

void Machine::end_current() {
  threads_[current_].state = State::kEnded;
  lanes_[current_ / warpSize] &= ~(1u << (current_ % warpSize));
  ++ended_;
  if (at_barrier_ > 0) try_barrier();
}

// The frames of threads that still wait are dropped with their stacks.
void Machine::abandon() {
  idle_.clear();
  for (const auto& runner : runners_) {
    runner->fiber->restart();
    idle_.push_back(runner->fiber.get());
  }
}

void Machine::fail(const std::string& what) {
  const std::string block = text(dim3(blockIdx.x, blockIdx.y, blockIdx.z));
  note(kLaunchFailure, "block " + block + ": " + what);
  failed_ = true;
}

// The thread must then suspend, when no frame above owns memory: it is never resumed.
bool Machine::fail_thread(const std::string& what) {
  fail("thread " + std::to_string(current_) + ": " + what);
  return false;
}

void* Machine::place_shared(SharedPlace* place, size_t bytes) {
  if (place->block == block_) return place->data;
  static_bytes_ += round_up(bytes, kSharedAlign);
  if (static_bytes_ > kMaxStaticShared || static_bytes_ + geometry_.shared_bytes > kMaxShared) {
    fail_thread(std::to_string(static_bytes_) + " bytes of static shared memory");
    threads_[current_].fiber->suspend();
  }
  place->block = block_;
  place->data = shared_ + shared_used_;
  PYDL_ALLOW(shared_ + shared_used_, bytes);
  std::memset(place->data, 0xff, bytes);
  shared_used_ += round_up(bytes + 1, kSharedAlign);
  return place->data;
}

void run_grid(const Geometry& geometry, void (*thread)(const void* call), const void* call) {
  machine().run(geometry, thread, call);
}

const char* launch_error_message() { return machine().message.c_str(); }

void* place_shared(SharedPlace* place, size_t bytes) {
  return machine().place_shared(place, bytes);
}
void* dynamic_shared() { return machine().dynamic_shared(); }
uint64_t meet(const Arrival& arrival) { return machine().meet(arrival); }
int lane_index() { return machine().current() % warpSize; }
unsigned living_lanes() { return machine().living_lanes(); }

}  // namespace pydl::emulation

namespace pydl::emulated {

void note_launch_error(int error) {
  emulation::Machine& machine = emulation::machine();
  if (machine.error == 0) machine.error = error;
}

int take_launch_error() {
  emulation::Machine& machine = emulation::machine();
  const int error = machine.error;
  machine.error = 0;
  machine.message.clear();
  return error;
}

}  // namespace pydl::emulated
