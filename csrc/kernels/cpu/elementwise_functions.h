// What the steps of floats compute, on vectors.
#pragma once

#include "kernels/cpu/simd/special.h"

namespace pydl::PYDL_ISA {

template <class T>
PYDL_INLINE Vec<T> truth(Mask<T> m) {
  return select(m, set(T{1}), zero<T>());
}
template <class T>
PYDL_INLINE Mask<T> is_true(Vec<T> a) {
  return ne(a, zero<T>());
}
template <class T>
PYDL_INLINE Mask<T> finite(Vec<T> a) {
  return lt(abs(a), set(static_cast<T>(__builtin_inf())));
}

#define PYDL_UNARY(name, expression)                \
  struct name {                                     \
    template <class T>                              \
    PYDL_INLINE Vec<T> operator()(Vec<T> a) const { \
      return expression;                            \
    }                                               \
  };
PYDL_UNARY(Neg, -a)
PYDL_UNARY(Abs, abs(a))
PYDL_UNARY(Sign,
           select(gt(a, zero<T>()), set(T{1}), select(lt(a, zero<T>()), set(T{-1}), a + zero<T>())))
PYDL_UNARY(Square, a* a)
PYDL_UNARY(Sqrt, sqrt(a))
PYDL_UNARY(Rsqrt, set(T{1}) / sqrt(a))
PYDL_UNARY(Reciprocal, set(T{1}) / a)
PYDL_UNARY(Exp, vexp(a))
PYDL_UNARY(Expm1, vexpm1(a))
PYDL_UNARY(Log, vlog(a))
PYDL_UNARY(Log1p, vlog1p(a))
PYDL_UNARY(Tanh, vtanh(a))
PYDL_UNARY(Sigmoid, vsigmoid(a))
PYDL_UNARY(Softplus, vsoftplus(a))
PYDL_UNARY(Erf, verf(a))
PYDL_UNARY(Relu, max_fast(zero<T>(), a))
PYDL_UNARY(Floor, floor(a))
PYDL_UNARY(Sin, vsin(a))
PYDL_UNARY(Cos, vcos(a))
PYDL_UNARY(Ceil, ceil(a))
PYDL_UNARY(Round, round_nearest(a))
PYDL_UNARY(Trunc, trunc(a))
PYDL_UNARY(Tan, vtan(a))
PYDL_UNARY(Asin, vasin(a))
PYDL_UNARY(Acos, vacos(a))
PYDL_UNARY(Atan, vatan(a))
PYDL_UNARY(Sinh, vsinh(a))
PYDL_UNARY(Cosh, vcosh(a))
PYDL_UNARY(Asinh, vasinh(a))
PYDL_UNARY(Acosh, vacosh(a))
PYDL_UNARY(Atanh, vatanh(a))
PYDL_UNARY(Exp2, vexp2(a))
PYDL_UNARY(Log2, vlog2(a))
PYDL_UNARY(Log10, vlog10(a))
PYDL_UNARY(Erfinv, verfinv(a))
PYDL_UNARY(Lgamma, vlgamma(a))
PYDL_UNARY(DigammaOf, vdigamma(a))
PYDL_UNARY(LogicalNot, truth(eq(a, zero<T>())))
PYDL_UNARY(IsFinite, truth(finite(a)))
PYDL_UNARY(Copy, a)
#undef PYDL_UNARY

#define PYDL_BINARY(name, expression)                         \
  struct name {                                               \
    template <class T>                                        \
    PYDL_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const { \
      return expression;                                      \
    }                                                         \
  };
PYDL_BINARY(Add, a + b)
PYDL_BINARY(Sub, a - b)
PYDL_BINARY(Mul, a* b)
PYDL_BINARY(Div, a / b)
PYDL_BINARY(Pow, vpow(a, b))
PYDL_BINARY(Mod, divided<TakeRest>(a, b))
PYDL_BINARY(FloorDiv, divided<TakeQuotient>(a, b))
PYDL_BINARY(Atan2, vatan2(a, b))
PYDL_BINARY(Maximum, max(a, b))
PYDL_BINARY(Minimum, min(a, b))
PYDL_BINARY(LogicalAnd, truth(is_true(a) & is_true(b)))
PYDL_BINARY(LogicalOr, truth(is_true(a) | is_true(b)))
PYDL_BINARY(ReluGrad, select(gt(b, zero<T>()), a, zero<T>()))
PYDL_BINARY(SigmoidGrad, a * b * (set(T{1}) - b))
PYDL_BINARY(TanhGrad, a*(set(T{1}) - b * b))
#undef PYDL_BINARY

}  // namespace pydl::PYDL_ISA
