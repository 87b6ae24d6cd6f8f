// Conversions between the lanes of float and double vectors, small integers beside them, and doing
// something lane by lane.
#pragma once

#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

typedef float HalfFloats __attribute__((vector_size(kVectorBytes / 2)));

PYDL_INLINE Vec<double> widen(HalfFloats half) {
  return {__builtin_convertvector(half, typename Native<double>::type)};
}
PYDL_INLINE Vec<double> widen_load(const float* p) {
  HalfFloats half;
  __builtin_memcpy(&half, p, sizeof half);
  return widen(half);
}
PYDL_INLINE void widen(Vec<float> a, Vec<double>* low, Vec<double>* high) {
#if defined(__AVX512F__)  // GCC 12 converts quarters
  low->v = _mm512_cvtps_pd(_mm512_castps512_ps256(a.v));
  high->v = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1));
  return;
#endif
  HalfFloats halves[2];
  __builtin_memcpy(halves, &a.v, sizeof halves);
  *low = widen(halves[0]);
  *high = widen(halves[1]);
}
PYDL_INLINE Vec<float> narrow(Vec<double> low, Vec<double> high) {
  const HalfFloats halves[2] = {__builtin_convertvector(low.v, HalfFloats),
                                __builtin_convertvector(high.v, HalfFloats)};
  Vec<float> r;
  __builtin_memcpy(&r.v, halves, sizeof halves);
  return r;
}

// A store past the caches, for results that would push everything else out of them and are not read
// soon. `p` must be aligned to a vector. The piece that made some ends with stream_fence().
constexpr int64_t kStreamBytes = int64_t{24} << 20;  // an op that moves less stores plainly

#if defined(__AVX512F__)
PYDL_INLINE void stream(float* p, Vec<float> a) { _mm512_stream_ps(p, a.v); }
PYDL_INLINE void stream(double* p, Vec<double> a) { _mm512_stream_pd(p, a.v); }
#elif defined(__AVX__)
PYDL_INLINE void stream(float* p, Vec<float> a) { _mm256_stream_ps(p, a.v); }
PYDL_INLINE void stream(double* p, Vec<double> a) { _mm256_stream_pd(p, a.v); }
#elif defined(__SSE2__)
PYDL_INLINE void stream(float* p, Vec<float> a) { _mm_stream_ps(p, a.v); }
PYDL_INLINE void stream(double* p, Vec<double> a) { _mm_stream_pd(p, a.v); }
#else
template <class T>
PYDL_INLINE void stream(T* p, Vec<T> a) {
  store(p, a);
}
#endif
PYDL_INLINE void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// fn of every lane: for arguments whose range is beyond the polynomials.
template <class T, class Fn>
PYDL_INLINE Vec<T> by_lane(Vec<T> a, Fn fn) {
  for (int i = 0; i < kLanes<T>; ++i) a.v[i] = fn(a.v[i]);
  return a;
}
template <class T, class Fn>
PYDL_INLINE Vec<T> by_lane(Vec<T> a, Vec<T> b, Fn fn) {
  for (int i = 0; i < kLanes<T>; ++i) a.v[i] = fn(a.v[i], b.v[i]);
  return a;
}

// Where two integers are equal.
template <class T>
PYDL_INLINE Mask<T> eq_ints(VecI<T> a, VecI<T> b) {
#if defined(__AVX512F__)
  const __m512i x = reinterpret_cast<__m512i>(a), y = reinterpret_cast<__m512i>(b);
  if constexpr (sizeof(T) == 4) {
    return {_mm512_cmpeq_epi32_mask(x, y)};
  } else {
    return {_mm512_cmpeq_epi64_mask(x, y)};
  }
#else
  return {a == b};
#endif
}

// An integer for each lane of a Vec<T>, kept in memory as I: uint8_t, fast, or int32_t. The first n
// lanes; others 0 / untouched. No integer that is stored is negative.
template <class T, class I>
PYDL_INLINE VecI<T> load_ints(const I* p, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(I) == 1) {
    const __m128i bytes = _mm_maskz_loadu_epi8(first_lanes<T>(n).m, p);
    if constexpr (sizeof(T) == 4) {
      return reinterpret_cast<VecI<T>>(_mm512_cvtepu8_epi32(bytes));
    } else {
      return reinterpret_cast<VecI<T>>(_mm512_cvtepu8_epi64(bytes));
    }
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(I) == 1 && sizeof(T) == 4) {
    const __m128i* bytes = reinterpret_cast<const __m128i*>(p);
    if (n == kLanes<T>) {
      return reinterpret_cast<VecI<T>>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes)));
    }
  }
#endif
  typename Format<T>::Int lanes[kLanes<T>] = {};
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) lanes[i] = p[i];
  }
  VecI<T> r;
  __builtin_memcpy(&r, lanes, sizeof r);
  return r;
}
template <class T, class I>
PYDL_INLINE void store_ints(I* p, VecI<T> a, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(I) == 1) {
    const __m512i wide = reinterpret_cast<__m512i>(a);
    __m128i bytes;
    if constexpr (sizeof(T) == 4) {
      bytes = _mm512_cvtepi32_epi8(wide);
    } else {
      bytes = _mm512_cvtepi64_epi8(wide);
    }
    return _mm_mask_storeu_epi8(p, first_lanes<T>(n).m, bytes);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(I) == 1 && sizeof(T) == 4) {
    if (n == kLanes<T>) {
      const __m256i wide = reinterpret_cast<__m256i>(a);
      const __m128i pairs =
          _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
      return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(pairs, pairs));
    }
  }
#endif
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) p[i] = static_cast<I>(a[i]);
  }
}

// Square root within 1 ulp that leaves the divider, which also takes square roots and is the limit
// of an optimizer's loop, to the division: one Newton step from a 14-bit guess.
template <class T>
PYDL_INLINE Vec<T> root(Vec<T> a) {
  return sqrt(a);
}
#if defined(__AVX512F__)
PYDL_INLINE Vec<float> root(Vec<float> a) {
  const Vec<float> guess = {_mm512_rsqrt14_ps(a.v)};
  const Vec<float> s = a * guess;
  const Vec<float> correction = fnma(s, set(0.5f) * guess, set(0.5f));
  // 0 and infinity are their own roots; there the guess is infinite or 0.
  const Mask<float> own = eq(a, zero<float>()) | eq(a, set(__builtin_inff()));
  return select(own, a, fma(s, correction, s));
}
#endif

// All bits set in the lanes where bit `bit` of k is, for an integral |k| < 2^22.
template <class T>
PYDL_INLINE Mask<T> bit_set(Vec<T> k, int bit) {
  using Int = typename Format<T>::Int;
  const VecI<T> low = bits(k + set(static_cast<T>(Format<T>::kIntegral * 1.5)));
  const VecI<T> one = (low >> bit) & Int{1};
  return ne(from_bits<T>(one | bits(set(T{1}))) - set(T{1}), from_bits<T>(bits(zero<T>())));
}

}  // namespace pydl::PYDL_ISA
