// Batch normalization: one pass for the sums over rows, a small launch that adds up the chunks, one
// pass for the result. Forward reads 2 S and writes S; backward reads 4 S (of its mask 2 S more)
// and writes S.
//
// A chunk's moments are taken about its first row, which lies among the values, so a mean far from
// 0 costs no accuracy; chunks are merged by their means in float64.
#include <cmath>

#include "kernels/batch_norm.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/channel_sums.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

// Memory of a call. `partials` [chunk][2][channel]; `factors` [4][channel], what the second pass
// needs of a channel.
template <class S>
struct Buffers {
  using T = Computed<S>;
  double* partials;
  T* factors;
};

// --- forward

template <class T>
__device__ __forceinline__ T finite_or_zero(T x) {
  return x - x == T(0) ? x : T(0);
}

// Arithmetic has one NaN on a device; on a CPU its sign follows the order of operands, which
// compilers choose.
template <class T>
__device__ __forceinline__ T one_nan(T x) {
#ifdef PYDL_EMULATED
  return x != x ? static_cast<T>(NAN) : x;
#else
  return x;
#endif
}

// A chunk's sum and sum of squares about its own mean.
template <class S, int kPack>
__global__ void __launch_bounds__(kSumThreads)
    sum_moments(ChannelRows p, const S* x, double* partials) {
  using T = Computed<S>;
  constexpr int kAhead = 4;
  PYDL_SHARED(double, shared, (kLaneSums<2, kPack>));
  const RowPlace at = row_place<kPack>(p);
  Pack<S, kPack> v[kAhead];
  T anchor[kPack] = {}, sum[kPack] = {}, square[kPack] = {};
  if (at.live) {
    const auto row = load_widened<kPack>(x + at.first * p.channels + at.channel);
#pragma unroll
    for (int j = 0; j < kPack; ++j) anchor[j] = finite_or_zero(row.at[j]);
  }
  for_rows<kAhead>(
      p, at,
      [&](int i, int64_t row) { v[i] = load_pack<kPack>(x + row * p.channels + at.channel); },
      [&](int i, int64_t) {
#pragma unroll
        for (int j = 0; j < kPack; ++j) {
          const T apart = widened(v[i].at[j]) - anchor[j];
          sum[j] += apart;
          square[j] += apart * apart;
        }
      });
  double sums[2][kPack];
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    sums[0][j] = static_cast<double>(sum[j]);
    sums[1][j] = static_cast<double>(square[j]);
  }
  add_lanes(at, p.lanes, shared, sums);
  if (!at.live || at.lane != 0) return;
  const double count = static_cast<double>(at.end - at.first);
  double* mine = partials + int64_t{blockIdx.y} * 2 * p.channels + at.channel;
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    mine[j] = count * static_cast<double>(anchor[j]) + sums[0][j];
    mine[p.channels + j] = sums[1][j] - sums[0][j] * (sums[0][j] / count);
  }
}

// Rows of chunk `chunk`.
__device__ __forceinline__ double chunk_count(const ChannelRows& p, int64_t chunk) {
  const int64_t rest = p.rows - chunk * p.chunk;
  return static_cast<double>(rest < p.chunk ? rest : p.chunk);
}

template <class T>
__device__ __forceinline__ T root_of(double variance, double epsilon) {
  return static_cast<T>(1.0 / sqrt(variance + epsilon));
}

template <class S>
struct ForwardResults {
  const S *gamma, *beta;  // or null
  S *mean, *variance;
  double epsilon;
};

template <class S>
__global__ void __launch_bounds__(kChunkThreads)
    finish_moments(ChannelRows p, Buffers<S> buffers, ForwardResults<S> r) {
  using T = Computed<S>;
  PYDL_SHARED(double, shared, kChunkThreads);
  const ChunkPlace at = chunk_place();
  const bool live = at.channel < p.channels;
  const double* mine = buffers.partials + at.channel;
  const double count = p.rows > 0 ? static_cast<double>(p.rows) : 1.0;
  const double mean = add_chunks(at, p.chunks, live, shared,
                                 [&](int64_t chunk) { return mine[chunk * 2 * p.channels]; }) /
                      count;
  const double squares = add_chunks(at, p.chunks, live, shared, [&](int64_t chunk) {
    const double rows = chunk_count(p, chunk);
    const double apart = mine[chunk * 2 * p.channels] / rows - mean;
    return mine[(chunk * 2 + 1) * p.channels] + rows * apart * apart;
  });
  if (!live || at.lane != 0) return;
  const double variance = squares > 0.0 || squares != squares ? squares / count : 0.0;
  const T scale = root_of<T>(variance, r.epsilon);
  r.mean[at.channel] = narrowed<S>(one_nan(static_cast<T>(mean)));
  r.variance[at.channel] = narrowed<S>(one_nan(static_cast<T>(variance)));
  T* factors = buffers.factors + at.channel;
  factors[0] = static_cast<T>(mean);
  factors[p.channels] = r.gamma == nullptr ? scale : scale * widened(r.gamma[at.channel]);
  factors[2 * p.channels] = r.beta == nullptr ? T(0) : widened(r.beta[at.channel]);
}

