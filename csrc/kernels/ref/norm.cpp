#include "kernels/norm.h"

#include <cmath>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

template <class T>
const T* operand(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<const T*>(call.in[k]);
}

template <class T>
T* result(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<T*>(call.out[k]);
}

template <class T>
void run_forward(const Call& call, int64_t) {
  const NormShape& p = *static_cast<const NormShape*>(call.params);
  const T *gamma = operand<T>(call, p.gamma), *beta = operand<T>(call, p.beta);
  const double count = static_cast<double>(p.columns);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = operand<T>(call, 0) + r * p.columns;
    T* out = result<T>(call, 0) + r * p.columns;
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < p.columns; ++i) sum += x[i];
    const double mean = p.centred ? sum / count : 0.0;
    for (int64_t i = 0; i < p.columns; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double rstd = 1.0 / std::sqrt(squares / count + p.epsilon);
    if (p.centred) result<T>(call, p.mean)[r] = static_cast<T>(mean);
    result<T>(call, p.rstd)[r] = static_cast<T>(rstd);
    for (int64_t i = 0; i < p.columns; ++i) {
      double y = (x[i] - mean) * rstd;
      if (gamma != nullptr) y *= gamma[i];
      if (beta != nullptr) y += beta[i];
      out[i] = static_cast<T>(y);
    }
  }
}

// The row's gradient with respect to x.
template <class T>
void backward_row(const NormShape& p, const T* grad_out, const T* x, double mean, double rstd,
                  const T* gamma, T* grad_x) {
  const double count = static_cast<double>(p.columns);
  const auto pull = [&](int64_t i) {
    return gamma == nullptr ? double(grad_out[i]) : double(grad_out[i]) * gamma[i];
  };
  double sum = 0.0, along = 0.0;
  for (int64_t i = 0; i < p.columns; ++i) {
    sum += pull(i);
    along += pull(i) * ((x[i] - mean) * rstd);
  }
  if (!p.centred) sum = 0.0;
  for (int64_t i = 0; i < p.columns; ++i) {
    const double hat = (x[i] - mean) * rstd;
    grad_x[i] = static_cast<T>(rstd * (pull(i) - sum / count - hat * (along / count)));
  }
}

template <class T>
void run_backward(const Call& call, int64_t) {
  const NormShape& p = *static_cast<const NormShape*>(call.params);
  const T *grad_out = operand<T>(call, 0), *x = operand<T>(call, 1);
  const T *means = operand<T>(call, p.mean), *rstds = operand<T>(call, p.rstd);
  const auto mean = [&](int64_t r) { return p.centred ? double(means[r]) : 0.0; };
  for (int64_t r = 0; r < p.rows; ++r) {
    const int64_t at = r * p.columns;
    backward_row(p, grad_out + at, x + at, mean(r), double(rstds[r]), operand<T>(call, p.gamma),
                 result<T>(call, 0) + at);
  }
  T *grad_gamma = result<T>(call, p.grad_gamma), *grad_beta = result<T>(call, p.grad_beta);
  for (int64_t i = 0; i < p.columns; ++i) {
    double along = 0.0, sum = 0.0;
    for (int64_t r = 0; r < p.rows; ++r) {
      const int64_t at = r * p.columns + i;
      along += grad_out[at] * ((x[at] - mean(r)) * rstds[r]);
      sum += grad_out[at];
    }
    if (grad_gamma != nullptr) grad_gamma[i] = static_cast<T>(along);
    if (grad_beta != nullptr) grad_beta[i] = static_cast<T>(sum);
  }
}

const char* bind_norm(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  NormShape* p = alloc_params<NormShape>(binder);
  if (p == nullptr) return kOutOfMemory;
  *p = norm_shape(op);
  const bool forward = op.op == Opcode::layer_norm || op.op == Opcode::rms_norm;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    run = forward ? run_forward<decltype(t)> : run_backward<decltype(t)>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::layer_norm, "layer_norm_ref", bind_norm},
    {Opcode::layer_norm_grad, "layer_norm_grad_ref", bind_norm},
    {Opcode::rms_norm, "rms_norm_ref", bind_norm},
    {Opcode::rms_norm_grad, "rms_norm_grad_ref", bind_norm},
};

}  // namespace

const Family kNormFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
