// What the kernels of batch normalization read from an instruction. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

struct BatchNormShape {
  int64_t rows, channels;
  double epsilon;
  bool relu;  // applied to the result; backward: grad_out is masked by `out`
  int gamma, beta, residual, out;  // operands; -1: there is none
  int grad_gamma, grad_beta, grad_residual;  // backward results; -1: there is none
};

BatchNormShape batch_norm_shape(const OpView& op);

}  // namespace pydl
