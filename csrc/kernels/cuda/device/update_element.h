// What each rule does to one element of a variable.
#pragma once

#include "kernels/cuda/device/scalar.h"
#include "kernels/cuda/launch.h"
#include "kernels/update_rule.h"

namespace pydl::PYDL_GPU {

constexpr int kMaxSlots = 3;

template <class T>
struct Constants {
  T lr, scale, clip, keep, momentum, beta1, beta2, rho, rho_rest, epsilon;
};

template <class T>
struct Element {
  T var, grad;
  T slots[kMaxSlots];
};

struct Sgd {
  static constexpr int kSlots = 0;
  template <class T>
  static __forceinline__ __device__ void apply(const Constants<T>& c, Element<T>* e) {
    e->var = fused(-c.lr, e->grad, e->var);
  }
};

template <bool kNesterov>
struct Momentum {
  static constexpr int kSlots = 1;
  template <class T>
  static __forceinline__ __device__ void apply(const Constants<T>& c, Element<T>* e) {
    const T step = c.lr * e->grad;
    T& v = e->slots[0];
    v = c.momentum * v - step;
    e->var += kNesterov ? c.momentum * v - step : v;
  }
};

// beta1 and beta2 hold 1 - beta.
template <bool kAmsgrad>
struct Adam {
  static constexpr int kSlots = kAmsgrad ? 3 : 2;
  template <class T>
  static __forceinline__ __device__ void apply(const Constants<T>& c, Element<T>* e) {
    T &m = e->slots[0], &v = e->slots[1];
    m = fused(e->grad - m, c.beta1, m);
    v = fused(e->grad * e->grad - v, c.beta2, v);
    T size = v;
    if constexpr (kAmsgrad) size = e->slots[2] = e->slots[2] > v ? e->slots[2] : v;
    e->var -= c.lr * m / (root(size) + c.epsilon);
  }
};

template <bool kCentered, bool kMomentum>
struct RmsProp {
  static constexpr int kSlots = 1 + kCentered + kMomentum;
  template <class T>
  static __forceinline__ __device__ void apply(const Constants<T>& c, Element<T>* e) {
    T& v = e->slots[0];
    v = fused(c.rho, v, c.rho_rest * e->grad * e->grad);
    T size = v;
    if constexpr (kCentered) {
      T& mean = e->slots[1];
      mean = fused(c.rho, mean, c.rho_rest * e->grad);
      size = fused(-mean, mean, v);
    }
    T step = c.lr * e->grad / root(size + c.epsilon);
    if constexpr (kMomentum) {
      T& mom = e->slots[kSlots - 1];
      step = mom = fused(c.momentum, mom, step);
    }
    e->var -= step;
  }
};

struct Adagrad {
  static constexpr int kSlots = 1;
  template <class T>
  static __forceinline__ __device__ void apply(const Constants<T>& c, Element<T>* e) {
    T& acc = e->slots[0];
    acc = fused(e->grad, e->grad, acc);
    e->var -= c.lr * e->grad / root(acc + c.epsilon);
  }
};

// The gradient scaled and clipped; NaN passes.
template <class T>
__forceinline__ __device__ T prepared(const Constants<T>& c, T grad) {
  const T g = grad * c.scale;
  return g > c.clip ? c.clip : g < -c.clip ? -c.clip : g;
}

// What is known at bind time: without lr, scale and keep.
template <class T>
Constants<T> make_constants(const UpdateRule& rule) {
  Constants<T> c = {};
  c.clip = static_cast<T>(rule.clip > 0.0 ? rule.clip : __builtin_huge_val());
  c.momentum = static_cast<T>(rule.momentum);
  c.beta1 = static_cast<T>(1.0 - rule.beta1);
  c.beta2 = static_cast<T>(1.0 - rule.beta2);
  c.rho = static_cast<T>(rule.rho);
  c.rho_rest = static_cast<T>(1.0 - rule.rho);
  c.epsilon = static_cast<T>(rule.epsilon);
  return c;
}

}  // namespace pydl::PYDL_GPU
