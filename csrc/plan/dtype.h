// Element types. POD only: kernels compiled per instruction set include this file.
#pragma once

#include <cstdint>

namespace pydl {

enum class DType : uint8_t {
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kBool,
};
constexpr int kDTypeCount = 12;

// NumPy's names, in enum order; also the names in plan files.
constexpr const char* kDTypeNames[kDTypeCount] = {"float32", "float64", "float16", "bfloat16",
                                                  "int8",    "int16",   "int32",   "int64",
                                                  "uint8",   "uint16",  "uint32",  "bool"};

constexpr int kDTypeSizes[kDTypeCount] = {4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 1};

constexpr const char* dtype_name(DType t) { return kDTypeNames[static_cast<int>(t)]; }
constexpr int dtype_size(DType t) { return kDTypeSizes[static_cast<int>(t)]; }
constexpr bool is_float(DType t) { return t <= DType::kBFloat16; }
constexpr bool is_integer(DType t) { return t >= DType::kInt8 && t <= DType::kUInt32; }

}  // namespace pydl
