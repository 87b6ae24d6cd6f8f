// The emulation itself: what it runs right, and the mistakes it must notice.
#ifdef PYDL_EMULATION
#ifndef PYDL_EMULATED
#define PYDL_EMULATED
#endif
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "kernels/cuda/device/divide.h"
#include "kernels/cuda/device/reduce.h"
#include "kernels/cuda/device/vector.h"
#include "kernels/cuda/launch.h"

namespace pydl::emulated {
namespace {

using test::expect;

constexpr int kBlock = 96;

__global__ void sum_blocks(const int* x, int* sums, int n) {
  PYDL_SHARED(int, parts, kBlock);
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  parts[threadIdx.x] = i < n ? x[i] : 0;
  __syncthreads();
  for (unsigned k = 64; k > 0; k /= 2) {
    if (threadIdx.x < k && threadIdx.x + k < kBlock) parts[threadIdx.x] += parts[threadIdx.x + k];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = parts[0];
}

void check_reduction() {
  constexpr int kCount = 1000, kBlocks = 11;
  std::vector<int> x(kCount), sums(kBlocks);
  for (int i = 0; i < kCount; ++i) x[i] = i * i;
  launch(sum_blocks, dim3(kBlocks), dim3(kBlock), 0, nullptr, x.data(), sums.data(), kCount);
  expect(take_launch_error() == 0, "a reduction runs");
  for (int b = 0; b < kBlocks; ++b) {
    int want = 0;
    for (int i = b * kBlock; i < (b + 1) * kBlock && i < kCount; ++i) want += i * i;
    expect(sums[b] == want, "sum of block " + std::to_string(b));
  }
}

template <class T>
__global__ void shuffle_all(T* out) {
  const T own = static_cast<T>(threadIdx.x);
  T* row = out + threadIdx.x * 5;
  row[0] = __shfl_sync(0xffffffffu, own, 3);
  row[1] = __shfl_xor_sync(0xffffffffu, own, 16);
  row[2] = __shfl_down_sync(0xffffffffu, own, 8);
  row[3] = __shfl_up_sync(0xffffffffu, own, 1);
  row[4] = __shfl_xor_sync(0xffffffffu, own, 1, 8);
}

template <class T>
void check_shuffles(const char* type) {
  constexpr int kThreads = 64;
  std::vector<T> out(kThreads * 5);
  launch(shuffle_all<T>, dim3(1), dim3(kThreads), 0, nullptr, out.data());
  expect(take_launch_error() == 0, "shuffles run");
  for (int t = 0; t < kThreads; ++t) {
    const int lane = t % 32, warp = t - lane;
    const int want[5] = {warp + 3, warp + (lane ^ 16), lane + 8 < 32 ? t + 8 : t,
                         lane > 0 ? t - 1 : t, warp + (lane ^ 1)};
    for (int k = 0; k < 5; ++k) {
      expect(out[t * 5 + k] == static_cast<T>(want[k]), std::string("shuffle of ") + type);
    }
  }
}

__global__ void vote(unsigned* out) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const unsigned ballot = __ballot_sync(0xffffffffu, lane % 3 == 0);
  const int any = __any_sync(0xffffffffu, lane == 31), all = __all_sync(0xffffffffu, lane < 31);
  const int count = __syncthreads_count(lane < 2), none = __syncthreads_or(0);
  const int both = __syncthreads_and(1);
  if (lane < 4) __syncwarp(0xfu);
  if (threadIdx.x != 40) return;
  out[0] = ballot;
  out[1] = any;
  out[2] = all;
  out[3] = count;
  out[4] = none;
  out[5] = both;
}

void check_votes() {
  std::vector<unsigned> out(6, 77);
  launch(vote, dim3(1), dim3(64), 0, nullptr, out.data());
  expect(take_launch_error() == 0, "votes run");
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < 32; lane += 3) ballot |= 1u << lane;
  expect(out == std::vector<unsigned>({ballot, 1, 0, 4, 0, 1}), "votes count");
}

__global__ void reverse(float* x, int n) {
  PYDL_DYNAMIC_SHARED(float, tile);
  PYDL_SHARED(float, untouched, 4);
  const int i = static_cast<int>(threadIdx.x);
  tile[i] = x[i];
  __syncthreads();
  x[i] = std::isnan(untouched[i % 4]) ? tile[n - 1 - i] : 0.0f;
}

void check_dynamic_shared() {
  constexpr int kThreads = 1024;
  std::vector<float> x(kThreads);
  for (int i = 0; i < kThreads; ++i) x[i] = static_cast<float>(i);
  launch(reverse, dim3(1), dim3(kThreads), kThreads * sizeof(float), nullptr, x.data(), kThreads);
  expect(take_launch_error() == 0, "1024 threads run");
  for (int i = 0; i < kThreads; ++i) expect(x[i] == float(kThreads - 1 - i), "reversed");
}

__global__ void divergent(int*) {
  if (threadIdx.x < 7) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void half_reach(int* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    out[threadIdx.x] = __any_sync(0xffffffffu, threadIdx.x % 32 == 0);
    if (threadIdx.x == 40) __syncwarp(3u << 8);  // lane 9 never comes
    __syncthreads();
  }
}

__global__ void ended_lane(int* out) {
  if (threadIdx.x == 5) return;
  *out = __shfl_sync(0xffffffffu, *out, 0);
}

__global__ void greedy(int* out) {
  PYDL_SHARED(int, large, 12 * 1024);
  PYDL_SHARED(int, larger, 1);
  large[0] = larger[0] = 1;
  *out = large[0];
}

void expect_failure(void (*kernel)(int*), dim3 grid, dim3 block, size_t shared, const char* what) {
  std::vector<int> out(128, 0);
  launch(kernel, grid, block, shared, nullptr, out.data());
  const std::string message = emulation::launch_error_message();
  expect(take_launch_error() != 0 && !message.empty(), std::string(what) + " is noticed");
  launch(sum_blocks, dim3(1), dim3(kBlock), 0, nullptr, out.data(), out.data(), 128);
  expect(take_launch_error() == 0, std::string("a launch after ") + what);
}

void check_mistakes() {
  expect_failure(divergent, dim3(1), dim3(64), 0, "a divergent barrier");
  expect_failure(half_reach, dim3(2), dim3(64), 0, "a barrier not all reach");
  expect_failure(ended_lane, dim3(1), dim3(32), 0, "a shuffle with an ended lane");
  expect_failure(greedy, dim3(1), dim3(32), 0, "too much static shared memory");
  expect_failure(ended_lane, dim3(1), dim3(32), 300 * 1024, "too much dynamic shared memory");
  expect_failure(ended_lane, dim3(0), dim3(32), 0, "an empty grid");
  expect_failure(ended_lane, dim3(1, 70000), dim3(32), 0, "too high a grid");
  expect_failure(ended_lane, dim3(1), dim3(1025), 0, "too many threads");
}

__global__ void increase(int* x, int by) { atomicAdd(x, by); }

void check_recording() {
  int x = 0;
  emulation::Stream stream;
  launch(increase, dim3(2), dim3(3), 0, &stream, &x, 1);
  expect(x == 6, "an idle stream runs at once");
  stream.begin_recording();
  launch(increase, dim3(1), dim3(5), 0, &stream, &x, 10);
  stream.enqueue([&x] { x *= 2; });
  const emulation::Recording recording = stream.end_recording();
  expect(x == 6 && recording.size() == 2, "a recording stream runs nothing");
  recording.run();
  recording.run();
  expect(x == ((6 + 50) * 2 + 50) * 2, "a recording runs twice, in order");
}

void check_threads() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) threads.emplace_back(check_reduction);
  for (std::thread& thread : threads) thread.join();
}

