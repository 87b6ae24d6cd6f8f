// What happens to a finished element of C: bias, residual, activation, dropout, activation
// gradient, store. Every tier brings its accumulators through shared memory to runs of four columns
// ("quads"), so that this code exists once per kernel, in a loop, and stores are 16 bytes wide.
#pragma once

#include "kernels/cuda/device/stored.h"
#include "kernels/cuda/gemm.h"
#include "kernels/philox.h"

namespace pydl::PYDL_GPU {

// S: in memory; T = Computed<S>: of accumulators and of all that happens to them.
template <class S>
struct Epilogue {
  using Stored = S;
  using T = Computed<S>;
  const S* bias;  // null: none
  const S* out;
  const uint32_t* seed;
  S* c;
  int64_t m, n;
  T scale;  // of what dropout keeps
  uint32_t threshold;  // below: dropped
  Activation activation, grad;
  bool residual;  // `out` is added
  bool wide;  // c and out take accesses of four at every fourth column

  // Where in c and out an element lies.
  __device__ __forceinline__ int64_t index(int64_t row, int64_t column) const {
    return row * n + column;
  }
};

// Four elements side by side may be accessed at once.
template <class S, class... Pointers>
bool takes_quads(int64_t columns, const Pointers*... pointers) {
  return columns % 4 == 0 && aligned(sizeof(S) < 4 ? 4 * sizeof(S) : 16, pointers...);
}

template <class S>
Epilogue<S> make_epilogue(const Gemm& p, const Call& call) {
  using T = Computed<S>;
  Epilogue<S> e = {};
  e.bias = operand<S>(call, p.bias);
  e.out = operand<S>(call, p.out);
  e.seed = operand<uint32_t>(call, p.seed);
  e.c = static_cast<S*>(call.out[0]);
  e.m = p.m;
  e.n = p.n;
  e.scale = static_cast<T>(1.0 / (1.0 - p.rate));
  e.threshold = static_cast<uint32_t>(p.rate * 4294967296.0);
  e.activation = p.activation;
  e.grad = p.grad;
  e.residual = p.residual;
  e.wide = takes_quads<S>(p.n, e.c, e.out);
  return e;
}

__device__ __forceinline__ float exponential(float x) { return expf(x); }
__device__ __forceinline__ double exponential(double x) { return exp(x); }
__device__ __forceinline__ float hyperbolic_tangent(float x) { return tanhf(x); }
__device__ __forceinline__ double hyperbolic_tangent(double x) { return tanh(x); }

template <class T>
__device__ __forceinline__ T activate(T x, Activation activation) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return x < T{0} ? T{0} : x;  // NaN stays
    case Activation::kSigmoid: return T{1} / (T{1} + exponential(-x));
    case Activation::kTanh: return hyperbolic_tangent(x);
  }
  return x;
}

template <class T>
__device__ __forceinline__ T gradient(T grad_out, T out, Activation activation) {
  switch (activation) {
    case Activation::kNone: return grad_out;
    case Activation::kRelu: return out > T{0} ? grad_out : T{0};
    case Activation::kSigmoid: return grad_out * out * (T{1} - out);
    case Activation::kTanh: return grad_out * (T{1} - out * out);
  }
  return grad_out;
}

template <class S>
__device__ __forceinline__ void load_quad(const S* source, int count, bool wide,
                                          Computed<S> (&v)[4]) {
  if (wide) {
    const Pack<Computed<S>, 4> quad = load_widened<4>(source);
    for (int i = 0; i < 4; ++i) v[i] = quad.at[i];
    return;
  }
  for (int i = 0; i < 4; ++i) v[i] = i < count ? widened(source[i]) : Computed<S>{0};
}

template <class S>
__device__ __forceinline__ void store_quad(S* target, int count, bool wide,
                                           const Computed<S> (&v)[4]) {
  if (wide) {
    Pack<Computed<S>, 4> quad;
    for (int i = 0; i < 4; ++i) quad.at[i] = v[i];
    store_narrowed(target, quad);
    return;
  }
  for (int i = 0; i < 4; ++i) {
    if (i < count) target[i] = narrowed<S>(v[i]);
  }
}

__device__ __forceinline__ void philox_block(const uint32_t* seed, uint64_t block,
                                             uint32_t* words) {
  const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0,
                               0};
  philox4x32_10(counter, seed, words);
}

// Elements index ... index + 3; when C's rows are no multiple of four they span two blocks.
template <class S>
__device__ __forceinline__ void drop_quad(const Epilogue<S>& e, int64_t index,
                                          Computed<S> (&v)[4]) {
  const int skip = static_cast<int>(index % 4);
  uint32_t words[8] = {};
  philox_block(e.seed, static_cast<uint64_t>(index) / 4, words);
  if (skip != 0) philox_block(e.seed, static_cast<uint64_t>(index) / 4 + 1, words + 4);
  for (int i = 0; i < 4; ++i) {
    uint32_t word = words[i];
    if (skip == 1) word = words[i + 1];
    if (skip == 2) word = words[i + 2];
    if (skip == 3) word = words[i + 3];
    v[i] = word >= e.threshold ? v[i] * e.scale : Computed<S>{0};
  }
}

