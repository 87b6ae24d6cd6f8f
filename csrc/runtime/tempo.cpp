#include "runtime/tempo.h"

#include <algorithm>

namespace pydl {
namespace {

constexpr auto kBlock = std::chrono::microseconds(500);
constexpr int kBlockPasses = 3;
constexpr double kLongPass = 1e-3;  // hand-overs are nothing against it
constexpr int kSettling = 1;  // passes after a change: data moves to other caches, workers wake
// Probes come often at first, when one bad block could mislead a short run, then twice as seldom
// each time.
constexpr int64_t kFirstPause = std::chrono::nanoseconds(std::chrono::milliseconds(2)).count();
constexpr int64_t kLastPause = std::chrono::nanoseconds(std::chrono::milliseconds(200)).count();
constexpr double kClearly = 0.95;  // alone must win by this to be preferred
constexpr double kFar = 1.3;       // the other way was so much slower: look more seldom
constexpr int kSeldom = 4;

constexpr int64_t kIdle = std::chrono::nanoseconds(std::chrono::milliseconds(20)).count();
constexpr auto kWarming = std::chrono::milliseconds(1);

int64_t nanoseconds_of(Tempo::Clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

// The ratio of the slower to the faster way.
double contrast(double a, double b) { return a > 0 && b > 0 ? (a > b ? a / b : b / a) : 1.0; }

}  // namespace

bool Tempo::begin(Clock::time_point now) {
  const int64_t time = nanoseconds_of(now);
  const int64_t last = last_seen_.exchange(time, std::memory_order_relaxed);
  if (last != 0 && time - last < kIdle) return false;
  if (last == 0) return true;
  pause_.store(kFirstPause, std::memory_order_relaxed);
  next_probe_.store(time + 2 * kFirstPause, std::memory_order_relaxed);
  return true;
}

bool Tempo::learn(bool alone, double seconds, Clock::time_point now) {
  (alone ? alone_seconds_ : crew_seconds_).store(seconds, std::memory_order_relaxed);
  const double crew_seconds = crew_seconds_.load(std::memory_order_relaxed);
  const double alone_seconds = alone_seconds_.load(std::memory_order_relaxed);
  const int64_t time = nanoseconds_of(now);
  last_seen_.store(time, std::memory_order_relaxed);
  const bool preferred = alone_seconds > 0 && alone_seconds < kClearly * crew_seconds;
  alone_.store(preferred, std::memory_order_relaxed);
  if (seconds > kLongPass || time < next_probe_.load(std::memory_order_relaxed)) return preferred;
  const int64_t before = pause_.load(std::memory_order_relaxed);
  const int64_t pause = before == 0 ? kFirstPause : std::min(2 * before, kLastPause);
  pause_.store(pause, std::memory_order_relaxed);
  const bool far = pause == kLastPause && contrast(crew_seconds, alone_seconds) > kFar;
  next_probe_.store(time + (far ? kSeldom * pause : pause), std::memory_order_relaxed);
  return !preferred;
}

void Blocks::begin() {
  start_ = Tempo::Clock::now();
  passes_ = -kSettling;
  warm_ = tempo_->begin(start_) ? start_ + kWarming : start_;
}

void Blocks::pass_done() {
  ++passes_;
  const auto now = Tempo::Clock::now();
  if (now < warm_) passes_ = 0;
  if (passes_ <= 0) start_ = now;
  if (passes_ < kBlockPasses || now - start_ < kBlock) return;
  const std::chrono::duration<double> spent = now - start_;
  const bool before = alone_;
  alone_ = tempo_->learn(alone_, spent.count() / passes_, now);
  passes_ = alone_ == before ? 0 : -kSettling;
  start_ = now;
}

}  // namespace pydl
