// The emulated multiprocessor of one OS thread: what the words in words.h and `launch` call.
#pragma once

#include <cstddef>
#include <cstdint>

// As in CUDA, these are global.
struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
};

inline constinit thread_local uint3 threadIdx = {0, 0, 0};
inline constinit thread_local uint3 blockIdx = {0, 0, 0};
inline constinit thread_local dim3 blockDim = {1, 1, 1};
inline constinit thread_local dim3 gridDim = {1, 1, 1};
constexpr int warpSize = 32;

namespace pydl::emulation {

struct Geometry {
  dim3 grid;
  dim3 block;
  size_t shared_bytes;
};

// Calls `thread(call)` for every thread of the grid. Errors are noted and told on stderr.
void run_grid(const Geometry& geometry, void (*thread)(const void* call), const void* call);

// "" when this OS thread has met none since `take_launch_error`.
const char* launch_error_message();

// Static shared memory of one place in the text.
struct SharedPlace {
  uint64_t block = 0;  // the one `data` was made for
  void* data = nullptr;
};
void* place_shared(SharedPlace* place, size_t bytes);
void* dynamic_shared();

// Where threads wait for each other.
enum class Meeting : uint8_t {
  kBarrier,
  kBarrierOr,
  kBarrierAnd,
  kBarrierCount,
  kWarp,
  kBallot,
  kShuffle
};

struct Arrival {
  Meeting meeting;
  unsigned mask;  // lanes that take part; of a warp only
  int source;     // kShuffle: the lane to read; -1: the own one
  uint64_t value;
  const char* file;
  int line;
};

// Returns once all have come, with the result of this thread.
uint64_t meet(const Arrival& arrival);

int lane_index();
unsigned living_lanes();

}  // namespace pydl::emulation
