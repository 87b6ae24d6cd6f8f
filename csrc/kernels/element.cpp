#include "kernels/element.h"

#include <cstring>
#include <limits>

#include "kernels/half.h"

namespace pydl {
namespace {

template <class T>
bool put(T value, unsigned char* target) {
  std::memcpy(target, &value, sizeof value);
  return true;
}

template <class T>
T narrowed(double value) {
  T result;
  narrow(value, &result);
  return result;
}

template <class T>
T saturate(int64_t value) {
  using Limits = std::numeric_limits<T>;
  if (value < static_cast<int64_t>(Limits::min())) return Limits::min();
  if (value > static_cast<int64_t>(Limits::max())) return Limits::max();
  return static_cast<T>(value);
}

int64_t to_integer(double value) {
  constexpr double kEnd = 0x1p63;
  if (value != value) return 0;
  if (value >= kEnd) return std::numeric_limits<int64_t>::max();
  if (value < -kEnd) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

bool store(DType dtype, double value, int64_t whole, unsigned char* target) {
  switch (dtype) {
    case DType::kFloat32: return put(static_cast<float>(value), target);
    case DType::kFloat64: return put(value, target);
    case DType::kFloat16: return put(narrowed<Half>(value), target);
    case DType::kBFloat16: return put(narrowed<BFloat>(value), target);
    case DType::kInt8: return put(saturate<int8_t>(whole), target);
    case DType::kInt16: return put(saturate<int16_t>(whole), target);
    case DType::kInt32: return put(saturate<int32_t>(whole), target);
    case DType::kInt64: return put(whole, target);
    case DType::kUInt8: return put(saturate<uint8_t>(whole), target);
    case DType::kUInt16: return put(saturate<uint16_t>(whole), target);
    case DType::kUInt32: return put(saturate<uint32_t>(whole), target);
    case DType::kBool: return put(static_cast<uint8_t>(value != 0.0), target);
    default: return false;
  }
}

}  // namespace

bool store_element(DType dtype, double value, unsigned char* target) {
  return store(dtype, value, to_integer(value), target);
}

bool read_element(const OpView& op, const char* name, DType dtype, unsigned char* target) {
  const double value = attr_float(op, name, 0.0);
  return store(dtype, value, attr_int(op, name, to_integer(value)), target);
}

}  // namespace pydl
