// Moving elements: transpose, broadcast_to, concatenate, slice and pad are all one loop nest with a
// source and a target stride per loop. POD.
#pragma once

#include "kernels/kernel.h"
#include "plan/opcode.h"

namespace pydl {

// Offsets and strides in elements; loops outermost first, rank >= 1.
struct CopyNest {
  int rank;
  int64_t dims[kMaxDims];
  int64_t source_strides[kMaxDims];
  int64_t target_strides[kMaxDims];
  int64_t source_start;
  int64_t target_start;
  int64_t count;  // elements moved
};

// The nest of operand `input` of a shape op. Adjacent loops that continue each other are merged.
// Returns false when `op` is none of the above.
bool make_copy_nest(const OpView& op, int input, CopyNest* nest);

}  // namespace pydl