template <class T, int kPack>
__device__ __forceinline__ Pack<T, kPack> load_factor(const ChannelRows& p, const T* factors,
                                                      int which, int64_t channel) {
  Pack<T, kPack> pack;
#pragma unroll
  for (int j = 0; j < kPack; ++j) pack.at[j] = factors[which * p.channels + channel + j];
  return pack;
}

template <class S, int kPack>
__global__ void __launch_bounds__(kSumThreads)
    normalize(ChannelRows p, const S* x, const S* residual, const Computed<S>* factors, bool relu,
              S* out) {
  using T = Computed<S>;
  constexpr int kAhead = 2;
  const RowPlace at = row_place<kPack>(p);
  if (!at.live) return;
  const auto mean = load_factor<T, kPack>(p, factors, 0, at.channel),
             scale = load_factor<T, kPack>(p, factors, 1, at.channel),
             shift = load_factor<T, kPack>(p, factors, 2, at.channel);
  Pack<S, kPack> v[kAhead], added[kAhead];
  for_rows<kAhead>(
      p, at,
      [&](int i, int64_t row) {
        const int64_t place = row * p.channels + at.channel;
        v[i] = load_pack<kPack>(x + place);
        if (residual != nullptr) added[i] = load_pack<kPack>(residual + place);
      },
      [&](int i, int64_t row) {
        Pack<T, kPack> y;
#pragma unroll
        for (int j = 0; j < kPack; ++j) {
          T value = (widened(v[i].at[j]) - mean.at[j]) * scale.at[j] + shift.at[j];
          if (residual != nullptr) value += widened(added[i].at[j]);
          y.at[j] = relu && value < T(0) ? T(0) : one_nan(value);
        }
        store_narrowed(out + row * p.channels + at.channel, y);
      });
}

// --- backward

// Operands as both passes read them: grad_out counts where `out` is above 0.
template <class S>
struct Pull {
  const S *grad_out, *x, *out;  // out: null where all counts
};

template <class S, int kPack>
struct PullRow {
  Pack<S, kPack> grad, x, out;
  __device__ __forceinline__ void load(const Pull<S>& from, int64_t place) {
    grad = load_pack<kPack>(from.grad_out + place);
    x = load_pack<kPack>(from.x + place);
    if (from.out != nullptr) out = load_pack<kPack>(from.out + place);
  }
  __device__ __forceinline__ Computed<S> pull(const Pull<S>& from, int j) const {
    using T = Computed<S>;
    return from.out != nullptr && !(widened(out.at[j]) > T(0)) ? T(0) : widened(grad.at[j]);
  }
};

// A chunk's sums of the pull, and of the pull times x - mean.
template <class S, int kPack>
__global__ void __launch_bounds__(kSumThreads)
    sum_pulls(ChannelRows p, Pull<S> from, const S* mean, double* partials) {
  using T = Computed<S>;
  constexpr int kAhead = 2;
  PYDL_SHARED(double, shared, (kLaneSums<2, kPack>));
  const RowPlace at = row_place<kPack>(p);
  PullRow<S, kPack> v[kAhead];
  T centre[kPack] = {}, sum[kPack] = {}, along[kPack] = {};
#pragma unroll
  for (int j = 0; j < kPack; ++j) centre[j] = at.live ? widened(mean[at.channel + j]) : T(0);
  for_rows<kAhead>(
      p, at, [&](int i, int64_t row) { v[i].load(from, row * p.channels + at.channel); },
      [&](int i, int64_t) {
#pragma unroll
        for (int j = 0; j < kPack; ++j) {
          const T pull = v[i].pull(from, j);
          sum[j] += pull;
          along[j] += pull * (widened(v[i].x.at[j]) - centre[j]);
        }
      });
  double sums[2][kPack];
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    sums[0][j] = static_cast<double>(sum[j]);
    sums[1][j] = static_cast<double>(along[j]);
  }
  add_lanes(at, p.lanes, shared, sums);
  if (!at.live || at.lane != 0) return;
  double* mine = partials + int64_t{blockIdx.y} * 2 * p.channels + at.channel;
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    mine[j] = sums[0][j];
    mine[p.channels + j] = sums[1][j];
  }
}

