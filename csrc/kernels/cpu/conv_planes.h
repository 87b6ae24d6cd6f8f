// The forward pass of few filters and channels (the first layer of a network on grey images): a
// vector of filters would be mostly empty, so vectors run along the places of a line.
//
// x is copied to planes, one for each channel, with its padding; a tile is filters by two vectors
// of places, its runs the taps of a window's row, one element apart. It is turned over on its way
// to the result.
#pragma once

#include "kernels/cpu/conv_dense.h"
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/gemm_epilogue.h"
#include "kernels/cpu/gemm_turned.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kMostChannels = 4;

struct Planes {
  DenseAxis axis[kSpatial];
  int64_t batch, channels, filters;
  int64_t padded[kSpatial];  // sizes of a plane; the last one with room for whole vectors
  int bias;
  Activation activation;
  int64_t copy_pieces, pieces;
};

// planes[image][first two axes][channel][last axis]. Piece = a range of lines.
template <class T>
void run_copy_planes(const Call& call, int64_t piece) {
  const Planes& p = *static_cast<const Planes*>(call.params);
  const DenseAxis* a = p.axis;
  const int64_t height = p.padded[1], width = p.padded[2];
  const Range lines = share(p.batch * p.padded[0] * height, p.copy_pieces, piece);
  for (int64_t i = lines.begin; i < lines.end; ++i) {
    const int64_t n = i / (p.padded[0] * height);
    const int64_t d = i / height % p.padded[0] + a[0].first, h = i % height + a[1].first;
    const bool there = d >= 0 && d < a[0].size && h >= 0 && h < a[1].size;
    const T* x =
        operand<T>(call, 0) + ((n * a[0].size + d) * a[1].size + h) * a[2].size * p.channels;
    T* plane = reinterpret_cast<T*>(call.scratch) + i * p.channels * width;
    const int64_t front = least(-a[2].first, width), count = least(a[2].size, width - front);
    for (int64_t c = 0; c < p.channels; ++c, plane += width) {
      for (int64_t w = 0; w < width; ++w) plane[w] = 0;
      for (int64_t w = 0; there && w < count; ++w) plane[front + w] = x[w * p.channels + c];
    }
  }
}

template <class T>
int64_t list_planes(const Planes& p, Run* runs) {
  const DenseAxis* a = p.axis;
  int64_t count = 0;
  for (int64_t i = 0; i < a[0].taps; ++i) {
    for (int64_t j = 0; j < a[1].taps; ++j) {
      const int64_t line = i * a[0].spacing * p.padded[1] + j * a[1].spacing;
      for (int64_t c = 0; c < p.channels; ++c) {
        runs[count++] = {((i * a[1].taps + j) * a[2].taps * p.channels + c) * p.filters,
                         (line * p.channels + c) * p.padded[2], a[2].taps};
      }
    }
  }
  return count;
}

template <class T>
PYDL_INLINE void finish_planes(const Planes& p, const T* bias, int wide, T* tile) {
  const T* none = nullptr;
  for (int64_t k = 0; k < p.filters; ++k) {
    T* row = tile + k * kPanelWidth<T>;
    if (bias) {
      const Vec<T> b = set(bias[k]);
      map_row(row, none, wide, [b](Vec<T> x, Vec<T>) { return x + b; });
    }
    activate_row(row, wide, p.activation);
  }
}

// Piece = a range of lines of the result.
template <class T>
void run_planes(const Call& call, int64_t piece) {
  constexpr int L = kLanes<T>, kWidth = kPanelWidth<T>;
  alignas(64) T tile[(kTileRows + L - 1) / L * L * kWidth];
  const Planes& p = *static_cast<const Planes*>(call.params);
  const DenseAxis* a = p.axis;
  const T* planes = reinterpret_cast<const T*>(call.scratch);
  const T* bias = operand<T>(call, p.bias);
  const int tall = static_cast<int>(p.filters);
  RunTile<T> t{};
  t.tile.a = t.next = operand<T>(call, 1);
  t.tile.a_row = 1;
  t.tile.a_col = p.channels * p.filters;
  t.tile.b_stride = a[2].spacing;
  t.tile.c = tile;
  t.tile.c_stride = kWidth;
  t.runs = reinterpret_cast<const Run*>(call.worker);
  t.count = list_planes<T>(p, reinterpret_cast<Run*>(call.worker));
  const Range lines = share(p.batch * a[0].places * a[1].places, p.pieces, piece);
  for (int64_t i = lines.begin; i < lines.end; ++i) {
    const int64_t n = i / (a[0].places * a[1].places);
    const int64_t d = i / a[1].places % a[0].places * a[0].step, h = i % a[1].places * a[1].step;
    const T* line = planes + ((n * p.padded[0] + d) * p.padded[1] + h) * p.channels * p.padded[2];
    T* out = static_cast<T*>(call.out[0]) + i * a[2].places * p.filters;
    for (int64_t w = 0; w < a[2].places; w += kWidth) {
      const int wide = static_cast<int>(least<int64_t>(kWidth, a[2].places - w));
      t.tile.b = line + w;
      pick_runs<T>(tall, wide > L ? kTileVectors : 1, false)(t);
      finish_planes(p, bias, wide, tile);
      store_turned(tile, kWidth, tall, wide, out + w * p.filters, p.filters);
    }
  }
}

}  // namespace pydl::PYDL_ISA
