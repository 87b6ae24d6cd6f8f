#include "runtime/crew.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "runtime/limits.h"
#include "runtime/placement.h"

namespace pydl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(80);   // then sleep
constexpr auto kPolite = std::chrono::microseconds(20);  // then yield between looks

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// sequence : 32 | end : 16 | first : 16, the parts [first, end) are not claimed yet.
constexpr uint64_t pack(uint64_t sequence, uint64_t parts) { return sequence << 32 | parts << 16; }
constexpr int first_of(uint64_t claim) { return static_cast<int>(claim & 0xffff); }
constexpr int end_of(uint64_t claim) { return static_cast<int>(claim >> 16 & 0xffff); }

// Even workers claim from the front, odd ones from the back: from phase to phase and from step to
// step a worker meets the same region of the arrays, which its cache still holds.
constexpr bool from_front(int worker) { return worker % 2 == 0; }
constexpr uint64_t without_one(uint64_t claim, int worker) {
  return from_front(worker) ? claim + 1 : claim - (uint64_t{1} << 16);
}

// Looks again and again, first eagerly, then letting others run.
class Spinner {
 public:
  // False when the time to sleep has come.
  bool wait() {
    for (int i = 0; i < 4; ++i) pause();
    if (++looks_ % 32 != 0) return true;
    const auto spent = Clock::now() - start_;
    if (spent > kPolite) sched_yield();
    return spent < kSpin;
  }

 private:
  Clock::time_point start_ = Clock::now();
  int looks_ = 0;
};

class Crew {
 public:
  explicit Crew(int threads) : threads_(threads) {}

  int threads() const { return threads_; }
  bool try_take() { return !taken_.exchange(true, std::memory_order_acquire); }
  void give_back() { taken_.store(false, std::memory_order_release); }

  // Called by the one thread that took the crew.
  void start() {
    const std::lock_guard<std::mutex> lock(workers_mutex_);
    if (stopping_.load()) return;
    if (!started_) hire();
    placement_.keep_apart(workers_);
  }

  void run(Job& job) {
    job_ = &job;
    finished_.store(false, std::memory_order_relaxed);
    move_on(0);
    Spinner spinner;
    while (!finished_.load(std::memory_order_acquire)) {
      if (help(0)) {
        spinner = Spinner();
      } else {
        spinner.wait();
      }
    }
  }

