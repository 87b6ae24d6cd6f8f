// A vector times a matrix: M = 1 or N = 1. Bound by reading the matrix once, so every thread keeps
// several 16-byte loads in flight and K is cut until the whole device reads.
//
//   dots:    out[i] = sum over k of matrix[i * stride + k] x[k]; a warp per output and part of K
//   columns: out[i] = sum over k of matrix[k * stride + i] x[k]; four outputs a thread
#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_operands.cuh"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kBlock = 256, kWarps = kBlock / 32;
constexpr int kUnroll = 4;               // loads in flight a thread
constexpr int kGroup = 64;               // columns: threads side by side, 256 outputs a block
constexpr int kSlices = kBlock / kGroup; // rows of K at a time
constexpr int64_t kLeastDepth = 1024, kMostSplits = 64;

template <class S>
struct Vector {
  const S* matrix;
  const S* x;  // null: ones
  int64_t stride, count, k, depth;
  bool wide_matrix, wide_x;
};

// One row of C, or one column, as a row of `count`: the element index is the same.
template <class S>
__device__ __forceinline__ void finish_output(const Target<S>& target, int64_t part, int64_t i,
                                              Computed<S> sum) {
  using T = Computed<S>;
  const Epilogue<S>& e = target.epilogue;
  const int64_t padded = (e.n + 3) / 4 * 4;
  const int64_t row = e.n == 1 ? i : 0, column = e.n == 1 ? 0 : i;
  if (target.partial != nullptr) {
    target.partial[(part * e.m + row) * padded + column] = sum;
    return;
  }
  T v = sum;
  if (e.bias != nullptr) v += widened(e.bias[column]);
  if (e.residual) v += widened(e.out[i]);
  v = activate(v, e.activation);
  if (e.seed != nullptr) {
    uint32_t words[4];
    philox_block(e.seed, static_cast<uint64_t>(i) / 4, words);
    const int lane = static_cast<int>(i % 4);
    const uint32_t word = lane == 0   ? words[0]
                          : lane == 1 ? words[1]
                          : lane == 2 ? words[2]
                                      : words[3];
    v = word >= e.threshold ? v * e.scale : T{0};
  }
  if (e.grad != Activation::kNone) v = gradient(v, widened(e.out[i]), e.grad);
  e.c[i] = narrowed<S>(v);
}

template <class S, class T = Computed<S>>
__device__ __forceinline__ Pack<T, kVector<T>> load_some(const S* source, int64_t at, int64_t end,
                                                         bool wide) {
  if (source == nullptr) {
    Pack<T, kVector<T>> ones;
#pragma unroll
    for (int j = 0; j < kVector<T>; ++j) ones.at[j] = T{1};
    return ones;
  }
  if (wide && at < end) return load_widened<kVector<T>>(source + at);
  Pack<T, kVector<T>> x;
#pragma unroll
  for (int j = 0; j < kVector<T>; ++j) {
    x.at[j] = !wide && at + j < end ? widened(source[at + j]) : T{0};
  }
  return x;
}

// The sum over [begin, end) by one warp; every lane has it. A lane's elements do not depend on
// alignment.
template <class S>
__device__ __forceinline__ Computed<S> dot_of_warp(const Vector<S>& v, const S* row, int64_t begin,
                                                   int64_t end, int lane) {
  using T = Computed<S>;
  constexpr int kLanes = kVector<T>, kStep = 32 * kLanes;
  T sums[kUnroll] = {};
  for (int64_t k = begin; k < end; k += kUnroll * kStep) {
    Pack<T, kVector<T>> a[kUnroll], b[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t at = k + u * kStep + lane * kLanes;
      a[u] = load_some(row, at, end, v.wide_matrix);
      b[u] = load_some(v.x, at, end, v.wide_x);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int j = 0; j < kLanes; ++j) sums[u] = multiply_add(a[u].at[j], b[u].at[j], sums[u]);
    }
  }
  T sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}

template <class S>
__global__ void __launch_bounds__(kBlock) gemm_dots(Vector<S> v, Target<S> target, int64_t splits) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t warps = static_cast<int64_t>(gridDim.x) * kWarps;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  for (int64_t i = first; i < v.count * splits; i += warps) {
    const int64_t output = i / splits, part = i % splits;
    const int64_t begin = part * v.depth, end = least(v.k, begin + v.depth);
    const Computed<S> sum = dot_of_warp(v, v.matrix + output * v.stride, begin, end, lane);
    if (lane == 0) finish_output(target, part, output, sum);
  }
}

// Four outputs of a thread over every kSlices-th row of its part of K.
template <class S>
__device__ __forceinline__ void sum_columns(const Vector<S>& v, int64_t column, int64_t begin,
                                            int64_t end, Computed<S> (&sums)[4]) {
  using T = Computed<S>;
  const int count = static_cast<int>(most<int64_t>(0, least<int64_t>(4, v.count - column)));
  if (count == 0) return;
  for (int64_t k = begin; k < end; k += kUnroll * kSlices) {
    T quads[kUnroll][4], x[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t at = k + u * kSlices;
      x[u] = v.x == nullptr ? T{1} : widened(v.x[least(at, end - 1)]);
      load_quad(v.matrix + least(at, end - 1) * v.stride + column, count, v.wide_matrix, quads[u]);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (k + u * kSlices >= end) break;  // 0 x infinity would be NaN
#pragma unroll
      for (int j = 0; j < 4; ++j) sums[j] = multiply_add(quads[u][j], x[u], sums[j]);
    }
  }
}

