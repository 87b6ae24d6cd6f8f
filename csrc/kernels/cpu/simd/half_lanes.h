// Vectors between float and the 16-bit floats where an instruction set has more than kernels/half.h
// lets the compiler find: the same bits.
#pragma once

#include "kernels/cpu/simd/vec.h"
#include "kernels/half.h"
#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace pydl::PYDL_ISA {

template <class To, class From>
constexpr bool kConvertsVectors = false;

#if defined(__AVX512F__)
template <>
constexpr bool kConvertsVectors<float, Half> = true;
template <>
constexpr bool kConvertsVectors<Half, float> = true;
template <>
constexpr bool kConvertsVectors<float, BFloat> = true;
template <>
constexpr bool kConvertsVectors<BFloat, float> = true;

PYDL_INLINE void convert_vector(const Half* x, float* out) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  _mm512_storeu_ps(out, _mm512_cvtph_ps(words));
}
PYDL_INLINE void convert_vector(const float* x, Half* out) {
  const __m256i words = _mm512_cvtps_ph(_mm512_loadu_ps(x), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), words);
}
PYDL_INLINE void convert_vector(const BFloat* x, float* out) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  _mm512_storeu_si512(out, _mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
}
PYDL_INLINE void convert_vector(const float* x, BFloat* out) {
  const __m512i word = _mm512_loadu_si512(x);
  const __m512i high = _mm512_srli_epi32(word, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd);
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(word, up), 16);
  const __m512 value = _mm512_castsi512_ps(word);
  const __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(result));
}
#elif defined(__F16C__)
template <>
constexpr bool kConvertsVectors<float, Half> = true;
template <>
constexpr bool kConvertsVectors<Half, float> = true;

PYDL_INLINE void convert_vector(const Half* x, float* out) {
  const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
  _mm256_storeu_ps(out, _mm256_cvtph_ps(words));
}
PYDL_INLINE void convert_vector(const float* x, Half* out) {
  const __m128i words = _mm256_cvtps_ph(_mm256_loadu_ps(x), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), words);
}
#endif

}  // namespace pydl::PYDL_ISA
