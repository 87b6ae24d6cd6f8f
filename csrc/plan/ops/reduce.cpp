// Sums and extrema over axes, argmax over one.
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status infer_over_axes(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axes", AttrKind::kInts, true},
                                 {"keepdims", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Takes kinds = call.op == Opcode::reduce_mean ? Takes::kFloat : Takes::kNumber;
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, kinds));
  const Shape axes = call.attrs.get_ints("axes");
  const Shape& x = call.in(0).shape;
  PYDL_RETURN_IF_ERROR(check_axes(call, axes, x.size()));
  if (call.op == Opcode::reduce_max || call.op == Opcode::reduce_min) {
    for (const int64_t axis : axes) PYDL_RETURN_IF_ERROR(check_not_empty(call, x, axis));
  }
  const bool keepdims = call.attrs.get_int("keepdims", 0) != 0;
  outputs->push_back({call.in(0).dtype, without_axes(x, axes, keepdims)});
  return Status();
}

Status infer_argmax(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axis", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", x.dtype, Takes::kNumber));
  const int64_t axis = call.attrs.get_int("axis", 0);
  PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axis'", axis, x.shape.size()));
  PYDL_RETURN_IF_ERROR(check_not_empty(call, x.shape, axis));
  if (x.shape[static_cast<size_t>(axis)] > std::numeric_limits<int32_t>::max()) {
    return refuse(call, "the result is int32: axis ", axis, " of x ", x.shape, " is too long");
  }
  Spec out = {DType::kInt32, x.shape};
  out.shape.erase(out.shape.begin() + axis);
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_reduce(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::argmax ? infer_argmax(call, outputs) : infer_over_axes(call, outputs);
}

double reduce_flops(const OpCall& call, const std::vector<Spec>&) { return count_of(call.in(0)); }

}  // namespace

const OpFamily reduce = {infer_reduce, reduce_flops};

}  // namespace pydl::ops
