// Further vectors of functions, as in math.h: fits of our own, infinities and NaN those of C.
// Measured errors, in ulp: exp2 1.1; acos, atan, sinh, cosh 1.6; asin, asinh, log2, log10 2.1;
// atanh 2.3; acosh, erfinv 3.0; tan 3.4; lgamma and digamma of floats 0.5 (of doubles 1 but near
// their roots, where the error is that of numbers of size 1). Huge arguments of tan, double lgamma
// and remainders of huge quotients are done lane by lane with libm: 10 to 20 ns an element against
// 1 or 2.
#pragma once

#include "kernels/cpu/simd/math.h"

namespace pydl::PYDL_ISA {

// In z = x^2: (f(x) / x - 1) / z of asin for |x| <= 1/2, of atan and sinh for |x| <= 1.
template <class T>
struct Fits;
template <>
struct Fits<float> {
  static constexpr float kAsin[] = {0.1666666634f,  0.07500094543f, 0.04459940153f,
                                    0.03110066274f, 0.01714923836f, 0.0336908472f};
  static constexpr float kAtan[] = {
      -0.3333333308f, 0.1999994932f,   -0.1428400379f, 0.1108826163f,    -0.08931826777f,
      0.0703191425f,  -0.04896051403f, 0.02630500111f, -0.009144629761f, 0.001488691939f};
  static constexpr float kSinh[] = {0.1666666665f, 0.008333339676f, 0.0001983810197f,
                                    2.806280258e-6f};
  // erfinv(x) / x in w - 3.125, w = -ln(1 - x^2) < 6.25; then in sqrt(w) - 3.25 and sqrt(w) - 5
  static constexpr float kErfinvNear[] = {1.653654568f,      0.2401581818f,    -0.006033710642f,
                                          -0.0007406977486f, 0.0001867818532f, -1.388833295e-5f,
                                          -1.386396879e-6f,  4.261012552e-7f,  -2.49025601e-8f,
                                          -4.662827472e-9f,  6.676776081e-10f, 2.357528333e-12f};
  static constexpr float kErfinvFar[] = {3.08388561f,      1.005258687f,      0.005371063156f,
                                         -0.003744573485f, 0.002487903724f,   -0.001730270226f,
                                         0.0009762069684f, -0.0002583032966f, -3.172821561e-5f};
  static constexpr float kExp2Low = -151.0f, kExp2High = 129.0f;
  // log10(2) in two parts
  static constexpr float kLog10High = 0x1.344p-2f, kLog10Low = 4.605038981e-06f;
  static constexpr float kPi = 3.1415927f, kPiLow = -8.742278e-08f;
  static constexpr float kLarge = 0x1p13f;  // 1 + x^2 is x^2
};
template <>
struct Fits<double> {
  static constexpr double kAsin[] = {
      0.166666666666666678,  0.0749999999999843293, 0.0446428571463554298, 0.0303819441385312473,
      0.0223721729421498879, 0.0173523927208699729, 0.0139712129735529333, 0.0114791774151849059,
      0.0103228143501857793, 0.0054575067186403583, 0.0174008794426940224, -0.0148518870712472032,
      0.0287578513674215647};
  static constexpr double kAtan[] = {
      -0.333333333333333328,    0.199999999999995532,    -0.14285714285648404,
      0.11111111107234799,      -0.0909090896955740314,  0.0769230535467865481,
      -0.066666364357776927,    0.0588207495637129457,   -0.052612657357094544,
      0.0475208677357665614,    -0.0430811965533047127,  0.0387264021404263245,
      -0.0337501320016197343,   0.0275679422973446767,   -0.0202387069863935158,
      0.0127561729076942975,    -0.00657568334415169863, 0.00262297789190608902,
      -0.000751847252697382152, 0.0001368724853148122,   -0.0000118325054175556928};
  static constexpr double kSinh[] = {0.166666666666666667,    0.00833333333333329936,
                                     0.000198412698413241979, 2.7557319191381817e-6,
                                     2.50521176959078236e-8,  1.60576796238016377e-10,
                                     7.74617859301882749e-13};
  // erfinv(x) / x in w - 3.125, w = -ln(1 - x^2) < 6.25; then in sqrt(w) - 3.25 and sqrt(w) - 5
  static constexpr double kErfinvNear[] = {
      1.65365456268310271,      0.240158182425588342,    -0.00603367087142685108,
      -0.000740702534154643122, 0.000186734208019811867, -0.0000138825233939574822,
      -1.36546917587856571e-6,  4.23478816822245958e-7,  -2.90703912756413195e-8,
      -4.1126604371632182e-9,   1.05122337705042902e-9,  -5.41430328391950441e-11,
      -1.29788053699325656e-11, 2.63052683125951831e-12, -8.07192593899004068e-14,
      -4.00200310875584951e-14, 6.52133351150223846e-15, -3.94018812230432014e-17,
      -1.22156371924041723e-16, 1.55107870099025245e-17, 6.07505070207241388e-19,
      -3.4734793888538035e-19,  1.99925998886153488e-20, 3.19401554813627109e-21,
      -3.59320289270206953e-22};
  static constexpr double kErfinvFar[] = {
      3.08388561049222068,      1.00525896769416538,       0.00537091455355503303,
      -0.00375120850822473403,  0.00249144209795696039,    -0.00168827553544885554,
      0.000953289341579413721,  -0.000355037813785245177,  0.0000240315128657583563,
      0.0000682871173925195572, -0.0000473206806654469684, 0.0000124650282242174553,
      2.93257845538534997e-6,   -3.98570594564817333e-6,   1.48159778740225387e-6,
      -2.76171622381624125e-8,  -2.45498189633398225e-7,   1.3158663683192966e-7,
      -2.09145333477312597e-8,  -1.53053979641525482e-8,   7.68020047907705274e-9};
  static constexpr double kErfinvFarthest[] = {
      4.84990640140858432,      1.01030046486454542,      -0.000138719318377239441,
      -0.000215030119831352986, 0.0000759952780168429451, -0.0000196817706506158134,
      4.52605336749948374e-6,   -9.93029709192219971e-7,  2.29048403204267646e-7,
      -6.75550473471433888e-8,  2.9031605409972532e-8,    -1.52573948172788654e-8,
      7.79917014387967017e-9,   -3.46865340636516564e-9,  1.33824321671905441e-9,
      -4.39180116857746778e-10, 5.75963021917995935e-11,  4.32671314627219095e-11,
      -1.77103098931852007e-11};
  static constexpr double kExp2Low = -1076.0, kExp2High = 1025.0;
  static constexpr double kLog10High = 0x1.34413509f6p-2, kLog10Low = 3.694239077158931e-13;
  static constexpr double kPi = 0x1.921fb54442d18p+1, kPiLow = 1.2246467991473532e-16;
  static constexpr double kLarge = 0x1p28;
};

template <class T>
PYDL_INLINE Vec<T> constant(double x) {
  return set(static_cast<T>(x));
}
template <class T>
PYDL_INLINE Vec<T> infinity() {
  return constant<T>(__builtin_inf());
}
template <class T>
PYDL_INLINE Vec<T> not_a_number() {
  return constant<T>(__builtin_nan(""));
}

template <class T>
PYDL_INLINE Vec<T> ceil(Vec<T> x) {
  return -floor(-x);
}
template <class T>
PYDL_INLINE Vec<T> trunc(Vec<T> x) {
  return copysign(floor(abs(x)), x);
}

// x + x z P(z): an odd function.
template <class T, int N>
PYDL_INLINE Vec<T> odd(Vec<T> x, const T (&c)[N]) {
  const Vec<T> z = x * x;
  return fma(x * z, polynomial(z, c), x);
}

struct ScalarTan {
  PYDL_INLINE float operator()(float x) const { return __builtin_tanf(x); }
  PYDL_INLINE double operator()(double x) const { return __builtin_tan(x); }
};

template <class T>
PYDL_INLINE Vec<T> vtan(Vec<T> x) {
  if (!all(le(abs(x), set(Coefficients<T>::kTrigLimit)))) return by_lane(x, ScalarTan());
  Vec<T> k, sine, cosine;
  quarter_turns(x, &k, &sine, &cosine);
  const Mask<T> turned = bit_set(k, 0);
  const Vec<T> result = select(turned, -cosine, sine) / select(turned, sine, cosine);
  return select(eq(x, zero<T>()), x, result);
}

// asin of a half of the root of 2 (1 - a) is half the angle from there to 1.
template <class T>
PYDL_INLINE Vec<T> asin_of_rest(Vec<T> a) {
  return odd(sqrt((set(T{1}) - a) * set(T(0.5))), Fits<T>::kAsin);
}
template <class T>
PYDL_INLINE Vec<T> half_pi_less(Vec<T> x) {
  return (set(Fits<T>::kPi * T(0.5)) - x) + set(Fits<T>::kPiLow * T(0.5));
}
template <class T>
PYDL_INLINE Vec<T> vasin(Vec<T> x) {
  const Vec<T> a = abs(x), rest = asin_of_rest(a);
  const Vec<T> far = half_pi_less(rest + rest);
  return copysign(select(gt(a, set(T(0.5))), far, odd(a, Fits<T>::kAsin)), x);
}
template <class T>
PYDL_INLINE Vec<T> vacos(Vec<T> x) {
  const Vec<T> a = abs(x), rest = asin_of_rest(a), twice = rest + rest;
  const Vec<T> below = (set(Fits<T>::kPi) - twice) + set(Fits<T>::kPiLow);
  const Vec<T> far = select(lt(x, zero<T>()), below, twice);
  return select(gt(a, set(T(0.5))), far, half_pi_less(odd(x, Fits<T>::kAsin)));
}

template <class T>
PYDL_INLINE Vec<T> vatan(Vec<T> x) {
  const Vec<T> a = abs(x), one = set(T{1});
  const Mask<T> large = gt(a, one);
  const Vec<T> angle = odd(select(large, one / a, a), Fits<T>::kAtan);
  return copysign(select(large, half_pi_less(angle), angle), x);
}

// The angle of the point (x, y), from its first eighth of a turn.
template <class T>
PYDL_INLINE Vec<T> vatan2(Vec<T> y, Vec<T> x) {
  const Vec<T> a = abs(x), b = abs(y), one = set(T{1});
  const Vec<T> low = min_fast(a, b), high = max_fast(a, b);
  Vec<T> t = select(eq(high, zero<T>()), zero<T>(), low / high);
  t = select(eq(low, infinity<T>()), one, t);
  const Vec<T> near = odd(t, Fits<T>::kAtan);
  const Vec<T> angle = select(gt(b, a), half_pi_less(near), near);
  const Vec<T> behind = (set(Fits<T>::kPi) - angle) + set(Fits<T>::kPiLow);
  const Vec<T> result = copysign(select(lt(copysign(one, x), zero<T>()), behind, angle), y);
  return select(ne(x, x) | ne(y, y), x + y, result);
}

// e^x / 2, x >= 0: no overflow before its own.
template <class T>
PYDL_INLINE Vec<T> half_exp(Vec<T> x) {
  Vec<T> k;
  const Vec<T> r = exp_reduced(clamp(x, T{0}, Coefficients<T>::kExpHigh + T{1}), &k);
  return scale_by_pow2(r + set(T{1}), k - set(T{1}));
}
template <class T>
PYDL_INLINE Vec<T> vsinh(Vec<T> x) {
  const Vec<T> a = abs(x), half = half_exp(a);
  const Vec<T> far = half - set(T(0.25)) / half;
  return copysign(select(gt(a, set(T{1})), far, odd(a, Fits<T>::kSinh)), x);
}
template <class T>
PYDL_INLINE Vec<T> vcosh(Vec<T> x) {
  const Vec<T> half = half_exp(abs(x));
  return half + set(T(0.25)) / half;
}

template <class T>
PYDL_INLINE Vec<T> log_of_twice(Vec<T> x) {
  return vlog(x) + constant<T>(0.6931471805599453);
}
template <class T>
PYDL_INLINE Vec<T> vasinh(Vec<T> x) {
  const Vec<T> a = abs(x), z = a * a, one = set(T{1});
  const Vec<T> near = vlog1p(a + z / (one + sqrt(z + one)));
  return copysign(select(gt(a, set(Fits<T>::kLarge)), log_of_twice(a), near), x);
}
template <class T>
PYDL_INLINE Vec<T> vacosh(Vec<T> x) {
  const Vec<T> one = set(T{1}), t = x - one;
  const Vec<T> near = vlog1p(t + sqrt(t * (t + set(T{2}))));
  const Vec<T> result = select(gt(x, set(Fits<T>::kLarge)), log_of_twice(x), near);
  return select(lt(x, one), not_a_number<T>(), result);
}
template <class T>
PYDL_INLINE Vec<T> vatanh(Vec<T> x) {
  const Vec<T> a = abs(x);
  return copysign(vlog1p((a + a) / (set(T{1}) - a)) * set(T(0.5)), x);
}

template <class T>
PYDL_INLINE Vec<T> vexp2(Vec<T> x) {
  x = clamp(x, Fits<T>::kExp2Low, Fits<T>::kExp2High);
  const Vec<T> k = round_nearest(x);
  const Vec<T> r = (x - k) * constant<T>(0.6931471805599453);
  const Vec<T> m = fma(r * r, polynomial(r, Coefficients<T>::kExp), r);
  return scale_by_pow2(m + set(T{1}), k);
}

// k with x = 2^k (1 + f); ln(1 + f) to `log`.
template <class T>
PYDL_INLINE Vec<T> log_parts(Vec<T> x, Vec<T>* log) {
  Vec<T> m;
  const Vec<T> k = log_exponent(x, &m);
  const Vec<T> f = m - set(T{1});
  const Vec<T> s = f / (f + set(T{2})), z = s * s;
  const Vec<T> half = f * f * set(T(0.5));
  *log = f - (half - s * fma(z, polynomial(z, Coefficients<T>::kLog), half));
  return k;
}
template <class T>
PYDL_INLINE Vec<T> vlog2(Vec<T> x) {
  Vec<T> log;
  const Vec<T> k = log_parts(x, &log);
  return log_ends(x, fma(log, constant<T>(1.4426950408889634), k));
}
template <class T>
PYDL_INLINE Vec<T> vlog10(Vec<T> x) {
  Vec<T> log;
  const Vec<T> k = log_parts(x, &log);
  const Vec<T> low = fma(log, constant<T>(0.4342944819032518), k * set(Fits<T>::kLog10Low));
  return log_ends(x, fma(k, set(Fits<T>::kLog10High), low));
}

PYDL_INLINE Vec<float> erfinv_tail(Vec<float> s) {
  return polynomial(s - set(3.25f), Fits<float>::kErfinvFar);
}
PYDL_INLINE Vec<double> erfinv_tail(Vec<double> s) {
  const Vec<double> far = polynomial(s - set(3.25), Fits<double>::kErfinvFar);
  const Vec<double> farthest = polynomial(s - set(5.0), Fits<double>::kErfinvFarthest);
  return select(gt(s, set(4.0)), farthest, far);
}
template <class T>
PYDL_INLINE Vec<T> verfinv(Vec<T> x) {
  const Vec<T> one = set(T{1});
  const Vec<T> w = -vlog((one - x) * (one + x));
  Vec<T> factor = polynomial(w - set(T(3.125)), Fits<T>::kErfinvNear);
  const Mask<T> near = lt(w, set(T(6.25)));
  if (!all(near)) factor = select(near, factor, erfinv_tail(sqrt(w)));
  return select(eq(w, infinity<T>()), copysign(w, x), x * factor);
}

// Applies a function of doubles to floats.
template <class Function>
PYDL_INLINE Vec<float> in_double(Vec<float> x, Function function) {
  Vec<double> low, high;
  widen(x, &low, &high);
  return narrow(function(low), function(high));
}

// pi (x - the nearest integer): its sine and cosine, both with the sign of an even integer.
PYDL_INLINE void half_turns(Vec<double> x, Vec<double>* sine, Vec<double>* cosine) {
  const Vec<double> angle = (x - round_nearest(x)) * set(Fits<double>::kPi);
  *sine = trigonometric(angle, 0.0);
  *cosine = trigonometric(angle, 1.0);
}
PYDL_INLINE Mask<double> is_pole(Vec<double> x) { return le(x, zero<double>()) & eq(x, floor(x)); }

// ln |gamma(x)| to float's accuracy: moved up to 10 by the recurrence, then Stirling's series;
// mirrored for negative numbers.
struct LogGamma {
  PYDL_INLINE Vec<double> operator()(Vec<double> x) const {
    const Vec<double> one = set(1.0);
    const Mask<double> mirrored = lt(x, zero<double>());
    Vec<double> y = select(mirrored, one - x, x), product = one;
    for (int i = 0; i < 10; ++i) {
      const Mask<double> low = lt(y, set(10.0));
      if (!any(low)) break;
      product = select(low, product * y, product);
      y = select(low, y + one, y);
    }
    constexpr double kSeries[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188};
    const Vec<double> inverse = one / y;
    const Vec<double> series = inverse * polynomial(inverse * inverse, kSeries);
    const Vec<double> log = vlog(y), offset = set(0.9189385332046727);
    Vec<double> result = (y - set(0.5)) * log - y + offset + series - vlog(product);
    Vec<double> sine, cosine;
    half_turns(x, &sine, &cosine);
    const Vec<double> mirror = vlog(set(Fits<double>::kPi) / abs(sine)) - result;
    result = select(mirrored, mirror, result);
    const Mask<double> infinite = eq(abs(x), infinity<double>()) | is_pole(x);
    return select(infinite, infinity<double>(), result);
  }
};

struct ScalarLogGamma {
  PYDL_INLINE double operator()(double x) const {
    int sign = 0;  // lgamma itself writes a global variable
    return __builtin_lgamma_r(x, &sign);
  }
};
PYDL_INLINE Vec<float> vlgamma(Vec<float> x) { return in_double(x, LogGamma()); }
PYDL_INLINE Vec<double> vlgamma(Vec<double> x) { return by_lane(x, ScalarLogGamma()); }

// The derivative of ln gamma, the same way; the sum of 1 / y is held as one fraction.
struct Digamma {
  PYDL_INLINE Vec<double> operator()(Vec<double> x) const {
    const Vec<double> one = set(1.0);
    const Mask<double> mirrored = lt(x, zero<double>());
    Vec<double> y = select(mirrored, one - x, x), top = zero<double>(), bottom = one;
    for (int i = 0; i < 12; ++i) {
      const Mask<double> low = lt(y, set(12.0));
      if (!any(low)) break;
      top = select(low, fma(top, y, bottom), top);
      bottom = select(low, bottom * y, bottom);
      y = select(low, y + one, y);
    }
    constexpr double kSeries[] = {1.0 / 12,   -1.0 / 120, 1.0 / 252,
                                  -1.0 / 240, 1.0 / 132,  -691.0 / 32760};
    const Vec<double> inverse = one / y, z = inverse * inverse;
    const Vec<double> series = z * polynomial(z, kSeries) + inverse * set(0.5);
    Vec<double> result = vlog(y) - series - top / bottom;
    Vec<double> sine, cosine;
    half_turns(x, &sine, &cosine);
    const Vec<double> slope = set(Fits<double>::kPi) * cosine / sine;
    result = select(mirrored, result - slope, result);
    const Vec<double> pole =
        select(eq(x, zero<double>()), -copysign(infinity<double>(), x), not_a_number<double>());
    return select(is_pole(x), pole, result);
  }
};
PYDL_INLINE Vec<float> vdigamma(Vec<float> x) { return in_double(x, Digamma()); }
PYDL_INLINE Vec<double> vdigamma(Vec<double> x) { return Digamma()(x); }

// a = quotient b + rest, the rest with the sign of b. Exact while the quotient is below `limit` and
// all are finite: the rounded a / b is the true quotient or the integer above it.
PYDL_INLINE bool divides_exactly(Vec<double> a, Vec<double> b, double limit) {
  return all(lt(abs(a / b), set(limit)) & lt(abs(b), infinity<double>()));
}
PYDL_INLINE void divide_down(Vec<double> a, Vec<double> b, Vec<double>* quotient,
                             Vec<double>* rest) {
  const Vec<double> one = set(1.0), ratio = a / b;
  const Vec<double> q = trunc(ratio), r = fnma(q, b, a);
  const Mask<double> none = eq(r, zero<double>());
  const Mask<double> wrong = lt(copysign(one, r) * copysign(one, b), zero<double>()) & ~none;
  *rest = select(none, copysign(r, b), select(wrong, r + b, r));
  const Vec<double> down = select(wrong, q - one, q);
  *quotient = select(eq(down, zero<double>()), copysign(down, ratio), down);
}

struct ScalarMod {
  PYDL_INLINE double operator()(double a, double b) const {
    const double rest = __builtin_fmod(a, b);
    if (rest == 0.0) return __builtin_copysign(0.0, b);
    return (rest < 0.0) != (b < 0.0) ? rest + b : rest;
  }
};
struct ScalarFloorDiv {
  PYDL_INLINE double operator()(double a, double b) const {
    if (b == 0.0) return a / b;
    const double rest = __builtin_fmod(a, b);
    double quotient = (a - rest) / b;
    if (rest != 0.0 && (rest < 0.0) != (b < 0.0)) quotient -= 1.0;
    return quotient == 0.0 ? __builtin_copysign(0.0, a / b) : __builtin_rint(quotient);
  }
};

// Without a fused multiply-add the product of a double quotient is not exact.
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
constexpr double kQuotientLimit = 0x1p53;
#else
constexpr double kQuotientLimit = 0.0;
#endif

struct TakeRest {
  using Scalar = ScalarMod;
  static PYDL_INLINE Vec<double> apply(Vec<double> a, Vec<double> b) {
    Vec<double> quotient, rest;
    divide_down(a, b, &quotient, &rest);
    return rest;
  }
};
struct TakeQuotient {
  using Scalar = ScalarFloorDiv;
  static PYDL_INLINE Vec<double> apply(Vec<double> a, Vec<double> b) {
    Vec<double> quotient, rest;
    divide_down(a, b, &quotient, &rest);
    return quotient;
  }
};
template <class Take>
PYDL_INLINE Vec<double> divided(Vec<double> a, Vec<double> b) {
  if (!divides_exactly(a, b, kQuotientLimit)) return by_lane(a, b, typename Take::Scalar());
  return Take::apply(a, b);
}
// Products of a float and a quotient of 29 bits are exact doubles.
template <class Take>
PYDL_INLINE Vec<float> divided(Vec<float> a, Vec<float> b) {
  Vec<double> a_low, a_high, b_low, b_high;
  widen(a, &a_low, &a_high);
  widen(b, &b_low, &b_high);
  if (!divides_exactly(a_low, b_low, 0x1p29) || !divides_exactly(a_high, b_high, 0x1p29)) {
    return narrow(by_lane(a_low, b_low, typename Take::Scalar()),
                  by_lane(a_high, b_high, typename Take::Scalar()));
  }
  return narrow(Take::apply(a_low, b_low), Take::apply(a_high, b_high));
}

}  // namespace pydl::PYDL_ISA
