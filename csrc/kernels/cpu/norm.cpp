// Layer and RMS normalization of rows. A row is read from memory once: its moments (two passes, so
// that a large mean costs no accuracy) and its result find it in L1 or L2. Backward the same; the
// sums over rows are taken in float over a few rows, then in double, one partial sum for each
// block of rows, and the blocks are added in order.
#include "kernels/norm.h"

#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/reduce_ops.h"
#include "kernels/cpu/row_sums.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kRowsInFloat = 16;  // added before they are widened
constexpr int64_t kMaxBlocks = 64;
constexpr int64_t kPairedColumns = 600;

struct NormParams {
  NormShape shape;
  int64_t rows_per_piece, pieces;
  bool stream;  // forward: the result goes past the caches
};

template <class T>
const T* operand(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<const T*>(call.in[k]);
}

template <class T>
T* result(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<T*>(call.out[k]);
}

// The mean, and the root of what is left without it.
template <class T>
struct Moments {
  T mean, rstd;
};

// Several rows at a time: their sums wait for each other's additions less, and gamma and beta are
// loaded once for all. A row's bits are those it has alone.
template <class T, bool kCentred, int kRows>
PYDL_INLINE void moments_of(const T* x, int64_t n, double epsilon, Moments<T>* moments) {
  const double count = static_cast<double>(n);
  double sums[kRows] = {}, squares[kRows];
  if constexpr (kCentred) {
    sum_row<T, kRows>(
        n,
        [&](int64_t i, int lanes, Vec<T>* totals) PYDL_INLINED {
          for (int r = 0; r < kRows; ++r) totals[r] = totals[r] + load_lanes(x + r * n + i, lanes);
        },
        sums);
  }
  Vec<T> centres[kRows];
  for (int r = 0; r < kRows; ++r) {
    moments[r].mean = static_cast<T>(sums[r] / count);
    centres[r] = set(moments[r].mean);
  }
  sum_row<T, kRows>(
      n,
      [&](int64_t i, int lanes, Vec<T>* totals) PYDL_INLINED {
        for (int r = 0; r < kRows; ++r) {
          Vec<T> d = load_lanes(x + r * n + i, lanes);
          if constexpr (kCentred) d = d - centres[r];
          totals[r] = fma(d, d, totals[r]);
        }
      },
      squares);
  for (int r = 0; r < kRows; ++r) {
    moments[r].rstd = static_cast<T>(1.0 / __builtin_sqrt(squares[r] / count + epsilon));
  }
}

// fn(i, lanes) along a row.
template <class T, class Fn>
PYDL_INLINE void along_row(int64_t n, Fn fn) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) fn(i, kLanes<T>);
  if (i < n) fn(i, static_cast<int>(n - i));
}

template <class T, bool kScale, bool kShift, bool kStream, int kRows>
PYDL_INLINE void write_rows(const T* x, int64_t n, const Moments<T>* moments, const T* gamma,
                            const T* beta, T* out) {
  Vec<T> mean[kRows], rstd[kRows];
  for (int r = 0; r < kRows; ++r) mean[r] = set(moments[r].mean), rstd[r] = set(moments[r].rstd);
  along_row<T>(n, [&](int64_t i, int lanes) PYDL_INLINED {
    Vec<T> g, b;
    if constexpr (kScale) g = load_lanes(gamma + i, lanes);
    if constexpr (kShift) b = load_lanes(beta + i, lanes);
    for (int r = 0; r < kRows; ++r) {
      prefetch_far(x + (kRows + r) * n + i);
      Vec<T> y = (load_lanes(x + r * n + i, lanes) - mean[r]) * rstd[r];
      if constexpr (kScale && kShift) {
        y = fma(y, g, b);
      } else if constexpr (kScale) {
        y = y * g;
      } else if constexpr (kShift) {
        y = y + b;
      }
      if constexpr (kStream) {
        stream(out + r * n + i, y);
      } else {
        store_lanes(out + r * n + i, y, lanes);
      }
    }
  });
}

template <class T, bool kCentred, bool kScale, bool kShift, bool kStream, int kRows>
PYDL_INLINE void forward_rows(const Call& call, const NormShape& s, int64_t r) {
  const T* x = operand<T>(call, 0) + r * s.columns;
  const T *gamma = operand<T>(call, s.gamma), *beta = operand<T>(call, s.beta);
  Moments<T> moments[kRows];
  moments_of<T, kCentred, kRows>(x, s.columns, s.epsilon, moments);
  write_rows<T, kScale, kShift, kStream, kRows>(x, s.columns, moments, gamma, beta,
                                                result<T>(call, 0) + r * s.columns);
  for (int k = 0; k < kRows; ++k) {
    if constexpr (kCentred) result<T>(call, s.mean)[r + k] = moments[k].mean;
    result<T>(call, s.rstd)[r + k] = moments[k].rstd;
  }
}

