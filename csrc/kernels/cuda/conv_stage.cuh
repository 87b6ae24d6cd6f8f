// How a convolution's operands come to the stages of gemm_mma: 16 bytes at a time, each from the
// pixel its line and step meet. What carries them is a parameter, so that tests stage on the CPU.
#pragma once

#include "kernels/cuda/conv_operands.cuh"
#include "kernels/cuda/gemm_stream.cuh"

namespace pydl::PYDL_GPU {

// Where an element lies in a stage of float32, or of 16-bit elements: lines are rows of the operand
// and steps K if kDeep, else the other way round.
template <class S, int kWidth, bool kDeep>
__device__ __forceinline__ int stage_at(int line, int step) {
  if constexpr (sizeof(S) == 2) {
    return kDeep ? layout::half_deep_at(line, step) : layout::half_wide_at(step, line, kWidth);
  } else {
    return kDeep ? layout::deep_at(line, step) : layout::wide_at(step, line, kWidth);
  }
}

// Steps [step, step + kRow) of the stage's lines; those from `steps` on are zeros. line_at(i) is
// line i of the stage. Carrier::copy takes 16 bytes, Carrier::copy_one an element; null stands for
// zeros, and the source's base for an address in their place.
template <class Tile, class S, int kWidth, bool kDeep, class Carrier, class Source, class LineAt>
__device__ __forceinline__ void stage_operand(S* tile, const Source& source, const LineAt& line_at,
                                              bool wide, int step, int steps, int thread) {
  constexpr int kPack = 16 / static_cast<int>(sizeof(S));
  constexpr int kRow = kDeep ? Tile::kDepth : kWidth, kLines = kDeep ? kWidth : Tile::kDepth;
  constexpr int kRun = kRow / kPack, kApart = Tile::kThreads / kRun;
  static_assert(Tile::kThreads % kRun == 0 && kLines % kApart == 0);
  const int along = thread % kRun * kPack, at = step + along;
  if (wide) {
    const bool inside = at < steps;
    const auto found = source.step(inside ? at : 0);
#pragma unroll 1  // addresses cost registers
    for (int i = thread / kRun; i < kLines; i += kApart) {
      const S* from = inside ? source.at(line_at(i), found) : nullptr;
      Carrier::copy(tile + stage_at<S, kWidth, kDeep>(i, along), from, source.base());
    }
    return;
  }
#pragma unroll 1
  for (int i = thread / kRun; i < kLines; i += kApart) {
    const auto line = line_at(i);
    S* to = tile + stage_at<S, kWidth, kDeep>(i, along);
#pragma unroll 1
    for (int j = 0; j < kPack; ++j) {
      const S* from = at + j < steps ? source.at(line, source.step(at + j)) : nullptr;
      Carrier::copy_one(to + j, from, source.base());
    }
  }
}

// A's stage from k on. `lines`: A's, where they are rows of C.
template <class Tile, class S, Pass kPass, class Carrier>
__device__ __forceinline__ void stage_patches(const ConvOperands<S>& p, int64_t group,
                                              const layout::PatchRow* lines, S* a, int row, int k,
                                              int thread) {
  const PatchSource<S> images = {p.patches, p.a + group * p.a_group, p.a_pixel};
  if constexpr (kPass == Pass::kGradW) {
    const auto line_at = [&](int i) { return images.line(k + i); };
    stage_operand<Tile, S, Tile::kRows, false, Carrier>(a, images, line_at, p.a_wide, row,
                                                        static_cast<int>(p.m), thread);
  } else {
    const auto line_at = [&](int i) { return lines[i]; };
    stage_operand<Tile, S, Tile::kRows, true, Carrier>(a, images, line_at, p.a_wide, k,
                                                       static_cast<int>(p.k), thread);
  }
}

template <class Tile, class S, class Carrier>
__device__ __forceinline__ void stage_filters(const ConvOperands<S>& p, int64_t group, S* b,
                                              int column, int k, int thread) {
  const FilterSource<S> filters = {p, p.b + group * p.b_group};
  const auto line_at = [&](int i) { return filters.line(column + i); };
  stage_operand<Tile, S, Tile::kColumns, true, Carrier>(b, filters, line_at, p.b_wide, k,
                                                        static_cast<int>(p.k), thread);
}

// The lines of A of a tile, for the block to look up.
template <class Tile, class S>
__device__ __forceinline__ void stage_lines(const ConvOperands<S>& p, layout::PatchRow* lines,
                                            int row, int thread) {
  for (int i = thread; i < Tile::kRows; i += Tile::kThreads) {
    lines[i] = layout::patch_row(p.patches, row + i);
  }
}

// What group `group` has of the outputs, where K is not cut.
template <class S>
__device__ __forceinline__ StreamOutputs<S, ConvEpilogue<S>> of_group(
    StreamOutputs<S, ConvEpilogue<S>> o, int64_t group) {
  o.epilogue = of_group(o.epilogue, group);
  if (o.sums != nullptr) o.sums += group * o.epilogue.n;
  return o;
}

template <class S>
__global__ void __launch_bounds__(kMergeBlock, 2)
    merge_conv_stream(StreamOutputs<S, ConvEpilogue<S>> o, layout::Schedule s, int rows,
                      int columns) {
  merge_cut(o, s, rows, columns);
}

}  // namespace pydl::PYDL_GPU
