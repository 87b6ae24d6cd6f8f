// Losses: loss and gradient of a row come from one read of it, where it fits in registers.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/over_rows.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

// Keras clips probabilities in their own dtype.
template <class T>
struct Clip {
  static constexpr T kLow = static_cast<T>(1e-7);
  static constexpr T kHigh = static_cast<T>(1) - kLow;
  static __forceinline__ __device__ bool cuts(T p) { return p < kLow || p > kHigh; }
  static __forceinline__ __device__ T apply(T p) { return p < kLow ? kLow : p > kHigh ? kHigh : p; }
};

template <class S>
struct DenseLoss {
  using Stored = S;
  using T = Computed<S>;
  static constexpr int kOperands = 2;  // logits or probabilities, targets
  static constexpr bool kFaults = false;
  const S* in[2];
  S* loss;
  S* grad;

  template <class R>
  __forceinline__ __device__ S* grad_row(const R& row, int64_t r) const {
    return grad + (row.live ? r : 0) * row.columns;
  }
  template <class R>
  __forceinline__ __device__ void set_loss(const R& row, int64_t r, T value) const {
    if (row.live && row.lane == 0) loss[r] = narrowed<S>(value);
  }
};

template <class S>
struct SoftmaxCrossEntropy : DenseLoss<S> {
  using T = Computed<S>;
  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const RowTotal<T> e = exponentials<false>(row);
    T weight = T(0), sum = T(0);
    row.each([&](int64_t, T, T t) { weight += t; });
    weight = row.sum(weight);
    const T factor = weight / e.total, log_total = log_of(e.total);
    row.write(this->grad_row(row, r), [&](int64_t, T x, T t) {
      const T shifted = x - e.top;
      sum += t * (shifted - log_total);
      return exp_of(shifted) * factor - t;
    });
    this->set_loss(row, r, -row.sum(sum));
  }
};

template <class S>
struct CrossEntropy : DenseLoss<S> {
  using T = Computed<S>;
  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    T total = T(0), sum = T(0), kept = T(0);  // kept: -sum(dloss/dp * p), of targets not clipped
    row.each([&](int64_t, T x, T) { total += x; });
    total = row.sum(total);
    row.each([&](int64_t, T x, T t) {
      const T p = x / total;
      sum += t * log_of(Clip<T>::apply(p));
      if (!Clip<T>::cuts(p)) kept += t;
    });
    kept = row.sum(kept);
    row.write(this->grad_row(row, r), [&](int64_t, T x, T t) {
      const T p = x / total;
      const T slope = Clip<T>::cuts(p) ? T(0) : t / p;
      return (kept - slope) / total;
    });
    this->set_loss(row, r, -row.sum(sum));
  }
};

// Rows whose label is out of range have loss 0 and gradient 0.
template <class S>
struct SparseLoss {
  using Stored = S;
  using T = Computed<S>;
  static constexpr int kOperands = 1;
  static constexpr bool kFaults = true;
  const S* in[1];
  S* loss;
  S* grad;
  Indices indices;
  int64_t* faults;

  struct Label {
    int64_t column;
    bool valid;
    T value;  // of the row, there
  };
  template <class R>
  __forceinline__ __device__ Label label_of(const R& row, int64_t r) const {
    Label label = {row.live ? indices[r] : -1, false, T(0)};
    label.valid = indices.valid(label.column);
    if (label.valid) label.value = widened(row.in[0][label.column]);
    return label;
  }
  template <class R>
  __forceinline__ __device__ S* grad_row(const R& row, int64_t r) const {
    return grad + (row.live ? r : 0) * row.columns;
  }
  template <class R>
  __forceinline__ __device__ void set_loss(const R& row, int64_t r, const Label& label,
                                           T value) const {
    if (row.live && row.lane == 0) loss[r] = narrowed<S>(label.valid ? value : T(0));
  }
};

template <class S>
struct SparseSoftmaxCrossEntropy : SparseLoss<S> {
  using T = Computed<S>;
  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const auto label = this->label_of(row, r);
    const RowTotal<T> e = exponentials<true>(row);
    const T factor = T(1) / e.total;
    row.write(this->grad_row(row, r), [&](int64_t i, T x, T) {
      const T share = exponential<R>(x, e.top) * factor;
      return !label.valid ? T(0) : i == label.column ? share - T(1) : share;
    });
    this->set_loss(row, r, label, log_of(e.total) - (label.value - e.top));
  }
};

template <class S>
struct SparseCrossEntropy : SparseLoss<S> {
  using T = Computed<S>;
  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const auto label = this->label_of(row, r);
    T total = T(0);
    row.each([&](int64_t, T x, T) { total += x; });
    total = row.sum(total);
    const T share = label.value / total;
    const bool flat = !label.valid || Clip<T>::cuts(share);
    const T others = flat ? T(0) : T(1) / total;
    const T own = flat ? T(0) : (T(1) - T(1) / share) / total;
    row.write(this->grad_row(row, r),
              [&](int64_t i, T, T) { return i == label.column ? own : others; });
    this->set_loss(row, r, label, -log_of(Clip<T>::apply(share)));
  }
};

struct LossParams {
  int64_t rows, columns;
  int processors;
  bool wide;
};

template <class Operation>
void run_dense(const Call& call, int64_t) {
  using S = typename Operation::Stored;
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  Operation operation = {};
  for (int k = 0; k < 2; ++k) operation.in[k] = static_cast<const S*>(call.in[k]);
  operation.loss = static_cast<S*>(call.out[0]);
  operation.grad = static_cast<S*>(call.out[1]);
  launch_rows(operation, p.rows, p.columns, call.out[1], 0, p.processors, call.stream);
}

template <class Operation>
void run_sparse(const Call& call, int64_t) {
  using S = typename Operation::Stored;
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  Operation operation = {};
  operation.in[0] = static_cast<const S*>(call.in[0]);
  operation.loss = static_cast<S*>(call.out[0]);
  operation.grad = static_cast<S*>(call.out[1]);
  operation.indices = {call.in[1], p.rows, p.columns, p.wide};
  operation.faults = fault_target(call, 2, p.rows);
  launch_rows(operation, p.rows, p.columns, call.out[1], slice_count(p.rows), p.processors,
              call.stream);
  launch_merge_faults(call, 2, p.rows);
}

template <class S>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::softmax_cross_entropy: return run_dense<SoftmaxCrossEntropy<S>>;
    case Opcode::cross_entropy: return run_dense<CrossEntropy<S>>;
    case Opcode::sparse_softmax_cross_entropy: return run_sparse<SparseSoftmaxCrossEntropy<S>>;
    default: return run_sparse<SparseCrossEntropy<S>>;
  }
}

const char* bind_loss(const OpView& op, Binder* binder, Bound* bound) {
  const bool sparse = op.n_out == 3;
  if (op.out[0].count == 0 && !sparse) return nullptr;
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto s) { run = choose<decltype(s)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  LossParams* p = alloc_params<LossParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.out[0].count;
  p->processors = static_cast<int>(processors(op));
  p->wide = op.in[1].dtype == DType::kInt64;
  if (sparse) bound->scratch_bytes = fault_bytes(p->rows);
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::softmax_cross_entropy, "softmax_cross_entropy_rows", bind_loss},
    {Opcode::sparse_softmax_cross_entropy, "sparse_softmax_cross_entropy_rows", bind_loss},
    {Opcode::cross_entropy, "cross_entropy_rows", bind_loss},
    {Opcode::sparse_cross_entropy, "sparse_cross_entropy_rows", bind_loss},
};

}  // namespace

extern const Family kLossFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
