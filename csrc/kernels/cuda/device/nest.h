// Where an operand's elements are, given the index of a result element.
#pragma once

#include "kernels/broadcast.h"
#include "kernels/cuda/device/divide.h"

namespace pydl::PYDL_GPU {

// The loops of a Nest, to be taken apart by a device.
struct Loops {
  int rank;
  Divisor dims[kMaxDims];
};

inline Loops make_loops(int rank, const int64_t* dims) {
  Loops loops = {};
  loops.rank = rank;
  for (int d = 0; d < rank; ++d) loops.dims[d] = make_divisor(dims[d]);
  return loops;
}

// The offset of element `i` of the loops, in row-major order.
__device__ __forceinline__ int64_t offset_of(const Loops& loops, const int64_t* strides,
                                             int64_t i) {
  int64_t offset = 0;
  for (int d = loops.rank - 1; d > 0; --d) {
    const int64_t rest = divide(i, loops.dims[d]);
    offset += (i - rest * loops.dims[d].value) * strides[d];
    i = rest;
  }
  return offset + i * strides[0];
}

}  // namespace pydl::PYDL_GPU
