// Large products: A packed once for all, then columns of C, each piece packing its part of B.
//
// Both operands reach the register tile as streams, whatever their strides: a row of A or B some
// pages long would otherwise cost a TLB miss at every step and fill few sets of the caches. A tile
// of A takes part in every panel of a piece while its row block stays in L2; a panel of B in every
// tile of the row block.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiled.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kRowTiles = 9;   // of a row block
constexpr int64_t kPackRows = 16;  // rows of B copied at a time: their pages stay in the TLB

// Elements from one packed tile of A to the next: pack_rows may write a vector too far.
template <class T>
PYDL_INLINE int64_t tile_stride(int64_t deep) {
  return (kTileRows * deep + kLanes<T>) / kLanes<T> * kLanes<T> + kLanes<T>;
}

PYDL_INLINE int64_t tiles_of(const Gemm& p) { return ceil_div(p.m, kTileRows); }
PYDL_INLINE int64_t depth_blocks_of(const Gemm& p) { return ceil_div(p.k, p.depth_block); }

// Where tile `i` of depth block `j` starts in the packed A.
template <class T>
PYDL_INLINE int64_t tile_offset(const Gemm& p, int64_t j, int64_t i) {
  return (j * tiles_of(p) + i) * tile_stride<T>(p.depth_block);
}

// First phase. Piece = a range of tiles, their whole depth.
template <class T>
void run_pack_a(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const T* a = operand<T>(call, 0);
  T* packed = reinterpret_cast<T*>(call.scratch);
  const int64_t tiles = tiles_of(p), blocks = depth_blocks_of(p);
  const Range mine = share(tiles, p.row_pieces, piece);
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    const Range rows = share(p.m, tiles, i);
    const int tall = static_cast<int>(rows.end - rows.begin);
    for (int64_t j = 0; j < blocks; ++j) {
      const Range depth = share(p.k, blocks, j);
      const T* source = a + rows.begin * p.a_row + depth.begin * p.a_col;
      T* target = packed + tile_offset<T>(p, j, i);
      if (p.a_col == 1) {
        pack_rows(source, p.a_row, tall, depth.end - depth.begin, target);
      } else {
        copy_rows(source, p.a_col, tall, depth.end - depth.begin, target);
      }
    }
  }
}

// Columns and depth of B as panels, a few of its rows at a time: each is read as one stream.
template <class T>
void pack_columns(const Gemm& p, const T* b, Range columns, Range depth, T* panels) {
  constexpr int kWidth = kPanelWidth<T>;
  const int64_t deep = depth.end - depth.begin;
  const int64_t step = p.transpose_b ? deep : kPackRows;
  for (int64_t k = 0; k < deep; k += step) {
    const int64_t rows = least(step, deep - k);
    for (int64_t n = columns.begin; n < columns.end; n += kWidth) {
      const int wide = static_cast<int>(least<int64_t>(kWidth, columns.end - n));
      T* panel = panels + (n - columns.begin) * deep + k * kWidth;
      if (p.transpose_b) {
        pack_panel_transposed(b + n * p.b_stride + depth.begin, p.b_stride, rows, wide, kWidth,
                              panel);
      } else {
        pack_panel(b + (depth.begin + k) * p.b_stride + n, p.b_stride, rows, wide, kWidth, panel);
      }
    }
  }
}

// What a piece of the second phase multiplies next.
template <class T>
struct PackedBlock {
  const T* a;        // packed tiles of the depth block
  const T* panels;   // of B
  Range columns, depth, tiles;
};

template <class T>
void multiply_packed(const Gemm& p, const Call& call, const PackedBlock<T>& s) {
  constexpr int kWidth = kPanelWidth<T>;
  const int64_t tiles = tiles_of(p), deep = s.depth.end - s.depth.begin;
  const T* bias = operand<T>(call, p.bias);
  const T* out = operand<T>(call, p.out);
  const T* residual = operand<T>(call, p.residual);
  T* c = static_cast<T*>(call.out[0]);
  Tile<T> t{};
  t.k = deep;
  t.a_row = 1;
  t.b_stride = kWidth;
  t.ahead = kPrefetchBytes / static_cast<int64_t>(sizeof(T));
  t.c_stride = p.n;
  const bool first = s.depth.begin == 0;
  if (s.depth.end == p.k) t.finish = register_finish(p);
  for (int64_t n = s.columns.begin; n < s.columns.end; n += kWidth) {
    const int wide = static_cast<int>(least<int64_t>(kWidth, s.columns.end - n));
    const int vectors = wide > kLanes<T> ? kTileVectors : 1;
    t.b = s.panels + (n - s.columns.begin) * deep;
    t.last = wide - (vectors - 1) * kLanes<T>;
    t.bias = first && bias ? bias + n : nullptr;
    if (p.column_sum && s.tiles.begin == 0) {
      sum_columns(t.b, t.b_stride, deep, wide, !first, static_cast<T*>(call.out[1]) + n);
    }
    const Panel panel = wide < kWidth ? Panel::kRagged : Panel::kFull;
    for (int64_t i = s.tiles.begin; i < s.tiles.end; ++i) {
      const Range rows = share(p.m, tiles, i);
      t.a = s.a + i * tile_stride<T>(p.depth_block);
      t.a_col = rows.end - rows.begin;
      t.c = c + rows.begin * p.n + n;
      t.out = out ? out + rows.begin * p.n + n : nullptr;
      t.addend = !first ? t.c : residual ? residual + rows.begin * p.n + n : nullptr;
      pick_micro<T>(static_cast<int>(t.a_col), vectors, panel)(t);
    }
  }
}

// Second phase. Piece = a range of columns.
template <class T>
void run_packed(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  T* panels = reinterpret_cast<T*>(call.worker);
  const int64_t blocks = depth_blocks_of(p), tiles = tiles_of(p);
  PackedBlock<T> s;
  s.panels = panels;
  s.columns = panel_columns(p, kPanelWidth<T>, piece);
  for (int64_t j = 0; j < blocks; ++j) {
    s.depth = share(p.k, blocks, j);
    s.a = reinterpret_cast<const T*>(call.scratch) + tile_offset<T>(p, j, 0);
    pack_columns(p, operand<T>(call, 1), s.columns, s.depth, panels);
    for (int64_t i = 0; i < tiles; i += kRowTiles) {
      s.tiles = {i, least(i + kRowTiles, tiles)};
      multiply_packed(p, call, s);
    }
  }
  if (!finishes_in_registers(p)) finish_block<T>(p, call, {0, p.m}, s.columns);
}

}  // namespace pydl::PYDL_ISA
