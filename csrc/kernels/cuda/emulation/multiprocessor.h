// The state of the multiprocessor that machine.h calls: one block at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/emulation/fiber.h"
#include "kernels/cuda/emulation/machine.h"

namespace pydl::emulation {

constexpr int kMaxThreads = 1024;

enum class State : uint8_t { kRunning, kWaiting, kReady, kEnded };

struct Thread {
  State state;
  Arrival arrival;
  uint64_t result;
  Fiber* fiber;
};

class Machine {
 public:
  ~Machine();

  void run(const Geometry& geometry, void (*thread)(const void*), const void* call);
  uint64_t meet(const Arrival& arrival);
  void* place_shared(SharedPlace* place, size_t bytes);
  void* dynamic_shared() { return shared_; }
  int current() const { return current_; }
  unsigned living_lanes() const { return lanes_[current_ / warpSize]; }

  int error = 0;
  std::string message;
  void note(int code, std::string what);

 private:
  bool acceptable(const Geometry& geometry);
  void run_block();
  void begin_block();
  void abandon();
  bool resume_ready();
  bool start_next();
  void run_threads(Fiber* fiber);
  void enter(int thread);
  void end_current();
  void fail(const std::string& what);
  bool fail_thread(const std::string& what);  // false
  void release(int thread, uint64_t result);
  void try_barrier();
  void try_warp(const Arrival& arrival, int warp);
  bool warp_has_met(const Arrival& arrival, int warp);
  uint64_t warp_result(const Thread& thread, int warp, uint64_t ballot) const;
  std::string waiting() const;
  Fiber* idle_fiber();

  Geometry geometry_ = {};
  void (*thread_)(const void*) = nullptr;
  const void* call_ = nullptr;
  uint64_t block_ = 0;  // counts all blocks ever run here
  int n_threads_ = 0;
  int started_ = 0;
  int ended_ = 0;
  int at_barrier_ = 0;
  int current_ = 0;
  bool descending_ = false;
  bool failed_ = false;
  Thread threads_[kMaxThreads];
  unsigned lanes_[kMaxThreads / warpSize];  // of each warp, those not ended
  std::vector<int> ready_;
  size_t next_ready_ = 0;

  struct Runner {
    Machine* machine;
    std::unique_ptr<Fiber> fiber;
  };
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<Fiber*> idle_;

  unsigned char* shared_ = nullptr;
  std::unique_ptr<unsigned char[]> shared_memory_;
  size_t static_bytes_ = 0;
  size_t shared_used_ = 0;
};

Machine& machine();  // of this OS thread

}  // namespace pydl::emulation
