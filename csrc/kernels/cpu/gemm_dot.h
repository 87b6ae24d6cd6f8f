// Dot products: vectors run along K, for operands stored with K contiguous on both sides (B
// transposed, or N = 1), where few rows of A would not pay for turning B over.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"

namespace pydl::PYDL_ISA {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kDotRows = 4, kDotColumns = 6;
#else
constexpr int kDotRows = 3, kDotColumns = 3;
#endif

template <class T>
struct DotTile {
  int64_t k;
  const T* a;
  int64_t a_stride;
  const T* b;
  int64_t b_stride;
  T* c;
  int64_t c_stride;
};

template <class T, int MR, int NR, bool kPart>
PYDL_INLINE void dot_step(const DotTile<T>& t, int64_t k, int n, Vec<T> (&acc)[MR][NR]) {
  Vec<T> x[MR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    const T* a = t.a + i * t.a_stride + k;
    x[i] = kPart ? load_n(a, n) : load(a);
  }
#pragma GCC unroll 8
  for (int j = 0; j < NR; ++j) {
    const T* b = t.b + j * t.b_stride + k;
    const Vec<T> y = kPart ? load_n(b, n) : load(b);
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) acc[i][j] = fma(x[i], y, acc[i][j]);
  }
}

template <class T, int MR, int NR>
void dot_micro(const DotTile<T>& t) {
  constexpr int L = kLanes<T>;
  Vec<T> acc[MR][NR];
#pragma GCC unroll 64
  for (int r = 0; r < MR * NR; ++r) acc[r / NR][r % NR] = zero<T>();
  int64_t k = 0;
  for (; k + L <= t.k; k += L) dot_step<T, MR, NR, false>(t, k, L, acc);
  if (k < t.k) dot_step<T, MR, NR, true>(t, k, static_cast<int>(t.k - k), acc);
#pragma GCC unroll 64
  for (int r = 0; r < MR * NR; ++r) {
    t.c[r / NR * t.c_stride + r % NR] = reduce_add(acc[r / NR][r % NR]);
  }
}

template <class T>
using DotFn = void (*)(const DotTile<T>&);

template <class T, int MR, int NR = kDotColumns>
DotFn<T> pick_dot_columns(int columns) {
  if constexpr (NR == 1) {
    return dot_micro<T, MR, 1>;
  } else {
    return columns == NR ? dot_micro<T, MR, NR> : pick_dot_columns<T, MR, NR - 1>(columns);
  }
}
template <class T, int MR = kDotRows>
DotFn<T> pick_dot(int rows, int columns) {
  if constexpr (MR == 1) {
    return pick_dot_columns<T, 1>(columns);
  } else {
    return rows == MR ? pick_dot_columns<T, MR>(columns) : pick_dot<T, MR - 1>(rows, columns);
  }
}

// Piece = a range of rows and columns of C. B's rows are the long stream: each group of them is
// read once and stays in L1 for all rows of A.
template <class T>
void run_dot(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const Range rows = share(p.m, p.row_pieces, piece / p.column_pieces);
  const Range columns = share(p.n, p.column_pieces, piece % p.column_pieces);
  const int64_t b_stride = p.transpose_b ? p.b_stride : 0;
  const int64_t row_tiles = ceil_div(rows.end - rows.begin, kDotRows);
  const int64_t column_tiles = ceil_div(columns.end - columns.begin, kDotColumns);
  const T* a = operand<T>(call, 0);
  const T* b = operand<T>(call, 1);
  T* c = static_cast<T*>(call.out[0]);
  for (int64_t j = 0; j < column_tiles; ++j) {
    const Range wide = share(columns.end - columns.begin, column_tiles, j);
    const int64_t n = columns.begin + wide.begin;
    for (int64_t i = 0; i < row_tiles; ++i) {
      const Range tall = share(rows.end - rows.begin, row_tiles, i);
      const int64_t m = rows.begin + tall.begin;
      const DotTile<T> t = {p.k,      a + m * p.a_row, p.a_row, b + n * b_stride,
                            b_stride, c + m * p.n + n, p.n};
      const int height = static_cast<int>(tall.end - tall.begin);
      pick_dot<T>(height, static_cast<int>(wide.end - wide.begin))(t);
    }
  }
  if (p.bias >= 0) add_bias(p, call, rows, columns, c);
  finish_block<T>(p, call, rows, columns);
}

}  // namespace pydl::PYDL_ISA
