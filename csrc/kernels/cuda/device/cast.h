// Conversions between element types, as the op `cast` defines them.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/half.h"

namespace pydl::PYDL_GPU {

template <class T>
constexpr bool kIsFloat = false;
template <>
inline constexpr bool kIsFloat<float> = true;
template <>
inline constexpr bool kIsFloat<double> = true;

template <class T>
struct Range {
  static constexpr bool kSigned = T(-1) < T(0);
  static constexpr int kDigits = 8 * static_cast<int>(sizeof(T)) - (kSigned ? 1 : 0);
  static constexpr T kHigh = static_cast<T>((uint64_t{1} << kDigits) - 1);
  static constexpr T kLow = kSigned ? static_cast<T>(-kHigh - 1) : T(0);
};

// NaN to 0, the rest to the nearest number of `To` towards 0. From(kHigh) may be rounded up, to a
// value which is out of range itself.
template <class To, class From>
__device__ __forceinline__ To saturate(From x) {
  if (x != x) return To(0);
  if (x <= From(Range<To>::kLow)) return Range<To>::kLow;
  if (x >= From(Range<To>::kHigh)) return Range<To>::kHigh;
  return static_cast<To>(x);
}

template <class To, class From>
struct Convert {
  static __device__ __forceinline__ To apply(From x) {
    if constexpr (kIsFloat<From> && !kIsFloat<To>) {
      return saturate<To>(x);
    } else {
      return static_cast<To>(x);
    }
  }
};
template <class To>
struct Convert<To, Bool> {
  static __device__ __forceinline__ To apply(Bool x) { return static_cast<To>(x.byte != 0); }
};
template <class From>
struct Convert<Bool, From> {
  static __device__ __forceinline__ Bool apply(From x) {
    return Bool{static_cast<uint8_t>(x != From(0))};
  }
};
template <>
struct Convert<Bool, Bool> {
  static __device__ __forceinline__ Bool apply(Bool x) {
    return Bool{static_cast<uint8_t>(x.byte != 0)};
  }
};

template <class T>
constexpr bool kIsHalf = false;
template <>
inline constexpr bool kIsHalf<Half> = true;
template <>
inline constexpr bool kIsHalf<BFloat> = true;

template <class To, class From>
__device__ __forceinline__ To convert(From x) {
  if constexpr (kIsHalf<From>) {
    return convert<To>(widen(x));
  } else if constexpr (!kIsHalf<To>) {
    return Convert<To, From>::apply(x);
  } else {
    To result;
    if constexpr (sizeof(From) <= 2 || (kIsFloat<From> && sizeof(From) == 4)) {
      narrow(Convert<float, From>::apply(x), &result);
    } else {
      narrow(Convert<double, From>::apply(x), &result);
    }
    return result;
  }
}

// On the host: visitor(T()) with the type of a dtype that `cast` takes; false for others.
template <class Visitor>
bool visit_castable(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kBool: visitor(Bool()); return true;
    case DType::kFloat16: visitor(Half()); return true;
    case DType::kBFloat16: visitor(BFloat()); return true;
    default: return visit_number(dtype, visitor);
  }
}

// visitor(T()) with the type of a dtype that `cast` yields.
template <class Visitor>
__device__ __forceinline__ void visit_target(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kFloat32: return visitor(float());
    case DType::kFloat64: return visitor(double());
    case DType::kFloat16: return visitor(Half());
    case DType::kBFloat16: return visitor(BFloat());
    case DType::kInt8: return visitor(int8_t());
    case DType::kInt16: return visitor(int16_t());
    case DType::kInt32: return visitor(int32_t());
    case DType::kInt64: return visitor(int64_t());
    case DType::kUInt8: return visitor(uint8_t());
    case DType::kUInt16: return visitor(uint16_t());
    case DType::kUInt32: return visitor(uint32_t());
    default: return visitor(Bool());
  }
}

}  // namespace pydl::PYDL_GPU
