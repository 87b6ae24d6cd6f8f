// Losses: each row is read once, its loss and its gradient come from the same pass.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/fault.h"
#include "kernels/cpu/softmax_row.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct LossParams {
  FaultParams fault;
  int64_t rows, columns, rows_per_piece;
};

// sum of fn(i, lanes) over a row's vectors; fn clears its lanes past the end.
template <class T, class Fn>
PYDL_INLINE T sum_row(int64_t n, Fn fn) {
  Vec<T> total = zero<T>();
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) total = total + fn(i, kLanes<T>);
  if (i < n) total = total + fn(i, static_cast<int>(n - i));
  return reduce_add(total);
}

template <class T>
PYDL_INLINE T sum_of(const T* x, int64_t n) {
  return sum_row<T>(n, [&](int64_t i, int lanes) { return load_n(x + i, lanes); });
}

template <class T>
T softmax_cross_entropy_row(const T* x, const T* targets, int64_t n, T* grad) {
  const RowTotal<T> row = large_row(x, n, grad);
  const T weight = sum_of(targets, n);
  const Vec<T> factor = set(weight / row.total);
  const Vec<T> top = set(row.top), log_total = set(log_of(row.total));
  const T sum = sum_row<T>(n, [&](int64_t i, int lanes) {
    const Vec<T> t = load_n(targets + i, lanes);
    const Vec<T> log_p = load_n(x + i, lanes) - top - log_total;
    store_n(grad + i, load_n(grad + i, lanes) * factor - t, lanes);
    return select(first_lanes<T>(lanes), t * log_p, zero<T>());
  });
  return -sum;
}

// Keras clips probabilities in their own dtype.
template <class T>
constexpr T kClipLow = static_cast<T>(1e-7);
template <class T>
constexpr T kClipHigh = T{1} - kClipLow<T>;

template <class T>
PYDL_INLINE Mask<T> clipped(Vec<T> p) {
  return lt(p, set(kClipLow<T>)) | gt(p, set(kClipHigh<T>));
}

template <class T>
T cross_entropy_row(const T* x, const T* targets, int64_t n, T* grad) {
  const T total = sum_of(x, n);
  const Vec<T> all = set(total);
  Vec<T> kept = zero<T>();  // sum of the targets that are not clipped: -sum(dloss/dp * p)
  const T loss = sum_row<T>(n, [&](int64_t i, int lanes) {
    const Vec<T> p = load_n(x + i, lanes) / all;
    const Vec<T> t = load_n(targets + i, lanes);
    kept = kept + select(clipped(p), zero<T>(), t);
    const Vec<T> log_p = vlog(clamp(p, kClipLow<T>, kClipHigh<T>));
    return select(first_lanes<T>(lanes), t * log_p, zero<T>());
  });
  const Vec<T> mixed = set(reduce_add(kept));
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int lanes = lanes_left(n - i, kLanes<T>);
    const Vec<T> p = load_n(x + i, lanes) / all;
    const Vec<T> slope = select(clipped(p), zero<T>(), load_n(targets + i, lanes) / p);
    store_n(grad + i, (mixed - slope) / all, lanes);
  }
  return -loss;
}

template <class T, T (*kRow)(const T*, const T*, int64_t, T*)>
void run_dense(const Call& call, int64_t piece) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    const int64_t at = r * p.columns;
    static_cast<T*>(call.out[0])[r] =
        kRow(static_cast<const T*>(call.in[0]) + at, static_cast<const T*>(call.in[1]) + at,
             p.columns, static_cast<T*>(call.out[1]) + at);
  }
}

template <class T>
PYDL_INLINE void fill_row(T* grad, int64_t n, T value) {
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    store_n(grad + i, set(value), lanes_left(n - i, kLanes<T>));
  }
}

template <class T>
PYDL_INLINE void clear_row(T* grad, int64_t n) {
  fill_row(grad, n, T{0});
}

// kVectors 0: rows of any length, else rows that fit in as many registers.
template <class T, int kVectors>
PYDL_INLINE RowTotal<T> sparse_softmax_row(const T* x, int64_t label, int64_t n, T* grad) {
  RowTotal<T> row;
  if constexpr (kVectors == 0) {
    row = large_row(x, n, grad);
    const Vec<T> factor = set(T{1} / row.total);
    for (int64_t i = 0; i < n; i += kLanes<T>) {
      const int lanes = lanes_left(n - i, kLanes<T>);
      store_n(grad + i, load_n(grad + i, lanes) * factor, lanes);
    }
    grad[label] -= T{1};
  } else {
    Vec<T> e[kVectors];
    row = small_row<T, kVectors>(x, n, e);
    const Vec<T> factor = set(T{1} / row.total);
    const Vec<T> distance = iota<T>() - set(static_cast<T>(label));
    for (int k = 0; k < kVectors; ++k) {
      const Mask<T> hit = eq(distance, set(static_cast<T>(-k * kLanes<T>)));
      const Vec<T> g = e[k] * factor - select(hit, set(T{1}), zero<T>());
      store_n(grad + k * kLanes<T>, g, lanes_left(n - k * kLanes<T>, kLanes<T>));
    }
  }
  return row;
}

