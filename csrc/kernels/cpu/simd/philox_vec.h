// Philox4x32-10 over vectors: one block per lane, then the words in element order. The scalar
// definition is kernels/philox.h; the bits are the same for every vector width.
#pragma once

#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

constexpr int kBlockLanes = kLanes<float>;      // blocks side by side
constexpr int kGroupWords = 4 * kBlockLanes;    // words they make

// a0 b0 a1 b1 ... of the lower and the upper halves.
PYDL_INLINE void zip(VecU a, VecU b, VecU* low, VecU* high) {
#if defined(__AVX512F__)
  *low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  *high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                  31);
#elif defined(__AVX2__)
  *low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  *high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  *low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  *high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

// Word j of every block, to the words in element order: block 0's four, block 1's four, ...
PYDL_INLINE void interleave(VecU w[4]) {
  VecU even_low, even_high, odd_low, odd_high;
  zip(w[0], w[2], &even_low, &even_high);
  zip(w[1], w[3], &odd_low, &odd_high);
  zip(even_low, odd_low, &w[0], &w[1]);
  zip(even_high, odd_high, &w[2], &w[3]);
}
PYDL_INLINE void interleave(Vec<float> v[4]) {
  VecU w[4];
  for (int j = 0; j < 4; ++j) w[j] = reinterpret_cast<VecU>(v[j].v);
  interleave(w);
  for (int j = 0; j < 4; ++j) v[j].v = reinterpret_cast<typename Native<float>::type>(w[j]);
}

// w[j] becomes word j of the blocks `group * kBlockLanes` onwards; `word2` is their third counter
// word. A group never crosses a carry into the second word.
PYDL_INLINE void philox_group(const uint32_t* key, int64_t group, uint32_t word2, VecU w[4]) {
  const uint64_t block = static_cast<uint64_t>(group) * kBlockLanes;
  VecU c0 = set_u(static_cast<uint32_t>(block)) + iota_u();
  VecU c1 = set_u(static_cast<uint32_t>(block >> 32));
  VecU c2 = set_u(word2), c3 = set_u(0);
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    VecU high0, low0, high1, low1;
    mul_wide(c0, set_u(0xD2511F53u), &high0, &low0);
    mul_wide(c2, set_u(0xCD9E8D57u), &high1, &low1);
    c0 = high1 ^ c1 ^ set_u(k0);
    c1 = low1;
    c2 = high0 ^ c3 ^ set_u(k1);
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  w[0] = c0;
  w[1] = c1;
  w[2] = c2;
  w[3] = c3;
}

// The top 24 bits as a number in [0, 1).
PYDL_INLINE Vec<float> unit_float(VecU w) { return u_to_float(w >> 8) * set(0x1p-24f); }

}  // namespace pydl::PYDL_ISA
