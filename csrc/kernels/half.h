// 16-bit floats as they lie in memory, and their conversions: exact to float, to the nearest (ties
// to even) back. POD, integer arithmetic: the same bits on every machine. GPUs have instructions
// for it, whose results differ in the payload of NaN alone.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define PYDL_CONVERT __host__ __device__ __forceinline__
#else
#define PYDL_CONVERT inline __attribute__((always_inline))
#endif

namespace pydl {

struct Half {  // IEEE 754 binary16
  uint16_t word;
};
struct BFloat {  // the upper half of a float
  uint16_t word;
};

PYDL_CONVERT uint32_t float_word(float x) {
  uint32_t word;
  __builtin_memcpy(&word, &x, sizeof word);
  return word;
}
PYDL_CONVERT float word_float(uint32_t word) {
  float x;
  __builtin_memcpy(&x, &word, sizeof x);
  return x;
}

PYDL_CONVERT float widen(BFloat x) { return word_float(static_cast<uint32_t>(x.word) << 16); }

// Exponent and mantissa move to their places in a float; the exponent's bias is corrected by
// adding, for infinities and NaN once more, and for subnormals by a subtraction that renormalizes.
PYDL_CONVERT float widen(Half x) {
#ifdef __CUDA_ARCH__
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.word));
  return wide;
#else
  const uint32_t sign = static_cast<uint32_t>(x.word & 0x8000) << 16;
  const uint32_t exponent = x.word & 0x7c00;
  const uint32_t moved = (static_cast<uint32_t>(x.word & 0x7fff) << 13) + (112u << 23);
  const uint32_t quiet = (x.word & 0x3ff) != 0 ? 1u << 22 : 0;
  const uint32_t special = (moved + (112u << 23)) | quiet;
  const uint32_t small = float_word(word_float(moved + (1u << 23)) - word_float(113u << 23));
  const uint32_t size = exponent == 0x7c00 ? special : exponent == 0 ? small : moved;
  return word_float(sign | size);
#endif
}

PYDL_CONVERT void narrow(float x, BFloat* out) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out->word) : "f"(x));
#else
  const uint32_t word = float_word(x);
  const uint32_t rounded = (word + 0x7fff + ((word >> 16) & 1)) >> 16;
  const uint32_t nan = (word >> 16) | 0x40;
  out->word = static_cast<uint16_t>(x != x ? nan : rounded);
#endif
}

// Subnormals are rounded by the addition of 0.5, whose unit in the last place is theirs.
PYDL_CONVERT void narrow(float x, Half* out) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out->word) : "f"(x));
#else
  const uint32_t word = float_word(x);
  const uint32_t size = word & 0x7fffffff;
  const uint32_t normal = (size - (112u << 23) + 0xfff + ((size >> 13) & 1)) >> 13;
  const uint32_t small = float_word(word_float(size) + 0.5f) - (126u << 23);
  const uint32_t large = size > 0x7f800000 ? 0x7e00 | ((size >> 13) & 0x3ff) : 0x7c00;
  const uint32_t result = size >= 0x47800000 ? large : size < 0x38800000 ? small : normal;
  out->word = static_cast<uint16_t>(((word >> 16) & 0x8000) | result);
#endif
}

// A double goes through a float rounded to odd, which does not disturb the second rounding.
template <class To>
PYDL_CONVERT void narrow(double x, To* out) {
  const float near = static_cast<float>(x);
  const double back = static_cast<double>(near);
  uint32_t word = float_word(near);
  if (back != x && x == x) {
    const bool beyond = (back < 0 ? -back : back) > (x < 0 ? -x : x);
    word = (word - (beyond ? 1 : 0)) | 1;
  }
  narrow(word_float(word), out);
}

}  // namespace pydl
