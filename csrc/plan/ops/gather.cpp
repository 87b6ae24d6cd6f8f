// Elements and rows by index, and the scatter-sums that are their gradients.
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

// The fault result: 0, or 1 + the flat index of the first bad one of `indices`.
void add_fault(std::vector<Spec>* outputs) { outputs->push_back({DType::kInt64, {1}}); }

Status infer_take_along_axis(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axis", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "indices"}));
  const Spec& x = call.in(0);
  const Spec& indices = call.in(1);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", indices.dtype, Takes::kIndex));
  const int64_t axis = call.attrs.get_int("axis", 0);
  PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axis'", axis, x.shape.size()));
  if (indices.shape.size() != x.shape.size()) {
    return refuse(call, "indices must have the rank of x ", x.shape, ", received ", indices.shape);
  }
  const auto at = static_cast<size_t>(axis);
  Spec source = x;
  source.shape[at] = 1;  // off the axis the two broadcast
  Spec pattern = indices;
  pattern.shape[at] = 1;
  const Spec both[] = {source, pattern};
  Spec out = {x.dtype, {}};
  PYDL_RETURN_IF_ERROR(broadcast(call, both, &out.shape));
  out.shape[at] = indices.shape[at];
  outputs->push_back(std::move(out));
  add_fault(outputs);
  return Status();
}

Status infer_take_along_axis_grad(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axis", AttrKind::kInt, true}, {"size", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"grad_out", "indices"}));
  const Spec& grad_out = call.in(0);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "grad_out", grad_out.dtype, Takes::kFloat));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", call.in(1).dtype, Takes::kIndex));
  const int64_t axis = call.attrs.get_int("axis", 0);
  PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axis'", axis, grad_out.shape.size()));
  if (!may_equal(grad_out.shape, call.in(1).shape)) {
    return refuse(call, "indices must have the shape of grad_out ", grad_out.shape, ", received ",
                  call.in(1).shape);
  }
  const int64_t size = call.attrs.get_int("size", 0);
  if (size < 0) return refuse(call, "attribute 'size' must be >= 0, received ", size);
  Spec out = grad_out;
  out.shape[static_cast<size_t>(axis)] = size;
  outputs->push_back(std::move(out));
  return Status();
}

// The rows that `indices` [..., d] name in a value of shape `shape`: [...] + shape[d:].
Status rows_shape(const OpCall& call, const Spec& indices, const Shape& shape, Shape* rows) {
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", indices.dtype, Takes::kIndex));
  const int64_t depth = indices.shape.empty() ? kUnknown : indices.shape.back();
  if (depth == kUnknown || depth > static_cast<int64_t>(shape.size())) {
    return refuse(call, "indices must have a last axis of known size, at most the rank of ", shape,
                  ", received ", indices.shape);
  }
  *rows = Shape(indices.shape.begin(), indices.shape.end() - 1);
  rows->insert(rows->end(), shape.begin() + depth, shape.end());
  return Status();
}

Status infer_gather_nd(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "indices"}));
  Spec out = {call.in(0).dtype, {}};
  PYDL_RETURN_IF_ERROR(rows_shape(call, call.in(1), call.in(0).shape, &out.shape));
  outputs->push_back(std::move(out));
  add_fault(outputs);
  return Status();
}

Status check_updates(const OpCall& call, const Spec& indices, const Spec& updates,
                     const Shape& shape) {
  Shape rows;
  PYDL_RETURN_IF_ERROR(rows_shape(call, indices, shape, &rows));
  if (may_equal(updates.shape, rows)) return Status();
  return refuse(call, "updates must have shape ", rows, " for indices ", indices.shape,
                " into shape ", shape, ", received ", updates.shape);
}

Status infer_scatter_nd(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"indices", "updates"}));
  const Spec& updates = call.in(1);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "updates", updates.dtype, Takes::kNumber));
  Spec out = {updates.dtype, {}};
  PYDL_RETURN_IF_ERROR(read_shape(call, &out.shape));
  PYDL_RETURN_IF_ERROR(check_updates(call, call.in(0), updates, out.shape));
  outputs->push_back(std::move(out));
  add_fault(outputs);
  return Status();
}

Status infer_scatter_update(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "indices", "updates"}));
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "x", call.in(0), "updates", call.in(2)));
  PYDL_RETURN_IF_ERROR(check_updates(call, call.in(1), call.in(2), call.in(0).shape));
  outputs->push_back(call.in(0));
  add_fault(outputs);
  return Status();
}

Status infer_gather(const OpCall& call, std::vector<Spec>* outputs) {
  switch (call.op) {
    case Opcode::take: return infer_take(call, outputs);
    case Opcode::take_grad: return infer_take_grad(call, outputs);
    case Opcode::take_along_axis: return infer_take_along_axis(call, outputs);
    case Opcode::take_along_axis_grad: return infer_take_along_axis_grad(call, outputs);
    case Opcode::gather_nd: return infer_gather_nd(call, outputs);
    case Opcode::scatter_nd: return infer_scatter_nd(call, outputs);
    default: return infer_scatter_update(call, outputs);
  }
}

double gather_flops(const OpCall& call, const std::vector<Spec>&) {
  switch (call.op) {
    case Opcode::take_grad:
    case Opcode::take_along_axis_grad: return count_of(call.in(0));
    case Opcode::scatter_nd: return count_of(call.in(1));
    default: return 0.0;
  }
}

}  // namespace

const OpFamily gather = {infer_gather, gather_flops};

}  // namespace pydl::ops
