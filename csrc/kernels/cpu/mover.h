// One operand of a move, cut into units: its innermost loop is copied, repeated, reversed or
// gathered, or, for a transposition, the two loops that are contiguous on either side are walked in
// square tiles.
#pragma once

#include "kernels/copy_nest.h"
#include "kernels/cpu/pieces.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kTile = 16;
constexpr int64_t kRowElements = 16384;  // of an innermost loop that stay together

struct Mover {
  CopyNest nest;
  int across;  // the loop contiguous in the source when the innermost is not, else -1
  int64_t chunk;  // elements of the innermost loop in one unit
  int64_t chunks;  // units of one innermost loop
  int64_t slabs;  // units of the `across` loop, kTile each
  int64_t first;  // number of its first unit
};

// `slabs` tiles of the across loop by the innermost loop.
template <class T>
static inline void transpose_tile(const CopyNest& nest, int across, int64_t slab, const T* x,
                                  T* out) {
  const int inner = nest.rank - 1;
  const int64_t source = nest.source_strides[inner], target = nest.target_strides[across];
  const int64_t begin = slab * kTile;
  const int64_t rest = nest.dims[across] - begin;
  const int64_t height = rest < kTile ? rest : kTile;
  x += begin;  // contiguous along `across`
  out += begin * target;
  for (int64_t j = 0; j < nest.dims[inner]; j += kTile) {
    const int64_t left = nest.dims[inner] - j;
    const int64_t width = left < kTile ? left : kTile;
    T tile[kTile][kTile];
    for (int64_t k = 0; k < width; ++k) {
      for (int64_t i = 0; i < height; ++i) tile[i][k] = x[(j + k) * source + i];
    }
    for (int64_t i = 0; i < height; ++i) {
      T* row = out + i * target + j;
      for (int64_t k = 0; k < width; ++k) row[k] = tile[i][k];
    }
  }
}

template <class T>
static inline void move_row(const T* x, int64_t stride, int64_t n, T* out, int64_t out_stride = 1) {
  if (out_stride != 1) {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = x[i * stride];
  } else if (stride == 1) {
    __builtin_memcpy(out, x, static_cast<size_t>(n) * sizeof(T));
  } else if (stride == 0) {
    const T value = *x;
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else if (stride == -1) {
    for (int64_t i = 0; i < n; ++i) out[i] = x[-i];  // vectors reversed in registers
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = x[i * stride];
  }
}

template <class T>
static inline void move_unit(const Mover& m, int64_t unit, const T* x, T* out) {
  const CopyNest& nest = m.nest;
  const int inner = nest.rank - 1;
  int64_t rest = unit / (m.chunks * m.slabs);
  x += nest.source_start;
  out += nest.target_start;
  for (int d = inner - 1; d >= 0; --d) {
    if (d == m.across) continue;
    x += rest % nest.dims[d] * nest.source_strides[d];
    out += rest % nest.dims[d] * nest.target_strides[d];
    rest /= nest.dims[d];
  }
  if (m.across >= 0) return transpose_tile(nest, m.across, unit % m.slabs, x, out);
  const int64_t begin = unit % m.chunks * m.chunk;
  const int64_t left = nest.dims[inner] - begin;
  const int64_t source = nest.source_strides[inner], target = nest.target_strides[inner];
  move_row(x + begin * source, source, left < m.chunk ? left : m.chunk, out + begin * target,
           target);
}

// Unit sizes of one operand; `first` is where its units start.
static inline void plan_mover(int64_t first, Mover* m) {
  const CopyNest& nest = m->nest;
  const int inner = nest.rank - 1;
  m->first = first;
  m->across = -1;
  m->chunks = m->slabs = 1;
  m->chunk = nest.dims[inner] < kRowElements ? nest.dims[inner] : kRowElements;
  if (nest.count == 0) return;
  if (nest.source_strides[inner] > 1 && nest.target_strides[inner] == 1) {
    for (int d = 0; d < inner; ++d) {
      if (nest.source_strides[d] == 1 && nest.dims[d] >= 4) m->across = d;
    }
  }
  if (m->across >= 0) {
    m->slabs = piece_count(nest.dims[m->across], kTile);
  } else {
    m->chunks = piece_count(nest.dims[inner], m->chunk);
  }
}

static inline int64_t unit_count(const Mover& m) {
  const CopyNest& nest = m.nest;
  if (nest.count == 0) return 0;
  int64_t units = m.chunks * m.slabs;
  for (int d = 0; d + 1 < nest.rank; ++d) {
    if (d != m.across) units *= nest.dims[d];
  }
  return units;
}

}  // namespace pydl::PYDL_ISA
