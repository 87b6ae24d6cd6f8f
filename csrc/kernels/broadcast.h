// Broadcasting: a result's dims and the strides with which each operand is read. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

constexpr int kMaxOperands = 16;

// Loops over a result, outermost first, and per operand the element strides (0 where it is
// broadcast). rank >= 1; dims that every operand crosses contiguously are merged.
struct Nest {
  int rank;
  int64_t dims[kMaxDims];
  int64_t strides[kMaxOperands][kMaxDims];
};

void make_nest(const TensorView* in, int n_in, const TensorView& out, Nest* nest);

// Number of innermost loops.
static inline int64_t nest_rows(const Nest& nest) {
  int64_t rows = 1;
  for (int d = 0; d + 1 < nest.rank; ++d) rows *= nest.dims[d];
  return rows;
}

// Where the operand's elements of innermost loop `row` start.
static inline int64_t nest_offset(const Nest& nest, int operand, int64_t row) {
  int64_t offset = 0;
  for (int d = nest.rank - 2; d >= 0; --d) {
    offset += row % nest.dims[d] * nest.strides[operand][d];
    row /= nest.dims[d];
  }
  return offset;
}

}  // namespace pydl
