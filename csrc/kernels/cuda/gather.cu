// take: rows are copied in units of up to 16 bytes. take_grad: a block owns a tile of the result in
// shared memory and adds to it, in order of position, the rows that fall into it; so it reads every
// index, and the whole is one launch with one order of summation.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/vector.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kLoads = 4;  // in flight

struct TakeParams {
  int64_t n_indices, rows, row_bytes;
  int64_t processors;
  bool wide;
};

struct TakeShape {
  int64_t units;  // of a row
  int lanes;  // threads of a row, a power of two
};

// Blocks of the x dimension share the rows, those of y the units of a row.
template <int kBytes>
__global__ void __launch_bounds__(kThreads)
    take_rows(const unsigned char* x, unsigned char* out, Indices indices, TakeShape shape,
              int64_t slices, int64_t* faults) {
  using Unit = Access<kBytes>;
  if (static_cast<int64_t>(blockIdx.x) < slices) {
    if (blockIdx.y == 0) find_fault(indices, blockIdx.x, faults);
    return;
  }
  const int lane = static_cast<int>(threadIdx.x) % shape.lanes, rows = kThreads / shape.lanes;
  const int64_t row_stride = (static_cast<int64_t>(gridDim.x) - slices) * rows;
  const int64_t unit_stride = static_cast<int64_t>(gridDim.y) * shape.lanes * kLoads;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * shape.lanes * kLoads + lane;
  for (int64_t r = (blockIdx.x - slices) * rows + threadIdx.x / shape.lanes; r < indices.count;
       r += row_stride) {
    const int64_t index = indices[r];
    const bool valid = indices.valid(index);
    const Unit* source = reinterpret_cast<const Unit*>(x) + (valid ? index : 0) * shape.units;
    Unit* target = reinterpret_cast<Unit*>(out) + r * shape.units;
    for (int64_t u = first; u < shape.units; u += unit_stride) {
      Unit units[kLoads] = {};
#pragma unroll
      for (int k = 0; k < kLoads; ++k) {
        if (valid && u + k * shape.lanes < shape.units) units[k] = source[u + k * shape.lanes];
      }
#pragma unroll
      for (int k = 0; k < kLoads; ++k) {
        if (u + k * shape.lanes < shape.units) target[u + k * shape.lanes] = units[k];
      }
    }
  }
}

template <int kBytes>
void launch_take(const Call& call, const TakeParams& p) {
  const Indices indices = {call.in[1], p.n_indices, p.rows, p.wide};
  TakeShape shape = {p.row_bytes / kBytes, 1};
  while (shape.lanes < kThreads && shape.lanes < ceil_div(shape.units, kLoads)) shape.lanes *= 2;
  const int64_t slices = slice_count(p.n_indices);
  const int64_t columns = ceil_div(shape.units, shape.lanes * kLoads);
  const int64_t y = columns < 1 ? 1 : columns > 1024 ? 1024 : columns;
  const unsigned x = stride_blocks(p.n_indices, kThreads / shape.lanes, p.processors);
  launch(take_rows<kBytes>, dim3(x + static_cast<unsigned>(slices), static_cast<unsigned>(y)),
         dim3(kThreads), 0, call.stream, static_cast<const unsigned char*>(call.in[0]),
         static_cast<unsigned char*>(call.out[0]), indices, shape, slices,
         fault_target(call, 1, p.n_indices));
  launch_merge_faults(call, 1, p.n_indices);
}

// The widest unit that rows and addresses are whole multiples of.
void run_take(const Call& call, int64_t) {
  const TakeParams& p = *static_cast<const TakeParams*>(call.params);
  const uint64_t bits = reinterpret_cast<uintptr_t>(call.in[0]) |
                        reinterpret_cast<uintptr_t>(call.out[0]) |
                        static_cast<uint64_t>(p.row_bytes);
  if (bits % 16 == 0) return launch_take<16>(call, p);
  if (bits % 8 == 0) return launch_take<8>(call, p);
  if (bits % 4 == 0) return launch_take<4>(call, p);
  if (bits % 2 == 0) return launch_take<2>(call, p);
  return launch_take<1>(call, p);
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  TakeParams* p = alloc_params<TakeParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  p->n_indices = op.in[1].count;
  p->rows = x.dims[0];
  p->row_bytes = dtype_size(x.dtype);
  for (int d = 1; d < x.rank; ++d) p->row_bytes *= x.dims[d];
  p->processors = processors(op);
  p->wide = op.in[1].dtype == DType::kInt64;
  bound->scratch_bytes = fault_bytes(p->n_indices);
  return bind_piece(p, run_take, bound);
}

// --- take_grad

constexpr int kTileColumns = 64;
constexpr int kTileBytes = 32 * 1024;
constexpr int kWarps = kThreads / 32;
constexpr int kEach = 4;  // indices of a thread, in a batch
constexpr int kBatch = kThreads * kEach;
constexpr int kSpan = kTileColumns / 32;  // columns of a thread

// Rows whose loads are in flight.
template <class T>
constexpr int kAhead = 32 / static_cast<int>(sizeof(T));
template <class T>
constexpr int kTileRows = kTileBytes / kTileColumns / static_cast<int>(sizeof(T));

struct TakeGradShape {
  int64_t rows, columns;
  int64_t column_tiles, tiles;
};

// An index of this batch that falls into the tile: its row there, and its position in the batch.
struct Hit {
  uint16_t row, position;
};

