// From M to the image written, with the epilogue.
#pragma once

#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/winograd.h"

namespace pydl::PYDL_ISA {

// One vector of filters of one tile.
template <class T>
struct TileOutput {
  T* out;                    // the tile's first pixel
  const T* residual;         // the same place; null for none
  const T* grad_of;          // what the activation whose gradient is taken gave
  const T* bias;
  int64_t line, pixel;       // strides of the image
  int rows, columns, lanes;  // what of it is inside the image
  Finish finish;
};

template <class T, bool kWhole>
PYDL_INLINE Vec<T> load_place(const TileOutput<T>& t, const T* image, int r, int s) {
  if (!kWhole && (r >= t.rows || s >= t.columns)) return zero<T>();
  const T* at = image + r * t.line + s * t.pixel;
  return kWhole ? load(at) : load_n(at, t.lanes);
}

template <class T, bool kWhole>
PYDL_INLINE void write_tile(const TileOutput<T>& t, Vec<T> (&y)[kInside][kInside]) {
  constexpr int kAll = kInside * kInside;
  const Vec<T> none = zero<T>();
  if (t.residual) {
#pragma GCC unroll 16
    for (int i = 0; i < kAll; ++i) {
      y[i / 4][i % 4] = y[i / 4][i % 4] + load_place<T, kWhole>(t, t.residual, i / 4, i % 4);
    }
  }
  if (t.finish == Finish::kRelu) {
#pragma GCC unroll 16
    for (int i = 0; i < kAll; ++i) y[i / 4][i % 4] = max_fast(none, y[i / 4][i % 4]);
  } else if (t.finish == Finish::kReluGrad) {
#pragma GCC unroll 16
    for (int i = 0; i < kAll; ++i) {
      const Mask<T> open = gt(load_place<T, kWhole>(t, t.grad_of, i / 4, i % 4), none);
      y[i / 4][i % 4] = select(open, y[i / 4][i % 4], none);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kAll; ++i) {
    const int r = i / kInside, s = i % kInside;
    if (!kWhole && (r >= t.rows || s >= t.columns)) continue;
    T* to = t.out + r * t.line + s * t.pixel;
    if (kWhole) {
      store(to, y[r][s]);
    } else {
      store_n(to, y[r][s], t.lanes);
    }
  }
}

template <class T, bool kWhole>
void transform_output(const TileOutput<T>& t, const T* m, int64_t plane) {
  const Vec<T> bias = t.bias ? load_n(t.bias, t.lanes) : zero<T>();
  Vec<T> y[kInside][kInside];
  transform_square<OutputLine, T>([&](int r, int s)
                                      PYDL_EACH { return load(m + (r * kAround + s) * plane); },
                                  [&](int r, int s, Vec<T> v) PYDL_EACH { y[r][s] = v + bias; });
  write_tile<T, kWhole>(t, y);
}

// Activations the registers do not know go over the tile's pixels once more.
template <class T>
void finish_tile_rows(const Winograd& p, const TileOutput<T>& t) {
  for (int r = 0; r < t.rows; ++r) {
    for (int s = 0; s < t.columns; ++s) {
      const int64_t at = r * t.line + s * t.pixel;
      activate_row(t.out + at, t.lanes, p.activation);
      if (t.grad_of) grad_row(t.out + at, t.grad_of + at, t.lanes, p.grad);
    }
  }
}

PYDL_INLINE Finish tile_finish(const Winograd& p) {
  if (p.activation == Activation::kRelu) return Finish::kRelu;
  return p.grad == Activation::kRelu ? Finish::kReluGrad : Finish::kStore;
}

// Filters [first, first + columns) of tiles [tiles.begin, tiles.end), from M[36][tiles][panel].
template <class T>
void write_tiles(const Winograd& p, const Call& call, Range tiles, int64_t first, int columns,
                 const T* m, Planes planes) {
  constexpr int L = kLanes<T>;
  const T* bias = operand<T>(call, p.bias);
  const T* residual = operand<T>(call, p.residual);
  const T* grad_of = operand<T>(call, p.out);
  TileOutput<T> t{};
  t.pixel = p.filters;
  t.line = p.out_width * p.filters;
  t.finish = tile_finish(p);
  const bool rest = t.finish == Finish::kStore &&
                    (p.activation != Activation::kNone || p.grad != Activation::kNone);
  for (int64_t i = tiles.begin; i < tiles.end; ++i, m += planes.row) {
    const TilePlace place = place_of(p, i);
    const int64_t row = place.row * kInside, column = place.column * kInside;
    const int64_t at = ((place.image * p.out_height + row) * p.out_width + column) * p.filters;
    t.rows = static_cast<int>(least<int64_t>(kInside, p.out_height - row));
    t.columns = static_cast<int>(least<int64_t>(kInside, p.out_width - column));
    for (int j = 0; j < columns; j += L) {
      const int64_t k = at + first + j;
      t.out = static_cast<T*>(call.out[0]) + k;
      t.residual = residual ? residual + k : nullptr;
      t.grad_of = grad_of ? grad_of + k : nullptr;
      t.bias = bias ? bias + first + j : nullptr;
      t.lanes = least(L, columns - j);
      if (t.rows == kInside && t.columns == kInside && t.lanes == L) {
        transform_output<T, true>(t, m + j, planes.plane);
      } else {
        transform_output<T, false>(t, m + j, planes.plane);
      }
      if (rest) finish_tile_rows(p, t);
    }
  }
}

}  // namespace pydl::PYDL_ISA
