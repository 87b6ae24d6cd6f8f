// Moving elements: transpose, broadcast_to, concatenate, slice, pad, flip and the copies of a
// dynamic slice are all one loop nest with a source and a target stride per loop. POD.
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

// The nest of operand `input` of a shape op; a dynamic one's window stands at 0. Adjacent loops
// that continue each other are merged. Returns false when `op` is none of the above.
bool make_copy_nest(const OpView& op, int input, CopyNest* nest);

// Where the window of a dynamic_slice or dynamic_update_slice begins in the larger value.
struct Window {
  int rank;
  int64_t limits[kMaxDims];   // the largest start that fits
  int64_t strides[kMaxDims];  // of the larger value
};

Window make_window(const OpView& op);

// The offset in elements of a window at `start`, clamped so that it fits.
__attribute__((always_inline)) static inline int64_t window_offset(const Window& window,
                                                                   const int64_t* start) {
  int64_t offset = 0;
  for (int d = 0; d < window.rank; ++d) {
    const int64_t last = window.limits[d];
    const int64_t at = start[d] < 0 ? 0 : start[d] > last ? last : start[d];
    offset += at * window.strides[d];
  }
  return offset;
}

}  // namespace pydl
