// Uniform numbers to normal ones, by the polynomials of the CPU kernels.
#pragma once

#include "kernels/cuda/device/scalar.h"

namespace pydl::PYDL_GPU {

template <class T, int n>
__forceinline__ __device__ T polynomial(T x, const T (&c)[n]) {
  T result = c[n - 1];
#pragma unroll
  for (int k = n - 2; k >= 0; --k) result = fused(result, x, c[k]);
  return result;
}

// sin(r) and cos(r) for |r| <= pi / 4, z = r * r.
static __forceinline__ __device__ void sincos_near_zero(float r, float z, float* sine,
                                                        float* cosine) {
  constexpr float kSin[] = {-0.1666666666f, 0.008333331853f, -0.0001984007492f, 2.724839722e-6f};
  constexpr float kCos[] = {0.04166666463f, -0.001388829718f, 2.454668055e-5f};
  *sine = fmaf(r * z, polynomial(z, kSin), r);
  *cosine = fmaf(z * z, polynomial(z, kCos), 1.0f - z * 0.5f);
}
static __forceinline__ __device__ void sincos_near_zero(double r, double z, double* sine,
                                                        double* cosine) {
  constexpr double kSin[] = {-0.166666666666666667,    0.00833333333333333144,
                             -0.000198412698412649445, 2.75573192192452756e-6,
                             -2.50521062000529936e-8,  1.60585264971450965e-10,
                             -7.58639594791669106e-13};
  constexpr double kCos[] = {0.0416666666666666667,    -0.00138888888888888878,
                             0.0000248015873015845795, -2.75573192213508456e-7,
                             2.08767557730697526e-9,   -1.14704580399656866e-11,
                             4.74570445679278622e-14};
  *sine = fma(r * z, polynomial(z, kSin), r);
  *cosine = fma(z * z, polynomial(z, kCos), 1.0 - z * 0.5);
}

// cos and sin of 2 pi u, 0 <= u < 1. Reduced to quarter turns, exactly, before the multiplication.
template <class T>
__forceinline__ __device__ void sincos_turns(T u, T* cosine, T* sine) {
  const T quarters = nearest(u * T(4));
  const T r = fused(quarters, T(-0.25), u) * static_cast<T>(6.283185307179586);
  T s, c;
  sincos_near_zero(r, r * r, &s, &c);
  const int k = static_cast<int>(quarters);
  const T turned_sine = k & 1 ? c : s, turned_cosine = k & 1 ? s : c;
  *sine = k & 2 ? -turned_sine : turned_sine;
  *cosine = (k + 1) & 2 ? -turned_cosine : turned_cosine;
}

// Box and Muller's pair of normal numbers.
template <class T>
__forceinline__ __device__ void normal_pair(T u1, T u2, T* even, T* odd) {
  const T radius = root(T(-2) * log_of(T(1) - u1));
  T cosine, sine;
  sincos_turns(u2, &cosine, &sine);
  *even = radius * cosine;
  *odd = radius * sine;
}

// The normal distribution cut at +-2, by its inverse: with q = cdf - 1/2, z = q P(-ln(1 - 4 q^2)).
static __forceinline__ __device__ double truncated_normal_of(double u) {
  constexpr double kQuantile[] = {
      2.506628274631001,       0.65623374773834256,     0.0326664722968341332,
      -0.00660466485628829034, -0.00036216091093103168, 0.000131836244360678101,
      5.71540541596754721e-6,  -2.86731215134343952e-6, -1.01532316975950275e-7,
      6.12011006184547059e-8,  4.02396992345038564e-9,  -2.21965959190659361e-9,
      1.28043016123181132e-10, 1.93049050002229983e-11, -2.12412975677676903e-12};
  constexpr double kMass = 0.9544997361036415856;  // between -2 and 2
  const double q = (u - 0.5) * kMass;
  const double w = -log(1.0 - 4.0 * q * q);
  const double z = q * polynomial(w, kQuantile);
  return z < -2.0 ? -2.0 : z > 2.0 ? 2.0 : z;
}

}  // namespace pydl::PYDL_GPU
