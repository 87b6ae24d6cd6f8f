// Functions that CUDA has no word for.
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

// The derivative of ln gamma: moved up by the recurrence, the sum of 1 / y as one fraction, then
// the asymptotic series; mirrored for negative numbers. Always in double: rare, and as accurate for
// floats.
static __device__ __forceinline__ double digamma(double x) {
  constexpr double kPi = 3.141592653589793;
  const bool mirrored = x < 0.0;
  if (x == 0.0) return -1.0 / x;
  if (mirrored && x == floor(x)) return sqrt(x);  // NaN
  double y = mirrored ? 1.0 - x : x, top = 0.0, bottom = 1.0;
  for (; y < 12.0; y += 1.0) {
    top = top * y + bottom;
    bottom *= y;
  }
  const double z = 1.0 / (y * y);
  const double series =
      z *
      (1.0 / 12 -
       z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760))))));
  const double result = log(y) - 0.5 / y - series - top / bottom;
  if (!mirrored) return result;
  const double angle = kPi * (x - rint(x));
  return result - kPi * cos(angle) / sin(angle);
}

// fmod, exactly: a long division of 50 bits at a time. (That of CUDA is a call, around which values
// are spilled.)
static __device__ __forceinline__ double remainder_of(double a, double b) {
  double rest = fabs(a);
  const double divisor = fabs(b);
  if (!(rest < __longlong_as_double(0x7ff0000000000000)) || !(divisor > 0.0)) return sqrt(-1.0);
  while (rest >= divisor) {
    const int bits = ilogb(rest) - ilogb(divisor);
    const double scaled = bits > 50 ? ldexp(divisor, bits - 50) : divisor;
    rest = fma(-trunc(rest / scaled), scaled, rest);
    if (rest < 0.0) rest += scaled;  // the quotient was rounded up
  }
  return copysign(rest, a);
}

// NumPy's, in double, which is exact for floats too: the remainder with the sign of b.
static __device__ __forceinline__ double modulo(double a, double b) {
  const double rest = remainder_of(a, b);
  if (rest == 0.0) return copysign(0.0, b);
  return (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}
static __device__ __forceinline__ double floor_quotient(double a, double b) {
  if (b == 0.0) return a / b;
  const double rest = remainder_of(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0.0 && (rest < 0.0) != (b < 0.0)) quotient -= 1.0;
  return quotient == 0.0 ? copysign(0.0, a / b) : rint(quotient);
}

}  // namespace pydl::PYDL_GPU
