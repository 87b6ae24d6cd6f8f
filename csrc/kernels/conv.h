// What the kernels of conv and pool read from an instruction. POD.
//
// There are always three spatial axes; those an operand lacks come first, with sizes of 1.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

constexpr int kSpatial = 3;

struct WindowShape {
  int64_t batch;
  int64_t size[kSpatial];       // of x
  int64_t window[kSpatial];
  int64_t places[kSpatial];     // of the result of the forward op
  int64_t strides[kSpatial], dilations[kSpatial];
  int64_t low[kSpatial];        // padding in front; that behind follows from the rest
};

struct ConvShape : WindowShape {
  int64_t channels, filters, groups;  // channels of x and out in all
  int bias, residual, out;            // operands; -1: there is none
  const char* activation;             // "" for none; of conv_grad_x: whose gradient
  bool column_sum;                    // of conv_grad_w
};

struct PoolShape : WindowShape {
  int64_t channels;
  bool count_padding;  // of avg_pool
  bool wide_index;     // int32, otherwise uint8
};

ConvShape conv_shape(const OpView& op);
PoolShape pool_shape(const OpView& op);

// Where the window at `place` begins in x along an axis.
inline int64_t window_start(const WindowShape& p, int axis, int64_t place) {
  return place * p.strides[axis] - p.low[axis];
}

inline int64_t volume(const int64_t (&sizes)[kSpatial]) { return sizes[0] * sizes[1] * sizes[2]; }

}  // namespace pydl
