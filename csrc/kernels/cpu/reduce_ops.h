// What the kernels of reductions share: operators, and their way along a row and down columns.
// Sums run in float over a few numbers, as a tree, and then in double.
#pragma once

#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {

struct Add {
  static constexpr int kRun = 8;  // rows, or vectors, combined before they are widened
  static constexpr double kStart = 0.0;
  template <class T>
  static PYDL_INLINE Vec<T> apply(Vec<T> a, Vec<T> b) {
    return a + b;
  }
  template <class T>
  static PYDL_INLINE T fold(Vec<T> a) {
    return reduce_add(a);
  }
};
struct Mul {
  static constexpr int kRun = 1;  // a float could overflow
  static constexpr double kStart = 1.0;
  template <class T>
  static PYDL_INLINE Vec<T> apply(Vec<T> a, Vec<T> b) {
    return a * b;
  }
  template <class T>
  static PYDL_INLINE T fold(Vec<T> a) {
    return reduce_mul(a);
  }
};
struct Max {
  static constexpr int kRun = 8;
  static constexpr double kStart = -__builtin_inf();
  template <class T>
  static PYDL_INLINE Vec<T> apply(Vec<T> a, Vec<T> b) {
    return max(a, b);
  }
  template <class T>
  static PYDL_INLINE T fold(Vec<T> a) {
    return reduce_max(a);
  }
};
struct Min {
  static constexpr int kRun = 8;
  static constexpr double kStart = __builtin_inf();
  template <class T>
  static PYDL_INLINE Vec<T> apply(Vec<T> a, Vec<T> b) {
    return min(a, b);
  }
  template <class T>
  static PYDL_INLINE T fold(Vec<T> a) {
    return reduce_min(a);
  }
};

// total = op(total, lanes of a), in double. Lane k of a float vector goes to lane k or to its half.
template <class Op>
PYDL_INLINE void widen_into(Vec<float> a, Vec<double>* low, Vec<double>* high) {
  Vec<double> x, y;
  widen(a, &x, &y);
  *low = Op::apply(*low, x);
  *high = Op::apply(*high, y);
}
template <class Op>
PYDL_INLINE void widen_into(Vec<double> a, Vec<double>* low, Vec<double>*) {
  *low = Op::apply(*low, a);
}

template <class Op, class T>
PYDL_INLINE Vec<T> load_or_start(const T* x, int lanes) {
  const Vec<T> start = set(static_cast<T>(Op::kStart));
  return select(first_lanes<T>(lanes), load_n(x, lanes), start);
}

// Operands larger than this come from DRAM: they are asked for ahead. Within the caches that costs
// a fifth of the speed, since each request takes the place of a load.
constexpr int64_t kFarBytes = 16 * 1024 * 1024;

// All of a row. kFar: it comes from DRAM.
template <class Op, bool kFar, class T>
double reduce_row(const T* x, int64_t n) {
  constexpr int64_t kStep = Op::kRun * kLanes<T>;
  Vec<double> low = set(Op::kStart), high = low;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    Vec<T> v[Op::kRun];
    for (int k = 0; k < Op::kRun; ++k) v[k] = load(x + i + k * kLanes<T>);
    if (kFar) {
      for (int k = 0; k < Op::kRun; ++k) prefetch_far(x + i + 3 * kStep + k * kLanes<T>);
    }
    for (int width = Op::kRun / 2; width > 0; width /= 2) {
      for (int k = 0; k < width; ++k) v[k] = Op::apply(v[k], v[k + width]);
    }
    widen_into<Op>(v[0], &low, &high);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) widen_into<Op>(load(x + i), &low, &high);
  if (i < n) widen_into<Op>(load_or_start<Op>(x + i, static_cast<int>(n - i)), &low, &high);
  return Op::fold(Op::apply(low, high));
}

// One vector of columns over `rows` <= Op::kRun rows.
template <class Op, class T, bool kFull>
PYDL_INLINE Vec<T> reduce_run(const T* x, int64_t stride, int rows, int lanes) {
  Vec<T> v[Op::kRun];
  for (int r = 0; r < Op::kRun; ++r) {
    if (r >= rows) {
      v[r] = set(static_cast<T>(Op::kStart));
    } else {
      v[r] = kFull ? load(x + r * stride) : load_n(x + r * stride, lanes);
    }
  }
  for (int width = Op::kRun / 2; width > 0; width /= 2) {
    for (int r = 0; r < width; ++r) v[r] = Op::apply(v[r], v[r + width]);
  }
  return v[0];
}

// out[k] = op(out[k], a[k]) in double; `out` is padded to whole float vectors.
template <class Op>
PYDL_INLINE void accumulate(Vec<float> a, double* out) {
  Vec<double> low = load(out), high = load(out + kLanes<double>);
  widen_into<Op>(a, &low, &high);
  store(out, low);
  store(out + kLanes<double>, high);
}
template <class Op>
PYDL_INLINE void accumulate(Vec<double> a, double* out) {
  store(out, Op::apply(load(out), a));
}

// Before reduce_columns of the same width.
template <class Op>
PYDL_INLINE void start_columns(int64_t width, double* out) {
  for (int64_t k = 0; k < width + kLanes<float>; ++k) out[k] = Op::kStart;
}

// Columns [0, width) of `rows` rows, into `out`, which has room for a vector more.
template <class Op, bool kFar, class T>
void reduce_columns(const T* x, int64_t stride, int64_t rows, int64_t width, double* out) {
  for (int64_t r = 0; r < rows; r += Op::kRun) {
    const T* row = x + r * stride;
    const int count = rows - r < Op::kRun ? static_cast<int>(rows - r) : Op::kRun;
    int64_t j = 0;
    if (count == Op::kRun) {
      for (; j + kLanes<T> <= width; j += kLanes<T>) {
        // The next rows: so many streams at once are more than the hardware follows.
        for (int k = 0; kFar && k < Op::kRun; ++k) prefetch_far(row + (Op::kRun + k) * stride + j);
        accumulate<Op>(reduce_run<Op, T, true>(row + j, stride, Op::kRun, kLanes<T>), out + j);
      }
    }
    for (; j < width; j += kLanes<T>) {
      const int lanes = width - j < kLanes<T> ? static_cast<int>(width - j) : kLanes<T>;
      accumulate<Op>(reduce_run<Op, T, false>(row + j, stride, count, lanes), out + j);
    }
  }
}

// into[i] = op(into[i], from[i]), i < n.
template <class Op>
PYDL_INLINE void merge_totals(const double* from, int64_t n, double* into) {
  int64_t i = 0;
  for (; i + kLanes<double> <= n; i += kLanes<double>) {
    store(into + i, Op::apply(load(into + i), load(from + i)));
  }
  if (i == n) return;
  const int rest = static_cast<int>(n - i);
  store_n(into + i, Op::apply(load_n(into + i, rest), load_n(from + i, rest)), rest);
}

// Results that one piece combines from their blocks: block by block, since those of one result lie
// far apart.
constexpr int64_t kCombined = 256;

}  // namespace pydl::PYDL_ISA
