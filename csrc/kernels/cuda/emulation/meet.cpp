// Barriers, shuffles and votes: who waits where, and what each gets once all have come.
#include "kernels/cuda/emulation/multiprocessor.h"

namespace pydl::emulation {
namespace {

std::string place_of(const Arrival& arrival) {
  return std::string(arrival.file) + ":" + std::to_string(arrival.line);
}

bool is_barrier(Meeting meeting) { return meeting <= Meeting::kBarrierCount; }

}  // namespace

std::string Machine::waiting() const {
  int waits = -1, count = 0;
  for (int t = 0; t < n_threads_; ++t) {
    if (threads_[t].state != State::kWaiting) continue;
    if (waits < 0) waits = t;
    ++count;
  }
  const Arrival& arrival = threads_[waits].arrival;
  std::string what = std::to_string(count) + " of " + std::to_string(n_threads_ - ended_) +
                     " living threads, thread " + std::to_string(waits) + " at " +
                     place_of(arrival);
  for (int t = waits; t < n_threads_; ++t) {
    const Arrival& other = threads_[t].arrival;
    if (threads_[t].state != State::kWaiting || other.line == arrival.line) continue;
    return what + ", thread " + std::to_string(t) + " at " + place_of(other);
  }
  return what;
}

void Machine::release(int thread, uint64_t result) {
  threads_[thread].result = result;
  if (thread == current_ && threads_[thread].state == State::kWaiting) {
    threads_[thread].state = State::kRunning;  // the last to come goes on at once
    return;
  }
  threads_[thread].state = State::kReady;
  ready_.push_back(thread);
}

uint64_t Machine::meet(const Arrival& arrival) {
  Thread& thread = threads_[current_];
  const int self = current_;
  thread.arrival = arrival;
  thread.state = State::kWaiting;
  if (is_barrier(arrival.meeting)) {
    ++at_barrier_;
    try_barrier();
  } else {
    try_warp(arrival, self / warpSize);
  }
  if (failed_ || thread.state != State::kRunning) thread.fiber->suspend();
  return thread.result;
}

void Machine::try_barrier() {
  if (started_ < n_threads_ || at_barrier_ < n_threads_ - ended_) return;
  const Arrival* first = nullptr;
  uint64_t count = 0;
  for (int t = 0; t < n_threads_; ++t) {
    if (threads_[t].state != State::kWaiting) continue;
    const Arrival& arrival = threads_[t].arrival;
    if (first == nullptr) first = &arrival;
    if (arrival.meeting != first->meeting || arrival.line != first->line) {
      return fail("divergent barrier: " + waiting());
    }
    count += arrival.value;
  }
  const uint64_t all = static_cast<uint64_t>(at_barrier_);
  uint64_t result = count;
  if (first->meeting == Meeting::kBarrierOr) result = count > 0;
  if (first->meeting == Meeting::kBarrierAnd) result = count == all;
  at_barrier_ = 0;
  for (int i = 0; i < n_threads_; ++i) {
    const int t = descending_ ? n_threads_ - 1 - i : i;
    if (threads_[t].state == State::kWaiting) release(t, result);
  }
}

// Whether every lane of the mask waits; fails when one never will, or waits elsewhere.
bool Machine::warp_has_met(const Arrival& arrival, int warp) {
  const unsigned own = 1u << (current_ % warpSize);
  if ((arrival.mask & own) == 0) return fail_thread("not in its own mask at " + place_of(arrival));
  const unsigned gone = arrival.mask & ~lanes_[warp];
  if (gone != 0) return fail_thread("a lane of the mask has ended, at " + place_of(arrival));
  for (int lane = 0; lane < warpSize; ++lane) {
    if ((arrival.mask >> lane & 1) == 0) continue;
    const int t = warp * warpSize + lane;
    const bool started = descending_ ? t >= n_threads_ - started_ : t < started_;
    if (!started || threads_[t].state != State::kWaiting) return false;
    const Arrival& other = threads_[t].arrival;
    if (other.meeting != arrival.meeting || other.mask != arrival.mask ||
        other.line != arrival.line) {
      return fail_thread("divergent warp at " + place_of(arrival) + " and " + place_of(other));
    }
  }
  return true;
}

uint64_t Machine::warp_result(const Thread& thread, int warp, uint64_t ballot) const {
  const Arrival& arrival = thread.arrival;
  if (arrival.meeting == Meeting::kBallot) return ballot;
  if (arrival.meeting != Meeting::kShuffle || arrival.source < 0) return arrival.value;
  return threads_[warp * warpSize + arrival.source].arrival.value;
}

void Machine::try_warp(const Arrival& arrival, int warp) {
  if (!warp_has_met(arrival, warp)) return;
  uint64_t ballot = 0;
  for (int lane = 0; lane < warpSize; ++lane) {
    const Thread& thread = threads_[warp * warpSize + lane];
    if ((arrival.mask >> lane & 1) == 0) continue;
    ballot |= (thread.arrival.value & 1) << lane;
    const int source = arrival.meeting == Meeting::kShuffle ? thread.arrival.source : -1;
    if (source >= 0 && (arrival.mask >> source & 1) == 0) {
      fail_thread("a shuffle reads lane " + std::to_string(source) + " outside its mask, at " +
                  place_of(arrival));
      return;
    }
  }
  for (int lane = 0; lane < warpSize; ++lane) {
    if ((arrival.mask >> lane & 1) == 0) continue;
    const int t = warp * warpSize + lane;
    release(t, warp_result(threads_[t], warp, ballot));
  }
}

}  // namespace pydl::emulation
