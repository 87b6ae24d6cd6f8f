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
