// Softmax and its logarithm over the last axis.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status infer_softmax(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, Takes::kFloat));
  if (call.in(0).shape.empty()) {
    return refuse(call, "x must have at least one axis, received ", call.in(0).shape);
  }
  outputs->push_back(call.in(0));
  return Status();
}

// Maximum, subtraction, exponential, sum, division (or subtraction of the logarithm).
double softmax_flops(const OpCall& call, const std::vector<Spec>&) {
  return 5.0 * count_of(call.in(0));
}

}  // namespace

const OpFamily softmax = {infer_softmax, softmax_flops};

}  // namespace pydl::ops
