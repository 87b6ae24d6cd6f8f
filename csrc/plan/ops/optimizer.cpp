// One update instruction for all variables, and the sums of squares that clipping needs.
#include <cmath>
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The attributes that every rule takes, and those of one rule.
constexpr AttrRule kN = {"n", AttrKind::kInt, true};
constexpr AttrRule kHasScale = {"has_scale", AttrKind::kFlag, false};
constexpr AttrRule kHasDecay = {"has_decay", AttrKind::kFlag, false};
constexpr AttrRule kDecayMask = {"decay_mask", AttrKind::kInts, false};
constexpr AttrRule kClipValue = {"clip_value", AttrKind::kFloat, false};
constexpr AttrRule kMomentum = {"momentum", AttrKind::kFloat, true};
constexpr AttrRule kEpsilon = {"epsilon", AttrKind::kFloat, true};

constexpr AttrRule kSgdRules[] = {kN,
                                  kHasScale,
                                  kHasDecay,
                                  kDecayMask,
                                  kClipValue,
                                  kMomentum,
                                  {"nesterov", AttrKind::kFlag, false}};
constexpr AttrRule kAdamRules[] = {kN,
                                   kHasScale,
                                   kHasDecay,
                                   kDecayMask,
                                   kClipValue,
                                   kEpsilon,
                                   {"beta1", AttrKind::kFloat, true},
                                   {"beta2", AttrKind::kFloat, true},
                                   {"amsgrad", AttrKind::kFlag, false}};
constexpr AttrRule kRmspropRules[] = {kN,
                                      kHasScale,
                                      kHasDecay,
                                      kDecayMask,
                                      kClipValue,
                                      kEpsilon,
                                      kMomentum,
                                      {"rho", AttrKind::kFloat, true},
                                      {"centered", AttrKind::kFlag, false}};
constexpr AttrRule kAdagradRules[] = {kN, kHasScale, kHasDecay, kDecayMask, kClipValue, kEpsilon};

std::span<const AttrRule> rules_of(Opcode op) {
  if (op == Opcode::sgd_update) return kSgdRules;
  if (op == Opcode::adam_update) return kAdamRules;
  if (op == Opcode::rmsprop_update) return kRmspropRules;
  return kAdagradRules;
}

// State tensors of one variable, such as Adam's m and v.
int slots_of(const OpCall& call) {
  const bool has_momentum = call.attrs.get_float("momentum", 0.0) != 0.0;
  if (call.op == Opcode::sgd_update) return has_momentum ? 1 : 0;
  if (call.op == Opcode::adam_update) return call.attrs.get_int("amsgrad", 0) != 0 ? 3 : 2;
  if (call.op == Opcode::adagrad_update) return 1;
  return 1 + (call.attrs.get_int("centered", 0) != 0 ? 1 : 0) + (has_momentum ? 1 : 0);
}

Status check_hyperparameters(const OpCall& call) {
  for (const char* name : {"momentum", "rho", "beta1", "beta2"}) {
    if (call.attrs.find(name) != nullptr) {
      PYDL_RETURN_IF_ERROR(check_range(call, name, 0.0, 1.0));
    }
  }
  for (const char* name : {"epsilon", "clip_value"}) {
    PYDL_RETURN_IF_ERROR(check_range(call, name, 0.0, kInfinity));
  }
  return Status();
}

Status check_decay_mask(const OpCall& call, int64_t n) {
  const Shape mask = call.attrs.get_ints("decay_mask");
  const bool has_decay = call.attrs.get_int("has_decay", 0) != 0;
  if (!has_decay && call.attrs.find("decay_mask") != nullptr && !mask.empty()) {
    return refuse(call, "attribute 'decay_mask' needs has_decay 1");
  }
  if (has_decay && static_cast<int64_t>(mask.size()) != n) {
    return refuse(call, "attribute 'decay_mask' must have n = ", n, " entries, received ",
                  mask.size());
  }
  for (const int64_t flag : mask) {
    if (flag != 0 && flag != 1) {
      return refuse(call, "attribute 'decay_mask' must hold 0 or 1, received ", flag);
    }
  }
  return Status();
}

