// Filters, transformed: U in panels of the register tile's width, U[panels][36][channels][width].
#pragma once

#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/transposed.h"
#include "kernels/cpu/winograd.h"

namespace pydl::PYDL_ISA {

template <class T>
PYDL_INLINE Planes filter_planes(const Winograd& p) {
  return planes_of<T>(p.channels, kFilterPanel<T>, false);
}

constexpr int kWindow = kTaps * kTaps;

// Taps of `deep` channels from `c` on and `count` filters from `first` on: block[channel][filter].
// conv_grad_x transposes the weight and turns its window round.
template <class T>
PYDL_INLINE void read_taps(const Winograd& p, const T* weight, int tap, int64_t c, int deep,
                           int64_t first, int count, T* block) {
  constexpr int L = kLanes<T>;
  if (p.turned) {
    const T* w = weight + ((kWindow - 1 - tap) * p.filters + first) * p.channels + c;
    return turn_square(w, p.channels, deep, count, block, L);
  }
  const T* w = weight + (tap * p.channels + c) * p.filters + first;
  for (int i = 0; i < deep; ++i) store(block + i * L, load_n(w + i * p.filters, count));
}

// A vector of filters. The taps go through a small block: a power of two often lies between those
// of a filter, and a cache does not hold nine lines of one set.
template <class T>
void transform_filters(const Winograd& p, const T* weight, int64_t first, int count, T* u) {
  constexpr int L = kLanes<T>;
  const Planes planes = filter_planes<T>(p);
  T blocks[kWindow * L * L] = {};  // zero past `count`
  for (int64_t c = 0; c < p.channels; c += L) {
    const int deep = static_cast<int>(least<int64_t>(L, p.channels - c));
    for (int tap = 0; tap < kWindow; ++tap) {
      read_taps(p, weight, tap, c, deep, first, count, blocks + tap * L * L);
    }
    for (int i = 0; i < deep; ++i, u += planes.row) {
      transform_square<FilterLine, T>(
          [&](int r, int s) PYDL_EACH { return load(blocks + ((r * kTaps + s) * L + i) * L); },
          [&](int r, int s, Vec<T> v)
              PYDL_EACH { store(u + (r * kAround + s) * planes.plane, v); });
    }
  }
}

// One panel. Of one whose last vector would be empty only the first is written.
template <class T>
void transform_panel(const Winograd& p, const T* weight, int64_t panel, T* u) {
  constexpr int L = kLanes<T>;
  for (int j = 0; j < kFilterPanel<T>; j += L) {
    const int64_t first = panel * kFilterPanel<T> + j;
    const int count = static_cast<int>(least<int64_t>(L, p.filters - first));
    if (count > 0) transform_filters(p, weight, first, count, u + j);
  }
}

template <class T>
PYDL_INLINE int64_t panels_of(const Winograd& p) {
  return ceil_div(p.filters, kFilterPanel<T>);
}

template <class T>
void build_winograd_filters(const void* params, const void* source, void* target, void*) {
  const Winograd& p = *static_cast<const Winograd*>(params);
  const int64_t size = kPoints * filter_planes<T>(p).plane;
  for (int64_t panel = 0; panel < panels_of<T>(p); ++panel) {
    transform_panel(p, static_cast<const T*>(source), panel,
                    static_cast<T*>(target) + panel * size);
  }
}

}  // namespace pydl::PYDL_ISA
