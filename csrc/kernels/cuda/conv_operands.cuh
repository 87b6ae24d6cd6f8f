// The operands of a convolution as the tiled kernels read them, by line and step: lines of A are
// rows of C, or where K is outermost K; steps are the contiguous direction in memory. A source
// finds the element at a line and a step, or says that there is a zero.
#pragma once

#include "kernels/cuda/conv.h"
#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_operands.cuh"

namespace pydl::PYDL_GPU {

template <class S>
struct ConvOperands {
  const S* a;
  const S* b;
  int64_t a_group, b_group;  // from a group's elements to the next one's
  int64_t a_pixel, b_stride;  // from pixel to pixel; from row to row of the matrix B is stored as
  bool a_wide, b_wide;  // whole packs are aligned, and of one tap
  layout::Patches patches;
  layout::TapsOf taps;
  int64_t m, n, k, depth, splits, groups;
  int64_t first;  // the tile of block 0
};

// Images by patches.
template <class S>
struct PatchSource {
  using Line = layout::PatchRow;
  using Step = layout::PatchStep;
  const layout::Patches& patches;
  const S* images;
  int64_t pixel;

  __device__ __forceinline__ const S* base() const { return images; }
  __device__ __forceinline__ Line line(int row) const { return layout::patch_row(patches, row); }
  __device__ __forceinline__ Step step(int k) const { return layout::patch_step(patches, k); }
  // Null: a zero.
  __device__ __forceinline__ const S* at(const Line& line, const Step& step) const {
    const int place = layout::pixel_of(patches, line, step);
    return place < 0 ? nullptr : images + place * pixel + step.channel;
  }
};

// The filters turned over: lines are channels in, steps taps and their filters.
template <class S>
struct FilterSource {
  using Line = int64_t;
  using Step = int64_t;
  const ConvOperands<S>& operands;
  const S* filters;

  __device__ __forceinline__ const S* base() const { return filters; }
  __device__ __forceinline__ Line line(int channel) const {
    return channel < operands.n ? channel * operands.b_stride : -1;
  }
  __device__ __forceinline__ Step step(int k) const {
    const layout::Patches& p = operands.patches;
    const int tap = layout::quotient(k, p.inner);
    const int64_t lines = layout::filter_tap(operands.taps, p, tap) * operands.n;
    return lines * operands.b_stride + (k - tap * p.inner.value);
  }
  __device__ __forceinline__ const S* at(Line line, Step step) const {
    return line < 0 ? nullptr : filters + line + step;
  }
};

// --- epilogue

template <class S>
struct ConvEpilogue : Epilogue<S> {
  layout::RowsOf rows;
  int64_t stride;  // of C's rows: all groups

  __device__ __forceinline__ int64_t index(int64_t row, int64_t column) const {
    return layout::row_place(rows, row) * stride + column;
  }
};

template <class S>
ConvEpilogue<S> make_conv_epilogue(const ConvPlan& plan, const ConvProduct& p, const Call& call) {
  ConvEpilogue<S> e = {};
  static_cast<Epilogue<S>&>(e) = make_epilogue<S>(p.gemm, call);
  e.rows = p.rows;
  e.stride = p.gemm.n * plan.groups;
  return e;
}

// What group `group` has of it.
template <class S>
__device__ __forceinline__ ConvEpilogue<S> of_group(ConvEpilogue<S> e, int64_t group) {
  const int64_t apart = group * e.n;
  e.c += apart;
  if (e.bias != nullptr) e.bias += apart;
  if (e.out != nullptr) e.out += apart;
  return e;
}

// --- what the kernels are handed

// `pack`: elements of an access.
template <class S>
ConvOperands<S> make_conv_operands(const ConvPlan& plan, const ConvProduct& p, const Call& call,
                                   int pack) {
  const ConvShape& s = plan.shape;
  const int64_t channels = s.channels / plan.groups, filters = s.filters / plan.groups;
  const bool to_x = plan.pass == Pass::kGradX;
  const size_t bytes = sizeof(S) * static_cast<size_t>(pack);
  ConvOperands<S> x = {};
  x.a = operand<S>(call, 0);
  x.b = operand<S>(call, 1);
  x.a_pixel = to_x ? s.filters : s.channels;
  x.b_stride = s.filters;
  x.a_group = to_x ? filters : channels;
  x.b_group = filters;
  x.a_wide = aligned(bytes, x.a) && x.a_group % pack == 0;
  x.b_wide = aligned(bytes, x.b) && filters % pack == 0;
  x.patches = p.patches;
  x.taps = p.taps;
  x.m = p.gemm.m;
  x.n = p.gemm.n;
  x.k = p.gemm.k;
  x.depth = p.gemm.depth;
  x.splits = p.gemm.splits;
  x.groups = plan.groups;
  return x;
}

}  // namespace pydl::PYDL_GPU
