#include "kernels/norm.h"

#include "plan/opcode.h"

namespace pydl {

NormShape norm_shape(const OpView& op) {
  const bool forward = op.op == Opcode::layer_norm || op.op == Opcode::rms_norm;
  const TensorView& x = op.in[forward ? 0 : 1];
  NormShape shape = {};
  shape.centred = op.op == Opcode::layer_norm || op.op == Opcode::layer_norm_grad;
  shape.columns = x.dims[x.rank - 1];
  shape.rows = 1;
  for (int d = 0; d + 1 < x.rank; ++d) shape.rows *= x.dims[d];
  shape.epsilon = attr_float(op, "epsilon", 0.0);
  const bool scale = attr_int(op, "scale", 0) != 0, center = attr_int(op, "center", 0) != 0;
  int next = forward ? 1 : 2;  // results, then operands
  shape.mean = shape.centred ? next++ : -1;
  shape.rstd = next++;
  if (forward) next = 1;
  shape.gamma = scale ? next++ : -1;
  shape.beta = forward && center ? next++ : -1;
  next = 1;
  shape.grad_gamma = !forward && scale ? next++ : -1;
  shape.grad_beta = !forward && center ? next++ : -1;
  return shape;
}

}  // namespace pydl
