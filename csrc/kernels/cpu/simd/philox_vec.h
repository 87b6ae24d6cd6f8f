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
  *high =
      __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
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

// Half the blocks of a group, a word in the low half of each 64-bit lane; the high halves hold
// whatever the multiplications left there, which the next ones ignore.
using Wide = typename Native<uint64_t>::type;

PYDL_INLINE Wide set_wide(uint64_t x) { return x - Wide{}; }

// The products of the low halves.
PYDL_INLINE Wide mul_low(Wide a, Wide b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Wide>(
      _mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Wide>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Wide>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  const Wide mask = set_wide(0xFFFFFFFFu);
  return (a & mask) * (b & mask);
#endif
}

PYDL_INLINE void philox_round(uint32_t k0, uint32_t k1, Wide c[4]) {
  const Wide p0 = mul_low(c[0], set_wide(0xD2511F53u));
  const Wide p1 = mul_low(c[2], set_wide(0xCD9E8D57u));
  c[0] = (p1 >> 32) ^ c[1] ^ set_wide(k0);
  c[1] = p1;
  c[2] = (p0 >> 32) ^ c[3] ^ set_wide(k1);
  c[3] = p0;
}

// w[j] becomes word j of the blocks `group * kBlockLanes` onwards; `word2` is their third counter
// word. A group never crosses a carry into the second word.
PYDL_INLINE void philox_group(const uint32_t* key, int64_t group, uint32_t word2, VecU w[4]) {
  const uint64_t block = static_cast<uint64_t>(group) * kBlockLanes;
  const Wide first = reinterpret_cast<Wide>(set_u(static_cast<uint32_t>(block)) + iota_u());
  const Wide second = set_wide(block >> 32), third = set_wide(word2);
  Wide even[4] = {first, second, third, set_wide(0)};
  Wide odd[4] = {first >> 32, second, third, set_wide(0)};
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    philox_round(k0, k1, even);
    philox_round(k0, k1, odd);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const Wide low = set_wide(0xFFFFFFFFu);
  for (int j = 0; j < 4; ++j) w[j] = reinterpret_cast<VecU>((even[j] & low) | (odd[j] << 32));
}

// The top 24 bits as a number in [0, 1).
PYDL_INLINE Vec<float> unit_float(VecU w) { return u_to_float(w >> 8) * set(0x1p-24f); }

}  // namespace pydl::PYDL_ISA
