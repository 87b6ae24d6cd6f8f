// Part of vec.h: AVX-512 (F, BW, VL, DQ).
#pragma once

// GCC 12 calls its own _mm512_undefined_* uninitialized (PR 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace pydl::PYDL_ISA {

template <>
struct Mask<float> {
  __mmask16 m;
};
template <>
struct Mask<double> {
  __mmask8 m;
};
template <class T>
PYDL_INLINE Mask<T> operator&(Mask<T> a, Mask<T> b) {
  return {static_cast<decltype(a.m)>(a.m & b.m)};
}
template <class T>
PYDL_INLINE Mask<T> operator|(Mask<T> a, Mask<T> b) {
  return {static_cast<decltype(a.m)>(a.m | b.m)};
}
template <class T>
PYDL_INLINE Mask<T> operator~(Mask<T> a) {
  return {static_cast<decltype(a.m)>(~a.m)};
}
template <class T>
PYDL_INLINE bool any(Mask<T> a) {
  return a.m != 0;
}
template <class T>
PYDL_INLINE bool all(Mask<T> a) {
  return a.m == static_cast<decltype(a.m)>(-1);
}
template <class T>
PYDL_INLINE Mask<T> first_lanes(int n) {
  return {static_cast<decltype(Mask<T>::m)>((1u << n) - 1)};
}

PYDL_INLINE Vec<float> load_n(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(first_lanes<float>(n).m, p)};
}
PYDL_INLINE Vec<double> load_n(const double* p, int n) {
  return {_mm512_maskz_loadu_pd(first_lanes<double>(n).m, p)};
}
PYDL_INLINE void store_n(float* p, Vec<float> a, int n) {
  _mm512_mask_storeu_ps(p, first_lanes<float>(n).m, a.v);
}
PYDL_INLINE void store_n(double* p, Vec<double> a, int n) {
  _mm512_mask_storeu_pd(p, first_lanes<double>(n).m, a.v);
}

PYDL_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
PYDL_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {_mm512_fmadd_pd(a.v, b.v, c.v)};
}
PYDL_INLINE Vec<float> fnma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {_mm512_fnmadd_ps(a.v, b.v, c.v)};
}
PYDL_INLINE Vec<double> fnma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {_mm512_fnmadd_pd(a.v, b.v, c.v)};
}
PYDL_INLINE Vec<float> sqrt(Vec<float> a) { return {_mm512_sqrt_ps(a.v)}; }
PYDL_INLINE Vec<double> sqrt(Vec<double> a) { return {_mm512_sqrt_pd(a.v)}; }
PYDL_INLINE Vec<float> max_fast(Vec<float> a, Vec<float> b) { return {_mm512_max_ps(a.v, b.v)}; }
PYDL_INLINE Vec<double> max_fast(Vec<double> a, Vec<double> b) { return {_mm512_max_pd(a.v, b.v)}; }
PYDL_INLINE Vec<float> min_fast(Vec<float> a, Vec<float> b) { return {_mm512_min_ps(a.v, b.v)}; }
PYDL_INLINE Vec<double> min_fast(Vec<double> a, Vec<double> b) { return {_mm512_min_pd(a.v, b.v)}; }

#define PYDL_COMPARE(name, predicate)                           \
  PYDL_INLINE Mask<float> name(Vec<float> a, Vec<float> b) {    \
    return {_mm512_cmp_ps_mask(a.v, b.v, predicate)};           \
  }                                                             \
  PYDL_INLINE Mask<double> name(Vec<double> a, Vec<double> b) { \
    return {_mm512_cmp_pd_mask(a.v, b.v, predicate)};           \
  }
PYDL_COMPARE(eq, _CMP_EQ_OQ)
PYDL_COMPARE(ne, _CMP_NEQ_UQ)
PYDL_COMPARE(lt, _CMP_LT_OQ)
PYDL_COMPARE(le, _CMP_LE_OQ)
PYDL_COMPARE(gt, _CMP_GT_OQ)
PYDL_COMPARE(ge, _CMP_GE_OQ)
#undef PYDL_COMPARE

PYDL_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) {
  return {_mm512_mask_blend_ps(m.m, b.v, a.v)};
}
PYDL_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm512_mask_blend_pd(m.m, b.v, a.v)};
}

template <class T>
PYDL_INLINE Mask<T> mask_from_bytes(const uint8_t* p, int n) {
  const __m128i bytes = _mm_maskz_loadu_epi8(first_lanes<T>(n).m, p);
  return {static_cast<decltype(Mask<T>::m)>(_mm_test_epi8_mask(bytes, bytes))};
}
template <class T>
PYDL_INLINE void mask_to_bytes(uint8_t* p, Mask<T> a, int n) {
  _mm_mask_storeu_epi8(p, first_lanes<T>(n).m, _mm_maskz_set1_epi8(a.m, 1));
}

PYDL_INLINE Vec<float> round_nearest(Vec<float> a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
PYDL_INLINE Vec<double> round_nearest(Vec<double> a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
PYDL_INLINE Vec<float> floor(Vec<float> a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
PYDL_INLINE Vec<double> floor(Vec<double> a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
PYDL_INLINE Vec<float> scale_by_pow2(Vec<float> a, Vec<float> k) {
  return {_mm512_scalef_ps(a.v, k.v)};
}
PYDL_INLINE Vec<double> scale_by_pow2(Vec<double> a, Vec<double> k) {
  return {_mm512_scalef_pd(a.v, k.v)};
}
PYDL_INLINE Vec<float> exponent(Vec<float> a) { return {_mm512_getexp_ps(a.v)}; }
PYDL_INLINE Vec<double> exponent(Vec<double> a) { return {_mm512_getexp_pd(a.v)}; }
PYDL_INLINE Vec<float> mantissa(Vec<float> a) {
  return {_mm512_getmant_ps(a.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)};
}
PYDL_INLINE Vec<double> mantissa(Vec<double> a) {
  return {_mm512_getmant_pd(a.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)};
}

PYDL_INLINE void mul_wide(VecU a, VecU b, VecU* hi, VecU* lo) {
  const __m512i x = reinterpret_cast<__m512i>(a), y = reinterpret_cast<__m512i>(b);
  const __m512i even = _mm512_mul_epu32(x, y);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32));
  *lo = reinterpret_cast<VecU>(_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
  *hi = reinterpret_cast<VecU>(_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd));
}
PYDL_INLINE Mask<float> ge_u(VecU a, VecU b) {
  return {_mm512_cmpge_epu32_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b))};
}

}  // namespace pydl::PYDL_ISA
