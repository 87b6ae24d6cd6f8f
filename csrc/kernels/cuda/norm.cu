// Layer and RMS normalization: rows up to 4 KB are read once, into registers, and written once. The
// sums over rows that a gradient also has are a second kernel, over the rows in chunks.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/over_rows.h"
#include "kernels/norm.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

template <class S, bool kCentred>
struct Forward {
  using Stored = S;
  using T = Computed<S>;
  static constexpr int kOperands = 1;
  static constexpr bool kFaults = false;
  const S* in[1];
  const S *gamma, *beta;  // or nullptr
  S *out, *mean, *rstd;
  double epsilon;

  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const T count = static_cast<T>(row.columns);
    T centre = T(0), squares = T(0);
    if constexpr (kCentred) {
      T total = T(0);
      row.each([&](int64_t, T x, T) { total += x; });
      centre = row.sum(total) / count;
    }
    row.each([&](int64_t, T x, T) { squares += (x - centre) * (x - centre); });
    const double spread = static_cast<double>(row.sum(squares) / count) + epsilon;
    const T scale = static_cast<T>(1.0 / sqrt(spread));
    row.write(out + (row.live ? r : 0) * row.columns, [&](int64_t i, T x, T) {
      T y = (x - centre) * scale;
      if (gamma != nullptr) y = y * widened(gamma[i]);
      return beta != nullptr ? y + widened(beta[i]) : y;
    });
    if (!row.live || row.lane != 0) return;
    if constexpr (kCentred) mean[r] = narrowed<S>(centre);
    rstd[r] = narrowed<S>(scale);
  }
};

template <class S, bool kCentred>
struct Backward {
  using Stored = S;
  using T = Computed<S>;
  static constexpr int kOperands = 2;  // grad_out, x
  static constexpr bool kFaults = false;
  static constexpr bool kManyRegisters = true;
  const S* in[2];
  const S *mean, *rstd, *gamma;  // gamma may be nullptr
  S* grad_x;

  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const T count = static_cast<T>(row.columns);
    const T centre = kCentred && row.live ? widened(mean[r]) : T(0),
            scale = row.live ? widened(rstd[r]) : T(0);
    T sum = T(0), along = T(0);
    row.each([&](int64_t i, T g, T x) {
      const T pull = gamma == nullptr ? g : g * widened(gamma[i]);
      sum += pull;
      along += pull * ((x - centre) * scale);
    });
    const T level = kCentred ? row.sum(sum) / count : T(0), slope = row.sum(along) / count;
    row.write(grad_x + (row.live ? r : 0) * row.columns, [&](int64_t i, T g, T x) {
      const T pull = gamma == nullptr ? g : g * widened(gamma[i]);
      return scale * ((pull - level) - ((x - centre) * scale) * slope);
    });
  }
};

// --- sums over rows

constexpr int kWarps = kRowThreads / kWarp;
constexpr int64_t kMaxChunks = 64;

struct ColumnSums {
  int64_t rows, columns, chunk, chunks;  // `chunk` rows in each of `chunks`
};

// partials [chunk][2][column]: of grad_out times the normalized x, and of grad_out. A block has 32
// columns and one chunk, whose rows its warps take in turn.
template <class S>
__global__ void __launch_bounds__(kRowThreads)
    sum_columns(ColumnSums p, const S* grad_out, const S* x, const S* mean, const S* rstd,
                double* partials) {
  using T = Computed<S>;
  PYDL_SHARED(double, parts, 2 * kRowThreads);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const int64_t column = int64_t{blockIdx.x} * kWarp + lane;
  const int64_t first = int64_t{blockIdx.y} * p.chunk;
  const int64_t end = first + p.chunk < p.rows ? first + p.chunk : p.rows;
  double along = 0.0, sum = 0.0;
  for (int64_t r = first + warp; r < end && column < p.columns; r += kWarps) {
    const T g = widened(grad_out[r * p.columns + column]);
    const T centre = mean == nullptr ? T(0) : widened(mean[r]);
    const T value = widened(x[r * p.columns + column]), scale = widened(rstd[r]);
    along += static_cast<double>(g * ((value - centre) * scale));
    sum += static_cast<double>(g);
  }
  parts[thread] = along;
  parts[kRowThreads + thread] = sum;
  __syncthreads();
  if (warp != 0 || column >= p.columns) return;
  for (int w = 1; w < kWarps; ++w) {
    along += parts[w * kWarp + lane];
    sum += parts[kRowThreads + w * kWarp + lane];
  }
  double* mine = partials + int64_t{blockIdx.y} * 2 * p.columns + column;
  mine[0] = along;
  mine[p.columns] = sum;
}