template <class T, bool kCentred, bool kScale, bool kShift, bool kStream>
PYDL_INLINE void forward_piece(const Call& call, const NormShape& s, int64_t first, int64_t end) {
  // Short rows two at a time: longer ones would meet in the same places of L1.
  int64_t r = first;
  if (s.columns <= kPairedColumns) {
    for (; r + 2 <= end; r += 2) {
      forward_rows<T, kCentred, kScale, kShift, kStream, 2>(call, s, r);
    }
  }
  for (; r < end; ++r) forward_rows<T, kCentred, kScale, kShift, kStream, 1>(call, s, r);
}

template <class T, bool kCentred, bool kScale, bool kShift>
void run_forward(const Call& call, int64_t piece) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const NormShape& s = p.shape;
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < s.rows ? first + p.rows_per_piece : s.rows;
  const bool aligned = reinterpret_cast<uintptr_t>(call.out[0]) % kVectorBytes == 0;
  if (p.stream && aligned) {
    forward_piece<T, kCentred, kScale, kShift, true>(call, s, first, end);
    stream_fence();
  } else {
    forward_piece<T, kCentred, kScale, kShift, false>(call, s, first, end);
  }
}

// One row's gradient; its share of the sums over rows is added to grad_gamma and grad_beta, which
// may be nullptr.
template <class T, bool kCentred, bool kScale>
PYDL_INLINE void backward_row(const T* grad_out, const T* x, int64_t n, Moments<T> m,
                              const T* gamma, T* grad_x, T* grad_gamma, T* grad_beta) {
  const Vec<T> mean = set(m.mean), rstd = set(m.rstd);
  double sums[2];
  sum_row<T, 2>(
      n,
      [&](int64_t i, int lanes, Vec<T>* totals) PYDL_INLINED {
        const Vec<T> g = load_lanes(grad_out + i, lanes);
        const Vec<T> hat = (load_lanes(x + i, lanes) - mean) * rstd;
        Vec<T> pull = g;
        if constexpr (kScale) pull = g * load_lanes(gamma + i, lanes);
        totals[0] = totals[0] + pull;
        totals[1] = fma(pull, hat, totals[1]);
        if (grad_gamma != nullptr) {
          store_lanes(grad_gamma + i, fma(g, hat, load_lanes(grad_gamma + i, lanes)), lanes);
        }
        if (grad_beta != nullptr) {
          store_lanes(grad_beta + i, load_lanes(grad_beta + i, lanes) + g, lanes);
        }
      },
      sums);
  const double count = static_cast<double>(n);
  const Vec<T> level = set(static_cast<T>(kCentred ? sums[0] / count : 0.0));
  const Vec<T> slope = set(static_cast<T>(sums[1] / count));
  along_row<T>(n, [&](int64_t i, int lanes) PYDL_INLINED {
    const Vec<T> hat = (load_lanes(x + i, lanes) - mean) * rstd;
    Vec<T> pull = load_lanes(grad_out + i, lanes);
    if constexpr (kScale) pull = pull * load_lanes(gamma + i, lanes);
    if constexpr (kCentred) pull = pull - level;
    store_lanes(grad_x + i, rstd * (pull - hat * slope), lanes);
  });
}

// Moves sums of a few rows, in `few`, to the block's.
template <class T>
void flush(T* few, int64_t n, double* block) {
  for (int64_t i = 0; i < n; ++i) {
    block[i] += few[i];
    few[i] = T(0);
  }
}

template <class T, bool kCentred, bool kScale>
void run_backward(const Call& call, int64_t piece) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const NormShape& s = p.shape;
  const int64_t n = s.columns, sums = (s.grad_gamma >= 0) + (s.grad_beta >= 0);
  T* few = reinterpret_cast<T*>(call.worker);
  T* grad_gamma = s.grad_gamma >= 0 ? few : nullptr;
  T* grad_beta = s.grad_beta >= 0 ? few + (sums - 1) * n : nullptr;
  double* block = reinterpret_cast<double*>(call.scratch) + piece * sums * n;
  for (int64_t i = 0; i < sums * n; ++i) few[i] = T(0), block[i] = 0.0;
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < s.rows ? first + p.rows_per_piece : s.rows;
  for (int64_t r = first; r < end; ++r) {
    const Moments<T> m = {kCentred ? operand<T>(call, s.mean)[r] : T(0),
                          operand<T>(call, s.rstd)[r]};
    backward_row<T, kCentred, kScale>(operand<T>(call, 0) + r * n, operand<T>(call, 1) + r * n, n,
                                      m, operand<T>(call, s.gamma), result<T>(call, 0) + r * n,
                                      grad_gamma, grad_beta);
    if (r + 1 == end || (r - first) % kRowsInFloat == kRowsInFloat - 1) flush(few, sums * n, block);
  }
}

