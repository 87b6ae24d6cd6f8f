// Rows of axis 0 by index, and the scatter-sum that is its gradient.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status infer_take(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "indices"}));
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", call.in(1).dtype, Takes::kIndex));
  if (x.shape.empty()) {
    return refuse(call, "x must have at least one axis, received ", x.shape);
  }
  Shape shape = call.in(1).shape;
  shape.insert(shape.end(), x.shape.begin() + 1, x.shape.end());
  outputs->push_back({x.dtype, std::move(shape)});
  outputs->push_back({DType::kInt64, {1}});
  return Status();
}

Status infer_take_grad(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"rows", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"grad_out", "indices"}));
  const Spec& grad_out = call.in(0);
  const Shape& indices = call.in(1).shape;
  PYDL_RETURN_IF_ERROR(check_dtype(call, "grad_out", grad_out.dtype, Takes::kFloat));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", call.in(1).dtype, Takes::kIndex));
  const int64_t rows = call.attrs.get_int("rows", 0);
  if (rows < 0) return refuse(call, "attribute 'rows' must be >= 0, received ", rows);
  const bool long_enough = grad_out.shape.size() >= indices.size();
  const auto split =
      grad_out.shape.begin() + static_cast<int64_t>(long_enough ? indices.size() : 0);
  if (!long_enough || !may_equal(Shape(grad_out.shape.begin(), split), indices)) {
    return refuse(call, "grad_out must begin with the shape of indices ", indices, ", received ",
                  grad_out.shape);
  }
  Shape shape = {rows};
  shape.insert(shape.end(), split, grad_out.shape.end());
  outputs->push_back({grad_out.dtype, std::move(shape)});
  return Status();
}

Status infer_gather(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::take ? infer_take(call, outputs) : infer_take_grad(call, outputs);
}

double gather_flops(const OpCall& call, const std::vector<Spec>&) {
  return call.op == Opcode::take ? 0.0 : count_of(call.in(0));
}

}  // namespace

const OpFamily gather = {infer_gather, gather_flops};

}  // namespace pydl::ops
