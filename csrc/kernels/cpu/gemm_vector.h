// A vector times a matrix whose columns are contiguous (M = 1, or N = 1 with A stored transposed):
// as fast as the matrix can be read, row after row, the result staying in L1.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_pack.h"

namespace pydl::PYDL_ISA {

constexpr int kVectorRows = 8;      // rows of the matrix added per pass over the result
constexpr int64_t kVectorColumns = 2048;  // of the result at a time

// y[0..n) += x[0..kRows) times that many rows.
template <class T, int kRows, bool kPart>
PYDL_INLINE void add_rows_at(const T* x, const T* rows, int64_t stride, T* y, int n) {
  Vec<T> even = kPart ? load_n(y, n) : load(y), odd = zero<T>();
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    const T* row = rows + i * stride;
    if (!kPart) prefetch_far(row + kRows * stride);
    const Vec<T> w = kPart ? load_n(row, n) : load(row);
    if (i % 2 == 0) {
      even = fma(set(x[i]), w, even);
    } else {
      odd = fma(set(x[i]), w, odd);
    }
  }
  if (kPart) {
    store_n(y, even + odd, n);
  } else {
    store(y, even + odd);
  }
}

template <class T, int kRows>
PYDL_INLINE void add_rows(const T* x, const T* rows, int64_t stride, T* y, int64_t n) {
  constexpr int L = kLanes<T>;
  int64_t j = 0;
  for (; j + L <= n; j += L) add_rows_at<T, kRows, false>(x, rows + j, stride, y + j, L);
  if (j < n) add_rows_at<T, kRows, true>(x, rows + j, stride, y + j, static_cast<int>(n - j));
}

template <class T>
PYDL_INLINE void multiply_columns(const T* x, const T* w, int64_t stride, int64_t depth, T* y,
                                  int64_t n) {
  int64_t k = 0;
  for (; k + kVectorRows <= depth; k += kVectorRows) {
    add_rows<T, kVectorRows>(x + k, w + k * stride, stride, y, n);
  }
  for (; k < depth; ++k) add_rows<T, 1>(x + k, w + k * stride, stride, y, n);
}

// Bind has turned the N = 1 case into M = 1 with `a` as the matrix. Piece = a range of columns.
template <class T>
void run_vector(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const T* x = operand<T>(call, p.swapped ? 1 : 0);
  const T* w = operand<T>(call, p.swapped ? 0 : 1);
  const T* bias = operand<T>(call, p.bias);
  T* y = static_cast<T*>(call.out[0]);
  const Range columns = panel_columns(p, kLanes<T>, piece);
  for (int64_t n = columns.begin; n < columns.end; n += kVectorColumns) {
    const int64_t end = least(columns.end, n + kVectorColumns);
    for (int64_t j = n; j < end; ++j) y[j] = bias ? bias[p.swapped ? 0 : j] : T{0};
    multiply_columns(x, w + n, p.n, p.k, y + n, end - n);
  }
  if (p.column_sum && piece == 0) {
    sum_columns(x, int64_t{1}, p.k, 1, false, static_cast<T*>(call.out[1]));
  }
  finish_block<T>(p, call, {0, 1}, columns);
}

}  // namespace pydl::PYDL_ISA
