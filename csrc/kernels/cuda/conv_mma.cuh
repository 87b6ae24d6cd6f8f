// Convolution on sm_80's matrix units: gemm_mma's stages and products, for operands that
// asynchronous copies gather from images; outside of them the copies write zeros.
//
// A's 128 lines are taken apart once, to shared memory; for a stage a thread takes one step apart
// and looks four pixels up, some 100 instructions, beside 512 clocks of products of its warp.
#pragma once

#include "kernels/cuda/conv_stage.cuh"
#include "kernels/cuda/gemm_mma.cuh"
#include "kernels/cuda/gemm_mma16.cuh"

namespace pydl::cuda {

struct AsyncCarrier {
  template <class S>
  static __device__ __forceinline__ void copy(S* to, const S* from, const S* base) {
    ptx::copy_async16(to, from != nullptr ? from : base, from != nullptr ? 16 : 0);
  }
  // 16-bit elements are too narrow for asynchronous copies.
  template <class S>
  static __device__ __forceinline__ void copy_one(S* to, const S* from, const S* base) {
    if constexpr (sizeof(S) == 4) {
      ptx::copy_async4(to, from != nullptr ? from : base, from != nullptr ? 4 : 0);
    } else {
      *to = from != nullptr ? *from : S{};
    }
  }
};

template <class Tile, class S, Pass kPass>
__device__ __forceinline__ void copy_conv_stage(const ConvOperands<S>& p, int64_t group,
                                                const layout::PatchRow* lines, const MmaTask& task,
                                                S* shared, int step, int thread) {
  const int64_t k = task.begin + static_cast<int64_t>(step) * Tile::kDepth;
  if (k < task.end) {
    S* a = shared + step % Tile::kStages * Tile::kStage;
    S* b = a + Tile::kRows * Tile::kDepth;
    const int row = static_cast<int>(task.place.row), column = static_cast<int>(task.place.column);
    stage_patches<Tile, S, kPass, AsyncCarrier>(p, group, lines, a, row, static_cast<int>(k),
                                                thread);
    if constexpr (kPass == Pass::kGradX) {
      stage_filters<Tile, S, AsyncCarrier>(p, group, b, column, static_cast<int>(k), thread);
    } else if constexpr (sizeof(S) == 2) {
      copy_halves<Tile::kColumns, false, Tile::kThreads>(
          b, p.b + group * p.b_group, p.b_stride, p.b_wide, column, p.n, k, task.end, thread);
    } else {
      copy_tile<Tile::kColumns, false, Tile::kThreads>(b, p.b + group * p.b_group, p.b_stride,
                                                       p.b_wide, column, p.n, k, task.end, thread);
    }
  }
  ptx::commit_copies();  // an empty group keeps the count
}

// Blocks a processor has to have room for: looking up pixels costs the large tile registers.
template <class Tile>
constexpr int kConvBlocks = Tile::kRows == 128 ? 1 : Tile::kBlocks;

// kMode: of float32; 16-bit operands are multiplied as they are.
template <class Tile, class S, Pass kPass, MmaMode kMode>
__global__ void __launch_bounds__(Tile::kThreads, kConvBlocks<Tile>)
    conv_mma(const __grid_constant__ ConvOperands<S> p,
             const __grid_constant__ StreamOutputs<S, ConvEpilogue<S>> o,
             const __grid_constant__ layout::Schedule s) {
#if __CUDA_ARCH__ >= 800
  constexpr bool kDeepA = kPass != Pass::kGradW, kDeepB = kPass == Pass::kGradX;
  PYDL_DYNAMIC_SHARED(unsigned char, bytes);
  PYDL_SHARED(layout::PatchRow, lines, Tile::kRows);
  S* shared = reinterpret_cast<S*>(bytes);
  const int64_t all = layout::work_count(s), i = p.first + blockIdx.x, group = i / all;
  const int64_t work = i - group * all;
  const StreamOutputs<S, ConvEpilogue<S>> mine = of_group(o, group);
  for (int part = 0; part < layout::piece_count(s, work); ++part) {
    const layout::Piece piece = layout::piece_of(s, work, part);
    if (piece.begin == piece.end) continue;
    const MmaTask task = mma_task<Tile>(p.k, s, piece, o.sums != nullptr);
    if constexpr (kDeepA) {
      stage_lines<Tile>(p, lines, static_cast<int>(task.place.row), static_cast<int>(threadIdx.x));
      __syncthreads();
    }
    const auto copy = [&](int step, int thread) {
      copy_conv_stage<Tile, S, kPass>(p, group, lines, task, shared, step, thread);
    };
    if constexpr (sizeof(S) == 2) {
      run_task16<Tile, kDeepA, kDeepB>(copy, mine, task, shared);
    } else {
      run_task<Tile, kDeepA, kDeepB, kMode>(copy, mine, task, shared);
    }
  }
#else
  __trap();  // bind takes this kernel on sm_80 and later only
#endif
}

template <class Tile, class S, MmaMode kMode>
void launch_conv_mma(const ConvPlan& plan, const ConvProduct& product, const Call& call) {
  const Gemm& p = product.gemm;
  constexpr int kPack = 16 / static_cast<int>(sizeof(S));
  ConvOperands<S> x = make_conv_operands<S>(plan, product, call, kPack);
  const StreamOutputs<S> plain =
      make_stream_outputs<S>(p, call, p.schedule, Tile::kRows * Tile::kColumns, call.scratch);
  const StreamOutputs<S, ConvEpilogue<S>> o = {make_conv_epilogue<S>(plan, product, call),
                                               plain.sums, plain.parts, plain.part_sums};
  auto kernel = conv_mma<Tile, S, Pass::kForward, kMode>;
  if (plan.pass == Pass::kGradX) kernel = conv_mma<Tile, S, Pass::kGradX, kMode>;
  if (plan.pass == Pass::kGradW) kernel = conv_mma<Tile, S, Pass::kGradW, kMode>;
  constexpr int64_t kMost = int64_t{1} << 30;
  const int64_t works = layout::work_count(p.schedule) * plan.groups;
  for (x.first = 0; x.first < works; x.first += kMost) {
    launch(kernel, dim3(static_cast<unsigned>(least(kMost, works - x.first))), dim3(Tile::kThreads),
           Tile::kBytes, call.stream, x, o, p.schedule);
  }
  launch_merge_of(merge_conv_stream<S>, o, p.schedule, Tile::kRows, Tile::kColumns, call.stream);
}

}  // namespace pydl::cuda
