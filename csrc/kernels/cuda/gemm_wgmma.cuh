// The kernel of sm_90a's matrix units: one warpgroup fetches, two multiply.
//
// A stage of shared memory holds 128 bytes of K of every plane: 128 rows of A, kN columns of op(B),
// brought by TMA with the 128-byte swizzle. 16-bit operands are read where they lie, whichever way
// round; float32 ones as bfloat16 planes or float32 with K contiguous (gemm_split.cuh). One thread
// of the first warpgroup fills stages ahead, as far as they were released; each of the other
// warpgroups multiplies its 64 rows of A by all of B. A full barrier per stage counts the bytes; an
// empty one the releases.
//
// With three planes a stage is multiplied six times (layout::split_product), so it is read from L2
// once for 6 x 2 x 128 x 128 x 64 = 12.6 MFLOP: 7.6 bytes a kFLOP, fewer than the 11.7 of one plane
// of a 128 x 256 tile. The units cut off low bits as they add; after each stage its sums go into
// float32 totals.
//
// In a cluster two blocks work on tiles below each other and share B: each fetches half of it for
// both, which makes 7.8 bytes a kFLOP of one plane of 2 x 128 x 256.
//
// Blocks stay: piece after piece of the schedule, in bands, so that fetching runs on while a tile
// is finished.
#pragma once

#include "kernels/cuda/device/wgmma.h"
#include "kernels/cuda/gemm_stream.cuh"

