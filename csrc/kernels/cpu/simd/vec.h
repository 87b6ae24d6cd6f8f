// Vectors of float and double as wide as this bundle's registers. Kernels are written once over
// this header; it alone (with vec_avx512.h and vec_lanes.h) holds instruction-set code.
//
//   Vec<T>   kLanes<T> numbers          Mask<T>  one truth value per lane of a Vec<T>
//   VecI<T>  the signed integers of the same width; VecU: kLanes<float> uint32 lanes. Both are
//            plain GCC/Clang vectors: + - * & | ^ ~ << >> and [] work on them, wrapping.
//
//   load(p) store(p, v)                 no alignment needed
//   load_n(p, n) store_n(p, v, n)       the first n lanes, 0 <= n <= kLanes; others 0 / untouched
//   set(x) zero<T>() iota<T>()          iota is 0, 1, 2, ...
//   + - * / unary -  sqrt abs copysign
//   fma(a, b, c) = a * b + c            one rounding where the hardware has it (not on SSE2)
//   fnma(a, b, c) = c - a * b
//   max min                             NaN of either side wins
//   max_fast min_fast                   the second operand when either is NaN
//   eq ne lt le gt ge -> Mask           & | ~, select(mask, a, b), any(mask), all(mask)
//   first_lanes<T>(n) -> Mask
//   mask_from_bytes<T>(p, n)            lanes p[i] != 0; lanes past n are false, p is not read
//   there mask_to_bytes(p, mask, n)           writes 0 or 1 reduce_add reduce_max reduce_min halves
//   folded onto halves: one fixed order; NaN wins round_nearest (ties to even) floor pow2(k) = 2^k
//   k integral, normal range (float -126..127, double -1022..1023) scale_by_pow2(v, k) = v * 2^k k
//   integral, |k| <= 252 (float), 2044 (double); rounds once
//                                       into the subnormals
//   exponent(v) mantissa(v)             v = mantissa * 2^exponent, 1 <= mantissa < 2; v > 0 and
//                                       finite, subnormals included
//   bits(v) from_bits<T>(i)             reinterpretation
//   set_u iota_u load_u store_u mul_wide(a, b, &hi, &lo) ge_u(a, b) -> Mask<float>  for VecU
//   u_to_float(u)                       u < 2^31
//   prefetch(p) prefetch_far(p)         into L1; into L2
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef PYDL_ISA
#error "simd/vec.h is compiled per instruction set: define PYDL_ISA"
#endif

#define PYDL_INLINE inline __attribute__((always_inline))

namespace pydl::PYDL_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
struct Format;  // how IEEE 754 lays out T
template <>
struct Format<float> {
  using Int = int32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr Int kBias = 127;
  static constexpr float kMinNormal = 0x1p-126f;
  static constexpr float kSubnormalScale = 0x1p24f;
  static constexpr float kSubnormalShift = 24.0f;
  static constexpr float kIntegral = 0x1p23f;  // every float from here on is an integer
};
template <>
struct Format<double> {
  using Int = int64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr Int kBias = 1023;
  static constexpr double kMinNormal = 0x1p-1022;
  static constexpr double kSubnormalScale = 0x1p54;
  static constexpr double kSubnormalShift = 54.0;
  static constexpr double kIntegral = 0x1p52;
};

// Plain compiler vectors of kVectorBytes.
template <class T>
struct Native {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using VecI = typename Native<typename Format<T>::Int>::type;
using VecU = typename Native<uint32_t>::type;

template <class T>
struct Vec {
  typename Native<T>::type v;
};
template <class T>
struct Mask;  // by instruction set

template <class T>
PYDL_INLINE Vec<T> load(const T* p) {
  Vec<T> r;
  __builtin_memcpy(&r.v, p, kVectorBytes);
  return r;
}
template <class T>
PYDL_INLINE void store(T* p, Vec<T> a) {
  __builtin_memcpy(p, &a.v, kVectorBytes);
}
PYDL_INLINE Vec<float> set(float x) { return {x - typename Native<float>::type{}}; }
PYDL_INLINE Vec<double> set(double x) { return {x - typename Native<double>::type{}}; }
template <class T>
PYDL_INLINE Vec<T> zero() {
  return Vec<T>{};
}
template <class T>
PYDL_INLINE Vec<T> iota() {
  Vec<T> r;
  for (int i = 0; i < kLanes<T>; ++i) r.v[i] = static_cast<T>(i);
  return r;
}

template <class T>
PYDL_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) {
  return {a.v + b.v};
}
template <class T>
PYDL_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) {
  return {a.v - b.v};
}
template <class T>
PYDL_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) {
  return {a.v * b.v};
}
template <class T>
PYDL_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) {
  return {a.v / b.v};
}
template <class T>
PYDL_INLINE Vec<T> operator-(Vec<T> a) {
  return {-a.v};
}

