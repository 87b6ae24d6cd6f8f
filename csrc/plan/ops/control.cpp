// Which instructions run: only plans hold these. The ranges are checked in plan/validate.cpp.
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

Status check_at_least(const OpCall& call, const char* name, int64_t least) {
  const int64_t number = call.attrs.get_int(name, least);
  if (number >= least) return Status();
  return refuse(call, "attribute '", name, "' must be at least ", least, ", received ", number);
}

Status check_if(const OpCall& call) {
  const AttrRule rules[] = {{"skip", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  PYDL_RETURN_IF_ERROR(check_at_least(call, "skip", 1));
  return check_operands(call, {"flag"});
}

Status check_loop(const OpCall& call) {
  const AttrRule rules[] = {{"body", AttrKind::kInt, true},
                            {"most", AttrKind::kInt, false},
                            {"values", AttrKind::kInts, false},
                            {"steps", AttrKind::kInts, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  PYDL_RETURN_IF_ERROR(check_at_least(call, "body", 1));
  PYDL_RETURN_IF_ERROR(check_at_least(call, "most", 0));
  const size_t values = call.attrs.get_ints("values").size();
  const size_t steps = call.attrs.get_ints("steps").size();
  if (values != steps) {
    return refuse(call, "has ", values, " 'values' and ", steps, " 'steps'");
  }
  if (values > 0 && call.attrs.find("most") == nullptr) {
    return refuse(call, "moves values, so it needs the attribute 'most'");
  }
  return call.n_in() == 2 ? Status() : check_operands(call, {"count"});
}

Status infer_control(const OpCall& call, std::vector<Spec>*) {
  const bool is_loop = call.op == Opcode::loop;
  PYDL_RETURN_IF_ERROR(is_loop ? check_loop(call) : check_if(call));
  const Spec flag = {DType::kInt64, {1}};
  PYDL_RETURN_IF_ERROR(check_spec(call, is_loop ? "count" : "flag", call.in(0), flag));
  return call.n_in() == 2 ? check_spec(call, "stop", call.in(1), flag) : Status();
}

double control_flops(const OpCall&, const std::vector<Spec>&) { return 0.0; }

}  // namespace

const OpFamily control = {infer_control, control_flops};

}  // namespace pydl::ops
