#include <cmath>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct LossParams {
  int64_t rows, columns;
};

// ln(sum(exp(x))); a NaN or a row of -inf gives NaN.
template <class T>
double log_sum_exp(const T* x, int64_t n) {
  double top = -INFINITY;
  for (int64_t i = 0; i < n; ++i) top = x[i] > top ? x[i] : top;
  double total = 0.0;
  for (int64_t i = 0; i < n; ++i) total += std::exp(x[i] - top);
  return top + std::log(total);
}

template <class T>
double sum(const T* x, int64_t n) {
  double total = 0.0;
  for (int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}

template <class T>
void run_softmax_cross_entropy(const Call& call, int64_t) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    const T* targets = static_cast<const T*>(call.in[1]) + r * p.columns;
    T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
    const double normalizer = log_sum_exp(x, p.columns), weight = sum(targets, p.columns);
    double loss = 0.0;
    for (int64_t i = 0; i < p.columns; ++i) {
      const double log_p = x[i] - normalizer, t = targets[i];
      loss -= t * log_p;
      grad[i] = static_cast<T>(std::exp(log_p) * weight - t);
    }
    static_cast<T*>(call.out[0])[r] = static_cast<T>(loss);
  }
}

// Clears loss and gradient of a row whose label is out of range and notes the first such row.
template <class T>
void refuse_row(const Call& call, int64_t row, int64_t columns) {
  static_cast<T*>(call.out[0])[row] = T(0);
  T* grad = static_cast<T*>(call.out[1]) + row * columns;
  for (int64_t i = 0; i < columns; ++i) grad[i] = T(0);
  int64_t* fault = static_cast<int64_t*>(call.out[2]);
  if (*fault == 0) *fault = row + 1;
}

template <class T, class Label>
void run_sparse_softmax_cross_entropy(const Call& call, int64_t) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  *static_cast<int64_t*>(call.out[2]) = 0;
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
    const int64_t label = static_cast<const Label*>(call.in[1])[r];
    if (label < 0 || label >= p.columns) {
      refuse_row<T>(call, r, p.columns);
      continue;
    }
    const double normalizer = log_sum_exp(x, p.columns);
    for (int64_t i = 0; i < p.columns; ++i) {
      grad[i] = static_cast<T>(std::exp(x[i] - normalizer) - (i == label ? 1.0 : 0.0));
    }
    static_cast<T*>(call.out[0])[r] = static_cast<T>(normalizer - x[label]);
  }
}

// Probabilities are clipped in their own dtype, as Keras does.
template <class T>
struct Clip {
  static constexpr T kLow = static_cast<T>(1e-7);
  static constexpr T kHigh = static_cast<T>(1) - kLow;
  static bool cuts(T p) { return p < kLow || p > kHigh; }
  static T apply(T p) { return p < kLow ? kLow : p > kHigh ? kHigh : p; }
};

template <class T>
void run_cross_entropy(const Call& call, int64_t) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    const T* targets = static_cast<const T*>(call.in[1]) + r * p.columns;
    T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
    const double total = sum(x, p.columns);
    double loss = 0.0, mixed = 0.0;  // mixed = sum(dloss/dp * p)
    for (int64_t i = 0; i < p.columns; ++i) {
      const T q = static_cast<T>(x[i] / total);
      loss -= targets[i] * std::log(double(Clip<T>::apply(q)));
      if (!Clip<T>::cuts(q)) mixed -= targets[i];
    }
    for (int64_t i = 0; i < p.columns; ++i) {
      const T q = static_cast<T>(x[i] / total);
      const double slope = Clip<T>::cuts(q) ? 0.0 : -double(targets[i]) / q;
      grad[i] = static_cast<T>((slope - mixed) / total);
    }
    static_cast<T*>(call.out[0])[r] = static_cast<T>(loss);
  }
}

template <class T, class Label>
void run_sparse_cross_entropy(const Call& call, int64_t) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  *static_cast<int64_t*>(call.out[2]) = 0;
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
    const int64_t label = static_cast<const Label*>(call.in[1])[r];
    if (label < 0 || label >= p.columns) {
      refuse_row<T>(call, r, p.columns);
      continue;
    }
    const double total = sum(x, p.columns);
    const T q = static_cast<T>(x[label] / total);
    const bool cut = Clip<T>::cuts(q);
    for (int64_t i = 0; i < p.columns; ++i) grad[i] = cut ? T(0) : static_cast<T>(1.0 / total);
    if (!cut) grad[label] = static_cast<T>((1.0 - 1.0 / q) / total);
    static_cast<T*>(call.out[0])[r] = static_cast<T>(-std::log(double(Clip<T>::apply(q))));
  }
}

template <class T>
PieceFn choose_dense(Opcode op) {
  return op == Opcode::cross_entropy ? run_cross_entropy<T> : run_softmax_cross_entropy<T>;
}

template <class T>
PieceFn choose_sparse(const OpView& op) {
  PieceFn run = nullptr;
  visit_index(op.in[1].dtype, [&](auto t) {
    using Label = decltype(t);
    run = op.op == Opcode::sparse_cross_entropy ? run_sparse_cross_entropy<T, Label>
                                                : run_sparse_softmax_cross_entropy<T, Label>;
  });
  return run;
}

const char* bind_loss(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;  // never with a fault to write
  LossParams* p = alloc_params<LossParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.out[0].count;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    using T = decltype(t);
    run = op.n_out == 3 ? choose_sparse<T>(op) : choose_dense<T>(op.op);
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::softmax_cross_entropy, "softmax_cross_entropy_ref", bind_loss},
    {Opcode::sparse_softmax_cross_entropy, "sparse_softmax_cross_entropy_ref", bind_loss},
    {Opcode::cross_entropy, "cross_entropy_ref", bind_loss},
    {Opcode::sparse_cross_entropy, "sparse_cross_entropy_ref", bind_loss},
};

}  // namespace

const Family kLossFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
