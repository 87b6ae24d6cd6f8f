// Batch normalization in training and its gradient (docs/opcodes.md).
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status check_batch_attrs(const OpCall& call, const char* activation) {
  const AttrRule rules[] = {{"epsilon", AttrKind::kFloat, true},
                            {"scale", AttrKind::kFlag, false},
                            {"center", AttrKind::kFlag, false},
                            {"residual", AttrKind::kFlag, false},
                            {activation, AttrKind::kString, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  PYDL_RETURN_IF_ERROR(check_range(call, "epsilon", 0.0, std::numeric_limits<double>::infinity()));
  const std::string value = call.attrs.get_string(activation, "");
  if (value.empty() || value == "relu") return Status();
  return refuse(call, "attribute '", activation, "' must be 'relu', received '",
                std::string_view(value).substr(0, 60), "'");
}

// The operand that has the rows must exist before its shape is looked at.
Status check_rows(const OpCall& call, int position) {
  if (call.n_in() <= position) {
    return refuse(call, "expected operand x, received ", call.n_in(), " operands");
  }
  const Spec& x = call.in(position);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", x.dtype, Takes::kFloat));
  if (!x.shape.empty()) return Status();
  return refuse(call, "x must have at least one axis, received ", x.shape);
}

Status infer_forward(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_batch_attrs(call, "activation"));
  PYDL_RETURN_IF_ERROR(check_rows(call, 0));
  const Spec& x = call.in(0);
  const Spec channel = {x.dtype, {x.shape.back()}};
  PYDL_RETURN_IF_ERROR(check_operand_list(call, {{"x", true, x},
                                                 {"gamma", is_flag_set(call, "scale"), channel},
                                                 {"beta", is_flag_set(call, "center"), channel},
                                                 {"residual", is_flag_set(call, "residual"), x}}));
  outputs->push_back(x);
  outputs->push_back(channel);
  outputs->push_back(channel);
  return Status();
}

Status infer_backward(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_batch_attrs(call, "grad"));
  PYDL_RETURN_IF_ERROR(check_rows(call, 1));
  const Spec& x = call.in(1);
  const Spec channel = {x.dtype, {x.shape.back()}};
  const bool masked = !call.attrs.get_string("grad", "").empty();
  PYDL_RETURN_IF_ERROR(check_operand_list(call, {{"grad_out", true, x},
                                                 {"x", true, x},
                                                 {"mean", true, channel},
                                                 {"variance", true, channel},
                                                 {"gamma", is_flag_set(call, "scale"), channel},
                                                 {"out", masked, x}}));
  outputs->push_back(x);
  if (is_flag_set(call, "scale")) outputs->push_back(channel);
  if (is_flag_set(call, "center")) outputs->push_back(channel);
  if (is_flag_set(call, "residual")) outputs->push_back(x);
  return Status();
}

Status infer_batch_norm(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::batch_norm ? infer_forward(call, outputs)
                                       : infer_backward(call, outputs);
}

// Two moments and the result; backward two sums and the result.
double batch_norm_flops(const OpCall& call, const std::vector<Spec>&) {
  return (call.op == Opcode::batch_norm ? 6.0 : 9.0) * count_of(call.in(0));
}

}  // namespace

const OpFamily batch_norm = {infer_batch_norm, batch_norm_flops};

}  // namespace pydl::ops
