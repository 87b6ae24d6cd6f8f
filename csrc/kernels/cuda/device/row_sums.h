// Rows added to rows by index: a block owns a tile of the result in shared memory and adds to it,
// in order of position, the rows that fall into it; so it reads every index, and the whole is one
// launch with one order of summation.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/stored.h"

namespace pydl::PYDL_GPU {

constexpr int kTileThreads = 256;
constexpr int kTileColumns = 64;
constexpr int kTileBytes = 32 * 1024;
constexpr int kWarps = kTileThreads / 32;
constexpr int kEach = 4;  // indices of a thread, in a batch
constexpr int kBatch = kTileThreads * kEach;
constexpr int kSpan = kTileColumns / 32;  // columns of a thread

// Rows whose loads are in flight.
template <class T>
constexpr int kAhead = 32 / (sizeof(T) < 4 ? 4 : static_cast<int>(sizeof(T)));
template <class T>
constexpr int kTileRows = kTileBytes / kTileColumns / static_cast<int>(sizeof(T));

struct RowSumShape {
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
template <class S, class T = Computed<S>>
__forceinline__ __device__ void add_hits(const S* x, int64_t columns, int width, const Hit* hits,
                                         int count, T* tile) {
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
          values[j][s] = column < width ? widened(x[hit.position * columns + column]) : T(0);
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

// 64 registers: fewer, which the compiler prefers, would spill.
template <class S>
__global__ void __launch_bounds__(kTileThreads, 4)
    add_rows(const S* x, Indices indices, S* out, RowSumShape shape) {
  using T = Computed<S>;
  PYDL_SHARED(T, tile, kTileRows<T> * kTileColumns);
  PYDL_SHARED(Hit, hits, kBatch);
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t t = blockIdx.x; t < shape.tiles; t += gridDim.x) {
    const int64_t first_row = t / shape.column_tiles * kTileRows<T>;
    const int64_t first_column = t % shape.column_tiles * kTileColumns;
    const int64_t rest = shape.columns - first_column;
    const int width = rest < kTileColumns ? static_cast<int>(rest) : kTileColumns;
    for (int k = thread; k < kTileRows<T> * kTileColumns; k += kTileThreads) tile[k] = T(0);
    for (int64_t batch = 0; batch < indices.count; batch += kBatch) {
      const int count = list_hits<kTileRows<T>>(indices, batch, first_row, hits);
      add_hits(x + batch * shape.columns + first_column, shape.columns, width, hits, count, tile);
    }
    __syncthreads();
    for (int k = thread; k < kTileRows<T> * kTileColumns; k += kTileThreads) {
      const int64_t row = first_row + k / kTileColumns;
      const int column = k % kTileColumns;
      if (row < shape.rows && column < width) {
        out[row * shape.columns + first_column + column] = narrowed<S>(tile[k]);
      }
    }
    __syncthreads();
  }
}

template <class T>
RowSumShape make_row_sum_shape(int64_t rows, int64_t columns) {
  const int64_t column_tiles = ceil_div(columns, kTileColumns);
  return {rows, columns, column_tiles, ceil_div(rows, kTileRows<T>) * column_tiles};
}

// out [rows, columns] = the sums of the rows of x [indices.count, columns]; not empty.
template <class S>
void launch_add_rows(void* stream, const S* x, const Indices& indices, S* out, int64_t columns) {
  constexpr int64_t kMostBlocks = 1 << 20;
  const RowSumShape shape = make_row_sum_shape<Computed<S>>(indices.limit, columns);
  const int64_t blocks = shape.tiles < kMostBlocks ? shape.tiles : kMostBlocks;
  launch(add_rows<S>, dim3(static_cast<unsigned>(blocks)), dim3(kTileThreads), 0, stream, x,
         indices, out, shape);
}

}  // namespace pydl::PYDL_GPU