template <class S>
__global__ void __launch_bounds__(kRowThreads)
    add_chunks(ColumnSums p, const double* partials, S* grad_gamma, S* grad_beta) {
  using T = Computed<S>;
  const int64_t column = int64_t{blockIdx.x} * kRowThreads + threadIdx.x;
  if (column >= p.columns) return;
  double along = 0.0, sum = 0.0;
  for (int64_t c = 0; c < p.chunks; ++c) {
    along += partials[c * 2 * p.columns + column];
    sum += partials[(c * 2 + 1) * p.columns + column];
  }
  if (grad_gamma != nullptr) grad_gamma[column] = narrowed<S>(static_cast<T>(along));
  if (grad_beta != nullptr) grad_beta[column] = narrowed<S>(static_cast<T>(sum));
}

// --- binding

struct NormParams {
  NormShape shape;
  ColumnSums sums;
  int processors;
};

template <class T>
const T* operand(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<const T*>(call.in[k]);
}

template <class T>
T* result(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<T*>(call.out[k]);
}

template <class T, bool kCentred>
void run_forward(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const NormShape& s = p.shape;
  const Forward<T, kCentred> operation = {{operand<T>(call, 0)},
                                          operand<T>(call, s.gamma),
                                          operand<T>(call, s.beta),
                                          result<T>(call, 0),
                                          result<T>(call, s.mean),
                                          result<T>(call, s.rstd),
                                          s.epsilon};
  launch_rows(operation, s.rows, s.columns, call.out[0], 0, p.processors, call.stream);
}

template <class T>
void launch_column_sums(const NormParams& p, const Call& call) {
  const NormShape& s = p.shape;
  double* partials = reinterpret_cast<double*>(call.scratch);
  if (p.sums.chunks > 0) {
    const dim3 grid(static_cast<unsigned>(ceil_div(s.columns, kWarp)),
                    static_cast<unsigned>(p.sums.chunks));
    launch(sum_columns<T>, grid, dim3(kRowThreads), 0, call.stream, p.sums, operand<T>(call, 0),
           operand<T>(call, 1), operand<T>(call, s.mean), operand<T>(call, s.rstd), partials);
  }
  launch(add_chunks<T>, dim3(static_cast<unsigned>(ceil_div(s.columns, kRowThreads))),
         dim3(kRowThreads), 0, call.stream, p.sums, partials, result<T>(call, s.grad_gamma),
         result<T>(call, s.grad_beta));
}

template <class T, bool kCentred>
void run_backward(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const NormShape& s = p.shape;
  const Backward<T, kCentred> operation = {{operand<T>(call, 0), operand<T>(call, 1)},
                                           operand<T>(call, s.mean),
                                           operand<T>(call, s.rstd),
                                           operand<T>(call, s.gamma),
                                           result<T>(call, 0)};
  if (s.rows > 0) {
    launch_rows(operation, s.rows, s.columns, call.out[0], 0, p.processors, call.stream);
  }
  if (s.grad_gamma >= 0 || s.grad_beta >= 0) launch_column_sums<T>(p, call);
}

template <class T>
PieceFn choose(bool forward, bool centred) {
  if (forward) return centred ? run_forward<T, true> : run_forward<T, false>;
  return centred ? run_backward<T, true> : run_backward<T, false>;
}

// Chunks of at least 64 rows; their number follows from the shape alone.
ColumnSums cut_rows(const NormShape& s) {
  constexpr int64_t kFewest = 64;
  const int64_t wanted = ceil_div(s.rows, kFewest);
  const int64_t chunks = wanted < kMaxChunks ? wanted : kMaxChunks;
  const int64_t chunk = chunks == 0 ? 0 : ceil_div(s.rows, chunks);
  return {s.rows, s.columns, chunk, chunk == 0 ? 0 : ceil_div(s.rows, chunk)};
}

const char* bind_norm(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  NormParams* p = alloc_params<NormParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = norm_shape(op);
  p->processors = static_cast<int>(processors(op));
  const bool forward = op.op == Opcode::layer_norm || op.op == Opcode::rms_norm;
  if (p->shape.grad_gamma >= 0 || p->shape.grad_beta >= 0) {
    p->sums = cut_rows(p->shape);
    bound->scratch_bytes =
        p->sums.chunks * 2 * p->shape.columns * static_cast<int64_t>(sizeof(double));
  }
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype,
                  [&](auto t) { run = choose<decltype(t)>(forward, p->shape.centred); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::layer_norm, "layer_norm_rows", bind_norm},
    {Opcode::layer_norm_grad, "layer_norm_grad_rows", bind_norm},
    {Opcode::rms_norm, "rms_norm_rows", bind_norm},
    {Opcode::rms_norm_grad, "rms_norm_grad_rows", bind_norm},
};

}  // namespace

extern const Family kNormFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
