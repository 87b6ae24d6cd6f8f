// Philox4x32-10 (Salmon et al., SC 2011): ten rounds turn a counter and a key into four random
// words. Scalar and forced inline, so that each including file has its own copy, built with its own
// flags; for the GPU as well.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define PYDL_EVERYWHERE __host__ __device__
#else
#define PYDL_EVERYWHERE
#endif

namespace pydl {

PYDL_EVERYWHERE __attribute__((always_inline)) static inline void philox4x32_10(
    const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

}  // namespace pydl
