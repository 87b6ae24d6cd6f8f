// Reductions of a warp and of a block, in an order fixed by the number of threads.
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

constexpr unsigned kAllLanes = 0xffffffffu;

// `fill` stands in for a missing value where there is `present` one.
struct Sum {
  template <class T>
  static __device__ __forceinline__ T apply(T a, T b) {
    return a + b;
  }
  template <class T>
  static __device__ __forceinline__ T fill(T) {
    return T(0);
  }
};

// NaN wins.
struct Max {
  template <class T>
  static __device__ __forceinline__ T apply(T a, T b) {
    return a != a || a > b ? a : b;
  }
  template <class T>
  static __device__ __forceinline__ T fill(T present) {
    return present;
  }
};

struct Min {
  template <class T>
  static __device__ __forceinline__ T apply(T a, T b) {
    return a != a || a < b ? a : b;
  }
  template <class T>
  static __device__ __forceinline__ T fill(T present) {
    return present;
  }
};

// Over groups of `width` neighbouring lanes, a power of two; every lane gets the result. All lanes
// of the warp call it.
template <class Op, int width = 32, class T>
__device__ __forceinline__ T warp_reduce(T x) {
#pragma unroll
  for (int lanes = width / 2; lanes > 0; lanes /= 2) {
    x = Op::apply(x, __shfl_xor_sync(kAllLanes, x, lanes));
  }
  return x;
}

// Over a block of blockDim.x threads, a multiple of 32, with y = z = 1; every thread gets the
// result. All threads call it; it ends with a barrier, so calls may follow each other.
template <class Op, class T>
__device__ __forceinline__ T block_reduce(T x) {
  PYDL_SHARED(T, parts, 32);
  const unsigned lane = threadIdx.x % 32, warps = blockDim.x / 32;
  x = warp_reduce<Op>(x);
  if (lane == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  x = lane < warps ? parts[lane] : Op::fill(parts[0]);
  __syncthreads();
  return warp_reduce<Op>(x);
}

template <class T>
__device__ __forceinline__ T warp_sum(T x) {
  return warp_reduce<Sum>(x);
}
template <class T>
__device__ __forceinline__ T warp_max(T x) {
  return warp_reduce<Max>(x);
}
template <class T>
__device__ __forceinline__ T block_sum(T x) {
  return block_reduce<Sum>(x);
}
template <class T>
__device__ __forceinline__ T block_max(T x) {
  return block_reduce<Max>(x);
}

}  // namespace pydl::PYDL_GPU
