// What the three passes of a depthwise convolution share: how an axis is walked, and rows of lines.
//
// All of them run over a source (x; for grad_x the gradient) and a target of as many channels. A
// multiplier above 1 is brought to that case: x is first repeated, channel by channel, in scratch
// memory, or grad_x is made with as many channels as there are filters and then summed.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/channels.h"
#include "kernels/cpu/pieces.h"

namespace pydl::PYDL_ISA {

// Which places of the source meet a place of the target along an axis, by which taps.
struct Axis {
  int64_t source, target, window, stride, dilation, low;
  bool back;  // the target is x: a gradient goes back to the places that its window saw
  int64_t source_step, tap_step;
};

// `count` taps from `tap` on, by tap_step, over places from `source` on, by source_step.
struct Walk {
  int64_t source, tap, count;
};

static inline Axis make_axis(const WindowShape& p, int axis, bool back) {
  Axis a = {back ? p.places[axis] : p.size[axis],
            back ? p.size[axis] : p.places[axis],
            p.window[axis],
            p.strides[axis],
            p.dilations[axis],
            p.low[axis],
            back,
            p.dilations[axis],
            1};
  if (!back) return a;
  int64_t common = a.stride, rest = a.dilation;
  while (rest != 0) {
    const int64_t next = common % rest;
    common = rest;
    rest = next;
  }
  a.source_step = -(a.dilation / common);
  a.tap_step = a.stride / common;
  return a;
}

static inline int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline Walk walk_forward(const Axis& a, int64_t at) {
  const int64_t start = at * a.stride - a.low;
  const int64_t first = start < 0 ? round_up(-start, a.dilation) : 0;
  const int64_t seen = a.source > start ? round_up(a.source - start, a.dilation) : 0;
  const int64_t end = seen < a.window ? seen : a.window;
  return {start + first * a.dilation, first, end > first ? end - first : 0};
}

static inline Walk walk_back(const Axis& a, int64_t at) {
  for (int64_t tap = 0; tap < a.tap_step && tap < a.window; ++tap) {
    const int64_t start = at + a.low - tap * a.dilation;  // of the window in padded places
    if (start < 0) break;
    if (start % a.stride != 0) continue;
    const int64_t place = start / a.stride, step = -a.source_step;
    const int64_t first = place < a.source ? 0 : round_up(place - a.source + 1, step);
    const int64_t taps = round_up(a.window - tap, a.tap_step), places = place / step + 1;
    const int64_t end = taps < places ? taps : places;
    return {place - first * step, tap + first * a.tap_step, end > first ? end - first : 0};
  }
  return {0, 0, 0};
}

static inline Walk walk_at(const Axis& a, int64_t at) {
  return a.back ? walk_back(a, at) : walk_forward(a, at);
}

// Axes whose taps are unrolled.
static inline bool is_unrolled(const Axis& a) {
  const bool known = a.window == 3 || a.window == 5 || a.window == 7;
  return known && a.dilation == 1 && a.stride <= 2;
}

// The places [begin, end) of an axis of the result that see all taps; none if end <= begin.
struct Inside {
  int64_t begin, end;
};

static inline Inside inside_of(const Axis& a) {
  const int64_t room = a.source - a.window + a.low;
  const int64_t end = room < 0 ? 0 : room / a.stride + 1;
  return {round_up(a.low, a.stride), end < a.target ? end : a.target};
}

// A row of the source and the row of taps that meets it.
template <class T>
struct Line {
  const T* source;
  int64_t tap;  // of weight: elements
};

// The lines a row of the target meets; returns how many. `channels` per pixel.
template <class T>
PYDL_INLINE int64_t find_lines(const Axis (&axes)[kSpatial], int64_t channels, int64_t row,
                               const T* source, Line<T>* lines) {
  const int64_t plane = row / axes[1].target, image = plane / axes[0].target;
  const Walk d = walk_at(axes[0], plane - image * axes[0].target);
  const Walk h = walk_at(axes[1], row - plane * axes[1].target);
  int64_t count = 0;
  for (int64_t a = 0; a < d.count; ++a) {
    const int64_t deep = image * axes[0].source + d.source + a * axes[0].source_step;
    const int64_t tap_d = d.tap + a * axes[0].tap_step;
    for (int64_t b = 0; b < h.count; ++b) {
      const int64_t line = deep * axes[1].source + h.source + b * axes[1].source_step;
      const int64_t tap = tap_d * axes[1].window + h.tap + b * axes[1].tap_step;
      lines[count++] = {source + line * axes[2].source * channels, tap * axes[2].window * channels};
    }
  }
  return count;
}

static inline int64_t most_lines(const Axis (&axes)[kSpatial]) {
  int64_t lines = 1;
  for (int i = 0; i < 2; ++i) {
    lines *= axes[i].window < axes[i].source ? axes[i].window : axes[i].source;
  }
  return lines;
}

// Each channel of `pixels` pixels `multiplier` times.
template <class T>
static inline void repeat_channels(const T* x, int64_t pixels, int64_t channels, int64_t multiplier,
                                   T* out) {
  for (int64_t i = 0; i < pixels * channels; ++i) {
    for (int64_t k = 0; k < multiplier; ++k) *out++ = x[i];
  }
}

static inline const char* why_not_depthwise(const OpView& op, const ConvShape& s) {
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  if (s.groups != s.channels) return "a group has several channels";
  if (s.channels < 2) return "one channel";
  return nullptr;
}

}  // namespace pydl::PYDL_ISA
