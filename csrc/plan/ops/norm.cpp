// Layer and RMS normalization of the rows of the last axis, and their gradients.
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

bool is_centred(Opcode op) { return op == Opcode::layer_norm || op == Opcode::layer_norm_grad; }

// The operand that has the rows must exist before its shape is looked at.
Status check_rows(const OpCall& call, const char* name, int position) {
  if (call.n_in() <= position) {
    return refuse(call, "expected operand ", name, ", received ", call.n_in(), " operands");
  }
  const Spec& x = call.in(position);
  PYDL_RETURN_IF_ERROR(check_dtype(call, name, x.dtype, Takes::kFloat));
  if (!x.shape.empty()) return Status();
  return refuse(call, name, " must have at least one axis, received ", x.shape);
}

Spec per_row(const Spec& x) { return {x.dtype, Shape(x.shape.begin(), x.shape.end() - 1)}; }

Status infer_forward(const OpCall& call, std::vector<Spec>* outputs) {
  const bool centred = is_centred(call.op);
  PYDL_RETURN_IF_ERROR(check_rows(call, "x", 0));
  PYDL_RETURN_IF_ERROR(check_range(call, "epsilon", 0.0, std::numeric_limits<double>::infinity()));
  const Spec& x = call.in(0);
  const Spec column = {x.dtype, {x.shape.back()}};
  PYDL_RETURN_IF_ERROR(check_operand_list(call, {{"x", true, x},
                                                 {"gamma", is_flag_set(call, "scale"), column},
                                                 {"beta", is_flag_set(call, "center"), column}}));
  outputs->push_back(x);
  if (centred) outputs->push_back(per_row(x));
  outputs->push_back(per_row(x));
  return Status();
}

Status infer_gradient(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_rows(call, "x", 1));
  const Spec& x = call.in(1);
  const Spec column = {x.dtype, {x.shape.back()}};
  const bool scale = is_flag_set(call, "scale");
  PYDL_RETURN_IF_ERROR(check_operand_list(call, {{"grad_out", true, x},
                                                 {"x", true, x},
                                                 {"mean", is_centred(call.op), per_row(x)},
                                                 {"rstd", true, per_row(x)},
                                                 {"gamma", scale, column}}));
  outputs->push_back(x);
  if (scale) outputs->push_back(column);
  if (is_flag_set(call, "center")) outputs->push_back(column);
  return Status();
}

Status infer_norm(const OpCall& call, std::vector<Spec>* outputs) {
  const bool forward = call.op == Opcode::layer_norm || call.op == Opcode::rms_norm;
  std::vector<AttrRule> rules = {{"scale", AttrKind::kFlag, false}};
  if (is_centred(call.op)) rules.push_back({"center", AttrKind::kFlag, false});
  if (forward) rules.push_back({"epsilon", AttrKind::kFloat, true});
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  return forward ? infer_forward(call, outputs) : infer_gradient(call, outputs);
}

// Two moments and the result; backward two sums, the result and those over the rows.
double norm_flops(const OpCall& call, const std::vector<Spec>&) {
  const bool forward = call.op == Opcode::layer_norm || call.op == Opcode::rms_norm;
  return (forward ? 8.0 : 14.0) * count_of(call.in(0));
}

}  // namespace

const OpFamily norm = {infer_norm, norm_flops};

}  // namespace pydl::ops
