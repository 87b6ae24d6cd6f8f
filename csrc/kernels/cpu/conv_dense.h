// What the convolution kernels are told: places of windows on a grid, axis by axis.
//
// A forward pass is one such problem. An input gradient is one for each residue of the places of x
// modulo the strides: the taps that reach places of one residue do so at regular steps through
// grad_out, so each is a convolution of stride 1 whose results lie `out_step` apart.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/gemm.h"

namespace pydl::PYDL_ISA {

struct DenseAxis {
  int64_t size, places, taps;  // of the operand the windows lie on; of the problem; of a window
  int64_t step, first, spacing;  // tap t at place q lies at q * step + first + t * spacing
  int64_t out_size, out_step, out_first;  // place q of the result lies at q * out_step + out_first
  int64_t window, tap_first, tap_step;  // of the weight: tap t is its tap_first + t * tap_step
};

struct Dense {
  DenseAxis axis[kSpatial];
  int64_t panels;  // where its part of the packed filters begins
  int64_t strips;  // of a line, see conv_strip.h
  int64_t units;  // strips of all images
};

PYDL_INLINE int64_t taps_of(const Dense& d) {
  return d.axis[0].taps * d.axis[1].taps * d.axis[2].taps;
}
PYDL_INLINE int64_t places_of(const Dense& d) {
  return d.axis[0].places * d.axis[1].places * d.axis[2].places;
}

PYDL_INLINE int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
PYDL_INLINE int64_t clamp(int64_t x, int64_t low, int64_t high) {
  return most(low, least(x, high));
}

// The taps of the window at `place` that lie inside; empty ranges may end before they begin.
PYDL_INLINE Range taps_at(const DenseAxis& a, int64_t place) {
  const int64_t at = place * a.step + a.first;
  return {clamp(-floor_div(at, a.spacing), 0, a.taps),
          clamp(floor_div(a.size - 1 - at, a.spacing) + 1, 0, a.taps)};
}
// The places at which tap `tap` lies inside.
PYDL_INLINE Range places_of_tap(const DenseAxis& a, int64_t tap) {
  const int64_t at = a.first + tap * a.spacing;
  return {clamp(-floor_div(at, a.step), 0, a.places),
          clamp(floor_div(a.size - 1 - at, a.step) + 1, 0, a.places)};
}
PYDL_INLINE Range common(Range a, Range b) { return {most(a.begin, b.begin), least(a.end, b.end)}; }
PYDL_INLINE bool is_empty(Range a) { return a.begin >= a.end; }

PYDL_INLINE DenseAxis forward_axis(const WindowShape& p, int i) {
  return {p.size[i],   p.places[i], p.window[i], p.strides[i], -p.low[i], p.dilations[i],
          p.places[i], 1,           0,           p.window[i],  0,         1};
}

PYDL_INLINE int64_t common_divisor(int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// The places of x at residue `phase`: tap r reaches them from grad_out when r * dilation is
// phase + low modulo the stride, in steps of stride / g taps and dilation / g places. The last such
// tap comes first, so that places ascend.
PYDL_INLINE DenseAxis phase_axis(const WindowShape& p, int i, int64_t phase) {
  const int64_t stride = p.strides[i], dilation = p.dilations[i];
  const int64_t g = common_divisor(stride, dilation), period = stride / g;
  DenseAxis a = {};
  a.size = p.places[i];
  a.places = phase < p.size[i] ? (p.size[i] - phase - 1) / stride + 1 : 0;
  a.step = 1;
  a.spacing = dilation / g;
  a.out_size = p.size[i];
  a.out_step = stride;
  a.out_first = phase;
  a.window = p.window[i];
  a.tap_step = -period;
  int64_t r = 0;
  while (r < period && (phase + p.low[i] - r * dilation) % stride != 0) ++r;
  if (r == period || r >= p.window[i]) return a;
  a.taps = (p.window[i] - 1 - r) / period + 1;
  a.tap_first = r + (a.taps - 1) * period;
  a.first = (phase + p.low[i] - a.tap_first * dilation) / stride;
  return a;
}

}  // namespace pydl::PYDL_ISA
