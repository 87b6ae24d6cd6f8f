// What each rule does to one element of a variable.
#pragma once

#include <cmath>

#include "kernels/update_rule.h"

namespace pydl::ref {

constexpr int kMaxSlots = 3;

// One element: its value, gradient and slots, in double.
struct Element {
  double var, grad, lr;
  double slots[kMaxSlots];
};

inline void sgd(const UpdateRule& rule, Element* e) {
  if (rule.n_slots == 0) {
    e->var -= e->lr * e->grad;
    return;
  }
  double& v = e->slots[0];
  v = rule.momentum * v - e->lr * e->grad;
  e->var += rule.nesterov ? rule.momentum * v - e->lr * e->grad : v;
}

inline void adam(const UpdateRule& rule, Element* e) {
  double &m = e->slots[0], &v = e->slots[1], &v_max = e->slots[2];
  m += (e->grad - m) * (1.0 - rule.beta1);
  v += (e->grad * e->grad - v) * (1.0 - rule.beta2);
  if (rule.amsgrad) v_max = v_max > v ? v_max : v;
  e->var -= e->lr * m / (std::sqrt(rule.amsgrad ? v_max : v) + rule.epsilon);
}

inline void rmsprop(const UpdateRule& rule, Element* e) {
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

inline void adagrad(const UpdateRule& rule, Element* e) {
  e->slots[0] += e->grad * e->grad;
  e->var -= e->lr * e->grad / std::sqrt(e->slots[0] + rule.epsilon);
}

inline void update(const UpdateRule& rule, Element* e) {
  switch (rule.op) {
    case Opcode::sgd_update: return sgd(rule, e);
    case Opcode::adam_update: return adam(rule, e);
    case Opcode::rmsprop_update: return rmsprop(rule, e);
    default: return adagrad(rule, e);
  }
}

// The gradient clipped to plus or minus the rule's limit, if it has one; NaN passes.
inline double clipped(const UpdateRule& rule, double grad) {
  if (rule.clip <= 0.0) return grad;
  return grad > rule.clip ? rule.clip : grad < -rule.clip ? -rule.clip : grad;
}

}  // namespace pydl::ref
