// What the reference families share: binding to a single piece, and dtype to C++ type.
#pragma once

#include <cstdint>

#include "kernels/kernel.h"

namespace pydl::ref {

template <class T>
T* alloc_params(Binder* binder, int64_t count = 1) {
  return static_cast<T*>(bind_alloc(binder, sizeof(T) * static_cast<size_t>(count)));
}

// Everything in one piece.
inline const char* bind_piece(const void* params, PieceFn run, Bound* bound) {
  bound->params = params;
  bound->phases[0] = {run, 1};
  bound->n_phases = 1;
  return nullptr;
}

inline bool all_empty(const OpView& op) {
  for (int i = 0; i < op.n_out; ++i) {
    if (op.out[i].count > 0) return false;
  }
  return true;
}

// visitor(T()) with the C++ type of a float dtype; false for others.
template <class Visitor>
bool visit_float(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kFloat32: visitor(float()); return true;
    case DType::kFloat64: visitor(double()); return true;
    default: return false;
  }
}

template <class Visitor>
bool visit_integer(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kInt8: visitor(int8_t()); return true;
    case DType::kInt16: visitor(int16_t()); return true;
    case DType::kInt32: visitor(int32_t()); return true;
    case DType::kInt64: visitor(int64_t()); return true;
    case DType::kUInt8: visitor(uint8_t()); return true;
    case DType::kUInt16: visitor(uint16_t()); return true;
    case DType::kUInt32: visitor(uint32_t()); return true;
    default: return false;
  }
}

template <class Visitor>
bool visit_number(DType dtype, Visitor&& visitor) {
  return visit_float(dtype, visitor) || visit_integer(dtype, visitor);
}

// Labels and indices.
template <class Visitor>
bool visit_index(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kInt32: visitor(int32_t()); return true;
    case DType::kInt64: visitor(int64_t()); return true;
    default: return false;
  }
}

// A bool in memory: any byte but 0 is true. A type of its own, so that it is not taken for uint8.
struct Bool {
  uint8_t byte;
};

}  // namespace pydl::ref
