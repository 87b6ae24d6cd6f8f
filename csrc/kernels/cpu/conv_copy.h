// Copies of lines of x with the zeros of their padding.
#pragma once

#include "kernels/cpu/gemm.h"

namespace pydl::PYDL_ISA {

template <class T>
PYDL_INLINE void copy_run(const T* from, int64_t count, T* to) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= count; i += L) store(to + i, load(from + i));
  if (i < count) {
    const int last = static_cast<int>(count - i);
    store_n(to + i, load_n(from + i, last), last);
  }
}
template <class T>
PYDL_INLINE void clear_run(int64_t count, T* to) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= count; i += L) store(to + i, zero<T>());
  if (i < count) store_n(to + i, zero<T>(), static_cast<int>(count - i));
}

// to[width][channels]: the places [begin, begin + width) of the line of `size` places at x[line],
// zeros where they lie outside. line -1: there is none.
template <class T>
PYDL_INLINE void copy_padded(const T* x, int64_t line, int64_t size, int64_t begin, int64_t width,
                             int64_t channels, T* to) {
  int64_t from = most<int64_t>(0, least(-begin, width));
  int64_t until = most(from, least(size - begin, width));
  if (line < 0) from = until = width;
  clear_run(from * channels, to);
  if (line >= 0) {
    copy_run(x + line + (begin + from) * channels, (until - from) * channels, to + from * channels);
  }
  clear_run((width - until) * channels, to + until * channels);
}

}  // namespace pydl::PYDL_ISA
