// One row of a softmax: e^(x - top), and what normalises it. Rows of a few vectors stay in
// registers. A NaN, or a row of -inf, makes the whole row NaN.
#pragma once

#include "kernels/cpu/simd/math.h"

namespace pydl::PYDL_ISA {

constexpr int kRowVectors = 4;  // the most that stay in registers

template <class T>
struct RowTotal {
  T top;    // the largest
  T total;  // sum of e^(x - top)
};

PYDL_INLINE int lanes_left(int64_t n, int lanes) {
  return n < 0 ? 0 : n < lanes ? static_cast<int>(n) : lanes;
}

// ln of a scalar.
template <class T>
PYDL_INLINE T log_of(T x) {
  return vlog(set(x)).v[0];
}

// A row of at most kVectors vectors; e keeps its exponentials, 0 past the end.
template <class T, int kVectors>
PYDL_INLINE RowTotal<T> small_row(const T* x, int64_t n, Vec<T>* e) {
  const Vec<T> lowest = set(static_cast<T>(-__builtin_inf()));
  Vec<T> best = lowest;
  for (int k = 0; k < kVectors; ++k) {
    const int lanes = lanes_left(n - k * kLanes<T>, kLanes<T>);
    e[k] = select(first_lanes<T>(lanes), load_n(x + k * kLanes<T>, lanes), lowest);
    best = max_fast(best, e[k]);
  }
  const T top = reduce_max(best);
  Vec<T> total = zero<T>();
  for (int k = 0; k < kVectors; ++k) {
    const int lanes = lanes_left(n - k * kLanes<T>, kLanes<T>);
    e[k] = select(first_lanes<T>(lanes), vexp(e[k] - set(top)), zero<T>());
    total = total + e[k];
  }
  return {top, reduce_add(total)};
}

template <class T>
PYDL_INLINE T row_max(const T* x, int64_t n) {
  const Vec<T> lowest = set(static_cast<T>(-__builtin_inf()));
  Vec<T> a = lowest, b = lowest;
  int64_t i = 0;
  for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>) {
    a = max_fast(a, load(x + i));
    b = max_fast(b, load(x + i + kLanes<T>));
  }
  for (; i < n; i += kLanes<T>) {
    const int lanes = lanes_left(n - i, kLanes<T>);
    b = max_fast(b, select(first_lanes<T>(lanes), load_n(x + i, lanes), lowest));
  }
  return reduce_max(max_fast(a, b));
}

// Of any length; the exponentials go to `out` unless it is nullptr.
template <class T>
PYDL_INLINE RowTotal<T> large_row(const T* x, int64_t n, T* out) {
  const T top = row_max(x, n);
  const Vec<T> shift = set(top);
  Vec<T> total = zero<T>();
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    prefetch_far(x + n + i);  // the next row, while this one is computed
    const Vec<T> e = vexp(load(x + i) - shift);
    total = total + e;
    if (out != nullptr) store(out + i, e);
  }
  if (i < n) {
    const int lanes = static_cast<int>(n - i);
    const Vec<T> e = vexp(load_n(x + i, lanes) - shift);
    total = total + select(first_lanes<T>(lanes), e, zero<T>());
    if (out != nullptr) store_n(out + i, e, lanes);
  }
  return {top, reduce_add(total)};
}

}  // namespace pydl::PYDL_ISA
