// The kernel of sm_90a's matrix units: one warpgroup fetches, two multiply.
//
// Operands lie K-major in memory, as bfloat16 planes or float32 (gemm_split.cuh). A stage of shared
// memory holds 128 bytes of K of every plane: 128 rows of A, kN rows of op(B)^T, brought by TMA
// with the 128-byte swizzle. One thread of the first warpgroup fills stages ahead, as far as they
// were released; each of the other warpgroups multiplies its 64 rows of A by all of B. A full
// barrier per stage counts the bytes; an empty one the two releases.
//
// With three planes a stage is multiplied six times (layout::split_product), so it is read from L2
// once for 6 x 2 x 128 x 128 x 64 = 12.6 MFLOP: 7.6 bytes a kFLOP, fewer than the 11.7 of one plane
// of a 128 x 256 tile. The units cut off low bits as they add; after each stage its sums go into
// float32 totals.
//
// Blocks stay: tile after tile, in bands, so that fetching runs on while a tile is finished.
#pragma once

#include "kernels/cuda/device/ptx.h"
#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_layout.h"

namespace pydl::cuda {

template <int kColumnsOfTile, int kPlanesOfOperand, bool kHalves>
struct WgmmaTile {
  static constexpr int kRows = 128, kColumns = kColumnsOfTile, kPlanes = kPlanesOfOperand;
  static constexpr bool kHalf = kHalves, kSplit = kPlanes > 1;
  static constexpr int kConsumers = 2, kThreads = (1 + kConsumers) * 128;
  static constexpr int kElement = kHalves ? 2 : 4;
  static constexpr int kDepth = layout::kSwizzleBytes / kElement;  // of a stage
  static constexpr int kSteps = layout::kSwizzleBytes / 32;  // instructions along it
  static constexpr int kProducts = kSplit ? layout::kSplitProducts : 1;
  static constexpr int kBytesA = kRows * layout::kSwizzleBytes;
  static constexpr int kBytesB = kColumns * layout::kSwizzleBytes;
  static constexpr int kStageBytes = kPlanes * (kBytesA + kBytesB);
  static constexpr int kStages = 192 * 1024 / kStageBytes;
  static constexpr int kSlab = 32, kSlabStride = 40;  // columns a warp finishes at a time
  static constexpr int kSlabBytes = 16 * kSlabStride * 4;
  static constexpr int kBarriers = kStages * kStageBytes + kConsumers * 4 * kSlabBytes;
  static constexpr int kBytes = 1024 + kBarriers + 2 * kStages * 8;
  static_assert(kStages >= 2 && kBytes <= 227 * 1024);
};

struct WgmmaProblem {
  Target<float> target;
  int64_t m, n, k, depth, splits;
  const int* gate;  // null, or: do nothing where it is not 0
};

// The block's tiles: the work-th of all, over all parts of K.
struct WgmmaTask {
  int64_t row, column, part, begin;
  int steps;
};

template <class Tile>
__device__ __forceinline__ WgmmaTask wgmma_task(const WgmmaProblem& p, int64_t work) {
  const int64_t tile_rows = (p.m + Tile::kRows - 1) / Tile::kRows;
  const int64_t tile_columns = (p.n + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t tiles = tile_rows * tile_columns, part = work / tiles;
  const layout::TileAt at =
      layout::tile_at(work % tiles, tile_rows, tile_columns, layout::kBandTiles);
  const int64_t begin = part * p.depth, end = least(p.k, begin + p.depth);
  return {at.row * Tile::kRows, at.column * Tile::kColumns, part, begin,
          static_cast<int>((end - begin + Tile::kDepth - 1) / Tile::kDepth)};
}

template <class Tile>
__device__ __forceinline__ int64_t wgmma_work(const WgmmaProblem& p) {
  return (p.m + Tile::kRows - 1) / Tile::kRows * ((p.n + Tile::kColumns - 1) / Tile::kColumns) *
         p.splits;
}

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

struct Ring {
  unsigned char* stages;
  uint64_t* full;
  uint64_t* empty;
};

// One thread: fills stages in order, waiting for each to be released.
template <class Tile>
__device__ __forceinline__ void produce(const CUtensorMap* a, const CUtensorMap* b,
                                        const WgmmaProblem& p, const Ring& ring) {
  uint32_t step = 0;
  for (int64_t work = blockIdx.x; work < wgmma_work<Tile>(p); work += gridDim.x) {
    const WgmmaTask task = wgmma_task<Tile>(p, work);
    for (int i = 0; i < task.steps; ++i, ++step) {
      const int slot = layout::ring_slot(step, Tile::kStages);
      unsigned char* stage = ring.stages + slot * Tile::kStageBytes;
      const int k = static_cast<int>(task.begin) + i * Tile::kDepth;
      ptx::wait_phase(&ring.empty[slot], layout::empty_parity(step, Tile::kStages));
      ptx::arrive_expecting(&ring.full[slot], Tile::kStageBytes);
#pragma unroll
      for (int plane = 0; plane < Tile::kPlanes; ++plane) {
        ptx::copy_box(stage + plane * Tile::kBytesA, a, &ring.full[slot], k,
                      static_cast<int>(task.row), plane);
        ptx::copy_box(stage + Tile::kPlanes * Tile::kBytesA + plane * Tile::kBytesB, b,
                      &ring.full[slot], k, static_cast<int>(task.column), plane);
      }
    }
  }
}

template <class Tile>
using WgmmaSums = float[Tile::kColumns / 2];

// All products of a stage; `add`: to what `acc` holds.
template <class Tile>
__device__ __forceinline__ void multiply_stage(uint32_t stage, int consumer, int add,
                                               WgmmaSums<Tile>& acc) {
  const uint64_t a = layout::tile_descriptor(stage + consumer * 64 * layout::kSwizzleBytes);
  const uint64_t b = layout::tile_descriptor(stage + Tile::kPlanes * Tile::kBytesA);
#pragma unroll
  for (int product = 0; product < Tile::kProducts; ++product) {
    const layout::Place planes =
        Tile::kSplit ? layout::split_product(product) : layout::Place{0, 0};
#pragma unroll
    for (int k = 0; k < Tile::kSteps; ++k) {
      const uint64_t from_a = a + planes.row * (Tile::kBytesA / 16) + layout::descriptor_step(k);
      const uint64_t from_b = b + planes.k * (Tile::kBytesB / 16) + layout::descriptor_step(k);
      const int more = product + k > 0 ? 1 : add;
      if constexpr (Tile::kHalf) {
        ptx::wgmma_bf16(acc, from_a, from_b, more);
      } else {
        ptx::wgmma_tf32(acc, from_a, from_b, more);
      }
    }
  }
}

// The compiler must not read sums before the wait above.
template <int kCount>
__device__ __forceinline__ void settle(float (&acc)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(acc[i])::"memory");
}

// The products of a task, as sums that nothing is in flight for.
template <class Tile>
__device__ __forceinline__ void consume(const WgmmaTask& task, const Ring& ring, int consumer,
                                        uint32_t* step, WgmmaSums<Tile>& sums) {
  const bool speaks = threadIdx.x % 128 == 0;
  WgmmaSums<Tile> acc;
  for (int i = 0; i < task.steps; ++i, ++*step) {
    const int slot = layout::ring_slot(*step, Tile::kStages);
    ptx::wait_phase(&ring.full[slot], layout::full_parity(*step, Tile::kStages));
    const uint32_t stage = ptx::shared_address(ring.stages + slot * Tile::kStageBytes);
    if constexpr (Tile::kSplit) {
      settle(acc);
      ptx::fence_wgmma();
      multiply_stage<Tile>(stage, consumer, 0, acc);
      ptx::commit_wgmma();
      ptx::wait_wgmma<0>();
      settle(acc);
      if (speaks) ptx::arrive(&ring.empty[slot]);
#pragma unroll
      for (int j = 0; j < Tile::kColumns / 2; ++j) sums[j] += acc[j];
    } else {
      ptx::fence_wgmma();
      multiply_stage<Tile>(stage, consumer, i > 0, sums);
      ptx::commit_wgmma();
      ptx::wait_wgmma<1>();  // the stage before this one is read
      if (i > 0 && speaks) ptx::arrive(&ring.empty[layout::ring_slot(*step - 1, Tile::kStages)]);
    }
  }
  if constexpr (!Tile::kSplit) {
    ptx::wait_wgmma<0>();
    settle(sums);
    if (speaks) ptx::arrive(&ring.empty[layout::ring_slot(*step - 1, Tile::kStages)]);
  }
}

// A warp's 16 rows to C, kSlab columns at a time through its own part of shared memory.
template <class Tile>
__device__ __forceinline__ void finish_sums(const WgmmaProblem& p, const WgmmaTask& task,
                                            int consumer, float* slab, const WgmmaSums<Tile>& acc) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32 % 4;
  const int64_t row = task.row + consumer * 64 + warp * 16;
#pragma unroll 1
  for (int at = 0; at < Tile::kColumns / Tile::kSlab; ++at) {
#pragma unroll
    for (int group = 0; group < Tile::kColumns / Tile::kSlab; ++group) {
      if (group != at) continue;
#pragma unroll
      for (int i = 0; i < Tile::kSlab / 2; i += 2) {
        const layout::Place to = layout::wgmma_accumulator(lane, i);
        const Pack<float, 2> pair = {{acc[group * 16 + i], acc[group * 16 + i + 1]}};
        store_pack(slab + to.row * Tile::kSlabStride + to.k, pair);
      }
    }
    __syncwarp();
    finish_rows(p.target, task.part, slab, Tile::kSlabStride, row, 16,
                task.column + at * Tile::kSlab, Tile::kSlab, lane, 32);
    __syncwarp();
  }
}

