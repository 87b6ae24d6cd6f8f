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

Status infer_draw(const OpCall& call, std::span<const AttrRule> rules, Takes kinds,
                  std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"seed"}));
  PYDL_RETURN_IF_ERROR(check_seed(call, call.in(0)));
  Spec out;
  PYDL_RETURN_IF_ERROR(read_dtype(call, kinds, &out.dtype));
  PYDL_RETURN_IF_ERROR(read_shape(call, &out.shape));
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_uniform(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true},
                                 {"dtype", AttrKind::kString, true},
                                 {"low", AttrKind::kFloat, true},
                                 {"high", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(infer_draw(call, kRules, Takes::kFloat, outputs));
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
  PYDL_RETURN_IF_ERROR(infer_draw(call, kRules, Takes::kFloat, outputs));
  PYDL_RETURN_IF_ERROR(check_range(call, "mean", -kInfinity, kInfinity));
  return check_range(call, "stddev", 0.0, kInfinity);
}

struct Limits {
  int64_t low, high;  // the least number and the largest
};

Limits limits_of(DType dtype) {
  switch (dtype) {
    case DType::kInt8: return {INT8_MIN, INT8_MAX};
    case DType::kInt16: return {INT16_MIN, INT16_MAX};
    case DType::kInt32: return {INT32_MIN, INT32_MAX};
    case DType::kUInt8: return {0, UINT8_MAX};
    case DType::kUInt16: return {0, UINT16_MAX};
    case DType::kUInt32: return {0, UINT32_MAX};
    default: return {INT64_MIN, INT64_MAX};
  }
}

Status infer_integers(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true},
                                 {"dtype", AttrKind::kString, true},
                                 {"low", AttrKind::kInt, true},
                                 {"high", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(infer_draw(call, kRules, Takes::kInteger, outputs));
  const int64_t low = call.attrs.get_int("low", 0), high = call.attrs.get_int("high", 1);
  const Limits limits = limits_of(outputs->back().dtype);
  if (low < high && low >= limits.low && high - 1 <= limits.high) return Status();
  return refuse(call, "attributes must be low < high, numbers of ",
                dtype_name(outputs->back().dtype), ", received low ", low, ", high ", high);
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
  if (call.op == Opcode::random_integers) return infer_integers(call, outputs);
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