namespace pydl::cuda {

template <int kColumnsOfTile, int kPlanesOfOperand, WgmmaType kTypeOfOperand, int kBlocksOfCluster>
struct WgmmaTile {
  static constexpr int kRows = 128, kColumns = kColumnsOfTile, kPlanes = kPlanesOfOperand;
  static constexpr int kCluster = kBlocksOfCluster, kRowsOfCluster = kRows * kCluster;
  static constexpr WgmmaType kType = kTypeOfOperand;
  static constexpr bool kSplit = kPlanes > 1;
  static constexpr int kConsumers = 2, kThreads = (1 + kConsumers) * 128;
  static constexpr int kElement = kType == WgmmaType::kTensorFloat32 ? 4 : 2;
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
  // Rows of one copy: a share of B, or what a box takes.
  static constexpr int kShareOfB = layout::share_of(0, kColumns, kCluster).count;
};

template <class S>
struct WgmmaProblem {
  StreamOutputs<S> outputs;
  layout::Schedule schedule;
  const int* gate;  // null, or: do nothing where it is not 0
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

struct Ring {
  unsigned char* stages;
  uint64_t* full;
  uint64_t* empty;
  int rank;  // in the cluster
};

// Rows [row, row + rows) of one plane over the stage's K, to `target` in this block or, kShared, in
// all of the cluster. `kTurned`: K is outermost, strips of 64 rows.
template <bool kTurned, bool kShared, int kCluster>
__device__ __forceinline__ void copy_rows(unsigned char* target, const CUtensorMap* map,
                                          uint64_t* full, int k, int row, int rows, int plane) {
  constexpr int kAll = 256;
  const int at_once = kTurned ? layout::kStripRows : kAll;
  for (int i = 0; i < rows; i += at_once) {
    unsigned char* to = target + i * layout::kSwizzleBytes;
    const int x = kTurned ? row + i : k, y = kTurned ? k : row;
    if constexpr (kShared && kCluster > 1) {
      ptx::copy_box_to(layout::everyone(kCluster), to, map, full, x, y, plane);
    } else {
      ptx::copy_box(to, map, full, x, y, plane);
    }
  }
}

// One stage: all of this block's A, its share of B.
template <class Tile, bool kTurnedA, bool kTurnedB>
__device__ __forceinline__ void fetch_stage(const CUtensorMap* a, const CUtensorMap* b,
                                            unsigned char* stage, uint64_t* full, int rank, int k,
                                            int row, int column) {
  const layout::Share share = layout::share_of(rank, Tile::kColumns, Tile::kCluster);
#pragma unroll
  for (int plane = 0; plane < Tile::kPlanes; ++plane) {
    unsigned char* to_a = stage + plane * Tile::kBytesA;
    unsigned char* to_b = stage + Tile::kPlanes * Tile::kBytesA + plane * Tile::kBytesB;
    copy_rows<kTurnedA, false, Tile::kCluster>(to_a, a, full, k, row, Tile::kRows, plane);
    copy_rows<kTurnedB, true, Tile::kCluster>(to_b + share.first * layout::kSwizzleBytes, b, full,
                                              k, column + share.first, share.count, plane);
  }
}

// fn(piece, its place) for all pieces of this block, or cluster.
template <class Tile, class Fn>
__device__ __forceinline__ void each_piece(const layout::Schedule& s, Fn fn) {
  const int64_t step = gridDim.x / Tile::kCluster, works = layout::work_count(s);
  for (int64_t work = blockIdx.x / Tile::kCluster; work < works; work += step) {
    for (int i = 0; i < layout::piece_count(s, work); ++i) {
      const layout::Piece piece = layout::piece_of(s, work, i);
      if (piece.begin == piece.end) continue;
      const layout::TileAt at = layout::place_of(s, piece.tile);
      fn(piece, PiecePlace{at.row * Tile::kRowsOfCluster, at.column * Tile::kColumns, piece.slot});
    }
  }
}

// One thread: fills stages in order, waiting for each to be released. fetch(stage, full, k, row,
// column) starts the copies of a stage.
template <class Tile, class Fetch>
__device__ __forceinline__ void produce(const layout::Schedule& s, const Ring& ring,
                                        const Fetch& fetch) {
  uint32_t step = 0;
  each_piece<Tile>(s, [&](const layout::Piece& piece, const PiecePlace& place) {
    const int row = static_cast<int>(place.row) + ring.rank * Tile::kRows;
    for (int64_t i = piece.begin; i < piece.end; ++i, ++step) {
      const int slot = layout::ring_slot(step, Tile::kStages);
      const uint32_t parity = layout::empty_parity(step, Tile::kStages);
      if constexpr (Tile::kCluster > 1) {
        while (!ptx::phase_over_in_cluster(&ring.empty[slot], parity)) {
        }
      } else {
        ptx::wait_phase(&ring.empty[slot], parity);
      }
      ptx::arrive_expecting(&ring.full[slot], Tile::kStageBytes);
      fetch(ring.stages + slot * Tile::kStageBytes, &ring.full[slot],
            static_cast<int>(i) * Tile::kDepth, row, static_cast<int>(place.column));
    }
  });
}

template <class Tile>
using WgmmaSums = float[Tile::kColumns / 2];

// A consumer has read the stage: all blocks that fetch into it hear of that.
template <class Tile>
__device__ __forceinline__ void release_stage(const Ring& ring, int slot) {
  if (threadIdx.x % 128 != 0) return;
  if constexpr (Tile::kCluster > 1) {
#pragma unroll
    for (int rank = 0; rank < Tile::kCluster; ++rank) ptx::arrive_at(&ring.empty[slot], rank);
  } else {
    ptx::arrive(&ring.empty[slot]);
  }
}

template <bool kTurned>
__device__ __forceinline__ uint64_t describe(uint32_t address) {
  return kTurned ? layout::strips_descriptor(address) : layout::tile_descriptor(address);
}

// All products of a stage; `add`: to what `acc` holds.
template <class Tile, bool kTurnedA, bool kTurnedB>
__device__ __forceinline__ void multiply_stage(uint32_t stage, int consumer, int add,
                                               WgmmaSums<Tile>& acc) {
  const uint64_t a = describe<kTurnedA>(stage + consumer * 64 * layout::kSwizzleBytes);
  const uint64_t b = describe<kTurnedB>(stage + Tile::kPlanes * Tile::kBytesA);
#pragma unroll
  for (int product = 0; product < Tile::kProducts; ++product) {
    const layout::Place planes =
        Tile::kSplit ? layout::split_product(product) : layout::Place{0, 0};
#pragma unroll
    for (int k = 0; k < Tile::kSteps; ++k) {
      const uint64_t from_a =
          a + planes.row * (Tile::kBytesA / 16) + layout::descriptor_step(k, kTurnedA);
      const uint64_t from_b =
          b + planes.k * (Tile::kBytesB / 16) + layout::descriptor_step(k, kTurnedB);
      ptx::wgmma<Tile::kType, kTurnedA, kTurnedB>(acc, from_a, from_b, product + k > 0 ? 1 : add);
    }
  }
}

// The compiler must not read sums before the wait above.
template <int kCount>
__device__ __forceinline__ void settle(float (&acc)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(acc[i])::"memory");
}

// The products of `steps` stages, as sums that nothing is in flight for.
template <class Tile, bool kTurnedA, bool kTurnedB>
__device__ __forceinline__ void consume(int64_t steps, const Ring& ring, int consumer,
                                        uint32_t* step, WgmmaSums<Tile>& sums) {
  WgmmaSums<Tile> acc;
  for (int64_t i = 0; i < steps; ++i, ++*step) {
    const int slot = layout::ring_slot(*step, Tile::kStages);
    ptx::wait_phase(&ring.full[slot], layout::full_parity(*step, Tile::kStages));
    const uint32_t stage = ptx::shared_address(ring.stages + slot * Tile::kStageBytes);
    if constexpr (Tile::kSplit) {
      settle(acc);
      ptx::fence_wgmma();
      multiply_stage<Tile, kTurnedA, kTurnedB>(stage, consumer, 0, acc);
      ptx::commit_wgmma();
      ptx::wait_wgmma<0>();
      settle(acc);
      release_stage<Tile>(ring, slot);
#pragma unroll
      for (int j = 0; j < Tile::kColumns / 2; ++j) sums[j] += acc[j];
    } else {
      ptx::fence_wgmma();
      multiply_stage<Tile, kTurnedA, kTurnedB>(stage, consumer, i > 0, sums);
      ptx::commit_wgmma();
      ptx::wait_wgmma<1>();  // the stage before this one is read
      if (i > 0) release_stage<Tile>(ring, layout::ring_slot(*step - 1, Tile::kStages));
    }
  }
  if constexpr (!Tile::kSplit) {
    ptx::wait_wgmma<0>();
    settle(sums);
    release_stage<Tile>(ring, layout::ring_slot(*step - 1, Tile::kStages));
  }
}

// A warp's 16 rows to C, kSlab columns at a time through its own part of shared memory.
template <class Tile, class O>
__device__ __forceinline__ void finish_sums(const O& outputs, const PiecePlace& place, int row,
                                            float* slab, const WgmmaSums<Tile>& acc) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
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
    finish_piece<Tile::kRowsOfCluster, Tile::kColumns>(outputs, place, slab, Tile::kSlabStride, row,
                                                       16, at * Tile::kSlab, Tile::kSlab, lane, 32);
    __syncwarp();
  }
}

