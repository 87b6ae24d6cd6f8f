// Vectors of elementary functions. Coefficients are our own fits (interpolation at Chebyshev
// nodes in 60 digits). Measured errors: exp, log, erf 1.1 ulp, float pow 0.6; expm1, log1p,
// softplus 1.9; tanh, sigmoid, sin, cos 2.4. Infinities, NaN, overflow and subnormal results are
// those of C. Huge arguments of sin and cos, double pow and infinities of float pow are done lane
// by lane with libm.
#pragma once

#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {

// Horner's rule, lowest coefficient first.
template <class T, int N>
PYDL_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[N]) {
  Vec<T> r = set(c[N - 1]);
  for (int i = N - 2; i >= 0; --i) r = fma(r, x, set(c[i]));
  return r;
}

template <class T>
struct Coefficients;
template <>
struct Coefficients<float> {
  // (e^r - 1 - r) / r^2, |r| <= ln(2) / 2
  static constexpr float kExp[] = {0.5f, 0.1666657667f, 0.04166655421f, 0.008363232884f,
                                   0.001392625083f};
  // beyond these: 0, infinity and -1
  static constexpr float kExpLow = -104.0f, kExpHigh = 89.0f;
  static constexpr float kExpm1Low = -20.0f;
  // ln 2 in two parts, the first with 12 bits
  static constexpr float kLn2High = 0x1.62ep-1f, kLn2Low = 0x1.0bfbe8p-15f;
  // (2 atanh(s) / s - 2) / s^2 in s^2
  static constexpr float kLog[] = {0.6666666655f, 0.4000012187f, 0.2855081688f, 0.2333057433f};
  // pi / 2 in four parts, 13 bits each
  static constexpr float kHalfPi[] = {0x1.921p+0f, 0x1.f6ap-13f, 0x1.11p-26f, 0x1.68c234p-39f};
  static constexpr float kTrigLimit = 3000.0f;
  static constexpr float kSin[] = {-0.1666666666f, 0.008333331853f, -0.0001984007492f,
                                   2.724839722e-6f};
  static constexpr float kCos[] = {0.04166666463f, -0.001388829718f, 2.454668055e-5f};
  // erf(x) / x - 1 in x^2, |x| <= 1
  static constexpr float kErf[] = {0.1283791671f,    -0.3761263847f,  0.112837825f,
                                   -0.02686543073f,  0.005221031808f, -0.0008484080406f,
                                   0.0001126595903f, -9.667044571e-6f};
  // e^(a^2) erfc(a) in (a - 2) / (a + 2), 1 <= a <= 4
  static constexpr float kErfc[] = {0.2553956763f,     -0.4271858476f,   0.2416582111f,
                                    -0.07897852327f,   0.003732141351f,  0.006994855414f,
                                    -0.0008365899736f, -0.0009441596341f};
  static constexpr float kErfLimit = 4.0f;
  static constexpr float kTanhLimit = 10.0f;
};
template <>
struct Coefficients<double> {
  static constexpr double kExp[] = {0.5,
                                    0.166666666666666675,
                                    0.0416666666666238205,
                                    0.0083333333333300382,
                                    0.00138888889173670806,
                                    0.00019841269863171556,
                                    0.0000248015210578682052,
                                    2.75572682769056962e-6,
                                    2.76202015910315488e-7,
                                    2.5100472505694996e-8};
  static constexpr double kExpLow = -746.0, kExpHigh = 710.0;
  static constexpr double kExpm1Low = -40.0;
  static constexpr double kLn2High = 0x1.62e42fefap-1, kLn2Low = 0x1.cf79abc9e3b3ap-40;
  static constexpr double kLog[] = {
      0.666666666666666969, 0.399999999998994473, 0.285714286260014256, 0.222222111305607264,
      0.181828894337575164, 0.15331711346672996,  0.146165764216443859};
  static constexpr double kHalfPi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69,
                                       0.0};
  static constexpr double kTrigLimit = 1.0e6;
  static constexpr double kSin[] = {-0.166666666666666667,    0.00833333333333333144,
                                    -0.000198412698412649445, 2.75573192192456752e-6,
                                    -2.50521062000529936e-8,  1.60585264971450965e-10,
                                    -7.58639594791669106e-13};
  static constexpr double kCos[] = {0.0416666666666666667,    -0.00138888888888888878,
                                    0.0000248015873015845795, -2.75573192213508456e-7,
                                    2.08767557730697526e-9,   -1.14704580399656866e-11,
                                    4.74570445679278622e-14};
  static constexpr double kErf[] = {
      0.128379167095512574,    -0.376126389031837524,     0.112837916709551202,
      -0.0268661706451298408,  0.00522397762542329831,    -0.00085483270219348296,
      0.000120553329028887354, -0.0000149256475675193321, 1.64620454414684189e-6,
      -1.63646421581676153e-7, 1.4792401209404813e-8,     -1.21645600572834501e-9,
      8.70904512905310669e-11, -4.23094582429533782e-12};
  static constexpr double kErfc[] = {
      0.255395676310505745,      -0.427185847413957885,    0.241658194242469857,
      -0.0789785810158525347,    0.00373289240349223978,   0.00699746174775357363,
      -0.000847143198076042359,  -0.000981977320813102272, 0.0000435542024527058955,
      0.000174366972329468635,   0.0000275431281856667173, -0.0000276473054436100538,
      -0.0000140675326945820577, 1.82014319597500905e-6,   3.91705929992538851e-6};
  static constexpr double kErfLimit = 6.0;
  static constexpr double kTanhLimit = 20.0;
};

