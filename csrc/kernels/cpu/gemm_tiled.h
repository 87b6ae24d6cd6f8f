// The general kernel: blocks of rows, blocks of depth, panels of columns, register tiles.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/gemm_pack.h"

namespace pydl::PYDL_ISA {

// One rectangle of C, or of a partial sum of it, for a range of the depth.
template <class T>
struct Block {
  const Gemm* p;
  const T* a;
  const T* b;
  const T* bias;
  const T* residual;
  const T* out;
  T* c;
  T* sums;           // null: not this block's task
  T* packed_a;
  T* packed_b;
  Range rows, columns, depth;
  Finish finish;     // of the last part of the depth
};

template <class T>
constexpr int kPanelWidth = kTileVectors * kLanes<T>;

// How many vectors wide the next panel is: four when there are too few rows to fill a tile.
template <class T>
PYDL_INLINE int panel_vectors(const Gemm& p, int64_t rows, int64_t columns_left) {
  constexpr int L = kLanes<T>;
  const bool wide = p.panel_width != kPanelWidth<T> && rows <= kWideRows;
  if (wide && columns_left > 3 * L) return kWideVectors;
  return columns_left > L ? kTileVectors : 1;
}

// Where the tiles of a panel find B. Packed beforehand when it is stored transposed or, without
// masked loads, ragged; copied by the first tile when later tiles would suffer from its stride.
template <class T>
PYDL_INLINE Panel place_panel(const Block<T>& s, Range depth, int64_t n, int columns, int width,
                              Tile<T>* t) {
  const Gemm& p = *s.p;
  const int64_t deep = depth.end - depth.begin;
  const bool ragged = columns < width;
  t->b = s.packed_b;
  t->b_stride = width;
  t->copy = nullptr;
  if (p.panel_width > 0) {
    const int64_t inside = n % p.panel_width;
    t->b = s.b + (n - inside) * p.k + depth.begin * p.panel_width + inside;
    t->b_stride = p.panel_width;
    return ragged ? Panel::kRagged : Panel::kFull;
  }
  if (p.transpose_b) {
    pack_panel_transposed(s.b + n * p.b_stride + depth.begin, p.b_stride, deep, columns, width,
                          s.packed_b);
    return ragged ? Panel::kRagged : Panel::kFull;
  }
  const T* b = s.b + depth.begin * p.b_stride + n;
  if (ragged && !kMaskedLoads) {
    pack_panel(b, p.b_stride, deep, columns, width, s.packed_b);
    return Panel::kRagged;
  }
  t->b = b;
  t->b_stride = p.b_stride;
  if (ragged) return Panel::kRagged;
  if (!p.pack_b || width != kPanelWidth<T>) return Panel::kFull;
  t->copy = s.packed_b;
  return Panel::kCopy;
}

template <class T>
PYDL_INLINE void place_rows(const Block<T>& s, Range rows, Range depth, int64_t m, int tall,
                            int64_t n, Tile<T>* t) {
  const Gemm& p = *s.p;
  if (p.pack_a) {
    t->a = s.packed_a + (m - rows.begin) * (depth.end - depth.begin);
    t->a_row = 1;
    t->a_col = tall;
  } else {
    t->a = s.a + m * p.a_row + depth.begin * p.a_col;
    t->a_row = p.a_row;
    t->a_col = p.a_col;
  }
  t->c = s.c + m * p.n + n;
  t->out = s.out ? s.out + m * p.n + n : nullptr;
  const T* residual = s.residual ? s.residual + m * p.n + n : nullptr;
  t->addend = depth.begin > s.depth.begin ? t->c : residual;
}

// Columns [n, n + columns) of rows [rows.begin, rows.end), depth [depth.begin, depth.end).
template <class T>
void multiply_panel(const Block<T>& s, Range rows, Range depth, int64_t n, int columns,
                    int vectors) {
  const int width = vectors * kLanes<T>;
  const bool first = depth.begin == s.depth.begin, last = depth.end == s.depth.end;
  Tile<T> t;
  t.k = depth.end - depth.begin;
  Panel panel = place_panel(s, depth, n, columns, width, &t);
  t.ahead = s.p->panel_width > 0 ? kPrefetchBytes / static_cast<int64_t>(sizeof(T))
                                 : kPrefetchRows * t.b_stride;
  t.c_stride = s.p->n;
  t.last = columns - width + kLanes<T>;
  t.bias = first && s.bias ? s.bias + n : nullptr;
  t.finish = last ? s.finish : Finish::kStore;
  if (s.sums && rows.begin == s.rows.begin) {
    sum_columns(t.b, t.b_stride, t.k, columns, !first, s.sums + n);
  }
  const int64_t count = rows.end - rows.begin;
  const int64_t tiles = ceil_div(count, vectors == kWideVectors ? kWideRows : kTileRows);
  int before = 0;
  MicroFn<T> run = nullptr;
  for (int64_t i = 0; i < tiles; ++i) {
    const Range part = share(count, tiles, i);
    const int tall = static_cast<int>(part.end - part.begin);
    place_rows(s, rows, depth, rows.begin + part.begin, tall, n, &t);
    if (tall != before) run = pick_micro<T>(tall, vectors, panel);
    before = tall;
    run(t);
    if (panel == Panel::kCopy) {
      panel = Panel::kFull;
      before = 0;
      t.b = s.packed_b;
      t.b_stride = width;
      t.ahead = kPrefetchRows * t.b_stride;
    }
  }
}

// The tiles of a row block, as multiply_panel cuts it for full panels.
template <class T>
void pack_row_block(const Block<T>& s, Range rows, Range depth) {
  const Gemm& p = *s.p;
  const int64_t deep = depth.end - depth.begin, tiles = ceil_div(rows.end - rows.begin, kTileRows);
  for (int64_t i = 0; i < tiles; ++i) {
    const Range tile = share(rows.end - rows.begin, tiles, i);
    pack_rows(s.a + (rows.begin + tile.begin) * p.a_row + depth.begin, p.a_row,
              static_cast<int>(tile.end - tile.begin), deep, s.packed_a + tile.begin * deep);
  }
}

template <class T>
void multiply_block(const Block<T>& s) {
  const Gemm& p = *s.p;
  const int64_t rows = s.rows.end - s.rows.begin, deep = s.depth.end - s.depth.begin;
  const int64_t row_blocks = most<int64_t>(1, ceil_div(rows, p.row_block));
  const int64_t depth_blocks = most<int64_t>(1, ceil_div(deep, p.depth_block));
  for (int64_t i = 0; i < row_blocks; ++i) {
    const Range r = part_of(s.rows, row_blocks, i);
    for (int64_t j = 0; j < depth_blocks; ++j) {
      const Range d = part_of(s.depth, depth_blocks, j);
      if (p.pack_a) pack_row_block(s, r, d);
      for (int64_t n = s.columns.begin; n < s.columns.end;) {
        const int vectors = panel_vectors<T>(p, r.end - r.begin, s.columns.end - n);
        const int columns =
            static_cast<int>(least<int64_t>(vectors * kLanes<T>, s.columns.end - n));
        multiply_panel(s, r, d, n, columns, vectors);
        n += columns;
      }
    }
  }
}

// Activations the register tile does not know, and dropout, go over the finished rows once more.
PYDL_INLINE bool finishes_in_registers(const Gemm& p) {
  const bool plain = p.activation == Activation::kNone && p.grad == Activation::kNone;
  const bool relu = p.activation == Activation::kRelu && p.grad == Activation::kNone;
  const bool relu_grad = p.activation == Activation::kNone && p.grad == Activation::kRelu;
  return p.rate == 0 && (plain || relu || relu_grad);
}

PYDL_INLINE Finish register_finish(const Gemm& p) {
  if (!finishes_in_registers(p)) return Finish::kStore;
  if (p.activation == Activation::kRelu) return Finish::kRelu;
  return p.grad == Activation::kRelu ? Finish::kReluGrad : Finish::kStore;
}

template <class T>
Block<T> whole(const Gemm& p, const Call& call) {
  Block<T> s{};
  s.p = &p;
  s.a = operand<T>(call, 0);
  s.b = operand<T>(call, 1);
  s.packed_b = reinterpret_cast<T*>(call.worker);
  s.packed_a = s.packed_b + p.depth_block * kWideVectors * kLanes<T>;
  s.rows = {0, p.m};
  s.columns = {0, p.n};
  s.depth = {0, p.k};
  return s;
}

// One rectangle of C over the whole depth; columns are cut at multiples of `width`.
template <class T>
PYDL_INLINE void run_rectangle(const Call& call, int64_t piece, int64_t width, Block<T>* s) {
  const Gemm& p = *s->p;
  s->rows = share(p.m, p.row_pieces, piece / p.column_pieces);
  s->columns = panel_columns(p, width, piece % p.column_pieces);
  s->bias = operand<T>(call, p.bias);
  s->residual = operand<T>(call, p.residual);
  s->c = static_cast<T*>(call.out[0]);
  s->sums = p.column_sum && s->rows.begin == 0 ? static_cast<T*>(call.out[1]) : nullptr;
  s->finish = register_finish(p);
  s->out = operand<T>(call, p.out);
  multiply_block(*s);
  if (!finishes_in_registers(p)) finish_block<T>(p, call, s->rows, s->columns);
}

template <class T>
void run_tiled(const Call& call, int64_t piece) {
  Block<T> s = whole<T>(*static_cast<const Gemm*>(call.params), call);
  run_rectangle(call, piece, kPanelWidth<T>, &s);
}

// Split over the depth: piece = one part of K, its partial C and column sums in scratch.
template <class T>
void run_split(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const int64_t partial = (p.m + (p.column_sum ? 1 : 0)) * p.n;
  Block<T> s = whole<T>(p, call);
  s.depth = share(p.k, p.depth_pieces, piece);
  s.c = reinterpret_cast<T*>(call.scratch) + piece * partial;
  s.sums = p.column_sum ? s.c + p.m * p.n : nullptr;
  multiply_block(s);
}

// target[i] = base[i] + the sum over parts of partial[i], in order.
template <class T>
void add_parts(const T* partial, int64_t stride, int64_t parts, const T* base, int64_t count,
               T* target) {
  constexpr int L = kLanes<T>;
  for (int64_t j = 0; j < count; j += L) {
    const int here = static_cast<int>(least<int64_t>(count - j, L));
    Vec<T> sum = base ? load_n(base + j, here) : zero<T>();
    for (int64_t i = 0; i < parts; ++i) sum = sum + load_n(partial + i * stride + j, here);
    store_n(target + j, sum, here);
  }
}

template <class T>
void run_merge(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const int64_t stride = (p.m + (p.column_sum ? 1 : 0)) * p.n;
  const T* partial = reinterpret_cast<const T*>(call.scratch);
  const Range rows = share(p.m, p.row_pieces, piece);
  T* c = static_cast<T*>(call.out[0]);
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    add_parts(partial + m * p.n, stride, p.depth_pieces, operand<T>(call, p.bias), p.n,
              c + m * p.n);
  }
  if (p.column_sum && piece == 0) {
    add_parts<T>(partial + p.m * p.n, stride, p.depth_pieces, nullptr, p.n,
                 static_cast<T*>(call.out[1]));
  }
  finish_block<T>(p, call, rows, {0, p.n});
}

}  // namespace pydl::PYDL_ISA
