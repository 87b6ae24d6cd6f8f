// Conversions between the lanes of float and double vectors, and doing something lane by lane.
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
