#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "kernels/ref/update_element.h"

namespace pydl::ref {
namespace {

struct VariableInfo {
  DType dtype;
  int64_t count;
  bool decays;
};

struct UpdateParams {
  UpdateRule rule;
  VariableInfo variables[1];  // rule.n of them
};

template <class T>
void update_variable(const Call& call, const UpdateParams& p, int i) {
  const UpdateRule& rule = p.rule;
  const void* const* in = call.in + input_group(rule, i);
  void* const* out = call.out + output_group(rule, i);
  const float* scale = rule.scale < 0 ? nullptr : static_cast<const float*>(call.in[rule.scale]);
  const bool decays = rule.decay >= 0 && p.variables[i].decays;
  const double decay = decays ? *static_cast<const float*>(call.in[rule.decay]) : 0.0;
  for (int64_t j = 0; j < p.variables[i].count; ++j) {
    Element e = {};
    e.lr = *static_cast<const float*>(call.in[0]);
    e.var = static_cast<const T*>(in[0])[j];
    e.grad = static_cast<const T*>(in[1])[j];
    for (int s = 0; s < rule.n_slots; ++s) e.slots[s] = static_cast<const T*>(in[2 + s])[j];
    if (scale != nullptr) e.grad *= scale[i];
    e.grad = clipped(rule, e.grad);
    if (decays) e.var -= e.var * decay;
    update(rule, &e);
    static_cast<T*>(out[0])[j] = static_cast<T>(e.var);
    for (int s = 0; s < rule.n_slots; ++s) {
      static_cast<T*>(out[1 + s])[j] = static_cast<T>(e.slots[s]);
    }
  }
}

void run_update(const Call& call, int64_t) {
  const UpdateParams& p = *static_cast<const UpdateParams*>(call.params);
  for (int i = 0; i < p.rule.n; ++i) {
    visit_float(p.variables[i].dtype, [&](auto t) { update_variable<decltype(t)>(call, p, i); });
  }
}

const char* bind_update(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  UpdateRule rule;
  const char* error = read_update_rule(op, &rule);
  if (error != nullptr) return error;
  const size_t bytes = sizeof(UpdateParams) + sizeof(VariableInfo) * static_cast<size_t>(rule.n);
  UpdateParams* p = static_cast<UpdateParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  p->rule = rule;
  const int64_t* mask = nullptr;
  const int n_mask = attr_ints(op, "decay_mask", &mask);
  for (int i = 0; i < rule.n; ++i) {
    const TensorView& var = op.in[input_group(rule, i)];
    if (var.dtype != DType::kFloat32 && var.dtype != DType::kFloat64) {
      return "dtype not supported";
    }
    p->variables[i] = {var.dtype, var.count, i < n_mask && mask[i] != 0};
  }
  return bind_piece(p, run_update, bound);
}

struct NormParams {
  int n;
  VariableInfo tensors[1];  // n of them
};

void run_square_norms(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  for (int i = 0; i < p.n; ++i) {
    double total = 0.0;
    visit_float(p.tensors[i].dtype, [&](auto t) {
      const auto* x = static_cast<const decltype(t)*>(call.in[i]);
      for (int64_t j = 0; j < p.tensors[i].count; ++j) total += double(x[j]) * double(x[j]);
    });
    static_cast<float*>(call.out[0])[i] = static_cast<float>(total);
  }
}

const char* bind_square_norms(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  for (int i = 0; i < op.n_in; ++i) {
    if (!visit_float(op.in[i].dtype, [](auto) {})) return "float32 and float64 only";
  }
  const size_t bytes = sizeof(NormParams) + sizeof(VariableInfo) * static_cast<size_t>(op.n_in);
  NormParams* p = static_cast<NormParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  p->n = op.n_in;
  for (int i = 0; i < op.n_in; ++i) p->tensors[i] = {op.in[i].dtype, op.in[i].count, false};
  return bind_piece(p, run_square_norms, bound);
}

const Candidate kCandidates[] = {
    {Opcode::sgd_update, "sgd_update_ref", bind_update},
    {Opcode::adam_update, "adam_update_ref", bind_update},
    {Opcode::rmsprop_update, "rmsprop_update_ref", bind_update},
    {Opcode::adagrad_update, "adagrad_update_ref", bind_update},
    {Opcode::square_norms, "square_norms_ref", bind_square_norms},
};

}  // namespace

const Family kOptimizerFamily = {kCandidates,
                                 static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