// Any NaN passes: max_fast and min_fast give their second operand then.
template <class T>
PYDL_INLINE Vec<T> clamp(Vec<T> x, T low, T high) {
  return min_fast(set(high), max_fast(set(low), x));
}

// x = k ln(2) + r; gives e^r - 1.
template <class T>
PYDL_INLINE Vec<T> exp_reduced(Vec<T> x, Vec<T>* k) {
  using C = Coefficients<T>;
  *k = round_nearest(x * set(static_cast<T>(1.4426950408889634)));
  Vec<T> r = fnma(*k, set(C::kLn2High), x);
  r = fnma(*k, set(C::kLn2Low), r);
  return fma(r * r, polynomial(r, C::kExp), r);
}

template <class T>
PYDL_INLINE Vec<T> vexp(Vec<T> x) {
  using C = Coefficients<T>;
  Vec<T> k;
  const Vec<T> r = exp_reduced(clamp(x, C::kExpLow, C::kExpHigh), &k);
  return scale_by_pow2(r + set(T{1}), k);
}

// e^x = 2^k (1 + m), so e^x - 1 = 2^k (m + (1 - 2^-k)).
template <class T>
PYDL_INLINE Vec<T> vexpm1(Vec<T> x) {
  using C = Coefficients<T>;
  Vec<T> k;
  const Vec<T> m = exp_reduced(clamp(x, C::kExpm1Low, C::kExpHigh), &k);
  const Vec<T> inverse = scale_by_pow2(set(T{1}), zero<T>() - k);
  const Vec<T> result = scale_by_pow2(m + (set(T{1}) - inverse), k);
  return select(eq(x, zero<T>()), x, result);  // keeps -0
}

// x = 2^k m, m between the roots of 1/2 and 2.
template <class T>
PYDL_INLINE Vec<T> log_exponent(Vec<T> x, Vec<T>* m) {
  const Vec<T> k = exponent(x), high = mantissa(x);
  const Mask<T> large = gt(high, set(static_cast<T>(1.4142135623730951)));
  *m = select(large, high * set(T(0.5)), high);
  return select(large, k + set(T{1}), k);
}

// The logarithm of x where it is not a positive number.
template <class T>
PYDL_INLINE Vec<T> log_ends(Vec<T> x, Vec<T> result) {
  const Vec<T> infinity = set(static_cast<T>(__builtin_inf()));
  result = select(eq(x, infinity), x, result);
  result = select(eq(x, zero<T>()), -infinity, result);
  return select(lt(x, zero<T>()) | ne(x, x), set(static_cast<T>(__builtin_nan(""))), result);
}

