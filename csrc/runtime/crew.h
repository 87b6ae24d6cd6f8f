// The worker threads and how a running program shares out its pieces.
//
// The running program publishes one phase at a time on the crew's board: a claim word holding a
// sequence number and the range of parts nobody has claimed. Whoever is there, the caller included,
// claims parts one by one; whoever finishes the last one moves the program on. So nobody waits for
// a worker that holds nothing, and the caller can finish alone. Serial instructions run inline
// between phases without touching the board.
#pragma once

#include <cstdint>

#include "plan/export.h"
#include "plan/status.h"

namespace pydl {

// A program being run. `run_part` is called for every part of the published phase, from any thread,
// `advance` once after the last of them, by one thread at a time: it runs serial work inline and
// returns the parts of the next phase (> 1), or 0 when all is done. `prepare` comes first and may
// refuse: worker numbers will be below `workers`.
class Job {
 public:
  virtual Status prepare(int workers) = 0;
  virtual void run_part(int part, int worker) = 0;
  virtual int advance(int worker) = 0;

 protected:
  ~Job() = default;
};

constexpr int kMostParts = 4096;

// Runs `job` to its end. Takes the crew when it is free, else runs alone: a second user thread, or
// a job inside a job. Any number of threads gives the same calls.
Status run_job(Job& job);

// Threads that take part in a job, the caller included. Worker numbers are below this.
PYDL_EXPORT int thread_count();
// 0: what find_thread_limits says.
PYDL_EXPORT void set_thread_count(int count);

// For tests: worker `index` (>= 1) sleeps this long once, when it is about to claim a part.
PYDL_EXPORT void delay_worker(int index, int64_t microseconds);

}  // namespace pydl