// Lists the hits of a batch in order of position; their number to every thread.
template <int kRows>
__forceinline__ __device__ int list_hits(const Indices& indices, int64_t batch, int64_t first_row,
                                         Hit* hits) {
  PYDL_SHARED(int, totals, kWarps);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  Hit own[kEach];
  int count = 0;
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int position = thread * kEach + k;
    const int64_t i = batch + position;
    const int64_t index = i < indices.count ? indices[i] : -1;
    const int64_t row = index - first_row;
    const bool hit = indices.valid(index) && row >= 0 && row < kRows;
    own[k] = {static_cast<uint16_t>(hit ? row : 0xffff), static_cast<uint16_t>(position)};
    count += hit;
  }
  int before = count;  // of this warp's lanes up to this one
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const int other = __shfl_up_sync(kAllLanes, before, distance);
    if (lane >= distance) before += other;
  }
  if (lane == 31) totals[warp] = before;
  __syncthreads();
  int at = before - count, all = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp) at += totals[w];
    all += totals[w];
  }
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    if (own[k].row != 0xffff) hits[at++] = own[k];
  }
  __syncthreads();
  return all;
}

// Adds the hits of the rows this warp owns, those with row % kWarps == warp, to the tile.
template <class T>
__forceinline__ __device__ void add_hits(const T* grad_out, int64_t columns, int width,
                                         const Hit* hits, int count, T* tile) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  for (int base = 0; base < count; base += 32) {
    const bool mine = base + lane < count && hits[base + lane].row % kWarps == warp;
    unsigned left = __ballot_sync(kAllLanes, mine);
    while (left != 0) {
      T values[kAhead<T>][kSpan];
      int rows[kAhead<T>];
#pragma unroll
      for (int j = 0; j < kAhead<T>; ++j) {
        rows[j] = -1;
        if (left == 0) continue;
        const Hit hit = hits[base + __ffs(static_cast<int>(left)) - 1];
        left &= left - 1;
        rows[j] = hit.row;
#pragma unroll
        for (int s = 0; s < kSpan; ++s) {
          const int column = s * 32 + lane;
          values[j][s] = column < width ? grad_out[hit.position * columns + column] : T(0);
        }
      }
#pragma unroll
      for (int j = 0; j < kAhead<T>; ++j) {
#pragma unroll
        for (int s = 0; s < kSpan; ++s) {
          if (rows[j] >= 0) tile[rows[j] * kTileColumns + s * 32 + lane] += values[j][s];
        }
      }
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    take_grad(const T* grad_out, Indices indices, T* grad_x, TakeGradShape shape) {
  PYDL_SHARED(T, tile, kTileRows<T> * kTileColumns);
  PYDL_SHARED(Hit, hits, kBatch);
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t t = blockIdx.x; t < shape.tiles; t += gridDim.x) {
    const int64_t first_row = t / shape.column_tiles * kTileRows<T>;
    const int64_t first_column = t % shape.column_tiles * kTileColumns;
    const int64_t rest = shape.columns - first_column;
    const int width = rest < kTileColumns ? static_cast<int>(rest) : kTileColumns;
    for (int k = thread; k < kTileRows<T> * kTileColumns; k += kThreads) tile[k] = T(0);
    for (int64_t batch = 0; batch < indices.count; batch += kBatch) {
      const int count = list_hits<kTileRows<T>>(indices, batch, first_row, hits);
      add_hits(grad_out + batch * shape.columns + first_column, shape.columns, width, hits, count,
               tile);
    }
    __syncthreads();
    for (int k = thread; k < kTileRows<T> * kTileColumns; k += kThreads) {
      const int64_t row = first_row + k / kTileColumns;
      const int column = k % kTileColumns;
      if (row < shape.rows && column < width) {
        grad_x[row * shape.columns + first_column + column] = tile[k];
      }
    }
    __syncthreads();
  }
}

struct TakeGradParams {
  int64_t n_indices;
  TakeGradShape shape;
  bool wide;
};

template <class T>
void run_take_grad(const Call& call, int64_t) {
  const TakeGradParams& p = *static_cast<const TakeGradParams*>(call.params);
  constexpr int64_t kMostBlocks = 1 << 20;
  const int64_t tiles = p.shape.tiles;
  const Indices indices = {call.in[1], p.n_indices, p.shape.rows, p.wide};
  launch(take_grad<T>, dim3(static_cast<unsigned>(tiles < kMostBlocks ? tiles : kMostBlocks)),
         dim3(kThreads), 0, call.stream, static_cast<const T*>(call.in[0]), indices,
         static_cast<T*>(call.out[0]), p.shape);
}

const char* bind_take_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  TakeGradParams* p = alloc_params<TakeGradParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->n_indices = op.in[1].count;
  p->shape.rows = op.out[0].dims[0];
  p->shape.columns = op.out[0].count / p->shape.rows;
  p->shape.column_tiles = ceil_div(p->shape.columns, kTileColumns);
  const int64_t tile_rows = dtype == DType::kFloat32 ? kTileRows<float> : kTileRows<double>;
  p->shape.tiles = ceil_div(p->shape.rows, tile_rows) * p->shape.column_tiles;
  p->wide = op.in[1].dtype == DType::kInt64;
  return bind_piece(p, dtype == DType::kFloat32 ? run_take_grad<float> : run_take_grad<double>,
                    bound);
}

const Candidate kCandidates[] = {
    {Opcode::take, "take_rows", bind_take},
    {Opcode::take_grad, "take_grad_tiles", bind_take_grad},
};

}  // namespace

extern const Family kGatherFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
