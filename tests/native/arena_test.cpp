// Arenas: whole while held, taken up again, usable in a child whose parent forked in between.
#include "runtime/arena.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"

namespace pydl::test {
namespace {

constexpr int64_t kBytes = 300000;

void taken_up_again() {
  {
    Arena arena;
    expect_ok(arena.reserve(kBytes), "an arena");
  }
  const int64_t held = arena_pool_bytes();
  for (int turn = 0; turn < 50; ++turn) {
    Arena arena;
    expect_ok(arena.reserve(kBytes), "an arena");
    std::memset(arena.data(), turn, static_cast<size_t>(kBytes));
  }
  expect(arena_pool_bytes() == held, "one after the other they share their memory");
}

// Several at once: nobody else's bytes appear in one.
void from_two_threads() {
  const auto work = [](unsigned char mark) {
    for (int turn = 0; turn < 200; ++turn) {
      Arena arena;
      const int64_t bytes = 100 + turn * 1000;
      expect_ok(arena.reserve(bytes), "an arena");
      std::memset(arena.data(), mark, static_cast<size_t>(bytes));
      std::this_thread::yield();
      expect(arena.data()[0] == mark && arena.data()[bytes - 1] == mark, "memory of one owner");
    }
  };
  std::thread other(work, 1);
  work(2);
  other.join();
}

// True when the child took an arena; a child that hangs is ended by its alarm.
bool child_takes_an_arena() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(5);
    Arena arena;
    _exit(arena.reserve(kBytes).ok() ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Forks while another thread is in and out of the pool.
void forked_children() {
  std::atomic<bool> done{false};
  std::thread busy([&] {
    while (!done) {
      Arena arena;
      expect_ok(arena.reserve(kBytes), "an arena");
    }
  });
  bool fine = true;
  for (int turn = 0; turn < 200 && fine; ++turn) fine = child_takes_an_arena();
  done = true;
  busy.join();
  expect(fine, "a forked child can take an arena");
}

}  // namespace

void check_arenas() {
  taken_up_again();
  from_two_threads();
  forked_children();
}

}  // namespace pydl::test
