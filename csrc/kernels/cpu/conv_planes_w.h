// The weight gradient of few filters and channels: dot products along the places of lines, of x
// shifted by each tap and of grad_out turned over, so that no lane is empty.
#pragma once

#include "kernels/cpu/conv_planes.h"
#include "kernels/cpu/gemm_dot.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiled.h"

namespace pydl::PYDL_ISA {

struct PlanesW {
  Planes x;  // first: what run_copy_planes takes the params for
  int64_t lines, block;  // of grad_out, turned over at a time
  int64_t stride;      // of a filter's places in a line turned over
  int64_t parts, merge_pieces;
  bool column_sum;
};

PYDL_INLINE int64_t weights_of(const PlanesW& p) {
  const DenseAxis* a = p.x.axis;
  return a[0].taps * a[1].taps * a[2].taps * p.x.channels * p.x.filters;
}
PYDL_INLINE int64_t part_size(const PlanesW& p) {
  return weights_of(p) + p.column_sum * p.x.filters;
}
// Where lines turned over begin in a worker's memory, behind their runs.
PYDL_INLINE int64_t turned_lines(const PlanesW& p) {
  return ceil_div(p.block * static_cast<int64_t>(sizeof(Run)), 64) * 64;
}

// Sums of MR taps by NR filters over all runs, added to c[tap][filter].
template <class T, int MR, int NR>
void dot_runs(const DotTile<T>& tile, const Run* runs, int64_t count) {
  constexpr int L = kLanes<T>;
  Vec<T> acc[MR][NR];
#pragma GCC unroll 64
  for (int r = 0; r < MR * NR; ++r) acc[r / NR][r % NR] = zero<T>();
  DotTile<T> t = tile;
  for (int64_t i = 0; i < count; ++i) {
    t.a = tile.a + runs[i].a;
    t.b = tile.b + runs[i].b;
    int64_t k = 0;
    for (; k + L <= tile.k; k += L) dot_step<T, MR, NR, false>(t, k, L, acc);
    if (k < tile.k) dot_step<T, MR, NR, true>(t, k, static_cast<int>(tile.k - k), acc);
  }
#pragma GCC unroll 64
  for (int r = 0; r < MR * NR; ++r) {
    tile.c[r / NR * tile.c_stride + r % NR] += reduce_add(acc[r / NR][r % NR]);
  }
}

template <class T>
using DotRunsFn = void (*)(const DotTile<T>&, const Run*, int64_t);

template <class T, int MR, int NR = kDotColumns>
DotRunsFn<T> pick_dot_runs_columns(int columns) {
  if constexpr (NR == 1) {
    return dot_runs<T, MR, 1>;
  } else {
    return columns == NR ? dot_runs<T, MR, NR> : pick_dot_runs_columns<T, MR, NR - 1>(columns);
  }
}
template <class T, int MR = kDotRows>
DotRunsFn<T> pick_dot_runs(int rows, int columns) {
  if constexpr (MR == 1) {
    return pick_dot_runs_columns<T, 1>(columns);
  } else {
    return rows == MR ? pick_dot_runs_columns<T, MR>(columns)
                      : pick_dot_runs<T, MR - 1>(rows, columns);
  }
}

// All taps of one line of the window and one channel, all filters.
template <class T>
void add_window_line(const PlanesW& p, const DotTile<T>& line, const Run* runs, int64_t count) {
  const DenseAxis& a = p.x.axis[2];
  const int64_t row_tiles = ceil_div(a.taps, kDotRows);
  const int64_t column_tiles = ceil_div(p.x.filters, kDotColumns);
  for (int64_t i = 0; i < row_tiles; ++i) {
    const Range taps = share(a.taps, row_tiles, i);
    for (int64_t j = 0; j < column_tiles; ++j) {
      const Range filters = share(p.x.filters, column_tiles, j);
      DotTile<T> t = line;
      t.a += taps.begin * a.spacing;
      t.b += filters.begin * p.stride;
      t.c += taps.begin * t.c_stride + filters.begin;
      pick_dot_runs<T>(static_cast<int>(taps.end - taps.begin),
                       static_cast<int>(filters.end - filters.begin))(t, runs, count);
    }
  }
}

// Lines [block) of grad_out, added to the part's gradient.
template <class T>
void add_lines(const PlanesW& p, const Call& call, Range block, T* grad) {
  const DenseAxis* a = p.x.axis;
  const int64_t filters = p.x.filters, places = a[2].places, size = filters * p.stride;
  const T* grad_out = operand<T>(call, 1);
  T* turned = reinterpret_cast<T*>(call.worker + turned_lines(p));
  Run* runs = reinterpret_cast<Run*>(call.worker);
  for (int64_t i = block.begin; i < block.end; ++i) {
    const int64_t n = i / (a[0].places * a[1].places), u = i - block.begin;
    const int64_t d = i / a[1].places % a[0].places * a[0].step, h = i % a[1].places * a[1].step;
    runs[u] = {((n * p.x.padded[0] + d) * p.x.padded[1] + h) * p.x.channels * p.x.padded[2],
               u * size, 0};
    pack_panel_transposed(grad_out + i * places * filters, filters, filters,
                          static_cast<int>(places), static_cast<int>(p.stride), turned + u * size);
  }
  DotTile<T> t = {};
  t.k = places;
  t.a_stride = a[2].spacing;
  t.b = turned;
  t.b_stride = p.stride;
  t.c_stride = p.x.channels * filters;
  for (int64_t i = 0; i < a[0].taps; ++i) {
    for (int64_t j = 0; j < a[1].taps; ++j) {
      const int64_t line = i * a[0].spacing * p.x.padded[1] + j * a[1].spacing;
      for (int64_t c = 0; c < p.x.channels; ++c) {
        t.a = reinterpret_cast<const T*>(call.scratch) + (line * p.x.channels + c) * p.x.padded[2];
        t.c = grad + ((i * a[1].taps + j) * a[2].taps * p.x.channels + c) * filters;
        add_window_line(p, t, runs, block.end - block.begin);
      }
    }
  }
}

template <class T>
PYDL_INLINE T* planes_parts(const PlanesW& p, const Call& call) {
  const int64_t lines = p.x.batch * p.x.padded[0] * p.x.padded[1];
  return reinterpret_cast<T*>(call.scratch) + lines * p.x.channels * p.x.padded[2];
}

// Piece = a part of the lines.
template <class T>
void run_planes_w(const Call& call, int64_t piece) {
  const PlanesW& p = *static_cast<const PlanesW*>(call.params);
  const Range lines = share(p.lines, p.parts, piece);
  const int64_t places = p.x.axis[2].places, weights = weights_of(p);
  T* grad = planes_parts<T>(p, call) + piece * part_size(p);
  for (int64_t i = 0; i < weights; ++i) grad[i] = 0;
  const int64_t blocks = ceil_div(lines.end - lines.begin, p.block);
  for (int64_t i = 0; i < blocks; ++i) {
    const Range block = part_of(lines, blocks, i);
    add_lines(p, call, block, grad);
    if (!p.column_sum) continue;
    sum_columns(operand<T>(call, 1) + block.begin * places * p.x.filters, p.x.filters,
                (block.end - block.begin) * places, static_cast<int>(p.x.filters), i > 0,
                grad + weights);
  }
}

// The parts, added in order.
template <class T>
void run_merge_planes(const Call& call, int64_t) {
  const PlanesW& p = *static_cast<const PlanesW*>(call.params);
  const T* parts = planes_parts<T>(p, call);
  const T* none = nullptr;
  add_parts(parts, part_size(p), p.parts, none, weights_of(p), static_cast<T*>(call.out[0]));
  if (p.column_sum) {
    add_parts(parts + weights_of(p), part_size(p), p.parts, none, p.x.filters,
              static_cast<T*>(call.out[1]));
  }
}

}  // namespace pydl::PYDL_ISA
