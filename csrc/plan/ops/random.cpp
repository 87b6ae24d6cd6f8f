// Philox draws: values are functions of the seed and the element's index.
#include <cmath>
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Status check_seed(const OpCall& call, const Spec& seed) {
  return check_spec(call, "seed", seed, {DType::kUInt32, {2}});
}

Status infer_draw(const OpCall& call, std::span<const AttrRule> rules, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"seed"}));
  PYDL_RETURN_IF_ERROR(check_seed(call, call.in(0)));
  Spec out;
  PYDL_RETURN_IF_ERROR(read_dtype(call, Takes::kFloat, &out.dtype));
  PYDL_RETURN_IF_ERROR(read_shape(call, &out.shape));
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_uniform(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true},
                                 {"dtype", AttrKind::kString, true},
                                 {"low", AttrKind::kFloat, true},
                                 {"high", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(infer_draw(call, kRules, outputs));
  PYDL_RETURN_IF_ERROR(check_range(call, "low", -kInfinity, kInfinity));
  PYDL_RETURN_IF_ERROR(check_range(call, "high", -kInfinity, kInfinity));
  const double low = call.attrs.get_float("low", 0.0);
  const double high = call.attrs.get_float("high", 1.0);
  if (low < high) return Status();
  return refuse(call, "attribute 'low' must be less than 'high', received low ", low, ", high ",
                high);
}

Status infer_normal(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true},
                                 {"dtype", AttrKind::kString, true},
                                 {"mean", AttrKind::kFloat, true},
                                 {"stddev", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(infer_draw(call, kRules, outputs));
  PYDL_RETURN_IF_ERROR(check_range(call, "mean", -kInfinity, kInfinity));
  return check_range(call, "stddev", 0.0, kInfinity);
}

Status infer_dropout(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"rate", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "seed"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, Takes::kFloat));
  PYDL_RETURN_IF_ERROR(check_seed(call, call.in(1)));
  const double rate = call.attrs.get_float("rate", 0.0);
  if (!(rate >= 0.0 && rate < 1.0)) {
    return refuse(call, "attribute 'rate' must be in [0, 1), received ", rate);
  }
  outputs->push_back(call.in(0));
  return Status();
}

Status infer_random(const OpCall& call, std::vector<Spec>* outputs) {
  if (call.op == Opcode::dropout) return infer_dropout(call, outputs);
  if (call.op == Opcode::random_uniform) return infer_uniform(call, outputs);
  return infer_normal(call, outputs);
}

// Scaling and shifting only: the generator's work is integer.
double random_flops(const OpCall&, const std::vector<Spec>& outputs) {
  return 2.0 * count_of(outputs[0]);
}

}  // namespace

const OpFamily random = {infer_random, random_flops};

}  // namespace pydl::ops
