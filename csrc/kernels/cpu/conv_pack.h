// Filters in the order the tiles read them: for each dense problem, group and panel of filters
// [taps][channels of the group][width], zeros past the last filter. For an input gradient the
// filters are those of the channels of x, and the taps turned over.
#pragma once

#include "kernels/cpu/conv_copy.h"
#include "kernels/cpu/conv_dense.h"
#include "kernels/cpu/gemm_pack.h"

namespace pydl::PYDL_ISA {

struct Direct {
  int64_t batch, groups;
  int64_t channels, filters;  // in all: of the operand the windows lie on, of the result
  int64_t depth, columns;     // of a group
  int64_t width, panels;      // of a panel; of a group
  int64_t strip;              // places of a strip, at most
  bool turned;                // an input gradient
  bool streams;               // the result outgrows the caches, in whole vectors
  bool packed, derived;       // whether the filters are packed, and beforehand
  bool pads;                  // x is copied with its padding
  int64_t image[kSpatial], low[kSpatial], padded[kSpatial];  // sizes of x, in front, with padding
  int64_t scratch_filters;  // bytes in front of the packed filters
  int bias, residual, out;
  Activation activation, grad;
  int n_dense;
  const Dense* dense;
  int64_t unit_block;  // of the first dense problem
  int64_t unit_pieces, column_pieces, pack_pieces, pad_pieces;
};

PYDL_INLINE int64_t panel_size(const Direct& p, const Dense& d) {
  return taps_of(d) * p.depth * p.width;
}

// One tap of one panel.
template <class T>
void pack_tap(const Direct& p, const T* weight, int64_t tap, int64_t group, int64_t panel,
              T* target) {
  const int width = static_cast<int>(p.width);
  const int64_t n = panel * p.width;
  const int columns = static_cast<int>(least(p.width, p.columns - n));
  if (p.turned) {  // weight[tap][column][filters]: this group's filters are the depth
    pack_panel_transposed(weight + (tap * p.columns + n) * p.channels + group * p.depth, p.channels,
                          p.depth, columns, width, target);
  } else {
    pack_panel(weight + tap * p.depth * p.filters + group * p.columns + n, p.filters, p.depth,
               columns, width, target);
  }
}

// Panels [items) of dense problem `d`, of all groups.
template <class T>
void pack_panels(const Direct& p, const Dense& d, const T* weight, Range items, T* panels) {
  const DenseAxis* a = d.axis;
  const int64_t height = a[1].tap_step, wide = a[2].tap_step;
  // The weight's own window, from which taps are numbered.
  int64_t window[kSpatial];
  for (int i = 0; i < kSpatial; ++i) window[i] = a[i].window;
  for (int64_t item = items.begin; item < items.end; ++item) {
    T* target = panels + d.panels + item * panel_size(p, d);
    for (int64_t r = 0; r < a[0].taps; ++r) {
      for (int64_t s = 0; s < a[1].taps; ++s) {
        const int64_t row = (a[0].tap_first + r * a[0].tap_step) * window[1] + a[1].tap_first;
        for (int64_t t = 0; t < a[2].taps; ++t, target += p.depth * p.width) {
          const int64_t tap = (row + s * height) * window[2] + a[2].tap_first + t * wide;
          pack_tap(p, weight, tap, item / p.panels, item % p.panels, target);
        }
      }
    }
  }
}

template <class T>
void build_filters(const void* params, const void* source, void* target, void*) {
  const Direct& p = *static_cast<const Direct*>(params);
  for (int i = 0; i < p.n_dense; ++i) {
    pack_panels(p, p.dense[i], static_cast<const T*>(source), {0, p.groups * p.panels},
                static_cast<T*>(target));
  }
}

// The first phase. Piece = a range of panels of every dense problem.
template <class T>
void run_pack_filters(const Call& call, int64_t piece) {
  const Direct& p = *static_cast<const Direct*>(call.params);
  const Range items = share(p.groups * p.panels, p.pack_pieces, piece);
  for (int i = 0; i < p.n_dense; ++i) {
    pack_panels(p, p.dense[i], operand<T>(call, 1), items,
                reinterpret_cast<T*>(call.scratch + p.scratch_filters));
  }
}

// x with zeros around it. Piece = a range of lines of the copy.
template <class T>
void run_pad(const Call& call, int64_t piece) {
  const Direct& p = *static_cast<const Direct*>(call.params);
  const T* x = operand<T>(call, 0);
  T* copy = reinterpret_cast<T*>(call.scratch);
  const Range lines = share(p.batch * p.padded[0] * p.padded[1], p.pad_pieces, piece);
  for (int64_t i = lines.begin; i < lines.end; ++i) {
    const int64_t n = i / (p.padded[0] * p.padded[1]);
    const int64_t d = i / p.padded[1] % p.padded[0] - p.low[0], h = i % p.padded[1] - p.low[1];
    const bool there = d >= 0 && d < p.image[0] && h >= 0 && h < p.image[1];
    const int64_t line = ((n * p.image[0] + d) * p.image[1] + h) * p.image[2] * p.channels;
    copy_padded(x, there ? line : -1, p.image[2], -p.low[2], p.padded[2], p.channels,
                copy + i * p.padded[2] * p.channels);
  }
}

}  // namespace pydl::PYDL_ISA
