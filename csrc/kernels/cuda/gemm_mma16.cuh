// The kernel of sm_80's matrix units for operands of 16 bits, which it multiplies as they are:
// stages of 64 steps of K arrive by asynchronous copies, ldmatrix hands them to the units, which
// turn over on the way what lies with K outermost. Per stage a block of the large tile reads 32 KB
// for 128 x 128 x 64 multiply-adds, 1024 clocks of an sm_80 processor.
#pragma once

#include "kernels/cuda/gemm_mma.cuh"

namespace pydl::cuda {

template <int kM, int kN, int kWarpsDown, int kWarpsAcross>
struct Mma16Tile {
  static constexpr int kRows = kM, kColumns = kN;
  static constexpr int kThreads = kWarpsDown * kWarpsAcross * 32, kAcross = kWarpsAcross;
  static constexpr int kTall = kM / kWarpsDown / 16, kWide = kN / kWarpsAcross / 8;
  static constexpr int kStages = 3, kDepth = layout::kHalfDepth;
  static constexpr int kStage = (kM + kN) * kDepth;  // elements
  static constexpr int kStrideC = kN + 4;
  static constexpr int kBytes = kStages * kStage * 2;
  static constexpr int kBlocks = 2;  // of a processor
  static_assert(kWide % 2 == 0 && kThreads >= kN && kM * kStrideC * 4 <= kBytes);
};

using Mma16Large = Mma16Tile<128, 128, 2, 4>;
using Mma16Small = Mma16Tile<64, 64, 2, 2>;

// Elements [first, first + kWidth) by [begin, begin + kDepth), zeros outside. Rows of an odd number
// of elements have no pieces that asynchronous copies could take.
template <int kWidth, bool kDeep, int kThreads, class S>
__device__ __forceinline__ void copy_halves(S* tile, const S* source, int64_t stride, bool wide,
                                            int64_t first, int64_t extent, int64_t begin,
                                            int64_t end, int thread) {
  constexpr int kRun = (kDeep ? layout::kHalfDepth : kWidth) / 8;
#pragma unroll 2
  for (int i = 0; i < kWidth * layout::kHalfDepth / 8 / kThreads; ++i) {
    const int piece = thread + i * kThreads;
    const int along = piece % kRun * 8, across = piece / kRun;
    S* to = tile + (kDeep ? layout::half_deep_at(across, along)
                          : layout::half_wide_at(along, across, kWidth));
    const int64_t outer = (kDeep ? first : begin) + across, inner = (kDeep ? begin : first) + along;
    const bool row = outer < (kDeep ? extent : end);
    const int64_t left = row ? (kDeep ? end : extent) - inner : 0;
    const S* from = source + (left > 0 ? outer * stride + inner : 0);
    if (wide) {
      ptx::copy_async16(to, from, left > 0 ? 16 : 0);
    } else {
      Pack<S, 8> pack;
#pragma unroll
      for (int j = 0; j < 8; ++j) pack.at[j] = j < left ? from[j] : S{};
      store_pack(to, pack);
    }
  }
}

template <class Tile, bool kDeepA, bool kDeepB, class S>
__device__ __forceinline__ void copy_half_stage(const Operands<S>& p, const MmaTask& task,
                                                S* shared, int step, int thread) {
  const int64_t k = task.begin + static_cast<int64_t>(step) * Tile::kDepth;
  if (k < task.end) {
    S* a = shared + step % Tile::kStages * Tile::kStage;
    S* b = a + Tile::kRows * Tile::kDepth;
    copy_halves<Tile::kRows, kDeepA, Tile::kThreads>(a, p.a, p.a_stride, p.a_wide, task.place.row,
                                                     p.m, k, task.end, thread);
    copy_halves<Tile::kColumns, kDeepB, Tile::kThreads>(
        b, p.b, p.b_stride, p.b_wide, task.place.column, p.n, k, task.end, thread);
  }
  ptx::commit_copies();  // an empty group keeps the count
}

// Sixteen steps of K of 16 rows of A, or of 16 columns of B (two fragments).
template <int kWidth, bool kDeep, bool kIsA, class S>
__device__ __forceinline__ void read_halves(const S* tile, int first, int k, int lane,
                                            uint32_t (&x)[4]) {
  if constexpr (kDeep) {
    const layout::Place at = kIsA ? layout::half_a(lane) : layout::half_b(lane);
    ptx::load_matrices(x, tile + layout::half_deep_at(first + at.row, k + at.k));
  } else {
    const layout::Place at = kIsA ? layout::half_turned_a(lane) : layout::half_turned_b(lane);
    ptx::load_matrices_turned(x, tile + layout::half_wide_at(first + at.row, k + at.k, kWidth));
  }
}

__device__ __forceinline__ void mma_16(BFloat, float (&d)[4], const uint32_t (&a)[4],
                                       const uint32_t (&b)[2]) {
  ptx::mma_bf16(d, a, b);
}
__device__ __forceinline__ void mma_16(Half, float (&d)[4], const uint32_t (&a)[4],
                                       const uint32_t (&b)[2]) {
  ptx::mma_f16(d, a, b);
}

template <class Tile, bool kDeepA, bool kDeepB, class S>
__device__ __forceinline__ void multiply_halves(const S* a, const S* b, int warp, int lane,
                                                Accumulators<Tile>& acc) {
  const int row = warp / Tile::kAcross * Tile::kTall * 16;
  const int column = warp % Tile::kAcross * Tile::kWide * 8;
#pragma unroll
  for (int k = 0; k < Tile::kDepth; k += 16) {
    uint32_t y[Tile::kWide / 2][4];
#pragma unroll
    for (int j = 0; j < Tile::kWide / 2; ++j) {
      read_halves<Tile::kColumns, kDeepB, false>(b, column + j * 16, k, lane, y[j]);
    }
#pragma unroll
    for (int i = 0; i < Tile::kTall; ++i) {
      uint32_t x[4];
      read_halves<Tile::kRows, kDeepA, true>(a, row + i * 16, k, lane, x);
#pragma unroll
      for (int j = 0; j < Tile::kWide; ++j) {
        const uint32_t part[2] = {y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]};
        mma_16(S(), acc[i][j], x, part);
      }
    }
  }
}

