// matmul, batch_matmul, and gemm: matmul with an epilogue (docs/opcodes.md).
#include <cmath>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

struct Dims {
  int64_t m, n, k;
  int64_t batch;  // 1 of two matrices
};

// Axes before those of the matrices.
size_t lead_of(Opcode op) { return op == Opcode::batch_matmul ? 1 : 0; }

// "a (784, 32) transposed"
std::string factor_text(const char* name, const Spec& spec, bool transposed) {
  return cat(name, " ", spec.shape, transposed ? " transposed" : "");
}

Status read_dims(const OpCall& call, Dims* dims) {
  const Spec& a = call.in(0);
  const Spec& b = call.in(1);
  const bool ta = call.attrs.get_int("transpose_a", 0) != 0;
  const bool tb = call.attrs.get_int("transpose_b", 0) != 0;
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "a", a, "b", b));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "a", a.dtype, Takes::kFloat));
  const size_t lead = lead_of(call.op);
  if (a.shape.size() != lead + 2 || b.shape.size() != lead + 2) {
    return refuse(call, "operands must have rank ", lead + 2, ", received a ", a.shape, " and b ",
                  b.shape);
  }
  const int64_t k_a = a.shape[lead + (ta ? 0 : 1)];
  const int64_t k_b = b.shape[lead + (tb ? 1 : 0)];
  if (k_a != k_b && k_a != kUnknown && k_b != kUnknown) {
    return refuse(call, "inner dimensions must match, received ", factor_text("a", a, ta), " and ",
                  factor_text("b", b, tb), ": ", k_a, " != ", k_b);
  }
  const int64_t batch_a = lead == 0 ? 1 : a.shape[0], batch_b = lead == 0 ? 1 : b.shape[0];
  if (batch_a != batch_b && batch_a != kUnknown && batch_b != kUnknown) {
    return refuse(call, "operands must have equally many matrices, received a ", a.shape, " and b ",
                  b.shape);
  }
  *dims = {a.shape[lead + (ta ? 1 : 0)], b.shape[lead + (tb ? 0 : 1)], k_a == kUnknown ? k_b : k_a,
           batch_a == kUnknown ? batch_b : batch_a};
  return Status();
}

Status infer_matmul(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"transpose_a", AttrKind::kFlag, false},
                                 {"transpose_b", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"a", "b"}));
  Dims dims;
  PYDL_RETURN_IF_ERROR(read_dims(call, &dims));
  Spec out = {call.in(0).dtype, {dims.m, dims.n}};
  if (lead_of(call.op) != 0) out.shape.insert(out.shape.begin(), dims.batch);
  outputs->push_back(std::move(out));
  return Status();
}

Status check_epilogue(const OpCall& call) {
  PYDL_RETURN_IF_ERROR(check_activation(call, "activation"));
  PYDL_RETURN_IF_ERROR(check_activation(call, "grad"));
  const double rate = call.attrs.get_float("dropout", 0.0);  // 0 is none
  if (rate >= 0.0 && rate < 1.0) return Status();
  return refuse(call, "attribute 'dropout' must be in (0, 1), received ", rate);
}

Status check_epilogue_operands(const OpCall& call, const Dims& dims) {
  const DType dtype = call.in(0).dtype;
  const bool masked = !call.attrs.get_string("grad", "").empty();
  const bool drops = call.attrs.get_float("dropout", 0.0) > 0.0;
  return check_operand_list(call, {{"a", true, call.in(0)},
                                   {"b", true, call.in(1)},
                                   {"bias", is_flag_set(call, "bias"), {dtype, {dims.n}}},
                                   {"out", masked, {dtype, {dims.m, dims.n}}},
                                   {"seed", drops, {DType::kUInt32, {2}}}});
}

Status infer_gemm(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {
      {"transpose_a", AttrKind::kFlag, false}, {"transpose_b", AttrKind::kFlag, false},
      {"bias", AttrKind::kFlag, false},        {"activation", AttrKind::kString, false},
      {"dropout", AttrKind::kFloat, false},    {"grad", AttrKind::kString, false},
      {"column_sum", AttrKind::kFlag, false}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  if (call.n_in() < 2) return check_operands(call, {"a", "b"});
  Dims dims;
  PYDL_RETURN_IF_ERROR(read_dims(call, &dims));
  PYDL_RETURN_IF_ERROR(check_epilogue(call));
  PYDL_RETURN_IF_ERROR(check_epilogue_operands(call, dims));
  const DType dtype = call.in(0).dtype;
  outputs->push_back({dtype, {dims.m, dims.n}});
  if (call.attrs.get_int("column_sum", 0) != 0) outputs->push_back({dtype, {dims.n}});
  return Status();
}

Status infer_family(const OpCall& call, std::vector<Spec>* outputs) {
  return call.op == Opcode::gemm ? infer_gemm(call, outputs) : infer_matmul(call, outputs);
}

double matmul_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  const bool ta = call.attrs.get_int("transpose_a", 0) != 0;
  const bool tb = call.attrs.get_int("transpose_b", 0) != 0;
  const auto dim = [&](int operand, int axis) {  // 0 when unknown
    const int64_t length = call.in(operand).shape[static_cast<size_t>(axis)];
    return length == kUnknown ? 0.0 : static_cast<double>(length);
  };
  const int lead = static_cast<int>(lead_of(call.op));
  const double m = dim(0, lead + (ta ? 1 : 0));
  const double k = dim(0, lead + (ta ? 0 : 1));
  const double n = dim(1, lead + (tb ? 0 : 1));
  double total = 2.0 * m * n * k;
  if (lead != 0) total *= dim(0, 0);
  if (call.attrs.get_int("bias", 0) != 0) total += m * n;
  if (!call.attrs.get_string("activation", "").empty()) total += m * n;
  if (call.attrs.get_float("dropout", 0.0) > 0.0) total += m * n;
  if (!call.attrs.get_string("grad", "").empty()) total += m * n;
  if (outputs.size() > 1) total += k * n;
  return total;
}

}  // namespace

const OpFamily matmul = {infer_family, matmul_flops};

}  // namespace pydl::ops
