// One operand of a move, cut into units: its innermost loop is copied, repeated, reversed or
// gathered, or, for a transposition, the two loops that are contiguous on either side are walked in
// square tiles.
#pragma once

#include "kernels/copy_nest.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/transposed.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kSlab = 64;  // of the across loop that stay together
constexpr int64_t kSlabElements = 32768;  // of a slab by the innermost loop that stay together
constexpr int64_t kRowElements = 16384;  // of an innermost loop that stay together

struct Mover {
  CopyNest nest;
  int across;  // the loop contiguous in the source when the innermost is not, else -1
  int64_t chunk;  // elements of the innermost loop in one unit
  int64_t chunks;  // units of one innermost loop
  int64_t slab;  // elements of the `across` loop in one unit
  int64_t slabs;  // units of the `across` loop
  int64_t first;  // number of its first unit
};

// A piece of the across loop by a piece of the innermost.
template <class T>
static inline void transpose_tile(const T* x, int64_t source, int64_t height, int64_t width, T* out,
                                  int64_t target) {
  if constexpr (sizeof(T) >= 4) {
    using F = typename Carrier<sizeof(T)>::type;
    return turn(reinterpret_cast<const F*>(x), source, height, width, reinterpret_cast<F*>(out),
                target);
  }
  constexpr int64_t kSide = 16;
  for (int64_t i = 0; i < height; i += kSide) {
    const int64_t high = height - i < kSide ? height - i : kSide;
    for (int64_t j = 0; j < width; j += kSide) {
      const int64_t wide = width - j < kSide ? width - j : kSide;
      T tile[kSide][kSide];
      for (int64_t k = 0; k < wide; ++k) {
        for (int64_t l = 0; l < high; ++l) tile[l][k] = x[(j + k) * source + i + l];
      }
      for (int64_t l = 0; l < high; ++l) {
        for (int64_t k = 0; k < wide; ++k) out[(i + l) * target + j + k] = tile[l][k];
      }
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
  const int64_t begin = unit % m.chunks * m.chunk;
  const int64_t left = nest.dims[inner] - begin;
  const int64_t width = left < m.chunk ? left : m.chunk;
  const int64_t source = nest.source_strides[inner], target = nest.target_strides[inner];
  x += begin * source;
  out += begin * target;
  if (m.across < 0) return move_row(x, source, width, out, target);
  const int64_t row = unit / m.chunks % m.slabs * m.slab;
  const int64_t rest_rows = nest.dims[m.across] - row;
  const int64_t across = nest.target_strides[m.across];
  transpose_tile(x + row, source, rest_rows < m.slab ? rest_rows : m.slab, width,
                 out + row * across, across);
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
      const bool parts = nest.dims[d] > 1 && nest.source_strides[inner] == nest.dims[d];
      if (nest.source_strides[d] == 1 && (nest.dims[d] >= 4 || parts)) m->across = d;
    }
  }
  if (m->across >= 0) {
    // Narrow sides are walked far along the other, in whole vectors.
    const int64_t rows = nest.dims[m->across], width = nest.dims[inner];
    m->slab = width < kSlab ? kSlabElements / width / kSlab * kSlab : kSlab;
    m->slab = m->slab < rows ? m->slab : rows;
    m->chunk = kSlabElements / (m->slab < kSlab ? m->slab : kSlab) / kSlab * kSlab;
    m->chunk = m->chunk < width ? m->chunk : width;
    m->slabs = piece_count(rows, m->slab);
  }
  m->chunks = piece_count(nest.dims[inner], m->chunk);
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