template <class Tile>
__device__ __forceinline__ Ring make_ring(unsigned char* shared) {
  const uint32_t past = ptx::shared_address(shared) % 1024;
  unsigned char* stages = shared + (past == 0 ? 0 : 1024 - past);
  uint64_t* barriers = reinterpret_cast<uint64_t*>(stages + Tile::kBarriers);
  const Ring ring = {stages, barriers, barriers + Tile::kStages};
  if (threadIdx.x == 0) {
    for (int i = 0; i < Tile::kStages; ++i) {
      ptx::init_barrier(&ring.full[i], 1);
      ptx::init_barrier(&ring.empty[i], Tile::kConsumers);
    }
    ptx::fence_barriers();
  }
  __syncthreads();
  return ring;
}
#endif  // __CUDA_ARCH_FEAT_SM90_ALL

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    gemm_wgmma(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
               const __grid_constant__ WgmmaProblem p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if (p.gate != nullptr && *p.gate != 0) return;
  PYDL_DYNAMIC_SHARED(unsigned char, shared);
  const Ring ring = make_ring<Tile>(shared);
  const int group = static_cast<int>(threadIdx.x) / 128;
  if (group == 0) {
    ptx::give_registers<40>();
    if (threadIdx.x == 0) {
      ptx::prefetch_map(&a);
      ptx::prefetch_map(&b);
      produce<Tile>(&a, &b, p, ring);
    }
  } else {
    ptx::take_registers<232>();
    const int consumer = group - 1, warp = static_cast<int>(threadIdx.x) / 32 - 4;
    float* slab = reinterpret_cast<float*>(ring.stages + Tile::kStages * Tile::kStageBytes +
                                           warp * Tile::kSlabBytes);
    uint32_t step = 0;
    for (int64_t work = blockIdx.x; work < wgmma_work<Tile>(p); work += gridDim.x) {
      const WgmmaTask task = wgmma_task<Tile>(p, work);
      WgmmaSums<Tile> sums = {};
      consume<Tile>(task, ring, consumer, &step, sums);
      finish_sums<Tile>(p, task, consumer, slab, sums);
    }
  }
#else
  __trap();  // bind takes this kernel only where it was built for sm_90a
#endif
}

}  // namespace pydl::cuda
