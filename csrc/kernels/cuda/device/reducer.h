// What reductions over axes keep while they run: sums, extremes and where an extreme is.
#pragma once

#include "kernels/cuda/device/reduce.h"
#include "kernels/cuda/device/stored.h"

namespace pydl::PYDL_GPU {

constexpr int kReduceAtOnce = 8;  // loads of a thread in flight

// Types that a shuffle moves: integers modulo 2^32 or 2^64, floats in double.
template <class T>
struct Total {
  using Type = uint32_t;
};
template <>
struct Total<float> {
  using Type = double;
};
template <>
struct Total<double> {
  using Type = double;
};
template <>
struct Total<int64_t> {
  using Type = uint64_t;
};

// Floats: eight by eight in a tree, then in double. That costs one double addition for eight
// elements, which devices with few double units afford as well.
template <class T>
struct Summing {
  using State = typename Total<T>::Type;
  static constexpr bool kNeedsFirst = false;
  bool mean;

  __device__ __forceinline__ State start(T) const { return State(0); }
  __device__ __forceinline__ T filler(const State&) const { return T(0); }
  __device__ __forceinline__ void add(State* total, const T* x, int64_t, int64_t) const {
    static_assert(kReduceAtOnce == 8);
    if constexpr (kIsFloat<T>) {
      const T low = (x[0] + x[1]) + (x[2] + x[3]), high = (x[4] + x[5]) + (x[6] + x[7]);
      *total += static_cast<State>(low + high);
    } else {
#pragma unroll
      for (int k = 0; k < kReduceAtOnce; ++k) *total += static_cast<State>(x[k]);
    }
  }
  __device__ __forceinline__ State combine(State a, State b) const { return a + b; }
  __device__ __forceinline__ State from_lane(State x, int lanes) const {
    return __shfl_xor_sync(kAllLanes, x, lanes);
  }
  __device__ __forceinline__ T finish(State total, int64_t count) const {
    if constexpr (kIsFloat<T>) {
      return static_cast<T>(mean ? total / static_cast<double>(count) : total);
    } else {
      return static_cast<T>(total);
    }
  }
};

// Floats in double, where their products do not overflow.
template <class T>
struct Multiplying {
  using State = typename Total<T>::Type;
  static constexpr bool kNeedsFirst = false;

  __device__ __forceinline__ State start(T) const { return State(1); }
  __device__ __forceinline__ T filler(const State&) const { return T(1); }
  __device__ __forceinline__ void add(State* product, const T* x, int64_t, int64_t) const {
#pragma unroll
    for (int k = 0; k < kReduceAtOnce; ++k) *product *= static_cast<State>(x[k]);
  }
  __device__ __forceinline__ State combine(State a, State b) const { return a * b; }
  __device__ __forceinline__ State from_lane(State x, int lanes) const {
    return __shfl_xor_sync(kAllLanes, x, lanes);
  }
  __device__ __forceinline__ T finish(State product, int64_t) const {
    return static_cast<T>(product);
  }
};

template <class T>
struct Carried {  // small types are shuffled as int
  using Type = int;
};
template <>
struct Carried<float> {
  using Type = float;
};
template <>
struct Carried<double> {
  using Type = double;
};
template <>
struct Carried<uint32_t> {
  using Type = uint32_t;
};
template <>
struct Carried<int64_t> {
  using Type = int64_t;
};

// NaN wins.
template <class T>
struct Extreme {
  using State = typename Carried<T>::Type;
  static constexpr bool kNeedsFirst = true;
  bool smallest;

  __device__ __forceinline__ State start(T first) const { return static_cast<State>(first); }
  __device__ __forceinline__ T filler(const State& best) const { return static_cast<T>(best); }
  __device__ __forceinline__ void add(State* best, const T* x, int64_t, int64_t) const {
#pragma unroll
    for (int k = 0; k < kReduceAtOnce; ++k) *best = combine(*best, static_cast<State>(x[k]));
  }
  __device__ __forceinline__ State combine(State a, State b) const {
    return a != a || (smallest ? a < b : a > b) ? a : b;
  }
  __device__ __forceinline__ State from_lane(State x, int lanes) const {
    return __shfl_xor_sync(kAllLanes, x, lanes);
  }
  __device__ __forceinline__ T finish(State best, int64_t) const { return static_cast<T>(best); }
};

template <class Value>
struct Indexed {
  Value value;
  int64_t index;
};

// The first of equals; the first NaN wins.
template <class T>
struct Argmax {
  using Value = typename Carried<T>::Type;
  using State = Indexed<Value>;
  static constexpr bool kNeedsFirst = true;

  __device__ __forceinline__ State start(T first) const { return {static_cast<Value>(first), 0}; }
  __device__ __forceinline__ T filler(const State& best) const {
    return static_cast<T>(best.value);
  }
  // Elements of growing index: later equals lose.
  __device__ __forceinline__ void add(State* best, const T* x, int64_t first, int64_t step) const {
#pragma unroll
    for (int k = 0; k < kReduceAtOnce; ++k) {
      *best = combine(*best, {static_cast<Value>(x[k]), first + k * step});
    }
  }
  __device__ __forceinline__ State combine(const State& a, const State& b) const {
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    const bool equal = a_nan ? b_nan : a.value == b.value;
    const bool a_wins = equal ? a.index <= b.index : a_nan || (!b_nan && a.value > b.value);
    return a_wins ? a : b;
  }
  __device__ __forceinline__ State from_lane(const State& x, int lanes) const {
    return {__shfl_xor_sync(kAllLanes, x.value, lanes), __shfl_xor_sync(kAllLanes, x.index, lanes)};
  }
  __device__ __forceinline__ int32_t finish(const State& best, int64_t) const {
    return static_cast<int32_t>(best.index);
  }
};

}  // namespace pydl::PYDL_GPU