template <class T>
PYDL_INLINE VecI<T> bits(Vec<T> a) {
  return reinterpret_cast<VecI<T>>(a.v);
}
template <class T>
PYDL_INLINE Vec<T> from_bits(VecI<T> a) {
  return {reinterpret_cast<typename Native<T>::type>(a)};
}
template <class T>
PYDL_INLINE VecI<T> set_int(typename Format<T>::Int x) {
  return x - VecI<T>{};
}
template <class T>
PYDL_INLINE Vec<T> abs(Vec<T> a) {
  using Int = typename Format<T>::Int;
  return from_bits<T>(bits(a) & static_cast<Int>(~(Int{1} << (8 * sizeof(T) - 1))));
}
template <class T>
PYDL_INLINE Vec<T> copysign(Vec<T> size, Vec<T> sign) {
  return from_bits<T>(bits(abs(size)) | (bits(sign) ^ bits(abs(sign))));
}

PYDL_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }
PYDL_INLINE void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }

}  // namespace pydl::PYDL_ISA

#if defined(__AVX512F__)
#include "kernels/cpu/simd/vec_avx512.h"
#else
#include "kernels/cpu/simd/vec_lanes.h"
#endif

namespace pydl::PYDL_ISA {

template <class T>
PYDL_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
  return select(ne(a, a), a, max_fast(a, b));
}
template <class T>
PYDL_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
  return select(ne(a, a), a, min_fast(a, b));
}

// 2^k: adding 1.5 * 2^mantissa_bits leaves k in the low bits, which then become the exponent.
template <class T>
PYDL_INLINE Vec<T> pow2(Vec<T> k) {
  using F = Format<T>;
  const Vec<T> shifted = k + set(static_cast<T>(F::kIntegral * 1.5));
  return from_bits<T>((bits(shifted) + F::kBias) << F::kMantissaBits);
}

PYDL_INLINE VecU set_u(uint32_t x) { return x - VecU{}; }
PYDL_INLINE VecU iota_u() {
  VecU r;
  for (int i = 0; i < kLanes<float>; ++i) r[i] = static_cast<uint32_t>(i);
  return r;
}
PYDL_INLINE VecU load_u(const uint32_t* p) {
  VecU r;
  __builtin_memcpy(&r, p, kVectorBytes);
  return r;
}
PYDL_INLINE void store_u(uint32_t* p, VecU a) { __builtin_memcpy(p, &a, kVectorBytes); }
PYDL_INLINE Vec<float> u_to_float(VecU a) {
  return {__builtin_convertvector(reinterpret_cast<VecI<float>>(a), typename Native<float>::type)};
}

// Sixteen bytes at the end of every reduction.
typedef float Quad __attribute__((vector_size(16)));
typedef double Pair __attribute__((vector_size(16)));
struct FoldAdd {
  template <class V>
  PYDL_INLINE V operator()(V a, V b) const {
    return a + b;
  }
};
struct FoldMul {
  template <class V>
  PYDL_INLINE V operator()(V a, V b) const {
    return a * b;
  }
};
struct FoldMax {
  template <class V>
  PYDL_INLINE V operator()(V a, V b) const {
    return ((a > b) | (a != a)) ? a : b;
  }
};
struct FoldMin {
  template <class V>
  PYDL_INLINE V operator()(V a, V b) const {
    return ((a < b) | (a != a)) ? a : b;
  }
};
template <class Fold>
PYDL_INLINE float fold_last(Quad a, Fold fold) {
  a = fold(a, __builtin_shufflevector(a, a, 2, 3, 0, 1));
  a = fold(a, __builtin_shufflevector(a, a, 1, 0, 3, 2));
  return a[0];
}
template <class Fold>
PYDL_INLINE double fold_last(Pair a, Fold fold) {
  return fold(a, __builtin_shufflevector(a, a, 1, 0))[0];
}
template <int kBytes, class Fold, class V>
PYDL_INLINE auto fold_halves(V a, Fold fold) {
  using T = decltype(a[0] + a[0]);
  if constexpr (kBytes == 16) {
    return fold_last(a, fold);
  } else {
    typedef T Half __attribute__((vector_size(kBytes / 2)));
    Half halves[2];
    __builtin_memcpy(halves, &a, kBytes);
    return fold_halves<kBytes / 2>(fold(halves[0], halves[1]), fold);
  }
}
template <class T>
PYDL_INLINE T reduce_add(Vec<T> a) {
  return fold_halves<kVectorBytes>(static_cast<typename Native<T>::type>(a.v), FoldAdd{});
}
template <class T>
PYDL_INLINE T reduce_mul(Vec<T> a) {
  return fold_halves<kVectorBytes>(static_cast<typename Native<T>::type>(a.v), FoldMul{});
}
template <class T>
PYDL_INLINE T reduce_max(Vec<T> a) {
  return fold_halves<kVectorBytes>(static_cast<typename Native<T>::type>(a.v), FoldMax{});
}
template <class T>
PYDL_INLINE T reduce_min(Vec<T> a) {
  return fold_halves<kVectorBytes>(static_cast<typename Native<T>::type>(a.v), FoldMin{});
}

}  // namespace pydl::PYDL_ISA
