// What every convolution kernel is told. A pass is one or more products C[M, N] = A[M, K] B[K, N]
// in each of `groups` groups (conv_layout.h):
//
//                M                 N          K                     A          B
//   conv         places            filters    taps x channels       patches    weight
//   conv_grad_x  pixels            channels   taps x filters        patches    weight, turned over
//   conv_grad_w  taps x channels   filters    places                patches    grad_out
//
// Whatever the kernel, its sums are in an order fixed by the shape.
#pragma once

#include "kernels/conv.h"
#include "kernels/cuda/conv_layout.h"
#include "kernels/cuda/gemm.h"

namespace pydl::PYDL_GPU {

enum class Pass : uint8_t { kForward, kGradX, kGradW };

struct ConvProduct {
  Gemm gemm;  // of one group, with tile and cut
  layout::Patches patches;
  layout::TapsOf taps;
  layout::RowsOf rows;
};

struct ConvPlan {
  ConvShape shape;
  Pass pass;
  DType dtype;
  int64_t groups;
  ConvProduct* products;
  int64_t product_count;
  bool clears;  // some pixels of grad_x are met by no product
};

// Fills `plan`. nullptr, or why not.
const char* plan_conv(const OpView& op, Binder* binder, ConvPlan* plan);

// The convolution as one product of matrices: window and strides of 1, no padding, one group.
// nullptr, or why it is none.
const char* read_product(const OpView& op, Gemm* p);

const char* bind_conv_simt(const OpView& op, Binder* binder, Bound* bound);
const char* bind_conv_depthwise(const OpView& op, Binder* binder, Bound* bound);
#ifndef PYDL_EMULATED
const char* bind_conv_mma(const OpView& op, Binder* binder, Bound* bound);
const char* bind_conv_wgmma(const OpView& op, Binder* binder, Bound* bound);
#endif

// Sets all pixels of grad_x to 0, where the plan says so.
void clear_missed(const ConvPlan& plan, const Call& call);

}  // namespace pydl::PYDL_GPU
