#include <cmath>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "kernels/update_rule.h"

namespace pydl::ref {
namespace {

constexpr int kMaxSlots = 3;

struct VariableInfo {
  DType dtype;
  int64_t count;
  bool decays;
};

struct UpdateParams {
  UpdateRule rule;
  VariableInfo variables[1];  // rule.n of them
};

// One element: its value, gradient and slots, in double.
struct Element {
  double var, grad, lr;
  double slots[kMaxSlots];
};

void sgd(const UpdateRule& rule, Element* e) {
  if (rule.n_slots == 0) {
    e->var -= e->lr * e->grad;
    return;
  }
  double& v = e->slots[0];
  v = rule.momentum * v - e->lr * e->grad;
  e->var += rule.nesterov ? rule.momentum * v - e->lr * e->grad : v;
}

void adam(const UpdateRule& rule, Element* e) {
  double &m = e->slots[0], &v = e->slots[1], &v_max = e->slots[2];
  m += (e->grad - m) * (1.0 - rule.beta1);
  v += (e->grad * e->grad - v) * (1.0 - rule.beta2);
  if (rule.amsgrad) v_max = v_max > v ? v_max : v;
  e->var -= e->lr * m / (std::sqrt(rule.amsgrad ? v_max : v) + rule.epsilon);
}

void rmsprop(const UpdateRule& rule, Element* e) {
  double& v = e->slots[0];
  v = rule.rho * v + (1.0 - rule.rho) * e->grad * e->grad;
  double denominator = v + rule.epsilon;
  if (rule.centered) {
    double& mean = e->slots[1];
    mean = rule.rho * mean + (1.0 - rule.rho) * e->grad;
    denominator = v - mean * mean + rule.epsilon;
  }
  double step = e->lr * e->grad / std::sqrt(denominator);
  if (rule.momentum > 0.0) {
    double& mom = e->slots[rule.n_slots - 1];
    mom = rule.momentum * mom + step;
    step = mom;
  }
  e->var -= step;
}

void adagrad(const UpdateRule& rule, Element* e) {
  e->slots[0] += e->grad * e->grad;
  e->var -= e->lr * e->grad / std::sqrt(e->slots[0] + rule.epsilon);
}

void update(const UpdateRule& rule, Element* e) {
  switch (rule.op) {
    case Opcode::sgd_update: return sgd(rule, e);
    case Opcode::adam_update: return adam(rule, e);
    case Opcode::rmsprop_update: return rmsprop(rule, e);
    default: return adagrad(rule, e);
  }
}

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
    if (rule.clip > 0.0) {
      e.grad = e.grad > rule.clip ? rule.clip : e.grad < -rule.clip ? -rule.clip : e.grad;
    }
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
