// What the Winograd kernels are told: a 3x3 convolution of stride 1 by tiles of 4x4 outputs, each
// from 6x6 pixels. 36 matrix products over the channels, one for each point of a tile, take the
// place of the sums over the window: a quarter of the products of a direct convolution.
//
//   V[36][tiles][channels]    image tiles, transformed
//   U[36][channels][filters]  filters, transformed
//   M[36][tiles][filters]     V U, from which the outputs are transformed
//
// conv_grad_x is the convolution of grad_out by the filters turned round, channels and filters
// exchanged. Of conv_grad_w it is U[36][channels][filters], from V and transformed tiles of
// grad_out, summed over the tiles, that is transformed to 3x3 taps.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/winograd_lines.h"

namespace pydl::PYDL_ISA {

struct Winograd {
  int64_t batch;
  int64_t height, width, channels;            // of the image read
  int64_t out_height, out_width, filters;     // of that written; of conv_grad_w: of grad_out
  int64_t low_rows, low_columns;              // zeros in front of the image read
  int64_t down, across, tiles;                // tiles along an image's sides, and of all images
  bool turned;                                // conv_grad_x
  int bias, residual, out;                    // operands, -1 when absent
  Activation activation, grad;
  bool column_sum;
  DType dtype;

  // Chosen by bind from the shape alone.
  int64_t block, blocks;                      // tiles at most in a block
  int64_t groups;                             // of channels, transformed by themselves
  // conv_grad_w: of its pieces, ranges of vectors of channels, of panels of filters, of tiles.
  int64_t channel_parts, filter_parts, tile_parts;
};

template <class T>
constexpr int kFilterPanel = 2 * kLanes<T>;  // columns of a register tile

PYDL_INLINE int64_t round_up(int64_t n, int64_t unit) { return ceil_div(n, unit) * unit; }

// Strides in elements. Rows and planes are a vector longer than what they hold, so that equal
// places of rows, or of the 36 planes, are not all in one set of a cache.
struct Planes {
  int64_t row, plane;
};
template <class T>
PYDL_INLINE Planes planes_of(int64_t rows, int64_t columns, bool padded) {
  const int64_t row = round_up(columns, kLanes<T>) + (padded ? kLanes<T> : 0);
  return {row, rows * row + kLanes<T>};
}
template <class T>
PYDL_INLINE int64_t planes_bytes(Planes p) {
  return kPoints * p.plane * static_cast<int64_t>(sizeof(T));
}

// Tiles of images [batch][height][width][channels]; outside are zeros.
template <class T>
struct Images {
  const T* data;
  const T* zeros;                 // as many as a row of V
  int64_t height, width, channels;
  int64_t low_rows, low_columns;
};

// Which tile of which image.
struct TilePlace {
  int64_t image, row, column;
};
PYDL_INLINE TilePlace place_of(const Winograd& p, int64_t tile) {
  const int64_t line = tile / p.across;
  return {line / p.down, line % p.down, tile % p.across};
}

// Where the pixels of a tile are, row by row.
template <class T, int kSide>
PYDL_INLINE void find_pixels(const Images<T>& x, TilePlace place, const T* (&at)[kSide * kSide]) {
  const int64_t top = place.row * kInside - x.low_rows;
  const int64_t left = place.column * kInside - x.low_columns;
  for (int r = 0; r < kSide; ++r) {
    const bool here = top + r >= 0 && top + r < x.height;
    const int64_t line = (place.image * x.height + top + r) * x.width + left;
    for (int s = 0; s < kSide; ++s) {
      const bool inside = here && left + s >= 0 && left + s < x.width;
      at[r * kSide + s] = inside ? x.data + (line + s) * x.channels : x.zeros;
    }
  }
}

// Tiles [tiles.begin, tiles.end) of channels [channels.begin, channels.end), which begins at a
// vector's boundary, into planes whose first row and column are theirs. While a tile is transformed
// the next one's new pixels are fetched: caches do not foresee their order.
template <class Line, class T>
void transform_tiles(const Winograd& p, const Images<T>& x, Range tiles, Range channels, T* target,
                     Planes planes) {
  constexpr int L = kLanes<T>, kSide = Line::kFrom;
  const T* tables[2][kSide * kSide];
  find_pixels<T, kSide>(x, place_of(p, tiles.begin), tables[0]);
  for (int64_t i = 0; i < tiles.end - tiles.begin; ++i, target += planes.row) {
    const T*(&at)[kSide * kSide] = tables[i % 2];
    const T*(&next)[kSide * kSide] = tables[(i + 1) % 2];
    find_pixels<T, kSide>(x, place_of(p, least(tiles.begin + i + 1, tiles.end - 1)), next);
    T* to = target;
    const auto put = [&](int r, int s, Vec<T> v)
                         PYDL_EACH { store(to + (r * kAround + s) * planes.plane, v); };
    int64_t c = channels.begin;
    const auto get = [&](int r, int s) PYDL_EACH {
      if (s >= kSide - kInside) prefetch(next[r * kSide + s] + c);
      return load(at[r * kSide + s] + c);
    };
    for (; c + L <= channels.end; c += L, to += L) transform_square<Line, T>(get, put);
    const int last = static_cast<int>(channels.end - c);
    const auto get_last = [&](int r, int s)
                              PYDL_EACH { return load_n(at[r * kSide + s] + c, last); };
    if (last > 0) transform_square<Line, T>(get_last, put);
  }
}

// nullptr: the shape suits; `p` is filled but for what bind chooses.
const char* read_winograd(const OpView& op, Winograd* p);
double direct_products(const Winograd& p);  // of the sums over windows, without those outside
const char* bind_winograd_grad_w(const OpView& op, Binder* binder, Bound* bound);

}  // namespace pydl::PYDL_ISA
