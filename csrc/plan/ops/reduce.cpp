// Sums and extrema over axes, argmax over one.
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status check_axes(const OpCall& call, const Shape& axes) {
  int64_t previous = -1;
  for (const int64_t axis : axes) {
    PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axes'", axis, call.in(0).shape.size()));
    if (axis <= previous) {
      return refuse(call, "attribute 'axes' must be sorted, each axis once, received ", axes);
    }
    previous = axis;
  }
  return Status();
}

Status check_not_empty(const OpCall& call, int64_t axis) {
  if (call.in(0).shape[static_cast<size_t>(axis)] != 0) return Status();
  return refuse(call, "has no value over an empty axis, received x ", call.in(0).shape,
                " and axis ", axis);
}

Status infer_over_axes(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axes", AttrKind::kInts, true},
                                 {"keepdims", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Takes kinds = call.op == Opcode::reduce_mean ? Takes::kFloat : Takes::kNumber;
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, kinds));
  const Shape axes = call.attrs.get_ints("axes");
  PYDL_RETURN_IF_ERROR(check_axes(call, axes));
  const bool extremum = call.op == Opcode::reduce_max || call.op == Opcode::reduce_min;
  const bool keepdims = call.attrs.get_int("keepdims", 0) != 0;
  Spec out = call.in(0);
  for (size_t i = axes.size(); i-- > 0;) {  // from the back: erasing keeps the earlier axes
    if (extremum) PYDL_RETURN_IF_ERROR(check_not_empty(call, axes[i]));
    if (keepdims) {
      out.shape[static_cast<size_t>(axes[i])] = 1;
    } else {
      out.shape.erase(out.shape.begin() + axes[i]);
    }
  }
  outputs->push_back(std::move(out));
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
  PYDL_RETURN_IF_ERROR(check_not_empty(call, axis));
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