template <class S>
__global__ void __launch_bounds__(kBlock)
    gemm_columns(Vector<S> v, Target<S> target, int64_t splits) {
  using T = Computed<S>;
  PYDL_SHARED(T, partial, kBlock * 4);
  const int group = static_cast<int>(threadIdx.x) % kGroup;
  const int slice = static_cast<int>(threadIdx.x) / kGroup;
  const int64_t groups = (v.count + 4 * kGroup - 1) / (4 * kGroup);
  for (int64_t i = blockIdx.x; i < groups * splits; i += gridDim.x) {
    const int64_t part = i / groups, column = (i % groups * kGroup + group) * 4;
    const int64_t begin = part * v.depth, end = least(v.k, begin + v.depth);
    T sums[4] = {};
    sum_columns(v, column, begin + slice, end, sums);
    store_quad(partial + threadIdx.x * 4, 4, true, sums);
    __syncthreads();
    const int64_t output = i % groups * kGroup * 4 + threadIdx.x;
    if (output < v.count) {
      T sum = partial[threadIdx.x];
      for (int s = 1; s < kSlices; ++s) sum += partial[s * kGroup * 4 + threadIdx.x];
      finish_output(target, part, output, sum);
    }
    __syncthreads();
  }
}
static_assert(kBlock == 4 * kGroup, "a thread finishes one output");

// M = 1: the matrix is b, else a.
bool matrix_is_b(const Gemm& p) { return p.m == 1; }
int64_t output_count(const Gemm& p) { return matrix_is_b(p) ? p.n : p.m; }
bool outputs_by_dots(const Gemm& p) { return matrix_is_b(p) ? p.transpose_b : !p.transpose_a; }

template <class S>
void launch_vector(const Gemm& p, const S* matrix, const S* x, const Outputs<S>& o,
                   const Call& call) {
  const bool dots = outputs_by_dots(p);
  Vector<S> v = {};
  v.matrix = matrix;
  v.x = x;
  v.count = output_count(p);
  v.k = p.k;
  v.depth = p.depth;
  v.stride = dots ? p.k : v.count;
  v.wide_matrix = takes_quads<S>(v.stride, v.matrix);
  v.wide_x = takes_quads<S>(p.k, v.x);
  const dim3 block(kBlock);
  if (dots) {
    const dim3 grid = blocks_for(v.count * p.splits * 32, kBlock);
    launch(gemm_dots<S>, grid, block, 0, call.stream, v, o.target, p.splits);
  } else {
    const dim3 grid = blocks_for(ceil_div(v.count, 4 * kGroup) * p.splits, 1);
    launch(gemm_columns<S>, grid, block, 0, call.stream, v, o.target, p.splits);
  }
  launch_merge(p, call, o);
}

template <class S>
void run_vector(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const int matrix = matrix_is_b(p) ? 1 : 0;
  launch_vector(p, operand<S>(call, matrix), operand<S>(call, 1 - matrix),
                make_outputs<S>(p, call, call.scratch), call);
}

void cut_vector(Gemm* p) {
  const int64_t tasks =
      outputs_by_dots(*p) ? output_count(*p) : ceil_div(output_count(*p), 4 * kGroup) * kWarps;
  const int64_t wanted = kPlannedProcessors * 2 * kWarps;  // warps at work
  const int64_t most_splits = least(kMostSplits, ceil_div(p->k, kLeastDepth));
  const int64_t splits = most<int64_t>(1, least(most_splits, wanted / tasks));
  p->depth = round_up(most<int64_t>(1, ceil_div(p->k, splits)), 128);
  p->splits = most<int64_t>(1, ceil_div(p->k, p->depth));
}

// A row of ones times op(B).
Gemm sums_problem(const Gemm& p) {
  Gemm sums = {};
  sums.m = 1;
  sums.n = p.n;
  sums.k = p.k;
  sums.transpose_b = p.transpose_b;
  sums.bias = sums.out = sums.seed = -1;
  sums.dtype = p.dtype;
  cut_vector(&sums);
  return sums;
}

}  // namespace

int64_t column_sums_bytes(const Gemm& p) { return partial_bytes(sums_problem(p)); }

void launch_column_sums(const Gemm& p, const Call& call, unsigned char* scratch) {
  const Gemm sums = sums_problem(p);
  visit_any_float(p.dtype, [&](auto type) {
    using S = decltype(type);
    Outputs<S> o = make_outputs<S>(sums, call, scratch);
    o.target.epilogue.c = static_cast<S*>(call.out[1]);
    o.target.epilogue.wide = takes_quads<S>(sums.n, o.target.epilogue.c);
    launch_vector<S>(sums, operand<S>(call, 1), nullptr, o, call);
  });
}

const char* bind_gemm_vector(Gemm* p, Bound* bound) {
  if (p->m != 1 && p->n != 1) return "neither a single row nor a single column";
  if (p->column_sum) return "column sums wanted";
  cut_vector(p);
  bound->scratch_bytes = partial_bytes(*p);
  visit_any_float(p->dtype, [&](auto s) { bound->phases[0] = {run_vector<decltype(s)>, 1}; });
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
