// Stable sorts of one row of unsigned keys: by rank when it is short, else by digits.
#pragma once

#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kRankedLength = 128;
constexpr int64_t kWideDigits = 6000;  // from this length on digits of 11 bits, below of 8
constexpr int kMostCounts = 6 * 2048;  // of a histogram for each digit of 64 bits

// A key and where it came from.
template <class Key>
struct Keyed {
  Key key;
  uint32_t index;
};

// The key alone, and with its index.
template <class Key>
PYDL_INLINE Key key_of(Key element) {
  return element;
}
template <class Key>
PYDL_INLINE Key key_of(const Keyed<Key>& element) {
  return element.key;
}

// place[i]: where element i of n <= kRankedLength comes. Compares all with all, in vectors: n^2 /
// 16 steps without a branch. Equal keys get one rank and are told apart in order of position.
template <class Key>
static inline void rank_keys(const Key* keys, int64_t n, Key* place) {
  uint8_t seen[kRankedLength];
  for (int64_t j = 0; j < n; ++j) {
    place[j] = 0;
    seen[j] = 0;
  }
  for (int64_t i = 0; i < n; ++i) {
    const Key key = keys[i];
    for (int64_t j = 0; j < n; ++j) place[j] = static_cast<Key>(place[j] + (key < keys[j]));
  }
  for (int64_t j = 0; j < n; ++j) place[j] = static_cast<Key>(place[j] + seen[place[j]]++);
}

template <int kBits, class Key, class Element>
static inline void count_digits(const Element* x, int64_t n, uint32_t* counts) {
  constexpr int kDigits = (8 * static_cast<int>(sizeof(Key)) + kBits - 1) / kBits;
  constexpr Key kMask = static_cast<Key>((uint64_t{1} << kBits) - 1);
  __builtin_memset(counts, 0, sizeof(uint32_t) * (size_t{kDigits} << kBits));
  for (int64_t i = 0; i < n; ++i) {
    const Key key = key_of(x[i]);
    for (int d = 0; d < kDigits; ++d) {
      ++counts[(d << kBits) + static_cast<int>((key >> (d * kBits)) & kMask)];
    }
  }
}

// Sorts `x` by one digit after another, the least first; `other` has room for n too. The result is
// in one of the two, which is returned. n < 2^31.
template <int kBits, class Key, class Element>
static inline Element* sort_digits(Element* x, Element* other, int64_t n, uint32_t* counts) {
  constexpr int kDigits = (8 * static_cast<int>(sizeof(Key)) + kBits - 1) / kBits;
  constexpr Key kMask = static_cast<Key>((uint64_t{1} << kBits) - 1);
  count_digits<kBits, Key>(x, n, counts);
  for (int d = 0; d < kDigits; ++d) {
    uint32_t* starts = counts + (d << kBits);
    const int shift = d * kBits;
    if (starts[(key_of(x[0]) >> shift) & kMask] == n) continue;  // all have this digit
    uint32_t total = 0;
    for (int k = 0; k < 1 << kBits; ++k) {
      const uint32_t count = starts[k];
      starts[k] = total;
      total += count;
    }
    for (int64_t i = 0; i < n; ++i) {
      const Element element = x[i];
      other[starts[(key_of(element) >> shift) & kMask]++] = element;
    }
    Element* sorted = other;
    other = x;
    x = sorted;
  }
  return x;
}

template <class Key, class Element>
static inline Element* sort_keys(Element* x, Element* other, int64_t n, uint32_t* counts) {
  if (sizeof(Key) > 1 && n >= kWideDigits) return sort_digits<11, Key>(x, other, n, counts);
  return sort_digits<8, Key>(x, other, n, counts);
}

}  // namespace pydl::PYDL_ISA