// The blocks of each column, in order.
template <class T>
void combine_blocks(const Call& call, int64_t piece) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const NormShape& s = p.shape;
  const int64_t n = s.columns, sums = (s.grad_gamma >= 0) + (s.grad_beta >= 0);
  const double* blocks = reinterpret_cast<const double*>(call.scratch);
  const int64_t first = piece * kCombined, end = first + kCombined < n ? first + kCombined : n;
  for (int64_t k = 0; k < sums; ++k) {
    T* out = result<T>(call, k == 0 && s.grad_gamma >= 0 ? s.grad_gamma : s.grad_beta);
    double totals[kCombined] = {};
    for (int64_t b = 0; b < p.pieces; ++b) {
      merge_totals<Add>(blocks + (b * sums + k) * n + first, end - first, totals);
    }
    for (int64_t i = first; i < end; ++i) out[i] = static_cast<T>(totals[i - first]);
  }
}

template <class T, bool kCentred>
PieceFn choose_forward(const NormShape& s) {
  if (s.gamma >= 0) {
    return s.beta >= 0 ? run_forward<T, kCentred, true, true>
                       : run_forward<T, kCentred, true, false>;
  }
  return s.beta >= 0 ? run_forward<T, kCentred, false, true>
                     : run_forward<T, kCentred, false, false>;
}

template <class T>
PieceFn choose(const NormShape& s, bool forward) {
  if (forward) return s.centred ? choose_forward<T, true>(s) : choose_forward<T, false>(s);
  if (s.centred) {
    return s.gamma >= 0 ? run_backward<T, true, true> : run_backward<T, true, false>;
  }
  return s.gamma >= 0 ? run_backward<T, false, true> : run_backward<T, false, false>;
}

void add_combining(DType dtype, const NormParams& p, int64_t sums, Bound* bound) {
  const int64_t n = p.shape.columns;
  bound->worker_bytes = sums * n * dtype_size(dtype);
  bound->scratch_bytes = p.pieces * sums * n * static_cast<int64_t>(sizeof(double));
  const PieceFn combine = dtype == DType::kFloat32 ? combine_blocks<float> : combine_blocks<double>;
  bound->phases[1] = {combine, piece_count(n, kCombined)};
  bound->n_phases = 2;
}

const char* bind_norm(const OpView& op, Binder* binder, Bound* bound) {
  const bool forward = op.op == Opcode::layer_norm || op.op == Opcode::rms_norm;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  NormParams* p = alloc_params<NormParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = norm_shape(op);
  const int64_t n = p->shape.columns;
  const int64_t sums = (p->shape.grad_gamma >= 0) + (p->shape.grad_beta >= 0);
  if (forward ? p->shape.rows == 0 : n == 0 || (p->shape.rows == 0 && sums == 0)) return nullptr;
  const int64_t streams = forward ? 2 : 3;
  p->rows_per_piece = cut_pieces(p->shape.rows, streams * dtype_size(dtype) * n + 1,
                                 10.0 * static_cast<double>(n), 1);
  const int64_t bytes = streams * dtype_size(dtype) * n * p->shape.rows;
  p->stream = forward && bytes >= kStreamBytes && n * dtype_size(dtype) % kVectorBytes == 0;
  if (sums > 0) {  // each piece has partial sums
    const int64_t least = piece_count(p->shape.rows, kMaxBlocks);
    if (p->rows_per_piece < least) p->rows_per_piece = least;
  }
  p->pieces = piece_count(p->shape.rows, p->rows_per_piece);
  bound->params = p;
  const PieceFn run = dtype == DType::kFloat32 ? choose<float>(p->shape, forward)
                                               : choose<double>(p->shape, forward);
  bound->phases[0] = {run, p->pieces};
  bound->n_phases = 1;
  if (sums > 0) add_combining(dtype, *p, sums, bound);
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::layer_norm, "layer_norm_rows", bind_norm},
    {Opcode::layer_norm_grad, "layer_norm_grad_rows", bind_norm},
    {Opcode::rms_norm, "rms_norm_rows", bind_norm},
    {Opcode::rms_norm_grad, "rms_norm_grad_rows", bind_norm},
};

}  // namespace

const Family kNormFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
