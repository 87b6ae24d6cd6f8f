// The index arithmetic of convolutions as products: which pixel of an image a row and a step of K
// of the product meet. Pure functions, tested on the CPU.
//
// All three passes read images by *patches*: rows stand for the places of a window in a batch of
// images, steps for its taps and their channels. In conv and conv_grad_x a patch is a row of A; in
// conv_grad_w places are K, and a patch a column of A.
//
// conv_grad_x by a stride s is a product for each residue of a pixel's coordinates by s: such
// pixels are met by the same taps, and at places that follow each other.
#pragma once

#include "kernels/cuda/gemm_layout.h"

namespace pydl::layout {

constexpr int kAxes = 3;

// n / value for 0 <= n < 2^31. With l = ceil(log2 value), ceil(2^(31 + l) / value) is off by less
// than 2^l in 2^(31 + l), so the quotient is exact.
struct SmallDivisor {
  int value;
  int shift;
  uint32_t magic;
};
constexpr SmallDivisor small_divisor(int value) {
  int bits = 0;
  while ((int64_t{1} << bits) < value) ++bits;
  const uint64_t power = uint64_t{1} << (31 + bits), wide = static_cast<uint64_t>(value);
  return {value, 31 + bits, static_cast<uint32_t>((power + wide - 1) / wide)};
}
PYDL_LAYOUT int quotient(int n, const SmallDivisor& d) {
  return static_cast<int>((static_cast<uint64_t>(n) * d.magic) >> d.shift);
}

// Along an axis of the images, tap t of place i sees coordinate origin + i step + t reach, which is
// a pixel in [0, size).
struct Axis {
  int places, taps;
  int origin, step, reach, size;
};

struct Patches {
  Axis axis[kAxes];
  SmallDivisor places[kAxes];  // of the axes
  SmallDivisor taps[kAxes];
  SmallDivisor inner;          // channels of a tap: the innermost direction of K
  int rows;                    // places of all images
  int steps;                   // taps x inner
};

// Coordinates are smaller than 2^29, so that sums with this one are never inside an image.
constexpr int kMostCoordinate = 1 << 29;
constexpr int kOutside = -(1 << 30);

constexpr Patches make_patches(const Axis (&axis)[kAxes], int64_t batch, int64_t inner) {
  Patches p = {};
  int64_t rows = batch, steps = inner;
  for (int i = 0; i < kAxes; ++i) {
    p.axis[i] = axis[i];
    p.places[i] = small_divisor(axis[i].places > 0 ? axis[i].places : 1);
    p.taps[i] = small_divisor(axis[i].taps > 0 ? axis[i].taps : 1);
    rows *= axis[i].places;
    steps *= axis[i].taps;
  }
  p.inner = small_divisor(inner > 0 ? static_cast<int>(inner) : 1);
  p.rows = static_cast<int>(rows);
  p.steps = static_cast<int>(steps);
  return p;
}

// A number taken apart into one for each axis, the last one innermost, and the rest.
struct Parts {
  int at[kAxes];
  int rest;
};
PYDL_LAYOUT Parts take_apart(int n, const SmallDivisor (&axes)[kAxes]) {
  Parts parts = {};
  for (int i = kAxes - 1; i >= 0; --i) {
    const int outer = quotient(n, axes[i]);
    parts.at[i] = n - outer * axes[i].value;
    n = outer;
  }
  parts.rest = n;
  return parts;
}

// Row `row`: the coordinates of its first tap, and the first pixel of its image.
struct PatchRow {
  int at[kAxes];
  int image;
};
PYDL_LAYOUT PatchRow patch_row(const Patches& p, int row) {
  if (row >= p.rows) return {{kOutside, 0, 0}, 0};
  const Parts place = take_apart(row, p.places);
  PatchRow r = {};
  for (int i = 0; i < kAxes; ++i) r.at[i] = p.axis[i].origin + place.at[i] * p.axis[i].step;
  r.image = place.rest * p.axis[0].size * p.axis[1].size * p.axis[2].size;
  return r;
}

// Step `step` of K, below p.steps: how far its tap is from the first, and its channel.
struct PatchStep {
  int apart[kAxes];
  int channel;
};
PYDL_LAYOUT PatchStep patch_step(const Patches& p, int step) {
  const int tap = quotient(step, p.inner);
  const Parts taps = take_apart(tap, p.taps);
  PatchStep s = {};
  for (int i = 0; i < kAxes; ++i) s.apart[i] = taps.at[i] * p.axis[i].reach;
  s.channel = step - tap * p.inner.value;
  return s;
}

// The pixel, of all images, that a row and a step meet; -1: none.
PYDL_LAYOUT int pixel_of(const Patches& p, const PatchRow& row, const PatchStep& step) {
  int pixel = 0;
  for (int i = 0; i < kAxes; ++i) {
    const int at = row.at[i] + step.apart[i];
    if (static_cast<unsigned>(at) >= static_cast<unsigned>(p.axis[i].size)) return -1;
    pixel = pixel * p.axis[i].size + at;
  }
  return row.image + pixel;
}

// --- sm_90's copy engine walks over images itself ("im2col"), in two axes: from a pixel on, `step`
// by `step` through a box of each image, row by row, then image by image; each pixel is moved by an
// offset that may not be negative, so that taps that reach backwards count from the last one.

PYDL_LAYOUT int box_begin(const Axis& a) {
  return a.reach < 0 ? a.origin + (a.taps - 1) * a.reach : a.origin;
}
PYDL_LAYOUT int box_end(const Axis& a) { return box_begin(a) + (a.places - 1) * a.step + 1; }
PYDL_LAYOUT int tap_offset(const Axis& a, int tap) {
  return a.reach < 0 ? (a.taps - 1 - tap) * -a.reach : tap * a.reach;
}

// Where the walk over the rows from `row` on begins.
struct Walk {
  int w, h, n;
};
PYDL_LAYOUT Walk walk_from(const Patches& p, int row) {
  const Parts place = take_apart(row, p.places);
  return {box_begin(p.axis[2]) + place.at[2] * p.axis[2].step,
          box_begin(p.axis[1]) + place.at[1] * p.axis[1].step, place.rest};
}

// What the engine can express: corners of the box in [-128, 127] from those of the image, offsets
// below 256, steps up to 8. The first axis has to be of one pixel.
constexpr bool takes_walks(const Patches& p) {
  const Axis& first = p.axis[0];
  bool fits = first.places == 1 && first.taps == 1 && first.size == 1 && first.origin == 0;
  for (int i = 1; i < kAxes; ++i) {
    const Axis& a = p.axis[i];
    const int low = box_begin(a), high = box_end(a) - a.size;
    const int reach = a.reach < 0 ? -a.reach : a.reach;
    fits = fits && low >= -128 && low <= 127 && high >= -128 && high <= 127 &&
           (a.taps - 1) * reach < 256 && a.step <= 8;
  }
  return fits;
}

// Which taps of the filters are the product's: along an axis first, first + each, ...
struct TapsOf {
  int first[kAxes], each[kAxes];
  int window[kAxes];
};
PYDL_LAYOUT int filter_tap(const TapsOf& t, const Patches& p, int tap) {
  const Parts parts = take_apart(tap, p.taps);
  int at = 0;
  for (int i = 0; i < kAxes; ++i) at = at * t.window[i] + t.first[i] + parts.at[i] * t.each[i];
  return at;
}

// Which pixels the product's rows are, where they are not all: along an axis first, first + each...
struct RowsOf {
  bool all;
  SmallDivisor places[kAxes];
  int first[kAxes], each[kAxes], size[kAxes];
};
PYDL_LAYOUT int64_t row_place(const RowsOf& r, int64_t row) {
  if (r.all) return row;
  const Parts parts = take_apart(static_cast<int>(row), r.places);
  int at = parts.rest;
  for (int i = 0; i < kAxes; ++i) at = at * r.size[i] + r.first[i] + parts.at[i] * r.each[i];
  return at;
}

// conv_grad_x along an axis, for the pixels that tap `tap` meets, the first tap of those with equal
// residues by the stride: pixel a meets tap r at place (a + low - r dilation) / stride, where that
// is whole.
struct Phase {
  Axis axis;  // places 0: no pixel of x is met
  int first_pixel, first_tap, each_tap;
};
constexpr int greatest_divisor(int a, int b) {
  while (b != 0) {
    const int rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
// Taps below this one have residues of their own, and all residues that taps have.
constexpr int phase_count(int window, int stride, int dilation) {
  const int apart = stride / greatest_divisor(dilation, stride);
  return window < apart ? window : apart;
}
constexpr Phase make_phase(int size, int window, int places, int stride, int dilation, int low,
                           int tap) {
  const int common = greatest_divisor(dilation, stride);
  const int64_t behind = int64_t{tap} * dilation - low, rest = behind % stride;
  const int pixel = static_cast<int>(rest < 0 ? rest + stride : rest);
  Phase phase = {};
  phase.first_pixel = pixel;
  phase.first_tap = tap;
  phase.each_tap = stride / common;
  phase.axis.places = pixel < size ? (size - pixel + stride - 1) / stride : 0;
  phase.axis.taps = (window - tap + phase.each_tap - 1) / phase.each_tap;
  phase.axis.origin = static_cast<int>((pixel - behind) / stride);
  phase.axis.step = 1;
  phase.axis.reach = -(dilation / common);
  phase.axis.size = places;
  return phase;
}

}  // namespace pydl::layout
