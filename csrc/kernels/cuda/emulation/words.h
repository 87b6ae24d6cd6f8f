// The words of CUDA C++ that kernels use.
#pragma once

#include <math.h>

#include <cstdint>
#include <cstring>

#include "kernels/cuda/emulation/machine.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) alignas(bytes)

// glibc declares functions of these names, which it does not export.
#define __expf expf
#define __exp10f exp10f
#define __logf logf
#define __log2f log2f
#define __log10f log10f
#define __powf powf
#define __sinf sinf
#define __cosf cosf
#define __tanf tanf

#define PYDL_VECTOR(type, name, bytes)                                              \
  struct alignas(2 * (bytes)) name##2 { type x, y; };                               \
  struct name##3 { type x, y, z; };                                                 \
  struct alignas(4 * (bytes) < 16 ? 4 * (bytes) : 16) name##4 { type x, y, z, w; }; \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }                  \
  inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }       \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
#define PYDL_VECTOR_OF_UINT(type, name, bytes)                              \
  struct alignas(2 * (bytes)) name##2 { type x, y; };                       \
  struct alignas(4 * (bytes)) name##4 { type x, y, z, w; };                 \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }          \
  inline uint3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
PYDL_VECTOR(float, float, 4)
PYDL_VECTOR(double, double, 8)
PYDL_VECTOR(int, int, 4)
PYDL_VECTOR(short, short, 2)
PYDL_VECTOR(unsigned short, ushort, 2)
PYDL_VECTOR(signed char, char, 1)
PYDL_VECTOR(unsigned char, uchar, 1)
PYDL_VECTOR(long long, longlong, 8)
PYDL_VECTOR(unsigned long long, ulonglong, 8)
PYDL_VECTOR_OF_UINT(unsigned, uint, 4)
#undef PYDL_VECTOR
#undef PYDL_VECTOR_OF_UINT

namespace pydl::emulation {

template <class To, class From>
To bits_as(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &value, sizeof value);
  return result;
}

template <class T>
uint64_t to_word(T value) {
  static_assert(sizeof value <= sizeof(uint64_t), "shuffles move at most 8 bytes");
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}

template <class T>
T from_word(uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

template <class T>
T shuffle(unsigned mask, T value, int source, const char* file, int line) {
  return from_word<T>(meet({Meeting::kShuffle, mask, source, to_word(value), file, line}));
}

// The first lane of this lane's group of `width`.
inline int group_start(int width) { return lane_index() & ~(width - 1); }

}  // namespace pydl::emulation

