// Losses of rows [..., C]: the loss of each row and its gradient in one pass.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

bool is_sparse(Opcode op) {
  return op == Opcode::sparse_softmax_cross_entropy || op == Opcode::sparse_cross_entropy;
}

bool takes_logits(Opcode op) {
  return op == Opcode::softmax_cross_entropy || op == Opcode::sparse_softmax_cross_entropy;
}

Status check_rows(const OpCall& call, const char* name) {
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_dtype(call, name, x.dtype, Takes::kFloat));
  if (!x.shape.empty() && x.shape.back() != 0) return Status();
  return refuse(call, name, " must have shape (..., classes) with at least one class, received ",
                x.shape);
}

Status check_targets(const OpCall& call, const char* x_name, const Shape& rows) {
  const Spec& x = call.in(0);
  const Spec& target = call.in(1);
  if (!is_sparse(call.op)) {
    PYDL_RETURN_IF_ERROR(check_same_dtype(call, x_name, x, "targets", target));
    if (may_equal(x.shape, target.shape)) return Status();
    return refuse(call, "targets must have the shape of ", x_name, ", received ", x_name, " ",
                  x.shape, " and targets ", target.shape);
  }
  PYDL_RETURN_IF_ERROR(check_dtype(call, "labels", target.dtype, Takes::kIndex));
  if (may_equal(rows, target.shape)) return Status();
  return refuse(call, "labels must have shape ", rows, " for ", x_name, " ", x.shape, ", received ",
                target.shape);
}

Status infer_loss(const OpCall& call, std::vector<Spec>* outputs) {
  const bool sparse = is_sparse(call.op);
  const char* x_name = takes_logits(call.op) ? "logits" : "probabilities";
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {x_name, sparse ? "labels" : "targets"}));
  PYDL_RETURN_IF_ERROR(check_rows(call, x_name));
  const Spec& x = call.in(0);
  Shape rows(x.shape.begin(), x.shape.end() - 1);
  PYDL_RETURN_IF_ERROR(check_targets(call, x_name, rows));
  Shape full = x.shape;
  if (sparse) {
    rows = merge(rows, call.in(1).shape);
    std::copy(rows.begin(), rows.end(), full.begin());
  } else {
    full = merge(full, call.in(1).shape);
    rows.assign(full.begin(), full.end() - 1);
  }
  outputs->push_back({x.dtype, std::move(rows)});
  outputs->push_back({x.dtype, std::move(full)});
  if (sparse) outputs->push_back({DType::kInt64, {1}});
  return Status();
}

// Softmax's five per element and three more for loss and gradient.
double loss_flops(const OpCall& call, const std::vector<Spec>&) {
  return 8.0 * count_of(call.in(0));
}

}  // namespace

const OpFamily loss = {infer_loss, loss_flops};

}  // namespace pydl::ops
