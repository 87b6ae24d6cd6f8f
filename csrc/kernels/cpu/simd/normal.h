// Uniform numbers to normal ones.
#pragma once

#include "kernels/cpu/simd/math.h"

namespace pydl::PYDL_ISA {

// cos and sin of 2 pi u, 0 <= u < 1. Reduced to quarter turns, exactly, before the multiplication.
template <class T>
PYDL_INLINE void sincos_turns(Vec<T> u, Vec<T>* cosine, Vec<T>* sine) {
  using C = Coefficients<T>;
  const Vec<T> k = round_nearest(u * set(T{4}));
  const Vec<T> r = (u - k * set(T(0.25))) * set(static_cast<T>(6.283185307179586));
  const Vec<T> z = r * r;
  const Vec<T> s = fma(r * z, polynomial(z, C::kSin), r);
  const Vec<T> c = fma(z * z, polynomial(z, C::kCos), set(T{1}) - z * set(T(0.5)));
  const Mask<T> swap = bit_set(k, 0), upper = bit_set(k, 1);
  const Vec<T> turned_sine = select(swap, c, s), turned_cosine = select(swap, s, c);
  *sine = select(upper, -turned_sine, turned_sine);
  *cosine = select(bit_set(k + set(T{1}), 1), -turned_cosine, turned_cosine);
}

// Box and Muller's pair of normal numbers.
template <class T>
PYDL_INLINE void normal_pair(Vec<T> u1, Vec<T> u2, Vec<T>* even, Vec<T>* odd) {
  const Vec<T> radius = sqrt(set(T{-2}) * vlog(set(T{1}) - u1));
  Vec<T> cosine, sine;
  sincos_turns(u2, &cosine, &sine);
  *even = radius * cosine;
  *odd = radius * sine;
}

// The normal distribution cut at +-2, by its inverse: with q = cdf - 1/2, z = q P(-ln(1 - 4 q^2)).
PYDL_INLINE Vec<double> truncated_normal_of(Vec<double> u) {
  static constexpr double kQuantile[] = {
      2.506628274631001,       0.65623374773834256,     0.0326664722968341332,
      -0.00660466485628829034, -0.00036216091093103168, 0.000131836244360678101,
      5.71540541596754721e-6,  -2.86731215134343952e-6, -1.01532316975950275e-7,
      6.12011006184547059e-8,  4.02396992345038564e-9,  -2.21965959190659361e-9,
      1.28043016123181132e-10, 1.93049050002229983e-11, -2.12412975677676903e-12};
  constexpr double kMass = 0.9544997361036415856;  // between -2 and 2
  const Vec<double> q = (u - set(0.5)) * set(kMass);
  const Vec<double> w = zero<double>() - vlog(set(1.0) - set(4.0) * q * q);
  return clamp(q * polynomial(w, kQuantile), -2.0, 2.0);
}

}  // namespace pydl::PYDL_ISA