template <class S>
struct BackwardResults {
  const S *mean, *variance, *gamma;  // gamma: or null
  S *grad_gamma, *grad_beta;  // or null
  double epsilon;
};

template <class S>
__global__ void __launch_bounds__(kChunkThreads)
    finish_pulls(ChannelRows p, Buffers<S> buffers, BackwardResults<S> r) {
  using T = Computed<S>;
  PYDL_SHARED(double, shared, kChunkThreads);
  const ChunkPlace at = chunk_place();
  const bool live = at.channel < p.channels;
  const double* mine = buffers.partials + at.channel;
  const double sum = add_chunks(at, p.chunks, live, shared,
                                [&](int64_t chunk) { return mine[chunk * 2 * p.channels]; });
  const double apart = add_chunks(at, p.chunks, live, shared, [&](int64_t chunk) {
    return mine[(chunk * 2 + 1) * p.channels];
  });
  if (!live || at.lane != 0) return;
  const double variance = static_cast<double>(widened(r.variance[at.channel]));
  const double root = 1.0 / sqrt(variance + r.epsilon), along = apart * root;
  const double count = p.rows > 0 ? static_cast<double>(p.rows) : 1.0;
  if (r.grad_gamma != nullptr)
    r.grad_gamma[at.channel] = narrowed<S>(one_nan(static_cast<T>(along)));
  if (r.grad_beta != nullptr) r.grad_beta[at.channel] = narrowed<S>(one_nan(static_cast<T>(sum)));
  const T scale = static_cast<T>(root);
  T* factors = buffers.factors + at.channel;
  factors[0] = widened(r.mean[at.channel]);
  factors[p.channels] = r.gamma == nullptr ? scale : scale * widened(r.gamma[at.channel]);
  factors[2 * p.channels] = static_cast<T>(sum / count);
  factors[3 * p.channels] = static_cast<T>(along / count * root);
}

template <class S, int kPack>
__global__ void __launch_bounds__(kSumThreads)
    spread_pulls(ChannelRows p, Pull<S> from, const Computed<S>* factors, S* grad_x,
                 S* grad_residual) {
  using T = Computed<S>;
  const RowPlace at = row_place<kPack>(p);
  if (!at.live) return;
  const auto mean = load_factor<T, kPack>(p, factors, 0, at.channel),
             scale = load_factor<T, kPack>(p, factors, 1, at.channel),
             level = load_factor<T, kPack>(p, factors, 2, at.channel),
             slope = load_factor<T, kPack>(p, factors, 3, at.channel);
  constexpr int kAhead = 2;
  PullRow<S, kPack> v[kAhead];
  for_rows<kAhead>(
      p, at, [&](int i, int64_t row) { v[i].load(from, row * p.channels + at.channel); },
      [&](int i, int64_t row) {
        Pack<T, kPack> pulls, y;
#pragma unroll
        for (int j = 0; j < kPack; ++j) {
          const T pull = v[i].pull(from, j);
          pulls.at[j] = pull;
          const T apart = widened(v[i].x.at[j]) - mean.at[j];
          y.at[j] = one_nan(scale.at[j] * ((pull - level.at[j]) - apart * slope.at[j]));
        }
        const int64_t place = row * p.channels + at.channel;
        store_narrowed(grad_x + place, y);
        if (grad_residual != nullptr) store_narrowed(grad_residual + place, pulls);
      });
}

// --- binding

struct BatchNormParams {
  BatchNormShape shape;
  ChannelRows rows;
};

template <class T>
const T* operand(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<const T*>(call.in[k]);
}

template <class T>
T* result(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<T*>(call.out[k]);
}

