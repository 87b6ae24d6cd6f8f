// One result shape by NumPy broadcasting.
#include <algorithm>

#include "plan/ops/chain.h"
#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

struct Rule {
  Takes operands;
  bool to_bool;  // the result is bool, else the operands' dtype
};

Rule rule_of(Opcode op) {
  switch (op) {
    case Opcode::neg:
    case Opcode::abs:
    case Opcode::sign:
    case Opcode::square:
    case Opcode::relu: return {Takes::kFloatOrSigned, false};
    case Opcode::logical_not:
    case Opcode::logical_and:
    case Opcode::logical_or: return {Takes::kBool, true};
    case Opcode::isfinite: return {Takes::kFloat, true};
    case Opcode::add:
    case Opcode::sub:
    case Opcode::mul:
    case Opcode::pow:
    case Opcode::mod:
    case Opcode::floor_div:
    case Opcode::maximum:
    case Opcode::minimum: return {Takes::kNumber, false};
    case Opcode::equal:
    case Opcode::not_equal:
    case Opcode::less:
    case Opcode::less_equal:
    case Opcode::greater:
    case Opcode::greater_equal: return {Takes::kNumberOrBool, true};
    case Opcode::bitwise_and:
    case Opcode::bitwise_or:
    case Opcode::bitwise_xor:
    case Opcode::left_shift:
    case Opcode::right_shift:
    case Opcode::bitwise_not: return {Takes::kInteger, false};
    case Opcode::copy:
    case Opcode::where: return {Takes::kAny, false};
    default: return {Takes::kFloat, false};
  }
}

Status infer_unary(const OpCall& call, std::vector<Spec>* outputs) {
  const Rule rule = rule_of(call.op);
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, rule.operands));
  outputs->push_back({rule.to_bool ? DType::kBool : call.in(0).dtype, call.in(0).shape});
  return Status();
}

Status infer_binary(const OpCall& call, std::vector<Spec>* outputs) {
  const Rule rule = rule_of(call.op);
  const bool grad = call.op >= Opcode::relu_grad && call.op <= Opcode::tanh_grad;
  const char* a = grad ? "grad_out" : "a";
  const char* b = grad ? "out" : "b";
  PYDL_RETURN_IF_ERROR(check_operands(call, {a, b}));
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, a, call.in(0), b, call.in(1)));
  PYDL_RETURN_IF_ERROR(check_dtype(call, a, call.in(0).dtype, rule.operands));
  Shape shape;
  PYDL_RETURN_IF_ERROR(broadcast(call, call.inputs, &shape));
  outputs->push_back({rule.to_bool ? DType::kBool : call.in(0).dtype, std::move(shape)});
  return Status();
}

Status infer_where(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_operands(call, {"condition", "a", "b"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "condition", call.in(0).dtype, Takes::kBool));
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "a", call.in(1), "b", call.in(2)));
  Shape shape;
  PYDL_RETURN_IF_ERROR(broadcast(call, call.inputs, &shape));
  outputs->push_back({call.in(1).dtype, std::move(shape)});
  return Status();
}

Status infer_cast(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"dtype", AttrKind::kString, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, Takes::kNumberOrBool));
  DType dtype = DType::kFloat32;
  PYDL_RETURN_IF_ERROR(read_dtype(call, Takes::kNumberOrBool, &dtype));
  outputs->push_back({dtype, call.in(0).shape});
  return Status();
}

// The dtype that the operands which are not bool share.
Status chain_dtype(const OpCall& call, DType* dtype) {
  const Spec* real = nullptr;
  for (const Spec& spec : call.inputs) {
    if (spec.dtype == DType::kBool) continue;
    PYDL_RETURN_IF_ERROR(check_dtype(call, "an operand", spec.dtype, Takes::kFloat));
    if (real != nullptr) {
      PYDL_RETURN_IF_ERROR(check_same_dtype(call, "an operand", *real, "another", spec));
    }
    real = &spec;
  }
  if (real == nullptr) {
    return refuse(call, "expected at least one float operand, received only bool");
  }
  *dtype = real->dtype;
  return Status();
}

// Results that are reduced over axes of the shape that the operands broadcast to.
Status infer_reduced(const OpCall& call, DType dtype, const Shape& full,
                     const ChainProgram& program, std::vector<Spec>* outputs) {
  const Shape axes = call.attrs.get_ints("axes");
  PYDL_RETURN_IF_ERROR(check_axes(call, axes, full.size()));
  const bool keepdims = call.attrs.get_int("keepdims", 0) != 0;
  for (int r = 0; r < program.n_results; ++r) {
    const Opcode op = program.reduces[r];
    if (op == Opcode::copy) {
      outputs->push_back({dtype, full});
      continue;
    }
    if (op == Opcode::reduce_max || op == Opcode::reduce_min) {
      for (const int64_t axis : axes) PYDL_RETURN_IF_ERROR(check_not_empty(call, full, axis));
    }
    outputs->push_back({dtype, without_axes(full, axes, keepdims)});
  }
  return Status();
}

Status infer_chain(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"steps", AttrKind::kString, true},
                                 {"results", AttrKind::kInts, true},
                                 {"reduce", AttrKind::kString, false},
                                 {"axes", AttrKind::kInts, false},
                                 {"keepdims", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  const std::string steps = call.attrs.get_string("steps", "");
  const std::string reduces = call.attrs.get_string("reduce", "");
  ChainProgram program;
  PYDL_RETURN_IF_ERROR(
      parse_chain(steps, call.attrs.get_ints("results"), call.inputs.size(), &program));
  PYDL_RETURN_IF_ERROR(parse_reduces(reduces, &program));
  DType dtype = DType::kFloat32;
  PYDL_RETURN_IF_ERROR(chain_dtype(call, &dtype));
  Shape shape;
  PYDL_RETURN_IF_ERROR(broadcast(call, call.inputs, &shape));
  return infer_reduced(call, dtype, shape, program, outputs);
}

Status infer_elementwise(const OpCall& call, std::vector<Spec>* outputs) {
  if (call.op == Opcode::chain) return infer_chain(call, outputs);
  if (call.op == Opcode::cast) return infer_cast(call, outputs);
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  switch (elementwise_arity(call.op)) {
    case 1: return infer_unary(call, outputs);
    case 2: return infer_binary(call, outputs);
    default: return infer_where(call, outputs);
  }
}

// Elements a chain computes: those of its largest operand or result.
double chain_count(const OpCall& call, const std::vector<Spec>& outputs) {
  double most = 0.0;
  for (const Spec& spec : outputs) most = std::max(most, count_of(spec));
  for (const Spec& spec : call.inputs) most = std::max(most, count_of(spec));
  return most;
}

double elementwise_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  const double count = chain_count(call, outputs);
  if (call.op == Opcode::copy || call.op == Opcode::cast) return 0.0;
  if (call.op != Opcode::chain) return count;
  double steps = 1.0;
  for (const char c : call.attrs.get_string("steps", "")) steps += c == ';' ? 1.0 : 0.0;
  return steps * count;
}

}  // namespace

const OpFamily elementwise = {infer_elementwise, elementwise_flops};

}  // namespace pydl::ops
