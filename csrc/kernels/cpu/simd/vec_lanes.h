// Part of vec.h: AVX2, NEON, SSE2 and any other machine, on the compiler's own vectors, with
// instructions named only where the compiler would not find them.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace pydl::PYDL_ISA {

template <class T>
struct Mask {
  VecI<T> m;  // all ones or all zeros
};
template <class T>
PYDL_INLINE Mask<T> operator&(Mask<T> a, Mask<T> b) {
  return {a.m & b.m};
}
template <class T>
PYDL_INLINE Mask<T> operator|(Mask<T> a, Mask<T> b) {
  return {a.m | b.m};
}
template <class T>
PYDL_INLINE Mask<T> operator~(Mask<T> a) {
  return {~a.m};
}
template <class T>
PYDL_INLINE bool any(Mask<T> a) {
#if defined(__AVX2__)
  return _mm256_movemask_epi8(reinterpret_cast<__m256i>(a.m)) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_epi8(reinterpret_cast<__m128i>(a.m)) != 0;
#else
  uint64_t words[2];
  __builtin_memcpy(words, &a.m, sizeof words);
  return (words[0] | words[1]) != 0;
#endif
}
template <class T>
PYDL_INLINE bool all(Mask<T> a) {
  return !any(~a);
}
template <class T>
PYDL_INLINE Mask<T> first_lanes(int n) {
  VecI<T> index;
  for (int i = 0; i < kLanes<T>; ++i) index[i] = i;
  return {index < set_int<T>(n)};
}

template <class T>
PYDL_INLINE Vec<T> load_n(const T* p, int n) {
  Vec<T> r{};
#if defined(__AVX2__)
  const __m256i m = reinterpret_cast<__m256i>(first_lanes<T>(n).m);
  if constexpr (sizeof(T) == 4) {
    r.v = _mm256_maskload_ps(p, m);
  } else {
    r.v = _mm256_maskload_pd(p, m);
  }
#else
  T lanes[kLanes<T>] = {};
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) lanes[i] = p[i];
  }
  r = load(lanes);
#endif
  return r;
}
template <class T>
PYDL_INLINE void store_n(T* p, Vec<T> a, int n) {
#if defined(__AVX2__)
  const __m256i m = reinterpret_cast<__m256i>(first_lanes<T>(n).m);
  if constexpr (sizeof(T) == 4) {
    _mm256_maskstore_ps(p, m, a.v);
  } else {
    _mm256_maskstore_pd(p, m, a.v);
  }
#else
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) p[i] = a.v[i];
  }
#endif
}

template <class T>
PYDL_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_fmadd_ps(a.v, b.v, c.v)};
  } else {
    return {_mm256_fmadd_pd(a.v, b.v, c.v)};
  }
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4) {
    return {vfmaq_f32(c.v, a.v, b.v)};
  } else {
    return {vfmaq_f64(c.v, a.v, b.v)};
  }
#else
  return a * b + c;
#endif
}
template <class T>
PYDL_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return fma(-a, b, c);
}
template <class T>
PYDL_INLINE Vec<T> sqrt(Vec<T> a) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_sqrt_ps(a.v)};
  } else {
    return {_mm256_sqrt_pd(a.v)};
  }
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm_sqrt_ps(a.v)};
  } else {
    return {_mm_sqrt_pd(a.v)};
  }
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4) {
    return {vsqrtq_f32(a.v)};
  } else {
    return {vsqrtq_f64(a.v)};
  }
#else
  for (int i = 0; i < kLanes<T>; ++i) a.v[i] = static_cast<T>(__builtin_sqrt(a.v[i]));
  return a;
#endif
}

template <class T>
PYDL_INLINE Mask<T> eq(Vec<T> a, Vec<T> b) {
  return {a.v == b.v};
}
template <class T>
PYDL_INLINE Mask<T> ne(Vec<T> a, Vec<T> b) {
  return {a.v != b.v};
}
template <class T>
PYDL_INLINE Mask<T> lt(Vec<T> a, Vec<T> b) {
  return {a.v < b.v};
}
template <class T>
PYDL_INLINE Mask<T> le(Vec<T> a, Vec<T> b) {
  return {a.v <= b.v};
}
template <class T>
PYDL_INLINE Mask<T> gt(Vec<T> a, Vec<T> b) {
  return {a.v > b.v};
}
template <class T>
PYDL_INLINE Mask<T> ge(Vec<T> a, Vec<T> b) {
  return {a.v >= b.v};
}
template <class T>
PYDL_INLINE Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_blendv_ps(b.v, a.v, reinterpret_cast<__m256>(m.m))};
  } else {
    return {_mm256_blendv_pd(b.v, a.v, reinterpret_cast<__m256d>(m.m))};
  }
