// What the kernels of layer and RMS normalization read from an instruction. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

struct NormShape {
  int64_t rows, columns;
  bool centred;           // layer_norm: the mean is taken off
  double epsilon;         // forward
  int gamma, beta;        // operands; -1: there is none
  int mean, rstd;         // forward results, backward operands; mean -1: there is none
  int grad_gamma, grad_beta;  // backward results; -1: there is none
};

NormShape norm_shape(const OpView& op);

}  // namespace pydl