  void stop() {
    stopping_.store(true);
    wake();
    const std::lock_guard<std::mutex> lock(workers_mutex_);  // another thread may be in start()
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void delay(int worker, int64_t microseconds) {
    delayed_worker_.store(worker);
    delay_.store(microseconds);
  }

 private:
  void hire() {
    started_ = true;
    try {
      for (int i = 1; i < threads_; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (const std::exception&) {
      return;  // the system has no more threads or memory: those that are here do the work
    }
  }

  // Claims and runs one part. False when there was none.
  bool help(int worker) {
    uint64_t claim = claim_.load(std::memory_order_acquire);
    if (first_of(claim) >= end_of(claim)) return false;
    hold_up(worker);
    const uint64_t rest = without_one(claim, worker);
    if (!claim_.compare_exchange_strong(claim, rest, std::memory_order_acq_rel)) return true;
    // Holding a part keeps the job alive and the phase open.
    job_->run_part(from_front(worker) ? first_of(claim) : end_of(claim) - 1, worker);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) move_on(worker);
    return true;
  }

  // For tests, see delay_worker: between the look at the board and the claim, so that the claim
  // comes late.
  void hold_up(int worker) {
    if (delay_.load(std::memory_order_relaxed) == 0 || delayed_worker_.load() != worker) return;
    std::this_thread::sleep_for(std::chrono::microseconds(delay_.exchange(0)));
  }

  void move_on(int worker) {
    const int parts = job_->advance(worker);
    if (parts == 0) {
      finished_.store(true, std::memory_order_release);
      return;
    }
    left_.store(parts, std::memory_order_relaxed);
    claim_.store(pack(++sequence_ & 0xffffffff, static_cast<uint64_t>(parts)),
                 std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) wake();
  }

  void wake() {
    alarm_.fetch_add(1);
    alarm_.notify_all();
  }

  bool has_work() const {
    const uint64_t claim = claim_.load(std::memory_order_seq_cst);
    return first_of(claim) < end_of(claim);
  }

  void work(int worker) {
    while (!stopping_.load(std::memory_order_relaxed)) {
      Spinner spinner;
      bool awake = true;
      while (awake && !stopping_.load(std::memory_order_relaxed)) {
        if (help(worker)) {
          spinner = Spinner();
        } else {
          awake = spinner.wait();
        }
      }
      sleep();
    }
  }

  void sleep() {
    const int before = alarm_.load();
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    if (!has_work() && !stopping_.load()) alarm_.wait(before);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }

  alignas(64) std::atomic<uint64_t> claim_{0};
  alignas(64) std::atomic<int> left_{0};  // parts of the phase that are not done
  alignas(64) std::atomic<bool> finished_{true};
  Job* job_ = nullptr;
  uint64_t sequence_ = 0;  // touched by the thread that moves the job on
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<int> alarm_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int> delayed_worker_{0};
  std::atomic<int64_t> delay_{0};
  std::atomic<bool> taken_{false};
  bool started_ = false;
  const int threads_;
  std::mutex workers_mutex_;
  std::vector<std::thread> workers_;
  Placement placement_;
};

// The crew is replaced when the thread count changes and forgotten in a forked child, whose copies
// of the workers do not exist. Leaked at exit: workers may be asleep in it.
struct Holder {
  std::mutex mutex;
  std::atomic<Crew*> crew{nullptr};
  std::vector<Crew*> retired;  // without workers; kept, since a thread may still hold one
  int wanted = 0;
};

Holder& holder() {
  static Holder* instance = [] {
    auto* made = new Holder;
    pthread_atfork(nullptr, nullptr, [] {
      Holder& h = holder();
      new (&h.mutex) std::mutex;  // its owner may not exist here
      h.crew.store(nullptr);
    });
    return made;
  }();
  return *instance;
}

int wanted_threads(const Holder& h) {
  return h.wanted > 0 ? h.wanted : find_thread_limits().threads;
}

Crew& current_crew() {
  Holder& h = holder();
  if (Crew* crew = h.crew.load(std::memory_order_acquire)) return *crew;
  const std::lock_guard<std::mutex> lock(h.mutex);
  if (h.crew.load() == nullptr) h.crew.store(new Crew(wanted_threads(h)));
  return *h.crew.load();
}

Status run_alone(Job& job) {
  PYDL_RETURN_IF_ERROR(job.prepare(1));
  while (const int parts = job.advance(0)) {
    for (int part = 0; part < parts; ++part) job.run_part(part, 0);
  }
  return {};
}

}  // namespace

Status run_job(Job& job) {
  Crew& crew = current_crew();
  if (crew.threads() == 1 || !crew.try_take()) return run_alone(job);
  Status ready = job.prepare(crew.threads());
  if (ready.ok()) {
    crew.start();
    crew.run(job);
  }
  crew.give_back();
  return ready;
}

int thread_count() { return current_crew().threads(); }

void set_thread_count(int count) {
  Holder& h = holder();
  const std::lock_guard<std::mutex> lock(h.mutex);
  h.wanted = count;
  Crew* old = h.crew.load();
  if (old != nullptr && old->threads() == wanted_threads(h)) return;
  h.crew.store(new Crew(wanted_threads(h)));
  if (old == nullptr) return;
  // A run that is still going on finishes with the old crew; a late one finds it idle and without
  // workers, which only makes it serial.
  old->stop();
  h.retired.push_back(old);
}

void delay_worker(int index, int64_t microseconds) { current_crew().delay(index, microseconds); }

}  // namespace pydl
