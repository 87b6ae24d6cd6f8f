// What each elementwise op computes, for one element and for the elements of a thread.
#pragma once

#include "kernels/cuda/device/cast.h"
#include "kernels/cuda/device/special.h"
#include "kernels/cuda/device/vector.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {

// Two accesses of up to 16 bytes.
template <class T>
constexpr int kWidth = sizeof(T) < 8 ? 4 : 2;
constexpr int kPacks = 2;

// The elements of one thread.
template <class T>
struct Tile {
  Pack<T, kWidth<T>> packs[kPacks];
};

// NaN wins; the first of equals.
template <class T>
__device__ __forceinline__ T maximum(T a, T b) {
  return a != a || !(b != b || b > a) ? a : b;
}
template <class T>
__device__ __forceinline__ T minimum(T a, T b) {
  return a != a || !(b != b || b < a) ? a : b;
}
template <class T>
__device__ __forceinline__ bool is_negative(T x) {
  if constexpr (T(-1) < T(0)) return x < T(0);
  return false;
}
template <class T>
__device__ __forceinline__ T sign(T x) {
  return x != x ? x : static_cast<T>((x > T(0)) - is_negative(x));
}

template <class T>
__device__ __forceinline__ T softplus(T x) {
  return (x > T(0) ? x : T(0)) + log1p(exp(-fabs(x)));
}

// Integers wrap around.
template <class T>
struct Unsigned {
  using Type = uint32_t;
};
template <>
struct Unsigned<int64_t> {
  using Type = uint64_t;
};
template <class T>
__device__ __forceinline__ typename Unsigned<T>::Type wrap(T x) {
  return static_cast<typename Unsigned<T>::Type>(x);
}

// x = f(a, b, c) for all elements of the tiles x (a), y (b) and z (c).
template <class T, class F>
__device__ __forceinline__ void for_elements(Tile<T>* x, const Tile<T>& y, const Tile<T>& z, F f) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      T& a = x->packs[p].at[v];
      a = f(a, y.packs[p].at[v], z.packs[p].at[v]);
    }
  }
}

#define PYDL_STEP(name, value)                                                            \
  case Opcode::name:                                                                      \
    for_elements(x, y, z, [](T a, T b, T c) -> T { return (void)b, (void)c, T(value); }); \
    break

// The ops of every type. False: none of them.
template <class T>
__device__ __forceinline__ bool apply_any(Opcode op, Tile<T>* x, const Tile<T>& y,
                                          const Tile<T>& z) {
  switch (op) {
    PYDL_STEP(copy, a);
    PYDL_STEP(relu, maximum(a, T(0)));
    PYDL_STEP(sign, sign(a));
    PYDL_STEP(logical_not, a == T(0));
    PYDL_STEP(maximum, maximum(a, b));
    PYDL_STEP(minimum, minimum(a, b));
    PYDL_STEP(equal, a == b);
    PYDL_STEP(not_equal, a != b);
    PYDL_STEP(less, a < b);
    PYDL_STEP(less_equal, a <= b);
    PYDL_STEP(greater, a > b);
    PYDL_STEP(greater_equal, a >= b);
    PYDL_STEP(logical_and, a != T(0) && b != T(0));
    PYDL_STEP(logical_or, a != T(0) || b != T(0));
    PYDL_STEP(relu_grad, b > T(0) ? a : T(0));
    PYDL_STEP(where, a != T(0) ? b : c);
    default: return false;
  }
  return true;
}

// Division of integers rounds down, by zero gives 0.
template <class T>
__device__ __forceinline__ T integer_quotient(T a, T b) {
  if (b == T(0)) return T(0);
  if (is_negative(b) && b == T(-1)) return static_cast<T>(0 - wrap(a));
  const T whole = static_cast<T>(a / b);
  return static_cast<T>(whole - (a % b != 0 && is_negative(a) != is_negative(b)));
}
template <class T>
__device__ __forceinline__ T integer_rest(T a, T b) {
  return b == T(0) ? T(0) : static_cast<T>(wrap(a) - wrap(integer_quotient(a, b)) * wrap(b));
}
// Negative powers of all but 1 and -1 are 0.
template <class T>
__device__ __forceinline__ T integer_power(T a, T b) {
  if (is_negative(b)) return a == T(1) || (a == T(-1) && b % 2 == 0) ? T(1) : a == T(-1) ? a : T(0);
  uint64_t result = 1, base = static_cast<uint64_t>(a);
  for (uint64_t rest = static_cast<uint64_t>(b); rest > 0; rest /= 2, base *= base) {
    if (rest % 2 == 1) result *= base;
  }
  return static_cast<T>(result);
}
// Shifts by the width or more, or by negative numbers, move everything out.
template <class T>
__device__ __forceinline__ bool shift_fits(T b) {
  return !is_negative(b) && static_cast<uint64_t>(b) < 8 * sizeof(T);
}

template <class T>
__device__ __forceinline__ void apply_integer(Opcode op, Tile<T>* x, const Tile<T>& y,
                                              const Tile<T>& z) {
  switch (op) {
    PYDL_STEP(neg, 0 - wrap(a));
    PYDL_STEP(abs, is_negative(a) ? 0 - wrap(a) : wrap(a));
    PYDL_STEP(square, wrap(a) * wrap(a));
    PYDL_STEP(add, wrap(a) + wrap(b));
    PYDL_STEP(sub, wrap(a) - wrap(b));
    PYDL_STEP(mul, wrap(a) * wrap(b));
    PYDL_STEP(pow, integer_power(a, b));
    PYDL_STEP(mod, integer_rest(a, b));
    PYDL_STEP(floor_div, integer_quotient(a, b));
    PYDL_STEP(bitwise_and, a & b);
    PYDL_STEP(bitwise_or, a | b);
    PYDL_STEP(bitwise_xor, a ^ b);
    PYDL_STEP(bitwise_not, ~a);
    PYDL_STEP(left_shift, shift_fits(b) ? wrap(a) << b : 0);
    PYDL_STEP(right_shift, shift_fits(b) ? a >> b : (is_negative(a) ? -1 : 0));
    default: apply_any(op, x, y, z);
  }
}

