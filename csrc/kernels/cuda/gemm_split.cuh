// Copies of the operands as gemm_wgmma wants them: K contiguous, rows of a multiple of 16 bytes,
// as one or three bfloat16 planes or as float32 turned over.
//
// Reading 4 bytes and writing 2 to 6 at 4.3 TB/s, M = N = K = 4096 costs 47 us (one plane) or 78 us
// (three), against about 200 us and 1100 us of products; both shrink with 1/K, 1/M and 1/N.
#pragma once

#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_layout.h"

namespace pydl::PYDL_GPU {

struct SplitJob {
  const float* source;
  int64_t rows, k;
  bool deep;  // K is contiguous in the source
  bool wide;  // 16-byte loads are aligned and never straddle an end
  unsigned char* out;  // [planes][rows][stride] elements; null: nothing to copy
  int64_t stride;  // a multiple of 4 (float32) or 8 (bfloat16)
};

constexpr int kSplitTile = 64, kSplitBlock = 256;

inline int64_t split_tiles(const SplitJob& job) {
  return job.out == nullptr ? 0 : ceil_div(job.rows, kSplitTile) * ceil_div(job.k, kSplitTile);
}

// Values k ... k + 3 of a row to its planes. Returns whether one of them has no finite parts.
template <int kPlanes>
__device__ __forceinline__ bool emit_halves(const SplitJob& job, int64_t row, int64_t k,
                                            const float (&v)[4]) {
  uint16_t* out = reinterpret_cast<uint16_t*>(job.out) + row * job.stride + k;
  float left[4];
  bool unsplittable = false;
  for (int i = 0; i < 4; ++i) {
    left[i] = v[i];
    const uint32_t size = __float_as_uint(v[i]) & 0x7fffffffu;
    unsplittable |= size >= layout::kLeastUnsplittable && size <= 0x7f800000u;
  }
#pragma unroll
  for (int plane = 0; plane < kPlanes; ++plane) {
    Pack<uint16_t, 4> halves;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint32_t half = layout::bf16_of(__float_as_uint(left[i]));
      halves.at[i] = static_cast<uint16_t>(half);
      left[i] -= __uint_as_float(layout::bits_of_bf16(half));
    }
    store_pack(out + plane * job.rows * job.stride, halves);
  }
  return unsplittable;
}

// kPlanes 0: float32 as it is.
template <int kPlanes>
__device__ __forceinline__ bool emit_values(const SplitJob& job, int64_t row, int64_t k,
                                            const float (&v)[4]) {
  if (row >= job.rows || k >= job.stride) return false;
  if constexpr (kPlanes > 0) return emit_halves<kPlanes>(job, row, k, v);
  store_quad(reinterpret_cast<float*>(job.out) + row * job.stride + k, 4, true, v);
  return false;
}

// Four values from (outer, inner), zeros outside.
__device__ __forceinline__ void read_source(const SplitJob& job, int64_t outer, int64_t inner,
                                            float (&v)[4]) {
  const int64_t outer_end = job.deep ? job.rows : job.k, length = job.deep ? job.k : job.rows;
  const int64_t left = outer < outer_end ? most<int64_t>(0, length - inner) : 0;
  const int count = static_cast<int>(least<int64_t>(4, left));
  load_quad(job.source + (count > 0 ? outer * length + inner : 0), count, job.wide && count == 4,
            v);
}

template <int kPlanes>
__device__ __forceinline__ bool split_tile(const SplitJob& job, float* tile, int64_t row,
                                           int64_t k) {
  constexpr int kQuads = kSplitTile / 4, kRounds = kSplitTile * kQuads / kSplitBlock;
  constexpr int kStride = kSplitTile + 1;
  const int thread = static_cast<int>(threadIdx.x);
  bool unsplittable = false;
  if (!job.deep) {
#pragma unroll
    for (int i = 0; i < kRounds; ++i) {
      const int outer = (thread + i * kSplitBlock) / kQuads, inner = thread % kQuads * 4;
      float v[4];
      read_source(job, k + outer, row + inner, v);
      for (int j = 0; j < 4; ++j) tile[(inner + j) * kStride + outer] = v[j];
    }
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kRounds; ++i) {
    const int outer = (thread + i * kSplitBlock) / kQuads, inner = thread % kQuads * 4;
    float v[4];
    if (job.deep) {
      read_source(job, row + outer, k + inner, v);
    } else {
      for (int j = 0; j < 4; ++j) v[j] = tile[outer * kStride + inner + j];
    }
    unsplittable |= emit_values<kPlanes>(job, row + outer, k + inner, v);
  }
  __syncthreads();
  return unsplittable;
}

// `gate` becomes 1 when a value has no finite parts; null: nobody asks.
template <int kPlanes>
__global__ void __launch_bounds__(kSplitBlock)
    split_operands(SplitJob a, SplitJob b, int64_t tiles_a, int64_t tiles, int* gate) {
  PYDL_SHARED(float, tile, kSplitTile*(kSplitTile + 1));
  for (int64_t i = blockIdx.x; i < tiles; i += gridDim.x) {
    const SplitJob job = i < tiles_a ? a : b;
    const int64_t at = i < tiles_a ? i : i - tiles_a;
    const int64_t across = (job.k + kSplitTile - 1) / kSplitTile;
    const bool unsplittable =
        split_tile<kPlanes>(job, tile, at / across * kSplitTile, at % across * kSplitTile);
    if (unsplittable && gate != nullptr) *gate = 1;  // whoever writes writes the same
  }
}

// Elements that lie where the copy engine does not read them.
template <class Element>
__global__ void __launch_bounds__(kSplitBlock)
    copy_elements(const Element* from, Element* to, int64_t count) {
  const int64_t step = int64_t{gridDim.x} * kSplitBlock;
#pragma unroll 4
  for (int64_t i = int64_t{blockIdx.x} * kSplitBlock + threadIdx.x; i < count; i += step) {
    to[i] = from[i];
  }
}

template <class Gate>
__global__ void clear_gate(Gate* gate) {
  *gate = 0;
}

template <int kPlanes>
void launch_split(const SplitJob& a, const SplitJob& b, int* gate, void* stream) {
  if (gate != nullptr) launch(clear_gate<int>, dim3(1), dim3(1), 0, stream, gate);
  const int64_t tiles_a = split_tiles(a), tiles = tiles_a + split_tiles(b);
  if (tiles == 0) return;
  launch(split_operands<kPlanes>, blocks_for(tiles, 1), dim3(kSplitBlock), 0, stream, a, b, tiles_a,
         tiles, gate);
}

}  // namespace pydl::PYDL_GPU
