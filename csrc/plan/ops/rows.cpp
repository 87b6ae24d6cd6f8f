// Updates of the rows of one variable that indices name, and the sums of rows that clipping needs.
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

constexpr AttrRule kHasScale = {"has_scale", AttrKind::kFlag, false};
constexpr AttrRule kClipValue = {"clip_value", AttrKind::kFloat, false};
constexpr AttrRule kEpsilon = {"epsilon", AttrKind::kFloat, true};
constexpr AttrRule kSgdRules[] = {kHasScale, kClipValue};
constexpr AttrRule kAdagradRules[] = {kHasScale, kClipValue, kEpsilon};
constexpr AttrRule kAdamRules[] = {kHasScale,
                                   kClipValue,
                                   kEpsilon,
                                   {"beta1", AttrKind::kFloat, true},
                                   {"beta2", AttrKind::kFloat, true},
                                   {"amsgrad", AttrKind::kFlag, false}};

std::span<const AttrRule> rules_of(Opcode op) {
  if (op == Opcode::sgd_row_update) return kSgdRules;
  if (op == Opcode::adam_row_update) return kAdamRules;
  return kAdagradRules;
}

// State tensors of the variable, such as Adam's m and v.
int slots_of(const OpCall& call) {
  if (call.op == Opcode::sgd_row_update) return 0;
  if (call.op == Opcode::adagrad_row_update) return 1;
  return call.attrs.get_int("amsgrad", 0) != 0 ? 3 : 2;
}

Status check_hyperparameters(const OpCall& call) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const char* name : {"beta1", "beta2"}) {
    if (call.attrs.find(name) != nullptr) PYDL_RETURN_IF_ERROR(check_range(call, name, 0.0, 1.0));
  }
  for (const char* name : {"epsilon", "clip_value"}) {
    PYDL_RETURN_IF_ERROR(check_range(call, name, 0.0, kInfinity));
  }
  return Status();
}

// A row of `grad` for each of `indices`, each of shape `row`.
Status check_rows(const OpCall& call, const Spec& grad, const Spec& indices, const Shape& row) {
  PYDL_RETURN_IF_ERROR(check_dtype(call, "grad", grad.dtype, Takes::kFloat));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", indices.dtype, Takes::kIndex));
  Shape shape = indices.shape;
  shape.insert(shape.end(), row.begin(), row.end());
  if (may_equal(grad.shape, shape)) return Status();
  return refuse(call, "grad must have shape ", shape, " for indices ", indices.shape,
                " and rows of shape ", row, ", received ", grad.shape);
}

Status infer_update(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules_of(call.op)));
  PYDL_RETURN_IF_ERROR(check_hyperparameters(call));
  const int has_scale = call.attrs.get_int("has_scale", 0) != 0 ? 1 : 0;
  const int slots = slots_of(call), expected = 4 + has_scale + slots;
  if (call.n_in() != expected) {
    return refuse(call, "expected ", expected, " operands (lr, ", has_scale != 0 ? "scale, " : "",
                  "grad, indices, variable, ", slots, " slots), received ", call.n_in());
  }
  PYDL_RETURN_IF_ERROR(check_spec(call, "lr", call.in(0), {DType::kFloat32, {}}));
  if (has_scale != 0) {
    PYDL_RETURN_IF_ERROR(check_spec(call, "scale", call.in(1), {DType::kFloat32, {1}}));
  }
  const Spec& grad = call.in(1 + has_scale);
  const Spec& var = call.in(3 + has_scale);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "the variable", var.dtype, Takes::kFloat));
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "grad", grad, "the variable", var));
  if (var.shape.empty()) return refuse(call, "the variable must have rows, received ", var.shape);
  const Shape row(var.shape.begin() + 1, var.shape.end());
  PYDL_RETURN_IF_ERROR(check_rows(call, grad, call.in(2 + has_scale), row));
  for (int i = 4 + has_scale; i < expected; ++i) {
    if (call.in(i) != var) return refuse(call, "a slot must be ", var, ", received ", call.in(i));
  }
  outputs->insert(outputs->end(), static_cast<size_t>(1 + slots), var);
  return Status();
}

Status infer_row_sums(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"rows", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"grad", "indices"}));
  const int64_t rows = call.attrs.get_int("rows", 0);
  if (rows < 0) return refuse(call, "attribute 'rows' must be >= 0, received ", rows);
  const Spec& grad = call.in(0);
  const Shape& indices = call.in(1).shape;
  const bool long_enough = grad.shape.size() >= indices.size();
  const int64_t lead = static_cast<int64_t>(long_enough ? indices.size() : grad.shape.size());
  const Shape row(grad.shape.begin() + lead, grad.shape.end());
  PYDL_RETURN_IF_ERROR(check_rows(call, grad, call.in(1), row));
  outputs->push_back(grad);
  return Status();
}

Status infer_rows(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::row_sums ? infer_row_sums(call, outputs) : infer_update(call, outputs);
}

// Operations on one element of the gradient, its addition included.
double flops_of_element(Opcode op) {
  if (op == Opcode::row_sums) return 1.0;
  if (op == Opcode::sgd_row_update) return 3.0;
  return op == Opcode::adam_row_update ? 13.0 : 7.0;
}

double rows_flops(const OpCall& call, const std::vector<Spec>&) {
  const bool has_scale = call.attrs.get_int("has_scale", 0) != 0;
  const int grad = call.op == Opcode::row_sums ? 0 : has_scale ? 2 : 1;
  return count_of(call.in(grad)) * flops_of_element(call.op);
}

}  // namespace

const OpFamily rows = {infer_rows, rows_flops};

}  // namespace pydl::ops