// lr, then scale and decay when their flags say so. `next` becomes the first group's operand.
Status check_scalars(const OpCall& call, int64_t n, int* next) {
  const Spec scalar = {DType::kFloat32, {}};
  *next = 0;
  PYDL_RETURN_IF_ERROR(check_spec(call, "lr", call.in((*next)++), scalar));
  if (call.attrs.get_int("has_scale", 0) != 0) {
    PYDL_RETURN_IF_ERROR(check_spec(call, "scale", call.in((*next)++), {DType::kFloat32, {n}}));
  }
  if (call.attrs.get_int("has_decay", 0) != 0) {
    PYDL_RETURN_IF_ERROR(check_spec(call, "decay", call.in((*next)++), scalar));
  }
  return Status();
}

Status infer_group(const OpCall& call, int first, int slots, int64_t group,
                   std::vector<Spec>* outputs) {
  const Spec& var = call.in(first);
  PYDL_RETURN_IF_ERROR(check_dtype(call, "a variable", var.dtype, Takes::kFloat));
  for (int i = 1; i < 2 + slots; ++i) {
    const Spec& member = call.in(first + i);
    if (member == var) continue;
    return refuse(call, i == 1 ? "the gradient" : "a slot", " of variable ", group, " must be ",
                  var, ", received ", member);
  }
  outputs->insert(outputs->end(), static_cast<size_t>(1 + slots), var);
  return Status();
}

Status infer_update(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_attrs(call, rules_of(call.op)));
  PYDL_RETURN_IF_ERROR(check_hyperparameters(call));
  const int64_t n = call.attrs.get_int("n", 0);
  const int slots = slots_of(call);
  const int64_t scalars =
      1 + call.attrs.get_int("has_scale", 0) + call.attrs.get_int("has_decay", 0);
  // Compared without a product of n, which a file may claim to be 2^62.
  if (n < 1 || call.n_in() < scalars || (call.n_in() - scalars) % (2 + slots) != 0 ||
      (call.n_in() - scalars) / (2 + slots) != n) {
    return refuse(call, "expected ", scalars, " scalars and n = ", n, " >= 1 groups of ", 2 + slots,
                  " operands (variable, gradient, slots), received ", call.n_in(), " operands");
  }
  PYDL_RETURN_IF_ERROR(check_decay_mask(call, n));
  int next = 0;
  PYDL_RETURN_IF_ERROR(check_scalars(call, n, &next));
  for (int64_t group = 0; group < n; ++group, next += 2 + slots) {
    PYDL_RETURN_IF_ERROR(infer_group(call, next, slots, group, outputs));
  }
  return Status();
}

Status infer_square_norms(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  if (call.inputs.empty()) return refuse(call, "expected one or more operands, received none");
  for (const Spec& spec : call.inputs) {
    PYDL_RETURN_IF_ERROR(check_dtype(call, "an operand", spec.dtype, Takes::kFloat));
  }
  outputs->push_back({DType::kFloat32, {static_cast<int64_t>(call.inputs.size())}});
  return Status();
}

Status infer_optimizer(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::square_norms ? infer_square_norms(call, outputs)
                                         : infer_update(call, outputs);
}

// Operations on one element of a variable.
double rule_flops(const OpCall& call) {
  if (call.op == Opcode::sgd_update) return slots_of(call) == 0 ? 2.0 : 4.0;
  if (call.op == Opcode::adam_update) return 12.0;
  if (call.op == Opcode::rmsprop_update) return 8.0;
  return 6.0;
}

double optimizer_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  double total = 0.0;
  if (call.op == Opcode::square_norms) {
    for (const Spec& spec : call.inputs) total += 2.0 * count_of(spec);
    return total;
  }
  const size_t group = static_cast<size_t>(1 + slots_of(call));
  for (size_t i = 0; i < outputs.size(); i += group) total += count_of(outputs[i]);
  return total * rule_flops(call);
}

}  // namespace

const OpFamily optimizer = {infer_optimizer, optimizer_flops};

}  // namespace pydl::ops
