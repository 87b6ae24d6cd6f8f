// take_along_axis as one loop nest: every element of the result reads an index at one offset and,
// at another, the line of x which that index points into. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

// Strides in elements; loops of the result outermost first, rank >= 1; the result is dense.
struct AlongNest {
  int rank;
  int64_t dims[kMaxDims];
  int64_t x_strides[kMaxDims];
  int64_t index_strides[kMaxDims];
  int64_t axis_stride;  // of x, from one index to the next
  int64_t axis_size;
};

// Adjacent loops that continue each other are merged.
AlongNest make_along_nest(const OpView& op);

}  // namespace pydl
