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

// A loop whose blocks take 1 ms, with passes of these seconds.
struct Loop {
  Tempo tempo;
  bool alone = kCrew;
  int ms = 0;

  void block(double crew_seconds, double alone_seconds) {
    const auto now = kStart + milliseconds(ms++);
    alone = tempo.learn(alone, alone ? alone_seconds : crew_seconds, now);
  }

  // Of so many blocks, how many of 100 ran alone.
  int share_alone(double crew_seconds, double alone_seconds, int blocks) {
    int count = 0;
    for (int i = 0; i < blocks; ++i) {
      count += alone ? 1 : 0;
      block(crew_seconds, alone_seconds);
    }
    return count * 100 / blocks;
  }
};

void tries_both_ways() {
  Loop loop;
  expect(loop.tempo.prefers_alone() == kCrew, "begins with the crew");
  loop.block(200e-6, 100e-6);
  expect(loop.alone == kAlone, "looks at the other way after the first block");
  expect(loop.tempo.prefers_alone() == kCrew, "a look is no preference: a run may end here");
  loop.block(200e-6, 100e-6);
  expect(loop.alone == kAlone && loop.tempo.prefers_alone(), "keeps to the faster way");
}

void prefers_the_faster() {
  expect(Loop().share_alone(200e-6, 100e-6, 2000) >= 95, "alone where that is faster");
  expect(Loop().share_alone(100e-6, 200e-6, 2000) <= 5, "the crew where that is faster");
  expect(Loop().share_alone(100e-6, 100e-6, 2000) <= 5, "the crew where both are even");
  expect(Loop().share_alone(2e-3, 1e-3, 2000) == 0, "long passes are never tried alone");
}

void changes_its_mind() {
  Loop loop;
  loop.share_alone(200e-6, 100e-6, 1000);
  expect(loop.alone == kAlone, "alone at first");
  loop.share_alone(50e-6, 100e-6, 900);  // it may look as seldom as every 800 ms
  expect(loop.share_alone(50e-6, 100e-6, 2000) <= 5, "the crew once it became faster");
  loop.share_alone(400e-6, 100e-6, 900);
  expect(loop.share_alone(400e-6, 100e-6, 2000) >= 95, "alone when the crew became slow");
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
