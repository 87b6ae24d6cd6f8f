// Whether a looping program runs faster with the crew or alone, found out while it runs.
//
// Sharing small instructions pays only while the cores are close: on a busy or virtual machine the
// hand-over between them can become ten times dearer for seconds at a time. The bits are the same
// either way, so the loop may change its mind between passes: it measures both ways in short
// blocks, keeps to the faster and looks again a few times a second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace pydl {

// What is known of a program; shared by its runs.
class Tempo {
 public:
  using Clock = std::chrono::steady_clock;

  bool prefers_alone() const { return alone_.load(std::memory_order_relaxed); }
  // A run begins. True after a pause: what is known may be old, and probes come soon again.
  bool begin(Clock::time_point now);
  // One block of passes took so long per pass. Whether the next block runs alone: as preferred, or
  // the other way for a look.
  bool learn(bool alone, double seconds, Clock::time_point now);

 private:
  std::atomic<bool> alone_{false};
  std::atomic<double> crew_seconds_{0};   // of a pass, 0: not measured yet
  std::atomic<double> alone_seconds_{0};
  std::atomic<int64_t> next_probe_{0};    // nanoseconds of Clock
  std::atomic<int64_t> pause_{0};         // to the probe after that
  std::atomic<int64_t> last_seen_{0};     // nanoseconds of Clock
};

// The blocks of one run.
class Blocks {
 public:
  explicit Blocks(Tempo* tempo) : tempo_(tempo), alone_(tempo->prefers_alone()) {}

  bool alone() const { return alone_; }
  void begin();
  void pass_done();

 private:
  Tempo* tempo_;
  bool alone_;
  int passes_ = 0;  // of the block; below 0 while a change settles
  Tempo::Clock::time_point start_;
  Tempo::Clock::time_point warm_;  // nothing before this counts: workers wake, clocks rise
};

}  // namespace pydl