template <class S>
Buffers<S> buffers_of(const BatchNormParams& p, const Call& call) {
  double* partials = reinterpret_cast<double*>(call.scratch);
  return {partials, reinterpret_cast<Computed<S>*>(partials + p.rows.chunks * 2 * p.rows.channels)};
}

template <class S, int kPack>
void launch_forward(const BatchNormParams& p, const Call& call) {
  const BatchNormShape& s = p.shape;
  const ChannelRows& rows = p.rows;
  const Buffers<S> buffers = buffers_of<S>(p, call);
  const S* x = operand<S>(call, 0);
  const dim3 grid = sum_grid(rows, kPack), block = sum_block(rows, kPack);
  if (rows.chunks > 0) {
    launch(sum_moments<S, kPack>, grid, block, 0, call.stream, rows, x, buffers.partials);
  }
  const ForwardResults<S> results = {operand<S>(call, s.gamma), operand<S>(call, s.beta),
                                     result<S>(call, 1), result<S>(call, 2), s.epsilon};
  launch(finish_moments<S>, chunk_grid(rows.channels), dim3(kChunkThreads), 0, call.stream, rows,
         buffers, results);
  if (rows.chunks == 0) return;
  launch(normalize<S, kPack>, grid, block, 0, call.stream, rows, x, operand<S>(call, s.residual),
         buffers.factors, s.relu, result<S>(call, 0));
}

template <class S, int kPack>
void launch_backward(const BatchNormParams& p, const Call& call) {
  const BatchNormShape& s = p.shape;
  const ChannelRows& rows = p.rows;
  const Buffers<S> buffers = buffers_of<S>(p, call);
  const Pull<S> from = {operand<S>(call, 0), operand<S>(call, 1), operand<S>(call, s.out)};
  const dim3 grid = sum_grid(rows, kPack), block = sum_block(rows, kPack);
  if (rows.chunks > 0) {
    launch(sum_pulls<S, kPack>, grid, block, 0, call.stream, rows, from, operand<S>(call, 2),
           buffers.partials);
  }
  const BackwardResults<S> results = {operand<S>(call, 2),          operand<S>(call, 3),
                                      operand<S>(call, s.gamma),    result<S>(call, s.grad_gamma),
                                      result<S>(call, s.grad_beta), s.epsilon};
  launch(finish_pulls<S>, chunk_grid(rows.channels), dim3(kChunkThreads), 0, call.stream, rows,
         buffers, results);
  if (rows.chunks == 0) return;
  launch(spread_pulls<S, kPack>, grid, block, 0, call.stream, rows, from, buffers.factors,
         result<S>(call, 0), result<S>(call, s.grad_residual));
}

// Whole packs of all operands of x's shape.
template <class S>
bool takes_packs(const BatchNormParams& p, const Call& call, bool forward) {
  const BatchNormShape& s = p.shape;
  if (s.channels % kVector<S> != 0 || !aligned(16, call.in[0], call.out[0])) return false;
  if (forward) return aligned(16, operand<S>(call, s.residual));
  return aligned(16, call.in[1], operand<S>(call, s.out), result<S>(call, s.grad_residual));
}

template <class S>
void run_forward(const Call& call, int64_t) {
  const BatchNormParams& p = *static_cast<const BatchNormParams*>(call.params);
  takes_packs<S>(p, call, true) ? launch_forward<S, kVector<S>>(p, call)
                                : launch_forward<S, 1>(p, call);
}

template <class S>
void run_backward(const Call& call, int64_t) {
  const BatchNormParams& p = *static_cast<const BatchNormParams*>(call.params);
  takes_packs<S>(p, call, false) ? launch_backward<S, kVector<S>>(p, call)
                                 : launch_backward<S, 1>(p, call);
}

const char* bind_batch_norm(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  BatchNormParams* p = alloc_params<BatchNormParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = batch_norm_shape(op);
  p->rows = cut_channel_rows(p->shape.rows, p->shape.channels, 1);
  constexpr int64_t kFactors = 4, kDouble = sizeof(double);
  bound->scratch_bytes = (p->rows.chunks * 2 + kFactors) * p->shape.channels * kDouble;
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto t) {
    using S = decltype(t);
    run = op.op == Opcode::batch_norm ? run_forward<S> : run_backward<S>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::batch_norm, "batch_norm_gpu", bind_batch_norm},
    {Opcode::batch_norm_grad, "batch_norm_grad_gpu", bind_batch_norm},
};

}  // namespace

extern const Family kBatchNormFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