// Barriers are made, and known to all blocks that arrive at them.
template <class Tile>
__device__ __forceinline__ Ring make_ring(unsigned char* shared) {
  const uint32_t past = ptx::shared_address(shared) % 1024;
  unsigned char* stages = shared + (past == 0 ? 0 : 1024 - past);
  uint64_t* barriers = reinterpret_cast<uint64_t*>(stages + Tile::kBarriers);
  const Ring ring = {stages, barriers, barriers + Tile::kStages,
                     Tile::kCluster > 1 ? ptx::rank_in_cluster() : 0};
  if (threadIdx.x == 0) {
    for (int i = 0; i < Tile::kStages; ++i) {
      ptx::init_barrier(&ring.full[i], 1);
      ptx::init_barrier(&ring.empty[i], layout::empty_arrivals(Tile::kConsumers, Tile::kCluster));
    }
    ptx::fence_barriers();
  }
  if constexpr (Tile::kCluster > 1) {
    ptx::synchronize_cluster();
  } else {
    __syncthreads();
  }
  return ring;
}

// What all blocks do: the first warpgroup fetches, the others multiply.
template <class Tile, bool kTurnedA, bool kTurnedB, class O, class Fetch>
__device__ __forceinline__ void multiply_pieces(const layout::Schedule& s, const O& outputs,
                                                const Ring& ring, const CUtensorMap* a,
                                                const CUtensorMap* b, const Fetch& fetch) {
  const int group = static_cast<int>(threadIdx.x) / 128;
  if (group == 0) {
    ptx::give_registers<56>();
    if (threadIdx.x == 0) {
      ptx::prefetch_map(a);
      ptx::prefetch_map(b);
      produce<Tile>(s, ring, fetch);
    }
  } else {
    ptx::take_registers<224>();
    const int consumer = group - 1, warp = static_cast<int>(threadIdx.x) / 32 - 4;
    float* slab = reinterpret_cast<float*>(ring.stages + Tile::kStages * Tile::kStageBytes +
                                           warp * Tile::kSlabBytes);
    const int row = ring.rank * Tile::kRows + consumer * 64 + warp % 4 * 16;
    uint32_t step = 0;
    each_piece<Tile>(s, [&](const layout::Piece& piece, const PiecePlace& place) {
      WgmmaSums<Tile> sums = {};
      consume<Tile, kTurnedA, kTurnedB>(piece.end - piece.begin, ring, consumer, &step, sums);
      finish_sums<Tile>(outputs, place, row, slab, sums);
    });
  }
  // The other block's copies and arrivals need this one's shared memory.
  if constexpr (Tile::kCluster > 1) ptx::synchronize_cluster();
}
#endif  // __CUDA_ARCH_FEAT_SM90_ALL

template <class Tile, class S, bool kTurnedA, bool kTurnedB>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    gemm_wgmma(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
               const __grid_constant__ WgmmaProblem<S> p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if (p.gate != nullptr && *p.gate != 0) return;
  PYDL_DYNAMIC_SHARED(unsigned char, shared);
  const Ring ring = make_ring<Tile>(shared);
  const auto fetch = [&](unsigned char* stage, uint64_t* full, int k, int row, int column) {
    fetch_stage<Tile, kTurnedA, kTurnedB>(&a, &b, stage, full, ring.rank, k, row, column);
  };
  multiply_pieces<Tile, kTurnedA, kTurnedB>(p.schedule, p.outputs, ring, &a, &b, fetch);
#else
  __trap();  // bind takes this kernel only where it was built for sm_90a
#endif
}

}  // namespace pydl::cuda