// ln(x) = k ln(2) + ln(1 + f), and ln(1 + f) = 2 atanh(s), s = f / (2 + f).
template <class T>
PYDL_INLINE Vec<T> vlog(Vec<T> x) {
  using C = Coefficients<T>;
  Vec<T> m;
  const Vec<T> k = log_exponent(x, &m);
  const Vec<T> f = m - set(T{1});
  const Vec<T> s = f / (f + set(T{2}));
  const Vec<T> z = s * s;
  const Vec<T> half = f * f * set(T(0.5));
  const Vec<T> tail = fma(s, fma(z, polynomial(z, C::kLog), half), k * set(C::kLn2Low));
  return log_ends(x, fma(k, set(C::kLn2High), f - (half - tail)));
}

// ln(u) with u = 1 + x rounded, plus the part of x that was lost.
template <class T>
PYDL_INLINE Vec<T> vlog1p(Vec<T> x) {
  const Vec<T> one = set(T{1});
  const Vec<T> u = x + one;
  const Vec<T> lost = select(gt(x, one), one - (u - x), x - (u - one));
  const Vec<T> exact = vlog(u) + lost / u;
  const Mask<T> ends = le(x, -one) | eq(x, set(static_cast<T>(__builtin_inf())));
  return select(eq(u, one), x, select(ends, vlog(u), exact));
}

// With t = e^(2|x|) - 1: t / (t + 2).
template <class T>
PYDL_INLINE Vec<T> vtanh(Vec<T> x) {
  const Vec<T> a = min_fast(set(Coefficients<T>::kTanhLimit), abs(x));
  const Vec<T> t = vexpm1(a + a);
  return copysign(t / (t + set(T{2})), x);
}

// On the side where e^-|x| cannot overflow.
template <class T>
PYDL_INLINE Vec<T> vsigmoid(Vec<T> x) {
  const Vec<T> one = set(T{1});
  const Vec<T> e = vexp(-abs(x));
  return select(lt(x, zero<T>()), e, one) / (one + e);
}

template <class T>
PYDL_INLINE Vec<T> vsoftplus(Vec<T> x) {
  return max(x, zero<T>()) + vlog1p(vexp(-abs(x)));
}

template <class T>
PYDL_INLINE Vec<T> verf(Vec<T> x) {
  using C = Coefficients<T>;
  const Vec<T> one = set(T{1});
  const Vec<T> size = abs(x);
  const Vec<T> a = min_fast(set(C::kErfLimit), size);
  const Vec<T> z = a * a;
  const Vec<T> near = fma(size, polynomial(z, C::kErf), size);
  const Vec<T> t = (a - set(T{2})) / (a + set(T{2}));
  const Vec<T> far = fnma(vexp(-z), polynomial(t, C::kErfc), one);
  return copysign(select(gt(size, one), far, near), x);
}

// sin and cos of r = x - k pi / 2, |x| below the limit.
template <class T>
PYDL_INLINE void quarter_turns(Vec<T> x, Vec<T>* k, Vec<T>* sine, Vec<T>* cosine) {
  using C = Coefficients<T>;
  *k = round_nearest(x * set(static_cast<T>(0.6366197723675814)));
  Vec<T> r = x;
  for (int i = 0; i < 4; ++i) r = fnma(*k, set(C::kHalfPi[i]), r);
  const Vec<T> z = r * r;
  *sine = fma(r * z, polynomial(z, C::kSin), r);
  *cosine = fma(z * z, polynomial(z, C::kCos), set(T{1}) - z * set(T(0.5)));
}

// sin and cos of |x| below the limit; `shift` 1 turns sin into cos.
template <class T>
PYDL_INLINE Vec<T> trigonometric(Vec<T> x, T shift) {
  Vec<T> k, sine, cosine;
  quarter_turns(x, &k, &sine, &cosine);
  k = k + set(shift);
  const Vec<T> result = select(bit_set(k, 0), cosine, sine);
  return select(bit_set(k, 1), -result, result);
}

