// Which way a loop runs: learnt from times given here, with a clock set by hand.
#include "runtime/tempo.h"

#include <thread>

#include "check.h"

namespace pydl::test {
namespace {

using std::chrono::milliseconds;
using Clock = Tempo::Clock;

constexpr bool kAlone = true;
constexpr bool kCrew = false;
const Clock::time_point kStart = Clock::time_point(std::chrono::hours(1));

// Tells the tempo of one block, run the way it asked for.
void block(Tempo* tempo, double crew_seconds, double alone_seconds, Clock::time_point now) {
  const bool alone = tempo->alone();
  tempo->learn(alone, alone ? alone_seconds : crew_seconds, now);
}

// Blocks of 1 ms until the time is over; how many of 100 ran alone.
int share_alone(Tempo* tempo, double crew, double alone, int from_ms, int to_ms) {
  int count = 0;
  for (int ms = from_ms; ms < to_ms; ++ms) {
    count += tempo->alone() ? 1 : 0;
    block(tempo, crew, alone, kStart + milliseconds(ms));
  }
  return count * 100 / (to_ms - from_ms);
}

void tries_both_ways() {
  Tempo tempo;
  expect(tempo.alone() == kCrew, "begins with the crew");
  block(&tempo, 2e-3, 1e-3, kStart);
  expect(tempo.alone() == kAlone, "looks at the other way after the first block");
  block(&tempo, 2e-3, 1e-3, kStart + milliseconds(1));
  expect(tempo.alone() == kAlone, "keeps to the faster way");
}

void prefers_the_faster() {
  Tempo fast_alone;
  expect(share_alone(&fast_alone, 2e-3, 1e-3, 0, 2000) >= 95, "alone where that is faster");
  Tempo fast_crew;
  expect(share_alone(&fast_crew, 1e-3, 2e-3, 0, 2000) <= 5, "the crew where that is faster");
  Tempo even;
  expect(share_alone(&even, 1e-3, 1e-3, 0, 2000) <= 5, "the crew where both are even");
}

void changes_its_mind() {
  Tempo tempo;
  share_alone(&tempo, 2e-3, 1e-3, 0, 1000);
  expect(tempo.alone() == kAlone, "alone at first");
  // It may look as seldom as every 800 ms.
  share_alone(&tempo, 0.5e-3, 1e-3, 1000, 1900);
  expect(share_alone(&tempo, 0.5e-3, 1e-3, 1900, 3900) <= 5, "the crew once it became faster");
  share_alone(&tempo, 4e-3, 1e-3, 3900, 4800);
  expect(share_alone(&tempo, 4e-3, 1e-3, 4800, 6800) >= 95, "alone when the crew became slow");
}

// Blocks measure passes themselves: here a pass is a sleep.
void blocks_measure() {
  Tempo tempo;
  Blocks blocks(&tempo);
  blocks.begin();
  int passes = 0;
  const auto pass = [&](int crew_us, int alone_us) {
    std::this_thread::sleep_for(std::chrono::microseconds(blocks.alone() ? alone_us : crew_us));
    blocks.pass_done();
    ++passes;
  };
  while (!blocks.alone() && passes < 1000) pass(200, 4000);
  expect(blocks.alone(), "the second block runs alone");
  passes = 0;
  while (blocks.alone() && passes < 1000) pass(200, 4000);
  expect(!blocks.alone(), "back to the faster crew");
  expect(passes < 20, "after few passes");
  Blocks next(&tempo);
  expect(!next.alone(), "the next run begins with what was learnt");
}

}  // namespace

void check_tempo() {
  tries_both_ways();
  prefers_the_faster();
  changes_its_mind();
  blocks_measure();
}

}  // namespace pydl::test
