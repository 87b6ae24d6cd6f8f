// Rows of a matrix: who holds which element, and what a kernel may ask of a row. Rows of at most
// 4096 bytes belong to a warp, or to part of one, and stay in its registers; longer rows belong to
// a block, which reads them again for each question.
//
// The elements of a thread and the order of each sum follow from the row's length alone: memory
// that is not aligned is read element by element, in the same places.
#pragma once

#include "kernels/cuda/device/reduce.h"
#include "kernels/cuda/device/scalar.h"
#include "kernels/cuda/device/stored.h"

namespace pydl::PYDL_GPU {

constexpr int kWarp = 32;
constexpr int kRowThreads = 128;   // of a block whose warps have rows of their own
constexpr int kLongThreads = 512;  // of a block with one long row
constexpr int kLongHeld = 8;       // elements of a long row a thread holds at once

template <class T>
static __forceinline__ __device__ T minus_infinity() {
  return static_cast<T>(-__builtin_huge_val());
}

struct RowShape {
  int64_t rows, columns;
  bool aligned;  // all matrices, to packs
};

// One row of kOperands matrices of the same shape, of S in memory, held by kLanes threads. kPacks:
// its length is a multiple of a pack, and neighbouring elements are in one thread.
template <class S, int kLanes, int kHeld, bool kPacks, int kOperands>
struct Row {
  using T = Computed<S>;
  static constexpr bool kWhole = kLanes <= kWarp;  // in registers
  static constexpr int kPack = kVector<T>;
  static constexpr int kTile = kLanes * kHeld;

  const S* in[kOperands];
  int64_t columns;
  int lane;
  bool live, aligned;
  T held[kOperands][kHeld];

  // Elements from `base` on, of this tile.
  __forceinline__ __device__ int left(int64_t base) const {
    const int64_t rest = columns - base;
    return rest < kTile ? static_cast<int>(rest) : kTile;
  }

  // Element k of this thread, counted from the tile's first.
  __forceinline__ __device__ int place(int k) const {
    return kPacks ? (k / kPack * kLanes + lane) * kPack + k % kPack : k * kLanes + lane;
  }

  __forceinline__ __device__ void load(int64_t base, T (&v)[kOperands][kHeld]) const {
    const int count = left(base);
#pragma unroll
    for (int o = 0; o < kOperands; ++o) {
      const S* x = in[o] + base;
      if (kPacks && aligned) {
#pragma unroll
        for (int k = 0; k < kHeld; k += kPack) {
          Pack<T, kPack> pack = {};
          if (place(k) < count) pack = load_widened<kPack>(x + place(k));
#pragma unroll
          for (int j = 0; j < kPack; ++j) v[o][k + j] = pack.at[j];
        }
      } else {
#pragma unroll
        for (int k = 0; k < kHeld; ++k) v[o][k] = place(k) < count ? widened(x[place(k)]) : T(0);
      }
    }
  }

  // fn(base, values) for what this thread has of each tile.
  template <class Fn>
  __forceinline__ __device__ void each_tile(Fn fn) {
    if constexpr (kWhole) {
      fn(int64_t{0}, held);
    } else {
      for (int64_t base = 0; base < columns; base += kTile) {
        load(base, held);
        fn(base, held);
      }
    }
  }

  // fn(i, first operand, last operand) for each element of this thread.
  template <class Fn>
  __forceinline__ __device__ void each(Fn fn) {
    each_tile([&](int64_t base, T(&v)[kOperands][kHeld]) {
      const int count = left(base);
#pragma unroll
      for (int k = 0; k < kHeld; ++k) {
        if (place(k) < count) fn(base + place(k), v[0][k], v[kOperands - 1][k]);
      }
    });
  }

  // out[i] = fn(i, first operand, last operand)
  template <class Fn>
  __forceinline__ __device__ void write(S* out, Fn fn) {
    each_tile([&](int64_t base, T(&v)[kOperands][kHeld]) {
      const int count = left(base);
      T values[kHeld];
#pragma unroll
      for (int k = 0; k < kHeld; ++k) {
        if (place(k) < count) values[k] = fn(base + place(k), v[0][k], v[kOperands - 1][k]);
      }
      store(out + base, count, values);
    });
  }

  __forceinline__ __device__ void store(S* out, int count, const T (&values)[kHeld]) const {
    if (kPacks && aligned) {
#pragma unroll
      for (int k = 0; k < kHeld; k += kPack) {
        Pack<T, kPack> pack;
#pragma unroll
        for (int j = 0; j < kPack; ++j) pack.at[j] = values[k + j];
        if (place(k) < count) store_narrowed(out + place(k), pack);
      }
    } else {
#pragma unroll
      for (int k = 0; k < kHeld; ++k) {
        if (place(k) < count) out[place(k)] = narrowed<S>(values[k]);
      }
    }
  }

  // Of one value of each thread; every thread gets the same bits.
  template <class Op>
  __forceinline__ __device__ T reduce(T value) const {
    if constexpr (kWhole) return warp_reduce<Op, kLanes>(value);
    return block_reduce<Op>(value);
  }
  __forceinline__ __device__ T sum(T value) const { return reduce<Sum>(value); }
  __forceinline__ __device__ T max(T value) const { return reduce<Max>(value); }
};

// What normalises the exponentials of a row. NaN comes out in `total` only; a row of -inf has a top
// of -inf, which makes its results NaN.
template <class T>
struct RowTotal {
  T top;    // the largest element
  T total;  // sum of e^(x - top)
};

// kReplace: a row in registers holds e^(x - top) from here on.
template <bool kReplace, class S, int kLanes, int kHeld, bool kPacks, int kOperands>
__forceinline__ __device__ RowTotal<Computed<S>> exponentials(
    Row<S, kLanes, kHeld, kPacks, kOperands>& row) {
  using T = Computed<S>;
  RowTotal<T> result = {minus_infinity<T>(), T(0)};
  if constexpr (kLanes <= kWarp) {
    T top = minus_infinity<T>(), total = T(0);
    row.each([&](int64_t, T x, T) { top = x > top ? x : top; });
    result.top = top = row.max(top);
    if constexpr (kReplace) {
#pragma unroll
      for (int k = 0; k < kHeld; ++k) row.held[0][k] = exp_of(row.held[0][k] - top);
    }
    row.each([&](int64_t, T x, T) { total += kReplace ? x : exp_of(x - top); });
    result.total = row.sum(total);
  } else {
    T top = minus_infinity<T>(), total = T(0);
    row.each_tile([&](int64_t base, T(&v)[kOperands][kHeld]) {
      const int count = row.left(base);
      T best = top;
#pragma unroll
      for (int k = 0; k < kHeld; ++k) {
        if (row.place(k) < count) best = v[0][k] > best ? v[0][k] : best;
      }
      if (best > top) total *= exp_of(top - best);  // 0 at first: e^-inf
      top = best;
      const T shift = top == minus_infinity<T>() ? T(0) : top;
#pragma unroll
      for (int k = 0; k < kHeld; ++k) {
        if (row.place(k) < count) total += exp_of(v[0][k] - shift);
      }
    });
    result.top = row.max(top);
    result.total = row.sum(top == result.top ? total : total * exp_of(top - result.top));
  }
  return result;
}

// e^(x - top), after exponentials<true>.
template <class R, class T>
__forceinline__ __device__ T exponential(T x, T top) {
  return R::kWhole ? x : exp_of(x - top);
}

}  // namespace pydl::PYDL_GPU