// Columns column ... column + 3 of one row, `column` a multiple of four inside C. E: an Epilogue,
// or one that keeps C elsewhere.
template <class E>
__device__ __forceinline__ void finish_quad(const E& e, int64_t row, int64_t column,
                                            typename E::T (&v)[4]) {
  using T = typename E::T;
  const int count = static_cast<int>(least<int64_t>(4, e.n - column));
  const int64_t index = e.index(row, column);
  if (e.bias != nullptr) {
    for (int i = 0; i < 4; ++i) v[i] += i < count ? widened(e.bias[column + i]) : T{0};
  }
  if (e.residual) {
    T out[4];
    load_quad(e.out + index, count, e.wide, out);
    for (int i = 0; i < 4; ++i) v[i] += out[i];
  }
  if (e.activation != Activation::kNone) {
    for (int i = 0; i < 4; ++i) v[i] = activate(v[i], e.activation);
  }
  if (e.seed != nullptr) drop_quad(e, index, v);
  if (e.grad != Activation::kNone) {
    T out[4];
    load_quad(e.out + index, count, e.wide, out);
    for (int i = 0; i < 4; ++i) v[i] = gradient(v[i], out[i], e.grad);
  }
  store_quad(e.c + index, count, e.wide, v);
}

// Where a tile's accumulators go: into the epilogue, or, when K is cut, to its part's partial C.
template <class S, class E = Epilogue<S>>
struct Target {
  E epilogue;
  Computed<S>* partial;  // null: K is in one part
};

// Rows [first, first + rows) of C from shared memory `tile` (row stride `stride`, a multiple of 4),
// columns [column, column + columns); thread `thread` of `threads`.
template <class S, class E>
__device__ __forceinline__ void finish_rows(const Target<S, E>& target, int64_t part,
                                            const Computed<S>* tile, int stride, int64_t first,
                                            int rows, int64_t column, int columns, int thread,
                                            int threads) {
  using T = Computed<S>;
  const E& e = target.epilogue;
  const int quads = columns / 4;
  const int64_t partial_row = (e.n + 3) / 4 * 4;
#pragma unroll 1
  for (int i = thread; i < rows * quads; i += threads) {
    const int r = i / quads, q = i % quads * 4;
    const int64_t row = first + r, col = column + q;
    if (row >= e.m || col >= e.n) continue;
    T v[4];
    load_quad(tile + r * stride + q, 4, true, v);
    if (target.partial != nullptr) {
      store_quad(target.partial + (part * e.m + row) * partial_row + col, 4, true, v);
    } else {
      finish_quad(e, row, col, v);
    }
  }
}

// Quad `i` of C, of a cut K: its parts summed in order, then the epilogue.
template <class E, class T = typename E::T>
__device__ __forceinline__ void merge_quad(const E& e, const T* partial, int64_t splits,
                                           int64_t i) {
  const int64_t stride = (e.n + 3) / 4 * 4, quads = stride / 4;
  const int64_t row = i / quads, column = i % quads * 4;
  const T* source = partial + row * stride + column;
  T sum[4], v[4];
  load_quad(source, 4, true, sum);
  for (int64_t part = 1; part < splits; ++part) {
    load_quad(source + part * e.m * stride, 4, true, v);
    for (int j = 0; j < 4; ++j) sum[j] += v[j];
  }
  finish_quad(e, row, column, sum);
}

template <class S>
__global__ void merge_parts(Epilogue<S> e, const Computed<S>* partial, int64_t splits) {
  const int64_t quads = e.m * ((e.n + 3) / 4);
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < quads;
       i += step) {
    merge_quad(e, partial, splits, i);
  }
}

template <class S>
__global__ void merge_sums(const Computed<S>* partial, int64_t stride, int64_t splits, int64_t n,
                           S* sums) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
    Computed<S> sum = partial[i];
    for (int64_t part = 1; part < splits; ++part) sum += partial[part * stride + i];
    sums[i] = narrowed<S>(sum);
  }
}

inline dim3 blocks_for(int64_t threads, int block) {
  return dim3(
      static_cast<unsigned>(least(most<int64_t>(1, ceil_div(threads, block)), kMostBlocks)));
}

// Where the kernels of a call write.
template <class S, class E = Epilogue<S>>
struct Outputs {
  Target<S, E> target;
  S* sums;  // of op(B)'s columns; null: not wanted
  Computed<S>* part_sums;  // null, or where they go when K is cut: part by part,
  int64_t sums_stride;  // this far apart
};

template <class S, class E>
__device__ __forceinline__ void store_sum(const Outputs<S, E>& o, int64_t part, int64_t column,
                                          Computed<S> sum) {
  if (o.part_sums != nullptr) {
    o.part_sums[part * o.sums_stride + column] = sum;
  } else {
    o.sums[column] = narrowed<S>(sum);
  }
}

template <class S>
Outputs<S> make_outputs(const Gemm& p, const Call& call, unsigned char* scratch) {
  using T = Computed<S>;
  Outputs<S> o = {};
  o.target.epilogue = make_epilogue<S>(p, call);
  T* partial = reinterpret_cast<T*>(scratch);
  if (p.splits > 1) o.target.partial = partial;
  if (!p.column_sum) return o;
  o.sums = static_cast<S*>(call.out[1]);
  o.sums_stride = partial_stride(p.n);
  if (p.splits > 1) o.part_sums = partial + p.splits * p.m * partial_stride(p.n);
  return o;
}

template <class S>
void launch_merge(const Gemm& p, const Call& call, const Outputs<S>& o) {
  if (p.splits < 2) return;
  const Epilogue<S>& e = o.target.epilogue;
  constexpr int kBlock = 256;
  if (p.m > 0) {
    launch(merge_parts<S>, blocks_for(p.m * (partial_stride(p.n) / 4), kBlock), dim3(kBlock), 0,
           call.stream, e, o.target.partial, p.splits);
  }
  if (p.column_sum) {
    launch(merge_sums<S>, blocks_for(p.n, kBlock), dim3(kBlock), 0, call.stream, o.part_sums,
           o.sums_stride, p.splits, p.n, o.sums);
  }
}

}  // namespace pydl::PYDL_GPU
