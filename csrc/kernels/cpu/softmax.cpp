#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/vec_extra.h"
#include "kernels/cpu/softmax_row.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct SoftmaxParams {
  int64_t rows, columns, rows_per_piece;
};

// `e` may be `out`. kStream: whole vectors only, and aligned.
template <class T, bool kStream>
void scale_row(const T* e, int64_t n, T factor, T* out) {
  const Vec<T> f = set(factor);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    const Vec<T> y = load(e + i) * f;
    if constexpr (kStream) {
      stream(out + i, y);
    } else {
      store(out + i, y);
    }
  }
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_n(out + i, load_n(e + i, rest) * f, rest);
}

// (x - top) - ln(total)
template <class T>
void shift_row(const T* x, int64_t n, T top, T log_total, T* out) {
  const Vec<T> a = set(top), b = set(log_total);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(out + i, load(x + i) - a - b);
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_n(out + i, load_n(x + i, rest) - a - b, rest);
}

template <class T, bool kLog, int kVectors>
PYDL_INLINE void softmax_row(const T* x, int64_t n, T* out) {
  if constexpr (kVectors == 0) {
    const RowTotal<T> row = large_row(x, n, kLog ? static_cast<T*>(nullptr) : out);
    if constexpr (kLog) {
      shift_row(x, n, row.top, log_of(row.total), out);
    } else {
      scale_row<T, false>(out, n, T{1} / row.total, out);
    }
  } else {
    Vec<T> e[kVectors];
    const RowTotal<T> row = small_row<T, kVectors>(x, n, e);
    if constexpr (kLog) {
      shift_row(x, n, row.top, log_of(row.total), out);
    } else {
      const Vec<T> factor = set(T{1} / row.total);
      for (int k = 0; k < kVectors; ++k) {
        store_n(out + k * kLanes<T>, e[k] * factor, lanes_left(n - k * kLanes<T>, kLanes<T>));
      }
    }
  }
}

template <class T, bool kLog, int kVectors>
void run_softmax(const Call& call, int64_t piece) {
  const SoftmaxParams& p = *static_cast<const SoftmaxParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    softmax_row<T, kLog, kVectors>(static_cast<const T*>(call.in[0]) + r * p.columns, p.columns,
                                   static_cast<T*>(call.out[0]) + r * p.columns);
  }
}

// Exponentials stay in the worker's memory until they are scaled.
template <class T>
void stream_softmax(const Call& call, int64_t piece) {
  const SoftmaxParams& p = *static_cast<const SoftmaxParams*>(call.params);
  if (reinterpret_cast<uintptr_t>(call.out[0]) % kVectorBytes != 0) {
    return run_softmax<T, false, 0>(call, piece);
  }
  T* e = reinterpret_cast<T*>(call.worker);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    const RowTotal<T> row = large_row(x, p.columns, e);
    scale_row<T, true>(e, p.columns, T{1} / row.total,
                       static_cast<T*>(call.out[0]) + r * p.columns);
  }
  stream_fence();
}

// Rows of whole vectors that stay in L1, of a matrix that does not fit the caches.
bool streams(DType dtype, bool log, const SoftmaxParams& p) {
  constexpr int64_t kLongest = 16384;  // bytes
  const int64_t row = p.columns * dtype_size(dtype);
  const bool fits = row % kVectorBytes == 0 && row > kRowVectors * kVectorBytes && row <= kLongest;
  return !log && fits && 2 * row * p.rows >= kStreamBytes;
}

template <class T, bool kLog>
PieceFn choose(int64_t columns) {
  if (columns <= kLanes<T>) return run_softmax<T, kLog, 1>;
  if (columns <= 2 * kLanes<T>) return run_softmax<T, kLog, 2>;
  if (columns <= kRowVectors * kLanes<T>) return run_softmax<T, kLog, kRowVectors>;
  return run_softmax<T, kLog, 0>;
}

const char* bind_softmax(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  SoftmaxParams* p = alloc_params<SoftmaxParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.in[0].dtype;
  const bool log = op.op == Opcode::log_softmax;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.in[0].count / p->columns;
  PieceFn run = nullptr;
  if (dtype == DType::kFloat32) {
    run = log ? choose<float, true>(p->columns) : choose<float, false>(p->columns);
  } else if (dtype == DType::kFloat64) {
    run = log ? choose<double, true>(p->columns) : choose<double, false>(p->columns);
  } else {
    return "dtype not supported";
  }
  if (streams(dtype, log, *p)) {
    run = dtype == DType::kFloat32 ? stream_softmax<float> : stream_softmax<double>;
    bound->worker_bytes = p->columns * dtype_size(dtype);
  }
  p->rows_per_piece = cut_pieces(p->rows, 2 * dtype_size(dtype) * p->columns,
                                 20.0 * static_cast<double>(p->columns), 1);
  bound->params = p;
  bound->phases[0] = {run, piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::softmax, "softmax_rows", bind_softmax},
    {Opcode::log_softmax, "log_softmax_rows", bind_softmax},
};

}  // namespace

const Family kSoftmaxFamily = {kCandidates,
                               static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