struct ScalarSin {
  PYDL_INLINE float operator()(float x) const { return __builtin_sinf(x); }
  PYDL_INLINE double operator()(double x) const { return __builtin_sin(x); }
};
struct ScalarCos {
  PYDL_INLINE float operator()(float x) const { return __builtin_cosf(x); }
  PYDL_INLINE double operator()(double x) const { return __builtin_cos(x); }
};
struct ScalarPow {
  PYDL_INLINE float operator()(float a, float b) const { return __builtin_powf(a, b); }
  PYDL_INLINE double operator()(double a, double b) const { return __builtin_pow(a, b); }
};

template <class T>
PYDL_INLINE Vec<T> vsin(Vec<T> x) {
  if (!all(le(abs(x), set(Coefficients<T>::kTrigLimit)))) return by_lane(x, ScalarSin());
  return select(eq(x, zero<T>()), x, trigonometric(x, T{0}));
}
template <class T>
PYDL_INLINE Vec<T> vcos(Vec<T> x) {
  if (!all(le(abs(x), set(Coefficients<T>::kTrigLimit)))) return by_lane(x, ScalarCos());
  return trigonometric(x, T{1});
}

PYDL_INLINE Vec<double> vpow(Vec<double> a, Vec<double> b) { return by_lane(a, b, ScalarPow()); }

// 2^(b log2(a)) to 29 bits, a a positive number.
PYDL_INLINE Vec<double> pow_of_size(Vec<double> a, Vec<double> b) {
  // log2(1 + f) / f, 1 + f between the roots of 1/2 and 2
  static constexpr double kLog2[] = {
      1.4426950408708794,  -0.72134752096315516, 0.4808983601762459,  -0.36067365531593958,
      0.28853739437873953, -0.24045433696411998, 0.20617283226751985, -0.18027102577114941,
      0.15878356832510719, -0.14349039375280997, 0.14495052999815845, -0.14144788210587383,
      0.075537903980134026};
  // (2^r - 1) / r, |r| <= 1/2
  static constexpr double kExp2[] = {
      0.69314718055994531,   0.24022650922288758,    0.055504108839096184,   0.0096180566785246381,
      0.0013333502386162771, 0.00015461444698569129, 0.000015297323760701074};
  Vec<double> m;
  const Vec<double> k = log_exponent(a, &m);
  const Vec<double> f = m - set(1.0);
  const Vec<double> y = clamp(b * fma(f, polynomial(f, kLog2), k), -200.0, 200.0);
  const Vec<double> n = round_nearest(y), r = y - n;
  return fma(r, polynomial(r, kExp2), set(1.0)) * pow2(n);
}

// The power of a number <= 0, from that of its size.
PYDL_INLINE Vec<float> pow_of_sign(Vec<float> a, Vec<float> b, Vec<float> result) {
  const Vec<float> one = set(1.0f), infinity = set(__builtin_inff());
  const Vec<float> of_zero = select(lt(b, zero<float>()), infinity, zero<float>());
  result = select(eq(a, zero<float>()), select(eq(b, zero<float>()), one, of_zero), result);
  const Vec<float> half = b * set(0.5f);
  const Mask<float> integral = eq(b, round_nearest(b));
  const Mask<float> odd = integral & ne(half, round_nearest(half));
  result = select(odd, copysign(result, a), result);
  return select(lt(a, zero<float>()) & ~integral, set(__builtin_nanf("")), result);
}

PYDL_INLINE Vec<float> vpow(Vec<float> a, Vec<float> b) {
  const Vec<float> size = abs(a), infinity = set(__builtin_inff());
  if (!all(lt(size, infinity) & lt(abs(b), infinity))) return by_lane(a, b, ScalarPow());
  Vec<double> a_low, a_high, b_low, b_high;
  widen(size, &a_low, &a_high);
  widen(b, &b_low, &b_high);
  const Vec<float> result = narrow(pow_of_size(a_low, b_low), pow_of_size(a_high, b_high));
  return all(gt(a, zero<float>())) ? result : pow_of_sign(a, b, result);
}

}  // namespace pydl::PYDL_ISA
