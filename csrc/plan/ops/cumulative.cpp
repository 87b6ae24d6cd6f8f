// Running sums and products along one axis.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status infer_cumulative(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axis", AttrKind::kInt, true},
                                 {"reverse", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", x.dtype, Takes::kNumber));
  PYDL_RETURN_IF_ERROR(
      check_axis(call, "attribute 'axis'", call.attrs.get_int("axis", 0), x.shape.size()));
  outputs->push_back(x);
  return Status();
}

double cumulative_flops(const OpCall& call, const std::vector<Spec>&) {
  return count_of(call.in(0));
}

}  // namespace

const OpFamily cumulative = {infer_cumulative, cumulative_flops};

}  // namespace pydl::ops
