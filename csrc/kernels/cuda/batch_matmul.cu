// batch_matmul: tiles of all products in one launch, by plain multiply-adds.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/stored.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kTile = 64;    // rows and columns of a tile of C
constexpr int kDepth = 16;   // of A and B at once in shared memory
constexpr int kThreads = 256;
constexpr int kMine = 4;     // rows and columns of a thread
constexpr int kSide = kTile / kMine;
constexpr int kPitch = kTile + 4;

struct Products {
  int64_t batch, m, n, k;
  int64_t row_tiles, column_tiles;
  bool transpose_a, transpose_b;
};

// [kDepth, kTile] of op(X) into shared memory, zeros outside; `lines` along the tile, `deep` of K
// left. In memory the next line is `line` elements on, the next of K `step`.
template <class S, class T = Computed<S>>
__device__ __forceinline__ void load_tile(const S* x, int64_t line, int64_t step, int64_t lines,
                                          int64_t deep, T* tile) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
    const int along = step == 1 ? i / kDepth : i % kTile;
    const int k = step == 1 ? i % kDepth : i / kTile;
    const bool inside = along < lines && k < deep;
    tile[k * kPitch + along] = inside ? widened(x[along * line + k * step]) : T(0);
  }
}

template <class T>
__device__ __forceinline__ void multiply(const T* tile_a, const T* tile_b, T (*sum)[kMine]) {
  const int row = static_cast<int>(threadIdx.x) / kSide * kMine;
  const int column = static_cast<int>(threadIdx.x) % kSide * kMine;
#pragma unroll
  for (int k = 0; k < kDepth; ++k) {
    T a[kMine], b[kMine];
#pragma unroll
    for (int i = 0; i < kMine; ++i) a[i] = tile_a[k * kPitch + row + i];
#pragma unroll
    for (int j = 0; j < kMine; ++j) b[j] = tile_b[k * kPitch + column + j];
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
#pragma unroll
      for (int j = 0; j < kMine; ++j) sum[i][j] = fma(a[i], b[j], sum[i][j]);
    }
  }
}

template <class S>
__device__ __forceinline__ void store_tile(Computed<S> (*sum)[kMine], int64_t rows, int64_t columns,
                                           int64_t stride, S* c) {
  const int row = static_cast<int>(threadIdx.x) / kSide * kMine;
  const int column = static_cast<int>(threadIdx.x) % kSide * kMine;
#pragma unroll
  for (int i = 0; i < kMine; ++i) {
#pragma unroll
    for (int j = 0; j < kMine; ++j) {
      if (row + i >= rows || column + j >= columns) continue;
      c[(row + i) * stride + column + j] = narrowed<S>(sum[i][j]);
    }
  }
}

template <class S>
__global__ void __launch_bounds__(kThreads)
    multiply_batch(const S* a, const S* b, S* c, Products p) {
  using T = Computed<S>;
  PYDL_SHARED(T, tile_a, kDepth * kPitch);
  PYDL_SHARED(T, tile_b, kDepth * kPitch);
  const int64_t per_product = p.row_tiles * p.column_tiles, tiles = p.batch * per_product;
  const int64_t a_line = p.transpose_a ? 1 : p.k, a_step = p.transpose_a ? p.m : 1;
  const int64_t b_line = p.transpose_b ? p.k : 1, b_step = p.transpose_b ? 1 : p.n;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t product = tile / per_product, place = tile % per_product;
    const int64_t m = place / p.column_tiles * kTile, n = place % p.column_tiles * kTile;
    const S* from_a = a + product * p.m * p.k + m * a_line;
    const S* from_b = b + product * p.k * p.n + n * b_line;
    T sum[kMine][kMine] = {};
    for (int64_t k = 0; k < p.k; k += kDepth) {
      load_tile(from_a + k * a_step, a_line, a_step, p.m - m, p.k - k, tile_a);
      load_tile(from_b + k * b_step, b_line, b_step, p.n - n, p.k - k, tile_b);
      __syncthreads();
      multiply(tile_a, tile_b, sum);
      __syncthreads();
    }
    store_tile(sum, p.m - m, p.n - n, p.n, c + product * p.m * p.n + m * p.n + n);
  }
}

struct BatchParams {
  Products products;
  unsigned blocks;
};

template <class S>
void launch_batch(const Call& call, int64_t) {
  const BatchParams& p = *static_cast<const BatchParams*>(call.params);
  launch(multiply_batch<S>, dim3(p.blocks), dim3(kThreads), 0, call.stream,
         static_cast<const S*>(call.in[0]), static_cast<const S*>(call.in[1]),
         static_cast<S*>(call.out[0]), p.products);
}

const char* bind_batch(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  BatchParams* params = alloc_params<BatchParams>(binder);
  if (params == nullptr) return kOutOfMemory;
  Products& p = params->products;
  p.transpose_a = attr_int(op, "transpose_a", 0) != 0;
  p.transpose_b = attr_int(op, "transpose_b", 0) != 0;
  p.batch = op.out[0].dims[0];
  p.m = op.out[0].dims[1];
  p.n = op.out[0].dims[2];
  p.k = op.in[0].dims[p.transpose_a ? 1 : 2];
  p.row_tiles = ceil_div(p.m, kTile);
  p.column_tiles = ceil_div(p.n, kTile);
  params->blocks = stride_blocks(p.batch * p.row_tiles * p.column_tiles, 1, processors(op));
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto type) { run = launch_batch<decltype(type)>; });
  return run == nullptr ? "dtype not supported" : bind_piece(params, run, bound);
}

constexpr Candidate kCandidates[] = {
    {Opcode::batch_matmul, "batch_simt", bind_batch},
};

}  // namespace

extern const Family kBatchMatmulFamily = {kCandidates, 1};

}  // namespace pydl::PYDL_GPU
