// Orders along the last axis.
#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

constexpr int64_t kMostIndices = std::numeric_limits<int32_t>::max();

Status check_rows(const OpCall& call, const char* name, const Spec& x) {
  PYDL_RETURN_IF_ERROR(check_dtype(call, name, x.dtype, Takes::kNumber));
  if (x.shape.empty()) {
    return refuse(call, name, " must have at least one axis, received ", x.shape);
  }
  if (x.shape.back() <= kMostIndices) return Status();
  return refuse(call, "indices are int32: the last axis of ", name, " ", x.shape, " is too long");
}

Status infer_top_k(const OpCall& call, std::vector<Spec>* outputs) {
  const int64_t k = call.attrs.get_int("k", 0);
  Spec out = call.in(0);
  if (k < 0 || (out.shape.back() != kUnknown && k > out.shape.back())) {
    return refuse(call, "attribute 'k' must be between 0 and the size of the last axis of x ",
                  out.shape, ", received ", k);
  }
  out.shape.back() = k;
  outputs->push_back(out);
  outputs->push_back({DType::kInt32, out.shape});
  return Status();
}

Status infer_searchsorted(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_operands(call, {"sorted", "values"}));
  const Spec& sorted = call.in(0);
  const Spec& values = call.in(1);
  PYDL_RETURN_IF_ERROR(check_rows(call, "sorted", sorted));
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "sorted", sorted, "values", values));
  const size_t lead = sorted.shape.size() - 1;
  const bool fits = lead == 0 || (values.shape.size() == lead + 1 &&
                                  may_equal(Shape(sorted.shape.begin(), sorted.shape.end() - 1),
                                            Shape(values.shape.begin(), values.shape.end() - 1)));
  if (!fits) {
    return refuse(call, "sorted must have one axis, or all axes of values ", values.shape,
                  " but the last, received sorted ", sorted.shape);
  }
  outputs->push_back({DType::kInt32, values.shape});
  return Status();
}

Status infer_sort(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kTopK[] = {{"k", AttrKind::kInt, true}};
  constexpr AttrRule kSearch[] = {{"right", AttrKind::kFlag, false}};
  if (call.op == Opcode::searchsorted) {
    PYDL_RETURN_IF_ERROR(check_attrs(call, kSearch));
    return infer_searchsorted(call, outputs);
  }
  if (call.op == Opcode::top_k) {
    PYDL_RETURN_IF_ERROR(check_attrs(call, kTopK));
  } else {
    PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  }
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_rows(call, "x", x));
  if (call.op == Opcode::top_k) return infer_top_k(call, outputs);
  outputs->push_back({call.op == Opcode::sort ? x.dtype : DType::kInt32, x.shape});
  return Status();
}

// Comparisons, as of a binary search or a merge sort.
double sort_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  const double length = static_cast<double>(call.in(0).shape.back());
  const double items = count_of(call.op == Opcode::searchsorted ? outputs[0] : call.in(0));
  return items * std::log2(std::max(length, 2.0));
}

}  // namespace

const OpFamily sort = {infer_sort, sort_flops};

}  // namespace pydl::ops
