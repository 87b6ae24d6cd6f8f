#include "kernels/batch_norm.h"

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

// Rows are added one after another, which a double alone would show.
using Wide = long double;

template <class T>
void run_forward(const Call& call, int64_t) {
  const BatchNormShape& p = *static_cast<const BatchNormShape*>(call.params);
  const T *x = operand<T>(call, 0), *gamma = operand<T>(call, p.gamma);
  const T *beta = operand<T>(call, p.beta), *residual = operand<T>(call, p.residual);
  T* out = result<T>(call, 0);
  const double count = p.rows > 0 ? static_cast<double>(p.rows) : 1.0;
  for (int64_t c = 0; c < p.channels; ++c) {
    Wide sum = 0.0, squares = 0.0;
    for (int64_t r = 0; r < p.rows; ++r) sum += x[r * p.channels + c];
    const double mean = static_cast<double>(sum / count);
    for (int64_t r = 0; r < p.rows; ++r) {
      const double apart = x[r * p.channels + c] - mean;
      squares += apart * apart;
    }
    const double variance = static_cast<double>(squares / count);
    const double rstd = 1.0 / std::sqrt(variance + p.epsilon);
    result<T>(call, 1)[c] = static_cast<T>(mean);
    result<T>(call, 2)[c] = static_cast<T>(variance);
    for (int64_t at = c; at < p.rows * p.channels; at += p.channels) {
      double y = (x[at] - mean) * rstd;
      if (gamma != nullptr) y *= gamma[c];
      if (beta != nullptr) y += beta[c];
      if (residual != nullptr) y += residual[at];
      out[at] = static_cast<T>(p.relu && !(y > 0.0 || std::isnan(y)) ? 0.0 : y);
    }
  }
}

// One channel; `pull(at)` is the gradient of the result before its activation.
template <class T, class Pull>
void backward_channel(const BatchNormShape& p, const Call& call, int64_t c, Pull&& pull) {
  const T *x = operand<T>(call, 1), *gamma = operand<T>(call, p.gamma);
  const double mean = operand<T>(call, 2)[c], variance = operand<T>(call, 3)[c];
  const double rstd = 1.0 / std::sqrt(variance + p.epsilon), count = static_cast<double>(p.rows);
  const double scale = gamma == nullptr ? 1.0 : static_cast<double>(gamma[c]);
  const int64_t end = p.rows * p.channels;
  Wide total = 0.0, total_along = 0.0;
  for (int64_t at = c; at < end; at += p.channels) {
    total += pull(at);
    total_along += pull(at) * ((x[at] - mean) * rstd);
  }
  const double sum = static_cast<double>(total), along = static_cast<double>(total_along);
  for (int64_t at = c; at < end; at += p.channels) {
    const double hat = (x[at] - mean) * rstd;
    const double inner = pull(at) - sum / count - hat * (along / count);
    if (p.grad_residual >= 0) result<T>(call, p.grad_residual)[at] = static_cast<T>(pull(at));
    result<T>(call, 0)[at] = static_cast<T>(scale * rstd * inner);
  }
  if (p.grad_gamma >= 0) result<T>(call, p.grad_gamma)[c] = static_cast<T>(along);
  if (p.grad_beta >= 0) result<T>(call, p.grad_beta)[c] = static_cast<T>(sum);
}

template <class T>
void run_backward(const Call& call, int64_t) {
  const BatchNormShape& p = *static_cast<const BatchNormShape*>(call.params);
  const T *grad_out = operand<T>(call, 0), *out = operand<T>(call, p.out);
  const auto pull = [&](int64_t at) {
    return out != nullptr && !(out[at] > 0) ? 0.0 : static_cast<double>(grad_out[at]);
  };
  for (int64_t c = 0; c < p.channels; ++c) backward_channel<T>(p, call, c, pull);
}

const char* bind_batch_norm(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  BatchNormShape* p = alloc_params<BatchNormShape>(binder);
  if (p == nullptr) return kOutOfMemory;
  *p = batch_norm_shape(op);
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    run = op.op == Opcode::batch_norm ? run_forward<decltype(t)> : run_backward<decltype(t)>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::batch_norm, "batch_norm_ref", bind_batch_norm},
    {Opcode::batch_norm_grad, "batch_norm_grad_ref", bind_batch_norm},
};

}  // namespace

const Family kBatchNormFamily = {kCandidates,
                                 static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
