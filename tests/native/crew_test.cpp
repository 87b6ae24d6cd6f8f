// The crew with jobs whose parts touch plain memory: ThreadSanitizer sees a part that runs twice,
// a phase that begins early, or a result that is not handed on.
#include "runtime/crew.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"

namespace pydl::test {
namespace {

// Phases of the given numbers of parts. Part i of a phase reads what a part of the phase before
// wrote and leaves a mark of its own; the marks are counted between phases.
class Phases final : public Job {
 public:
  explicit Phases(std::vector<int> parts) : parts_(std::move(parts)) {
    for (const int n : parts_) marks_.emplace_back(static_cast<size_t>(n), 0);
  }

  Status prepare(int workers) override {
    workers_ = workers;
    uses_.assign(static_cast<size_t>(workers), 0);
    return {};
  }

  void run_part(int part, int worker) override {
    const auto now = static_cast<size_t>(phase_);
    if (worker < 0 || worker >= workers_) return wrong_.store(true);
    if (now > 0) {
      const std::vector<int>& before = marks_[now - 1];
      if (before[static_cast<size_t>(part) % before.size()] != 1) wrong_ = true;
    }
    ++uses_[static_cast<size_t>(worker)];  // a worker's memory belongs to one thread at a time
    ++marks_[now][static_cast<size_t>(part)];
  }

  int advance(int worker) override {
    if (worker < 0 || worker >= workers_) wrong_ = true;
    if (phase_ >= 0) {
      for (const int mark : marks_[static_cast<size_t>(phase_)]) {
        if (mark != 1) wrong_ = true;
      }
    }
    ++phase_;
    return phase_ < static_cast<int>(parts_.size()) ? parts_[static_cast<size_t>(phase_)] : 0;
  }

  // Every part of every phase ran exactly once, in its phase.
  bool right() const {
    int64_t wanted = 0;
    int64_t done = 0;
    for (const int n : parts_) wanted += n;
    for (const int n : uses_) done += n;
    return !wrong_ && phase_ == static_cast<int>(parts_.size()) && done == wanted;
  }

 private:
  std::vector<int> parts_;
  std::vector<std::vector<int>> marks_;
  std::vector<int> uses_;
  int workers_ = 0;
  int phase_ = -1;
  std::atomic<bool> wrong_{false};
};

void run_and_check(std::vector<int> parts, const std::string& what) {
  Phases job(std::move(parts));
  expect_ok(run_job(job), what);
  expect(job.right(), what + ": every part once, phase after phase");
}

void many_small_jobs(int turns) {
  for (int turn = 0; turn < turns; ++turn) {
    run_and_check({1 + turn % 3, 1 + turn % 7, 2, 1 + turn % 13}, "small jobs");
  }
}

void phases_of_every_size() {
  run_and_check({}, "no phase");
  run_and_check({1, 2, 3, 63, 64, 65, 1000, 1, 4095, kMostParts, 5000, 2, 1}, "large phases");
}

void two_user_threads() {
  std::thread other([] { many_small_jobs(200); });
  many_small_jobs(200);
  other.join();
}

void another_thread_count_during_runs() {
  std::atomic<bool> done{false};
  std::thread runner([&] {
    while (!done) many_small_jobs(5);
  });
  std::thread second([&] {
    while (!done) run_and_check({300, 2, 300}, "while the crew is replaced");
  });
  for (int turn = 0; turn < 40; ++turn) {
    set_thread_count(1 + turn % 5);
    expect(thread_count() == 1 + turn % 5, "the thread count is what was set");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  done = true;
  runner.join();
  second.join();
}

// Parts long enough that every worker comes to claim one.
class Slow final : public Job {
 public:
  Status prepare(int) override { return {}; }
  void run_part(int, int) override { std::this_thread::sleep_for(std::chrono::microseconds(300)); }
  int advance(int) override { return begun_++ == 0 ? 60 : 0; }

 private:
  int begun_ = 0;
};

// A worker that stops before it holds a part delays nobody; its late claim takes nothing.
void a_worker_held_up() {
  using Clock = std::chrono::steady_clock;
  constexpr auto kDelay = std::chrono::milliseconds(250);
  set_thread_count(3);
  auto best = Clock::duration::max();
  for (int turn = 0; turn < 3; ++turn) {
    delay_worker(1, std::chrono::microseconds(kDelay).count());
    const auto start = Clock::now();
    Slow slow;
    expect_ok(run_job(slow), "a worker held up");
    best = std::min(best, Clock::now() - start);
    for (int job = 0; job < 10; ++job) run_and_check({50, 3, 50}, "a worker held up");
    std::this_thread::sleep_for(kDelay);  // the late claim meets an empty board, or none
  }
  delay_worker(1, 0);
  expect(best < kDelay, "nobody waits for the worker held up");
}

// A part that runs a job of its own: the crew is taken, so it runs alone.
class Nested final : public Job {
 public:
  Status prepare(int) override { return {}; }
  void run_part(int, int) override { run_and_check({3, 4}, "a job inside a job"); }
  int advance(int) override { return begun_++ == 0 ? 6 : 0; }

 private:
  int begun_ = 0;
};

class Refusing final : public Job {
 public:
  Status prepare(int) override { return Status(Code::kOutOfMemory, "refused"); }
  void run_part(int, int) override { expect(false, "a refused job does not run"); }
  int advance(int) override {
    expect(false, "a refused job does not begin");
    return 0;
  }
};

void jobs_that_differ() {
  Nested nested;
  expect_ok(run_job(nested), "nested");
  Refusing refusing;
  expect(run_job(refusing).code() == Code::kOutOfMemory, "a refusal is passed on");
  run_and_check({5, 5}, "the crew is free after a refusal");
}

}  // namespace

void check_crew() {
  for (int threads = 1; threads <= 5; ++threads) {
    set_thread_count(threads);
    many_small_jobs(300);
    phases_of_every_size();
    jobs_that_differ();
    two_user_threads();
  }
  another_thread_count_during_runs();
  a_worker_held_up();
  set_thread_count(0);
}

}  // namespace pydl::test
