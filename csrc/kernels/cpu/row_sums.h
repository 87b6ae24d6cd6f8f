// Sums along a row of terms made from it: in float over a few vectors, as a tree, then in double,
// so that the error does not grow with the row's length.
#pragma once

#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {

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

// sums[k] = the sum over i < n of lane values terms[k]; `term(i, lanes, terms)` fills the terms of
// elements i, ..., i + lanes - 1. What it puts into lanes past `lanes` is not counted.
template <class T, int kSums, class Term>
PYDL_INLINE void sum_row(int64_t n, Term term, double* sums) {
  constexpr int64_t kStep = kSumRun * kLanes<T>;
  WideSum wide[kSums];
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    Vec<T> run[kSums][2];
#pragma GCC unroll 8
    for (int v = 0; v < kSumRun; ++v) {
      Vec<T> terms[kSums];
      term(i + v * kLanes<T>, kLanes<T>, terms);
      for (int k = 0; k < kSums; ++k) run[k][v % 2] = v < 2 ? terms[k] : run[k][v % 2] + terms[k];
    }
    for (int k = 0; k < kSums; ++k) wide[k].add(run[k][0] + run[k][1]);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    Vec<T> terms[kSums];
    term(i, kLanes<T>, terms);
    for (int k = 0; k < kSums; ++k) wide[k].add(terms[k]);
  }
  if (i < n) {
    const int lanes = static_cast<int>(n - i);
    Vec<T> terms[kSums];
    term(i, lanes, terms);
    for (int k = 0; k < kSums; ++k) {
      wide[k].add(select(first_lanes<T>(lanes), terms[k], zero<T>()));
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
