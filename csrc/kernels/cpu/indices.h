// Indices that may be bad: those are found, and stand for zeros.
#pragma once

#include "kernels/cpu/fault.h"
#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

template <class Index>
PYDL_INLINE bool in_range(Index k, int64_t size) {
  return static_cast<uint64_t>(static_cast<int64_t>(k)) < static_cast<uint64_t>(size);
}

constexpr int64_t kChecked = 256;  // indices looked at together

template <class Index>
PYDL_INLINE bool all_in_range(const Index* indices, int64_t n, int64_t size) {
  int bad = 0;
  for (int64_t k = 0; k < n; ++k) bad |= !in_range(indices[k], size);
  return bad == 0;
}

// 0, or 1 + the position of the first bad index in [begin, end).
template <class Index>
static inline int64_t find_bad(const Index* indices, int64_t begin, int64_t end, int64_t size) {
  for (int64_t i = begin; i < end; i += kChecked) {
    const int64_t stop = i + kChecked < end ? i + kChecked : end;
    if (all_in_range(indices + i, stop - i, size)) continue;
    for (int64_t k = i; k < stop; ++k) {
      if (!in_range(indices[k], size)) return k + 1;
    }
  }
  return 0;
}

// x[k] for every index k, 0 for the bad ones. Returns 0, or 1 + the position of the first of those.
template <class T, class Index>
static inline int64_t take_numbers(const T* x, int64_t size, const Index* indices, int64_t n,
                                   T* out) {
  int64_t bad = 0;
  for (int64_t j = 0; j < n; j += kChecked) {
    const int64_t stop = j + kChecked < n ? j + kChecked : n;
    if (all_in_range(indices + j, stop - j, size)) {
#pragma GCC unroll 4
      for (int64_t k = j; k < stop; ++k) out[k] = x[indices[k]];
      continue;
    }
    if (bad == 0) bad = find_bad(indices, j, stop, size);
    for (int64_t k = j; k < stop; ++k) {
      out[k] = in_range(indices[k], size) ? x[indices[k]] : T(0);
    }
  }
  return bad;
}

}  // namespace pydl::PYDL_ISA
