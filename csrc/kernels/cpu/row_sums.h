// Sums along a row of terms made from it: in float over a few vectors, as a tree, then in double,
// so that the error does not grow with the row's length.
#pragma once

#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {

// Of a lambda: a call would pass vectors through memory.
#define PYDL_INLINED __attribute__((always_inline))

struct WideSum {
  Vec<double> low = zero<double>(), high = zero<double>();
  PYDL_INLINE void add(Vec<float> a) {
    Vec<double> x, y;
    widen(a, &x, &y);
    low = low + x;
    high = high + y;
  }
  PYDL_INLINE void add(Vec<double> a) { low = low + a; }
  PYDL_INLINE double total() const { return reduce_add(low + high); }
};

constexpr int kSumRun = 8;  // vectors that are added in their own type

// sums[k] = the sum over i < n of what `add(i, lanes, totals)` adds to totals[k] for elements i,
// ..., i + lanes - 1. What it adds to lanes past `lanes` is not counted.
template <class T, int kSums, class AddTo>
PYDL_INLINE void sum_row(int64_t n, AddTo add, double* sums) {
  constexpr int64_t kStep = kSumRun * kLanes<T>;
  WideSum wide[kSums];
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    Vec<T> even[kSums] = {}, odd[kSums] = {};
#pragma GCC unroll 8
    for (int v = 0; v < kSumRun; v += 2) {
      add(i + v * kLanes<T>, kLanes<T>, even);
      add(i + (v + 1) * kLanes<T>, kLanes<T>, odd);
    }
    for (int k = 0; k < kSums; ++k) wide[k].add(even[k] + odd[k]);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    Vec<T> totals[kSums] = {};
    add(i, kLanes<T>, totals);
    for (int k = 0; k < kSums; ++k) wide[k].add(totals[k]);
  }
  if (i < n) {
    const int lanes = static_cast<int>(n - i);
    Vec<T> totals[kSums] = {};
    add(i, lanes, totals);
    for (int k = 0; k < kSums; ++k) {
      wide[k].add(select(first_lanes<T>(lanes), totals[k], zero<T>()));
    }
  }
  for (int k = 0; k < kSums; ++k) sums[k] = wide[k].total();
}

template <class T>
PYDL_INLINE Vec<T> load_lanes(const T* x, int lanes) {
  return lanes == kLanes<T> ? load(x) : load_n(x, lanes);
}
template <class T>
PYDL_INLINE void store_lanes(T* x, Vec<T> a, int lanes) {
  if (lanes == kLanes<T>) return store(x, a);
  store_n(x, a, lanes);
}

}  // namespace pydl::PYDL_ISA