void check_division() {
  const int64_t top = INT64_MAX;
  for (int64_t value : {1L, 2L, 3L, 7L, 10L, 641L, 65535L, 65536L, 1000003L, (1L << 31) - 1,
                        (1L << 40) + 1, (1L << 61) + 12345, (1L << 62) - 1, 1L << 62}) {
    const Divisor divisor = make_divisor(value);
    for (int64_t x : {int64_t{0}, int64_t{1}, value - 1, value, 2 * (value / 2) + 1, top / 3, top,
                      top / value * value, top / value * value - 1}) {
      expect(divide(x, divisor) == x / value, std::to_string(x) + " / " + std::to_string(value));
    }
  }
}

__global__ void reduce_block(const float* x, float* out) {
  const float own = x[threadIdx.x];
  const float total = block_sum(own), most = block_max(own), least = block_reduce<Min>(own);
  if (threadIdx.x + 1 != blockDim.x) return;
  out[0] = total;
  out[1] = most;
  out[2] = least;
}

void check_block_reductions() {
  for (unsigned threads : {32u, 96u, 1024u}) {
    std::vector<float> x(threads), out(3);
    float want = 0.0f;
    for (unsigned i = 0; i < threads; ++i) want += x[i] = static_cast<float>(i * 7 % 13) - 6.0f;
    launch(reduce_block, dim3(1), dim3(threads), 0, nullptr, x.data(), out.data());
    expect(take_launch_error() == 0 && out[0] == want && out[1] == 6.0f && out[2] == -6.0f,
           "reductions of " + std::to_string(threads) + " threads");
    x[threads / 2] = NAN;
    launch(reduce_block, dim3(1), dim3(threads), 0, nullptr, x.data(), out.data());
    expect(std::isnan(out[1]) && std::isnan(out[2]), "NaN wins in a block");
  }
}

template <class T, int n>
__global__ void copy_pack(const T* x, T* out) {
  store_pack(out, load_pack<n>(x));
}

template <class T, int n>
void check_pack() {
  alignas(32) T x[n], out[n];
  for (int i = 0; i < n; ++i) x[i] = static_cast<T>(3 * i + 1);
  launch(copy_pack<T, n>, dim3(1), dim3(1), 0, nullptr, x, out);
  for (int i = 0; i < n; ++i) expect(out[i] == x[i], "a pack is copied");
}

}  // namespace
}  // namespace pydl::emulated

namespace pydl::test {

void check_emulation() {
  emulated::check_reduction();
  emulated::check_shuffles<float>("float");
  emulated::check_shuffles<double>("double");
  emulated::check_shuffles<int>("int");
  emulated::check_shuffles<unsigned>("unsigned");
  emulated::check_shuffles<int64_t>("int64");
  emulated::check_votes();
  emulated::check_dynamic_shared();
  emulated::check_mistakes();
  emulated::check_recording();
  emulated::check_threads();
  emulated::check_division();
  emulated::check_block_reductions();
  emulated::check_pack<float, 4>();
  emulated::check_pack<double, 4>();
  emulated::check_pack<uint8_t, 16>();
  emulated::check_pack<uint8_t, 1>();
  emulated::check_pack<int16_t, 4>();
}

}  // namespace pydl::test
#endif