#else
  return from_bits<T>((bits(a) & m.m) | (bits(b) & ~m.m));
#endif
}
template <class T>
PYDL_INLINE Vec<T> max_fast(Vec<T> a, Vec<T> b) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_max_ps(a.v, b.v)};
  } else {
    return {_mm256_max_pd(a.v, b.v)};
  }
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm_max_ps(a.v, b.v)};
  } else {
    return {_mm_max_pd(a.v, b.v)};
  }
#else
  return select(gt(a, b), a, b);
#endif
}
template <class T>
PYDL_INLINE Vec<T> min_fast(Vec<T> a, Vec<T> b) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_min_ps(a.v, b.v)};
  } else {
    return {_mm256_min_pd(a.v, b.v)};
  }
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm_min_ps(a.v, b.v)};
  } else {
    return {_mm_min_pd(a.v, b.v)};
  }
#else
  return select(lt(a, b), a, b);
#endif
}

template <class T>
PYDL_INLINE Mask<T> mask_from_bytes(const uint8_t* p, int n) {
  typename Format<T>::Int lanes[kLanes<T>] = {};
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) lanes[i] = p[i];
  }
  VecI<T> r;
  __builtin_memcpy(&r, lanes, sizeof r);
  return {r != set_int<T>(0)};
}
template <class T>
PYDL_INLINE void mask_to_bytes(uint8_t* p, Mask<T> a, int n) {
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < n) p[i] = a.m[i] != 0;
  }
}

// Adding and taking away 2^mantissa_bits rounds; larger numbers are integers already.
template <class T>
PYDL_INLINE Vec<T> round_nearest(Vec<T> a) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  } else {
    return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
#else
  const Vec<T> big = set(Format<T>::kIntegral);
  const Vec<T> size = abs(a);
  return select(lt(size, big), copysign((size + big) - big, a), a);
#endif
}
template <class T>
PYDL_INLINE Vec<T> floor(Vec<T> a) {
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_floor_ps(a.v)};
  } else {
    return {_mm256_floor_pd(a.v)};
  }
#else
  const Vec<T> r = round_nearest(a);
  return r - select(gt(r, a), set(T{1}), zero<T>());
#endif
}

template <class T>
PYDL_INLINE Vec<T> pow2(Vec<T> k);

// In two steps, so that neither power leaves the normal range.
template <class T>
PYDL_INLINE Vec<T> scale_by_pow2(Vec<T> a, Vec<T> k) {
  const Vec<T> half = floor(k * set(T(0.5)));
  return a * pow2(half) * pow2(k - half);
}

template <class T>
PYDL_INLINE Vec<T> normal(Vec<T> a, Mask<T> subnormal) {
  return select(subnormal, a * set(Format<T>::kSubnormalScale), a);
}
template <class T>
PYDL_INLINE Vec<T> exponent(Vec<T> a) {
  using F = Format<T>;
  const Mask<T> small = lt(a, set(F::kMinNormal));
  const VecI<T> biased = bits(normal(a, small)) >> F::kMantissaBits;
  const Vec<T> whole = from_bits<T>(biased | bits(set(F::kIntegral))) - set(F::kIntegral);
  return whole - select(small, set(T(F::kBias) + F::kSubnormalShift), set(T(F::kBias)));
}
template <class T>
PYDL_INLINE Vec<T> mantissa(Vec<T> a) {
  using F = Format<T>;
  const VecI<T> field = set_int<T>((typename F::Int{1} << F::kMantissaBits) - 1);
  const VecI<T> b = bits(normal(a, lt(a, set(F::kMinNormal))));
  return from_bits<T>((b & field) | bits(set(T{1})));
}

PYDL_INLINE void mul_wide(VecU a, VecU b, VecU* hi, VecU* lo) {
#if defined(__AVX2__)
  const __m256i x = reinterpret_cast<__m256i>(a), y = reinterpret_cast<__m256i>(b);
  const __m256i even = _mm256_mul_epu32(x, y);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
  *lo = reinterpret_cast<VecU>(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA));
  *hi = reinterpret_cast<VecU>(_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA));
#else
  for (int i = 0; i < kLanes<float>; ++i) {
    const uint64_t product = static_cast<uint64_t>(a[i]) * b[i];
    (*lo)[i] = static_cast<uint32_t>(product);
    (*hi)[i] = static_cast<uint32_t>(product >> 32);
  }
#endif
}
PYDL_INLINE Mask<float> ge_u(VecU a, VecU b) { return {reinterpret_cast<VecI<float>>(a >= b)}; }

}  // namespace pydl::PYDL_ISA
