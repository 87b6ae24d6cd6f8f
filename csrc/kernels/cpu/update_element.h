// What each rule does to one vector of elements: a variable's, its gradient's and its slots'.
#pragma once

#include "kernels/cpu/simd/vec_extra.h"
#include "kernels/update_rule.h"

namespace pydl::PYDL_ISA {

constexpr int kMaxSlots = 3;

// The constants of a rule as vectors.
template <class T>
struct Constants {
  Vec<T> lr, scale, clip, keep, momentum, beta1, beta2, rho, rho_rest, epsilon;
};

template <class T>
struct Element {
  Vec<T> var, grad;
  Vec<T> slots[kMaxSlots];
};

struct Sgd {
  static constexpr int kSlots = 0;
  template <class T>
  static PYDL_INLINE void apply(const Constants<T>& c, Element<T>* e) {
    e->var = fnma(c.lr, e->grad, e->var);
  }
};

template <bool kNesterov>
struct Momentum {
  static constexpr int kSlots = 1;
  template <class T>
  static PYDL_INLINE void apply(const Constants<T>& c, Element<T>* e) {
    const Vec<T> step = c.lr * e->grad;
    Vec<T>& v = e->slots[0];
    v = c.momentum * v - step;
    e->var = e->var + (kNesterov ? c.momentum * v - step : v);
  }
};

// beta1 and beta2 hold 1 - beta.
template <bool kAmsgrad>
struct Adam {
  static constexpr int kSlots = kAmsgrad ? 3 : 2;
  template <class T>
  static PYDL_INLINE void apply(const Constants<T>& c, Element<T>* e) {
    Vec<T>&m = e->slots[0], &v = e->slots[1];
    m = fma(e->grad - m, c.beta1, m);
    v = fma(e->grad * e->grad - v, c.beta2, v);
    Vec<T> size = v;
    if constexpr (kAmsgrad) size = e->slots[2] = max(e->slots[2], v);
    e->var = e->var - c.lr * m / (root(size) + c.epsilon);
  }
};

template <bool kCentered, bool kMomentum>
struct RmsProp {
  static constexpr int kSlots = 1 + kCentered + kMomentum;
  template <class T>
  static PYDL_INLINE void apply(const Constants<T>& c, Element<T>* e) {
    Vec<T>& v = e->slots[0];
    v = fma(c.rho, v, c.rho_rest * e->grad * e->grad);
    Vec<T> size = v;
    if constexpr (kCentered) {
      Vec<T>& mean = e->slots[1];
      mean = fma(c.rho, mean, c.rho_rest * e->grad);
      size = fnma(mean, mean, v);
    }
    Vec<T> step = c.lr * e->grad / sqrt(size + c.epsilon);
    if constexpr (kMomentum) {
      Vec<T>& mom = e->slots[kSlots - 1];
      step = mom = fma(c.momentum, mom, step);
    }
    e->var = e->var - step;
  }
};

struct Adagrad {
  static constexpr int kSlots = 1;
  template <class T>
  static PYDL_INLINE void apply(const Constants<T>& c, Element<T>* e) {
    Vec<T>& acc = e->slots[0];
    acc = fma(e->grad, e->grad, acc);
    e->var = e->var - c.lr * e->grad / sqrt(acc + c.epsilon);
  }
};

// `scale` multiplies the gradient, `keep` the variable.
template <class T>
Constants<T> make_constants(const UpdateRule& rule, const Call& call, double scale, double keep) {
  const T lr = static_cast<T>(*static_cast<const float*>(call.in[0]));
  return {set(lr),
          set(static_cast<T>(scale)),
          set(static_cast<T>(rule.clip)),
          set(static_cast<T>(keep)),
          set(static_cast<T>(rule.momentum)),
          set(static_cast<T>(1.0 - rule.beta1)),
          set(static_cast<T>(1.0 - rule.beta2)),
          set(static_cast<T>(rule.rho)),
          set(static_cast<T>(1.0 - rule.rho)),
          set(static_cast<T>(rule.epsilon))};
}

// The gradient's scale and clipping and the decay, when the instruction has any of them.
template <class T>
PYDL_INLINE void prepare(const UpdateRule& rule, const Constants<T>& c, Element<T>* e) {
  e->grad = e->grad * c.scale;
  if (rule.clip > 0.0) e->grad = min_fast(c.clip, max_fast(-c.clip, e->grad));  // NaN passes
  e->var = e->var * c.keep;
}

}  // namespace pydl::PYDL_ISA