// loss += ln(totals), many rows at once.
template <class T>
PYDL_INLINE void add_logs(const T* totals, int64_t n, T* loss) {
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int lanes = lanes_left(n - i, kLanes<T>);
    const Vec<T> log_total = vlog(load_n(totals + i, lanes));
    store_n(loss + i, load_n(loss + i, lanes) + log_total, lanes);
  }
}

template <class Label>
PYDL_INLINE bool in_range(Label label, int64_t n) {
  return label >= 0 && label < n;
}

constexpr int64_t kLogRows = 64;  // rows whose logarithms are taken together

template <class T, class Label, int kVectors>
void run_sparse_softmax(const Call& call, int64_t piece) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  const Label* labels = static_cast<const Label*>(call.in[1]);
  T* loss = static_cast<T*>(call.out[0]);
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  int64_t fault = 0;
  for (int64_t block = first; block < end; block += kLogRows) {
    const int64_t count = end - block < kLogRows ? end - block : kLogRows;
    T totals[kLogRows];
    for (int64_t k = 0; k < count; ++k) {
      const int64_t r = block + k;
      const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
      T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
      totals[k] = T{1};
      loss[r] = T{0};
      if (in_range(labels[r], p.columns)) {
        const RowTotal<T> row = sparse_softmax_row<T, kVectors>(x, labels[r], p.columns, grad);
        totals[k] = row.total;
        loss[r] = row.top - x[labels[r]];
      } else {
        clear_row(grad, p.columns);
        if (fault == 0) fault = r + 1;
      }
    }
    add_logs(totals, count, loss + block);
  }
  note_fault(p.fault, call, piece, fault);
}

template <class T, class Label>
void run_sparse_cross_entropy(const Call& call, int64_t piece) {
  const LossParams& p = *static_cast<const LossParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  int64_t fault = 0;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    const Label label = static_cast<const Label*>(call.in[1])[r];
    T* grad = static_cast<T*>(call.out[1]) + r * p.columns;
    T* loss = static_cast<T*>(call.out[0]) + r;
    if (!in_range(label, p.columns)) {
      clear_row(grad, p.columns);
      *loss = T{0};
      if (fault == 0) fault = r + 1;
      continue;
    }
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    const T total = sum_of(x, p.columns);
    const T share = x[label] / total;
    const bool cut = share < kClipLow<T> || share > kClipHigh<T>;
    fill_row(grad, p.columns, cut ? T{0} : T{1} / total);
    if (!cut) grad[label] = (T{1} - T{1} / share) / total;
    *loss = -log_of(share < kClipLow<T>    ? kClipLow<T>
                    : share > kClipHigh<T> ? kClipHigh<T>
                                           : share);
  }
  note_fault(p.fault, call, piece, fault);
}

template <class T, class Label>
PieceFn choose_sparse(Opcode op, int64_t columns) {
  if (op == Opcode::sparse_cross_entropy) return run_sparse_cross_entropy<T, Label>;
  if (columns <= kLanes<T>) return run_sparse_softmax<T, Label, 1>;
  if (columns <= 2 * kLanes<T>) return run_sparse_softmax<T, Label, 2>;
  if (columns <= kRowVectors * kLanes<T>) return run_sparse_softmax<T, Label, kRowVectors>;
  return run_sparse_softmax<T, Label, 0>;
}

template <class T>
PieceFn choose(const OpView& op, int64_t columns) {
  switch (op.op) {
    case Opcode::softmax_cross_entropy: return run_dense<T, softmax_cross_entropy_row<T>>;
    case Opcode::cross_entropy: return run_dense<T, cross_entropy_row<T>>;
    default: break;
  }
  if (op.in[1].dtype == DType::kInt32) return choose_sparse<T, int32_t>(op.op, columns);
  if (op.in[1].dtype == DType::kInt64) return choose_sparse<T, int64_t>(op.op, columns);
  return nullptr;
}

const char* bind_loss(const OpView& op, Binder* binder, Bound* bound) {
  const bool sparse = op.n_out == 3;
  if (op.out[0].count == 0 && !sparse) return nullptr;
  LossParams* p = alloc_params<LossParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.in[0].dtype;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.out[0].count;
  PieceFn run = nullptr;
  if (dtype == DType::kFloat32) run = choose<float>(op, p->columns);
  if (dtype == DType::kFloat64) run = choose<double>(op, p->columns);
  if (run == nullptr) return "dtype not supported";
  p->rows_per_piece = cut_pieces(p->rows, 3 * dtype_size(dtype) * p->columns,
                                 25.0 * static_cast<double>(p->columns), 1);
  p->fault.result = 2;
  p->fault.pieces = p->rows == 0 ? 1 : piece_count(p->rows, p->rows_per_piece);
  if (sparse) return bind_fault(&p->fault, run, bound);
  bound->params = p;
  bound->phases[0] = {run, p->fault.pieces};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::softmax_cross_entropy, "softmax_cross_entropy_rows", bind_loss},
    {Opcode::sparse_softmax_cross_entropy, "sparse_softmax_cross_entropy_rows", bind_loss},
    {Opcode::cross_entropy, "cross_entropy_rows", bind_loss},
    {Opcode::sparse_cross_entropy, "sparse_cross_entropy_rows", bind_loss},
};

}  // namespace

const Family kLossFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