// The place of a call, for what is told about barriers that fail.
#define PYDL_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(PYDL_PLACE) {
  using namespace pydl::emulation;
  meet({Meeting::kBarrier, 0, -1, 0, file, line});
}
inline int __syncthreads_or(int predicate, PYDL_PLACE) {
  using namespace pydl::emulation;
  return static_cast<int>(meet({Meeting::kBarrierOr, 0, -1, predicate != 0, file, line}));
}
inline int __syncthreads_and(int predicate, PYDL_PLACE) {
  using namespace pydl::emulation;
  return static_cast<int>(meet({Meeting::kBarrierAnd, 0, -1, predicate != 0, file, line}));
}
inline int __syncthreads_count(int predicate, PYDL_PLACE) {
  using namespace pydl::emulation;
  return static_cast<int>(meet({Meeting::kBarrierCount, 0, -1, predicate != 0, file, line}));
}
inline void __syncwarp(unsigned mask = 0xffffffffu, PYDL_PLACE) {
  using namespace pydl::emulation;
  meet({Meeting::kWarp, mask, -1, 0, file, line});
}
inline unsigned __ballot_sync(unsigned mask, int predicate, PYDL_PLACE) {
  using namespace pydl::emulation;
  return static_cast<unsigned>(meet({Meeting::kBallot, mask, -1, predicate != 0, file, line}));
}
inline int __any_sync(unsigned mask, int predicate, PYDL_PLACE) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, PYDL_PLACE) {
  return __ballot_sync(mask, predicate, file, line) == mask;
}
// Lanes run one by one here: those that have not ended.
inline unsigned __activemask() { return pydl::emulation::living_lanes(); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, PYDL_PLACE) {
  const int lane = pydl::emulation::group_start(width) + (source & (width - 1));
  return pydl::emulation::shuffle(mask, value, lane, file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, PYDL_PLACE) {
  const int lane = pydl::emulation::lane_index() - static_cast<int>(delta);
  const bool inside = lane >= pydl::emulation::group_start(width);
  return pydl::emulation::shuffle(mask, value, inside ? lane : -1, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, PYDL_PLACE) {
  const int lane = pydl::emulation::lane_index() + static_cast<int>(delta);
  const bool inside = lane < pydl::emulation::group_start(width) + width;
  return pydl::emulation::shuffle(mask, value, inside ? lane : -1, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, PYDL_PLACE) {
  const int lane = pydl::emulation::lane_index() ^ lanes;
  const bool inside = lane < pydl::emulation::group_start(width) + width;
  return pydl::emulation::shuffle(mask, value, inside ? lane : -1, file, line);
}
#undef PYDL_PLACE

inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __ldg(const T* x) {
  return *x;
}
template <class T>
T __ldcs(const T* x) {
  return *x;
}
template <class T>
T __ldcg(const T* x) {
  return *x;
}
template <class T>
void __stcs(T* x, T value) {
  *x = value;
}
template <class T>
void __stcg(T* x, T value) {
  *x = value;
}

// Of integers alone: sums of floats would depend on the order.
template <class T>
T atomicAdd(T* x, T value) {
  static_assert(static_cast<T>(0.5) == T(0), "atomics are for integers");
  return __atomic_fetch_add(x, value, __ATOMIC_RELAXED);
}
template <class T>
T atomicOr(T* x, T value) {
  return __atomic_fetch_or(x, value, __ATOMIC_RELAXED);
}
template <class T>
T atomicAnd(T* x, T value) {
  return __atomic_fetch_and(x, value, __ATOMIC_RELAXED);
}
template <class T>
T atomicExch(T* x, T value) {
  return __atomic_exchange_n(x, value, __ATOMIC_RELAXED);
}
template <class T>
T atomicCAS(T* x, T expected, T value) {
  __atomic_compare_exchange_n(x, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
template <class T>
T atomicMin(T* x, T value) {
  T old = __atomic_load_n(x, __ATOMIC_RELAXED);
  while (value < old &&
         !__atomic_compare_exchange_n(x, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template <class T>
T atomicMax(T* x, T value) {
  T old = __atomic_load_n(x, __ATOMIC_RELAXED);
  while (old < value &&
         !__atomic_compare_exchange_n(x, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

inline unsigned __float_as_uint(float x) { return pydl::emulation::bits_as<unsigned>(x); }
inline int __float_as_int(float x) { return pydl::emulation::bits_as<int>(x); }
inline float __uint_as_float(unsigned x) { return pydl::emulation::bits_as<float>(x); }
inline float __int_as_float(int x) { return pydl::emulation::bits_as<float>(x); }
inline long long __double_as_longlong(double x) { return pydl::emulation::bits_as<long long>(x); }
inline double __longlong_as_double(long long x) { return pydl::emulation::bits_as<double>(x); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>((static_cast<Wide>(a) * b) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
// Halley's method on erf, or on erfc where erf is near 1.
inline double erfinv(double x) {
  constexpr double kHalfRootPi = 0.886226925452758;
  const double a = fabs(x);
  if (!(a < 1.0)) return a == 1.0 ? copysign(HUGE_VAL, x) : sqrt(-a);
  if (a < 1e-9) return x * kHalfRootPi;
  const double l = log((1.0 - a) * (1.0 + a)), m = 4.33 + 0.5 * l;
  double y = sqrt(sqrt(m * m - l / 0.147) - m);
  for (int pass = 0; pass < 4; ++pass) {
    const double error = a < 0.5 ? erf(y) - a : (1.0 - a) - erfc(y);
    const double step = error * kHalfRootPi * exp(y * y);
    y -= step / (1.0 + y * step);
  }
  return copysign(y, x);
}
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(1.0 / sqrt(static_cast<double>(x))); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
template <>
inline float min(float a, float b) {
  return fminf(a, b);
}
template <>
inline float max(float a, float b) {
  return fmaxf(a, b);
}
template <>
inline double min(double a, double b) {
  return fmin(a, b);
}
template <>
inline double max(double a, double b) {
  return fmax(a, b);
}