// Functions of kernels of their own: they need more registers than the usual steps.
__host__ __device__ __forceinline__ bool is_rare(Opcode op) {
  return (op >= Opcode::tan && op <= Opcode::digamma) || (op >= Opcode::mod && op <= Opcode::atan2);
}

static __device__ __attribute__((noinline)) double apply_quotient(Opcode op, double a, double b) {
  return op == Opcode::mod ? modulo(a, b) : floor_quotient(a, b);
}
template <class T>
__device__ __attribute__((noinline)) T apply_special(Opcode op, T a, T b) {
  switch (op) {
    case Opcode::exp2: return exp2(a);
    case Opcode::log2: return log2(a);
    case Opcode::log10: return log10(a);
    case Opcode::lgamma: return lgamma(a);
    case Opcode::erfinv: return erfinv(a);
    case Opcode::digamma: return static_cast<T>(digamma(static_cast<double>(a)));
    default: return static_cast<T>(apply_quotient(op, a, b));
  }
}
template <class T>
__device__ __attribute__((noinline)) T apply_angle(Opcode op, T a, T b) {
  switch (op) {
    case Opcode::tan: return tan(a);
    case Opcode::asin: return asin(a);
    case Opcode::acos: return acos(a);
    case Opcode::atan: return atan(a);
    case Opcode::sinh: return sinh(a);
    case Opcode::cosh: return cosh(a);
    case Opcode::asinh: return asinh(a);
    case Opcode::acosh: return acosh(a);
    case Opcode::atanh: return atanh(a);
    case Opcode::atan2: return atan2(a, b);
    default: return apply_special(op, a, b);
  }
}

// Functions whose code is long are not repeated for each element of a tile.
template <class T>
__device__ __attribute__((noinline)) T apply_function(Opcode op, T a, T b) {
  switch (op) {
    case Opcode::exp: return exp(a);
    case Opcode::expm1: return expm1(a);
    case Opcode::log: return log(a);
    case Opcode::log1p: return log1p(a);
    case Opcode::tanh: return tanh(a);
    case Opcode::sigmoid: return T(1) / (T(1) + exp(-a));
    case Opcode::softplus: return softplus(a);
    case Opcode::erf: return erf(a);
    case Opcode::sin: return sin(a);
    case Opcode::cos: return cos(a);
    default: return pow(a, b);
  }
}

// Those of float32 that models use all the time. False: another op.
__device__ __forceinline__ bool apply_short(Opcode op, Tile<float>* x, const Tile<float>& y,
                                            const Tile<float>& z) {
  using T = float;
  switch (op) {
    PYDL_STEP(exp, expf(a));
    PYDL_STEP(log, logf(a));
    PYDL_STEP(tanh, tanhf(a));
    PYDL_STEP(sigmoid, 1.0f / (1.0f + expf(-a)));
    default: return false;
  }
  return true;
}
__device__ __forceinline__ bool apply_short(Opcode, Tile<double>*, const Tile<double>&,
                                            const Tile<double>&) {
  return false;
}

template <bool kRare, class T>
__device__ __forceinline__ void apply_float(Opcode op, Tile<T>* x, const Tile<T>& y,
                                            const Tile<T>& z) {
  switch (op) {
    PYDL_STEP(neg, -a);
    PYDL_STEP(abs, fabs(a));
    PYDL_STEP(square, a * a);
    PYDL_STEP(add, a + b);
    PYDL_STEP(sub, a - b);
    PYDL_STEP(mul, a * b);
    PYDL_STEP(div, a / b);
    PYDL_STEP(sqrt, sqrt(a));
    PYDL_STEP(rsqrt, T(1) / sqrt(a));
    PYDL_STEP(reciprocal, T(1) / a);
    PYDL_STEP(floor, floor(a));
    PYDL_STEP(ceil, ceil(a));
    PYDL_STEP(round, rint(a));
    PYDL_STEP(trunc, trunc(a));
    PYDL_STEP(isfinite, a - a == T(0));
    PYDL_STEP(sigmoid_grad, a * b * (T(1) - b));
    PYDL_STEP(tanh_grad, a * (T(1) - b * b));
    default:
      if (apply_any(op, x, y, z) || apply_short(op, x, y, z)) return;
      for_elements(x, y, z, [op](T a, T b, T) {
        if (kRare && is_rare(op)) return apply_angle(op, a, b);
        return apply_function(op, a, b);
      });
  }
}
#undef PYDL_STEP

// The result goes to x. `kRare`: the op may be one of the rare ones.
template <bool kRare, class T>
__device__ __forceinline__ void apply_step(Opcode op, Tile<T>* x, const Tile<T>& y,
                                           const Tile<T>& z) {
  if constexpr (kIsFloat<T>) {
    apply_float<kRare>(op, x, y, z);
  } else {
    apply_integer(op, x, y, z);
  }
}

}  // namespace pydl::PYDL_GPU