template <class Tile, bool kDeepB, class S>
__device__ __forceinline__ float sum_of_stage(const S* b, int column) {
  float sum = 0;
  for (int k = 0; k < Tile::kDepth; ++k) {
    sum += widened(b[kDeepB ? layout::half_deep_at(column, k)
                            : layout::half_wide_at(column, k, Tile::kColumns)]);
  }
  return sum;
}

// copy(step, thread) starts the copies of a stage and commits them.
template <class Tile, bool kDeepA, bool kDeepB, class S, class Copy>
__device__ __forceinline__ void multiply_task16(const Copy& copy, const MmaTask& task, S* shared,
                                                float* sum, Accumulators<Tile>& acc) {
  const int thread = static_cast<int>(threadIdx.x);
  const auto steps = static_cast<int>((task.end - task.begin + Tile::kDepth - 1) / Tile::kDepth);
  for (int i = 0; i + 1 < Tile::kStages; ++i) copy(i, thread);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    ptx::wait_copies<Tile::kStages - 2>();
    __syncthreads();  // the stage is here, and the one before it was read by all
    copy(step + Tile::kStages - 1, thread);
    const S* a = shared + step % Tile::kStages * Tile::kStage;
    const S* b = a + Tile::kRows * Tile::kDepth;
    multiply_halves<Tile, kDeepA, kDeepB>(a, b, thread / 32, thread % 32, acc);
    if (task.sums && thread < Tile::kColumns) *sum += sum_of_stage<Tile, kDeepB>(b, thread);
  }
  ptx::wait_copies<0>();
  __syncthreads();
}

// The products of a task and what becomes of them.
template <class Tile, bool kDeepA, bool kDeepB, class S, class E, class Copy>
__device__ __forceinline__ void run_task16(const Copy& copy, const StreamOutputs<S, E>& o,
                                           const MmaTask& task, S* shared) {
  float sum = 0;
  Accumulators<Tile> acc = {};
  multiply_task16<Tile, kDeepA, kDeepB>(copy, task, shared, &sum, acc);
  finish_task<Tile>(o, task, reinterpret_cast<float*>(shared), acc, sum);
}

template <class Tile, class S, bool kDeepA, bool kDeepB>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    gemm_mma16(Operands<S> p, StreamOutputs<S> o, layout::Schedule s) {
#if __CUDA_ARCH__ >= 800
  PYDL_DYNAMIC_SHARED(unsigned char, bytes);
  S* shared = reinterpret_cast<S*>(bytes);
  const int64_t work = p.first + blockIdx.x;
  for (int i = 0; i < layout::piece_count(s, work); ++i) {
    const layout::Piece piece = layout::piece_of(s, work, i);
    if (piece.begin == piece.end) continue;
    const MmaTask task = mma_task<Tile>(p.k, s, piece, o.sums != nullptr);
    const auto copy = [&](int step, int thread) {
      copy_half_stage<Tile, kDeepA, kDeepB>(p, task, shared, step, thread);
    };
    run_task16<Tile, kDeepA, kDeepB>(copy, o, task, shared);
  }
#else
  __trap();  // bind takes this kernel on sm_80 and later only
#endif
}

template <class Tile, class S>
void launch_mma16(const Gemm& p, const Call& call) {
  constexpr MmaKernel<S> kKernels[2][2] = {
      {gemm_mma16<Tile, S, true, false>, gemm_mma16<Tile, S, true, true>},
      {gemm_mma16<Tile, S, false, false>, gemm_mma16<Tile, S, false, true>}};
  launch_stored<Tile>(p, call, 8, kKernels);
}

}  // namespace pydl::cuda
