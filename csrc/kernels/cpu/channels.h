// How kernels of channels-last images go along the channels of a pixel.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/row_sums.h"

namespace pydl::PYDL_ISA {

// fn(j, lanes) for vectors that cover channels [0, n), whole ones where there are as many:
// the last one then overlaps the one before, so fn must not add to what it has written. A pixel of
// fewer channels is one vector: whole if there is `room`, since what that writes of the pixels
// behind is written again later, and whole vectors are faster than their parts.
template <class T, class Fn>
PYDL_INLINE void along_channels(int64_t n, bool room, Fn fn) {
  int64_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) fn(j, kLanes<T>);
  if (j == n) return;
  if (j > 0) return fn(n - kLanes<T>, kLanes<T>);
  if (room) return fn(j, kLanes<T>);
  fn(j, static_cast<int>(n));
}

// kStream: past the caches; whole vectors on aligned memory only.
template <bool kStream, class T>
PYDL_INLINE void put(T* p, Vec<T> a, int lanes) {
  if constexpr (kStream) {
    stream(p, a);
  } else {
    store_lanes(p, a, lanes);
  }
}

PYDL_INLINE bool is_aligned(const void* p) {
  return reinterpret_cast<uintptr_t>(p) % kVectorBytes == 0;
}

}  // namespace pydl::PYDL_ISA
