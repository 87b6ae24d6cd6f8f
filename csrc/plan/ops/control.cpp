// Which instructions run: only plans hold these. The ranges are checked in plan/validate.cpp.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status check_length(const OpCall& call, const char* name) {
  const AttrRule rules[] = {{name, AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  const int64_t length = call.attrs.get_int(name, 0);
  if (length >= 1) return Status();
  return refuse(call, "attribute '", name, "' must be at least 1, received ", length);
}

Status infer_control(const OpCall& call, std::vector<Spec>*) {
  const bool is_loop = call.op == Opcode::loop;
  PYDL_RETURN_IF_ERROR(check_length(call, is_loop ? "body" : "skip"));
  if (is_loop && call.n_in() != 2) {
    PYDL_RETURN_IF_ERROR(check_operands(call, {"count"}));
  } else if (!is_loop) {
    PYDL_RETURN_IF_ERROR(check_operands(call, {"flag"}));
  }
  const Spec flag = {DType::kInt64, {1}};
  PYDL_RETURN_IF_ERROR(check_spec(call, is_loop ? "count" : "flag", call.in(0), flag));
  return call.n_in() == 2 ? check_spec(call, "stop", call.in(1), flag) : Status();
}

double control_flops(const OpCall&, const std::vector<Spec>&) { return 0.0; }

}  // namespace

const OpFamily control = {infer_control, control_flops};

}  // namespace pydl::ops
