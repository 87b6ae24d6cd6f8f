// Dot products: vectors run along K, for operands stored with K contiguous on both sides (B
// transposed, or N = 1), where few rows of A would not pay for turning B over; and for a B so
// narrow that its columns would leave lanes empty, turned over first.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_pack.h"

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

// Elements from one row to the next of a B turned over: whole vectors.
template <class T>
int64_t turned_stride(const Gemm& p) {
  return (p.k + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// First phase for a narrow B: its columns become rows, so few that one piece does it.
template <class T>
void run_turn_b(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  pack_panel_transposed(operand<T>(call, 1), p.b_stride, p.n, static_cast<int>(p.k),
                        static_cast<int>(turned_stride<T>(p)), reinterpret_cast<T*>(call.scratch));
}

template <class T>
struct DotOperands {
  const T* a;
  const T* b;
  T* c;
  int64_t b_stride;
};

// Rows and columns of C at once.
template <class T>
PYDL_INLINE void dot_tile(const Gemm& p, const DotOperands<T>& s, Range rows, Range columns) {
  const DotTile<T> t = {p.k,        s.a + rows.begin * p.a_row,
                        p.a_row,    s.b + columns.begin * s.b_stride,
                        s.b_stride, s.c + rows.begin * p.n + columns.begin,
                        p.n};
  pick_dot<T>(static_cast<int>(rows.end - rows.begin),
              static_cast<int>(columns.end - columns.begin))(t);
}

// Piece = a range of rows and columns of C. The longer stream is outside: each group of its rows is
// read once and stays in L1 for all rows of the other.
template <class T>
void run_dot(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const Range rows = share(p.m, p.row_pieces, piece / p.column_pieces);
  const Range columns = share(p.n, p.column_pieces, piece % p.column_pieces);
  const int64_t row_tiles = ceil_div(rows.end - rows.begin, kDotRows);
  const int64_t column_tiles = ceil_div(columns.end - columns.begin, kDotColumns);
  DotOperands<T> s = {operand<T>(call, 0), operand<T>(call, 1), static_cast<T*>(call.out[0]),
                      p.transpose_b ? p.b_stride : 0};
  if (!p.transpose_b && p.n > 1) {
    s.b = reinterpret_cast<const T*>(call.scratch);
    s.b_stride = turned_stride<T>(p);
  }
  const bool rows_outside = row_tiles > column_tiles;
  const int64_t outer = rows_outside ? row_tiles : column_tiles;
  const int64_t inner = rows_outside ? column_tiles : row_tiles;
  for (int64_t i = 0; i < outer; ++i) {
    for (int64_t j = 0; j < inner; ++j) {
      dot_tile(p, s, part_of(rows, row_tiles, rows_outside ? i : j),
               part_of(columns, column_tiles, rows_outside ? j : i));
    }
  }
  if (p.bias >= 0) add_bias(p, call, rows, columns, s.c);
  finish_block<T>(p, call, rows, columns);
}

}  // namespace pydl::PYDL_ISA
