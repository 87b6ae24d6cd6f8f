// C^T = B^T A^T: B is broadcast, A is the vector operand; each register tile of C^T is turned over
// on its way to C.
//
// For few rows times a B stored transposed, where A is cheaper to turn over than B; and for a
// narrow B times an A stored transposed, which needs no turning: vectors along N would be half
// empty.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiled.h"

namespace pydl::PYDL_ISA {

// c[j][i] = tile[i][j] for i < `tall`, j < `wide`; rows of the tile are `width` elements apart.
template <class T>
void store_turned(const T* tile, int width, int tall, int wide, T* c, int64_t c_stride) {
  constexpr int L = kLanes<T>;
  for (int i = 0; i < tall; i += L) {
    const int here = least(tall - i, L);
    for (int j = 0; j < wide; j += L) {
      Vec<T> rows[L];
#pragma GCC unroll 16
      for (int r = 0; r < L; ++r) {
        rows[r] = r < here ? load(tile + (i + r) * width + j) : zero<T>();
      }
      transpose(rows);
#pragma GCC unroll 16
      for (int r = 0; r < L; ++r) {
        if (j + r < wide) store_n(c + (j + r) * c_stride + i, rows[r], here);
      }
    }
  }
}

// The first phase: A turned over, in panels. Bind keeps it small, so one piece does it.
template <class T>
void run_turn_a(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const T* a = operand<T>(call, 0);
  T* panels = reinterpret_cast<T*>(call.scratch);
  constexpr int kWidth = kPanelWidth<T>;
  for (int64_t m = 0; m < p.m; m += kWidth) {
    const int wide = static_cast<int>(least<int64_t>(kWidth, p.m - m));
    pack_panel_transposed(a + m * p.a_row, p.a_row, p.k, wide, kWidth, panels + m * p.k);
  }
}

// Columns [n, n + tall) of C.
template <class T>
void multiply_turned(const Gemm& p, const Call& call, int64_t n, int tall) {
  constexpr int kWidth = kPanelWidth<T>, L = kLanes<T>;
  alignas(64) T tile[(kTileRows + L - 1) / L * L * kWidth];
  Tile<T> t{};
  t.k = p.k;
  t.a = operand<T>(call, 1) + n * p.b_stride;
  t.a_row = p.b_stride;
  t.a_col = 1;
  t.b_stride = t.c_stride = kWidth;
  t.ahead = kPrefetchRows * t.b_stride;
  t.c = tile;
  for (int64_t m = 0; m < p.m; m += kWidth) {
    const int wide = static_cast<int>(least<int64_t>(kWidth, p.m - m));
    t.b = reinterpret_cast<const T*>(call.scratch) + m * p.k;
    pick_micro<T>(tall, wide > kLanes<T> ? kTileVectors : 1, Panel::kFull)(t);
    store_turned(tile, kWidth, tall, wide, static_cast<T*>(call.out[0]) + m * p.n + n, p.n);
  }
}

// A as it is stored, panels of its columns. Piece = a range of them: rows of C.
template <class T>
void run_upright(const Call& call, int64_t piece) {
  constexpr int kWidth = kPanelWidth<T>, L = kLanes<T>;
  alignas(64) T tile[(kTileRows + L - 1) / L * L * kWidth];
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  T* c = static_cast<T*>(call.out[0]);
  const int tall = static_cast<int>(p.n);
  const Range panels = share(ceil_div(p.m, kWidth), p.row_pieces, piece);
  Tile<T> t{};
  t.k = p.k;
  t.a = operand<T>(call, 1);
  t.a_row = 1;
  t.a_col = p.b_stride;
  t.b_stride = p.a_col;
  t.ahead = kPrefetchRows * t.b_stride;
  t.c = tile;
  t.c_stride = kWidth;
  for (int64_t m = panels.begin * kWidth; m < least(panels.end * kWidth, p.m); m += kWidth) {
    const int wide = static_cast<int>(least<int64_t>(kWidth, p.m - m));
    const int vectors = wide > L ? kTileVectors : 1;
    t.b = operand<T>(call, 0) + m;
    t.last = wide - (vectors - 1) * L;
    pick_micro<T>(tall, vectors, t.last < L ? Panel::kRagged : Panel::kFull)(t);
    store_turned(tile, kWidth, tall, wide, c + m * p.n, p.n);
  }
  const Range rows = {panels.begin * kWidth, least(panels.end * kWidth, p.m)};
  if (p.column_sum && piece == 0) {
    sum_columns(t.a, p.b_stride, p.k, tall, false, static_cast<T*>(call.out[1]));
  }
  if (p.bias >= 0) add_bias(p, call, rows, {0, p.n}, c);
  finish_block<T>(p, call, rows, {0, p.n});
}

// Piece = a range of columns of C.
template <class T>
void run_turned(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const Range columns = panel_columns(p, kLanes<T>, piece), rows = {0, p.m};
  const int64_t count = columns.end - columns.begin, tiles = ceil_div(count, kTileRows);
  for (int64_t i = 0; i < tiles; ++i) {
    const Range part = share(count, tiles, i);
    multiply_turned<T>(p, call, columns.begin + part.begin,
                       static_cast<int>(part.end - part.begin));
  }
  if (p.bias >= 0) add_bias(p, call, rows, columns, static_cast<T*>(call.out[0]));
  finish_block<T>(p, call, rows, columns);
}

}  // namespace pydl::PYDL_ISA
