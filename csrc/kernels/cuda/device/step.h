// What each elementwise op computes, for one element and for the elements of a thread.
#pragma once

#include "kernels/cuda/device/cast.h"
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
    default: apply_any(op, x, y, z);
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

template <class T>
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
    PYDL_STEP(isfinite, a - a == T(0));
    PYDL_STEP(sigmoid_grad, a * b * (T(1) - b));
    PYDL_STEP(tanh_grad, a * (T(1) - b * b));
    default:
      if (apply_any(op, x, y, z) || apply_short(op, x, y, z)) return;
      for_elements(x, y, z, [op](T a, T b, T) { return apply_function(op, a, b); });
  }
}
#undef PYDL_STEP

// The result goes to x.
template <class T>
__device__ __forceinline__ void apply_step(Opcode op, Tile<T>* x, const Tile<T>& y,
                                           const Tile<T>& z) {
  if constexpr (kIsFloat<T>) {
    apply_float(op, x, y, z);
  } else {
    apply_integer(op, x, y, z);
  }
}

}  // namespace pydl::PYDL_GPU
