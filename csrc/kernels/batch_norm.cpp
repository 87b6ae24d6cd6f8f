#include "kernels/batch_norm.h"

#include "plan/opcode.h"

namespace pydl {

BatchNormShape batch_norm_shape(const OpView& op) {
  const bool forward = op.op == Opcode::batch_norm;
  const TensorView& x = op.in[forward ? 0 : 1];
  const bool scale = attr_int(op, "scale", 0) != 0, center = attr_int(op, "center", 0) != 0;
  const bool residual = attr_int(op, "residual", 0) != 0;
  BatchNormShape shape = {};
  shape.channels = x.dims[x.rank - 1];
  shape.rows = 1;
  for (int d = 0; d + 1 < x.rank; ++d) shape.rows *= x.dims[d];
  shape.epsilon = attr_float(op, "epsilon", 0.0);
  shape.relu = attr_string(op, forward ? "activation" : "grad")[0] != 0;
  int next = forward ? 1 : 4;  // operands
  shape.gamma = scale ? next++ : -1;
  shape.beta = forward && center ? next++ : -1;
  shape.residual = forward && residual ? next++ : -1;
  shape.out = !forward && shape.relu ? next++ : -1;
  next = 1;  // results
  shape.grad_gamma = !forward && scale ? next++ : -1;
  shape.grad_beta = !forward && center ? next++ : -1;
  shape.grad_residual = !forward && residual ? next++ : -1;
  return shape;
}

}  // namespace pydl
