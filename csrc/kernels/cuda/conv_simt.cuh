// Convolution by multiply-adds, over any stride, dilation and number of groups: gemm_simt's tiles
// and loop, with operands that are gathered from images on their way to registers.
//
// For each 16 bytes it fetches, a thread takes a step apart and looks up one pixel, about 40
// instructions, beside 512 multiply-adds of the large tile. Packs whose elements are of several
// taps, those of 3 channels say, cost it four times.
#pragma once

#include "kernels/cuda/conv_operands.cuh"
#include "kernels/cuda/gemm_simt.cuh"

namespace pydl::PYDL_GPU {

// An operand that a source finds. With kDeep a thread's lines stay and its steps move on.
template <class Tile, class S, int kWidth, bool kDeep, class Source>
struct Gather : Pieces<Tile, S, kWidth, kDeep> {
  using Base = Pieces<Tile, S, kWidth, kDeep>;
  using Base::across, Base::along, Base::kLanes, Base::kLines, Base::kPieces, Base::pieces;
  typename Source::Line lines[kDeep ? kPieces : 1];

  __device__ __forceinline__ void start(const Source& source, int first, int thread) {
    if constexpr (kDeep) {
#pragma unroll
      for (int i = 0; i < kPieces; ++i) lines[i] = source.line(first + across(thread) + i * kLines);
    }
  }

  // Elements of one step, or of kLanes steps that follow each other, to `to` of each piece.
  template <int kCount>
  __device__ __forceinline__ void load_steps(const Source& source, int step, int line, int end,
                                             bool inside, int to) {
    const auto at = source.step(inside ? step : 0);
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const S* from = nullptr;
      if constexpr (kDeep) {
        if (inside) from = source.at(lines[i], at);
      } else {
        if (inside && line + i * kLines < end) from = source.at(source.line(line + i * kLines), at);
      }
      Pack<S, kCount> some = {};
      if (from != nullptr) some = load_pack<kCount>(from);
#pragma unroll
      for (int j = 0; j < kCount; ++j) pieces[i].at[to + j] = some.at[j];
    }
  }

  // Tile::kDepth of K from k on, below `end`; the other direction from `first` on, below `extent`.
  __device__ __forceinline__ void load(const Source& source, bool wide, int first, int extent,
                                       int k, int end, int thread) {
    const int step = (kDeep ? k : first) + along(thread), steps = kDeep ? end : extent;
    const int line = k + across(thread);
    if (wide) return load_steps<kLanes>(source, step, line, end, step < steps, 0);
#pragma unroll
    for (int j = 0; j < kLanes; ++j) {
      load_steps<1>(source, step + j, line, end, step + j < steps, j);
    }
  }
};

// The tile at `tile` of a group's C, over part `part` of K.
template <class Tile, class S, Pass kPass>
__device__ __forceinline__ void convolve_tile(const ConvOperands<S>& p,
                                              const Outputs<S, ConvEpilogue<S>>& o,
                                              typename Tile::T* shared, layout::TileAt tile,
                                              int64_t group, int64_t part) {
  using T = typename Tile::T;
  constexpr bool kDeep = kPass != Pass::kGradW;
  const int thread = static_cast<int>(threadIdx.x);
  const layout::ThreadAt at = layout::simt_thread(thread, Tile::kThreadColumns);
  const int row = static_cast<int>(tile.row) * Tile::kRows;
  const int column = static_cast<int>(tile.column) * Tile::kColumns;
  const int m = static_cast<int>(p.m), n = static_cast<int>(p.n);
  const int64_t begin = part * p.depth, end = least(p.k, begin + p.depth);
  const int last = static_cast<int>(end);
  const bool sums = o.sums != nullptr && tile.row == 0 && thread < Tile::kColumns;
  const PatchSource<S> images = {p.patches, p.a + group * p.a_group, p.a_pixel};
  const S* from = p.b + group * p.b_group;
  T acc[Tile::kTall][Tile::kWide] = {};
  T sum = 0;
  Gather<Tile, S, Tile::kRows, kDeep, PatchSource<S>> a;
  a.start(images, row, thread);
  if constexpr (kPass == Pass::kGradX) {
    const FilterSource<S> filters = {p, from};
    Gather<Tile, S, Tile::kColumns, true, FilterSource<S>> b;
    b.start(filters, column, thread);
    const auto load = [&](int64_t k) {
      a.load(images, p.a_wide, row, m, static_cast<int>(k), last, thread);
      b.load(filters, p.b_wide, column, n, static_cast<int>(k), last, thread);
    };
    multiply_steps<Tile>(shared, begin, end, at, thread, a, b, load, sums, sum, acc);
  } else {
    Fetch<Tile, S, Tile::kColumns, false> b;
    b.start(from, p.b_stride, column, n, begin, thread);
    const auto load = [&](int64_t k) {
      const auto depth = static_cast<int>(most<int64_t>(0, least<int64_t>(Tile::kDepth, end - k)));
      a.load(images, p.a_wide, row, m, static_cast<int>(k), last, thread);
      b.load(p.b_stride, p.b_wide, depth, thread);
    };
    multiply_steps<Tile>(shared, begin, end, at, thread, a, b, load, sums, sum, acc);
  }
  finish_tile<Tile, S>(o.target, part, shared, row, column, at, thread, acc);
  if (sums && column + thread < n) store_sum(o, part, column + thread, sum);
}

// What group `group` has of the outputs, and of the parts of a cut K.
template <class S>
__device__ __forceinline__ Outputs<S, ConvEpilogue<S>> of_group(const ConvOperands<S>& p,
                                                                Outputs<S, ConvEpilogue<S>> o,
                                                                int64_t group) {
  o.target.epilogue = of_group(o.target.epilogue, group);
  if (o.sums != nullptr) o.sums += group * p.n;
  if (o.target.partial != nullptr) {
    o.target.partial += group * p.splits * p.m * ((p.n + 3) / 4 * 4);
  }
  if (o.part_sums != nullptr) o.part_sums += group * p.splits * o.sums_stride;
  return o;
}

// Blocks a processor has to have room for: gathering costs the large tile registers.
template <class Tile>
constexpr int kSimtBlocks = Tile::kRows == 128 ? 1 : 512 / Tile::kThreads;

template <class Tile, class S, Pass kPass>
__global__ void __launch_bounds__(Tile::kThreads, kSimtBlocks<Tile>)
    conv_simt(const __grid_constant__ ConvOperands<S> p, Outputs<S, ConvEpilogue<S>> o) {
  using T = typename Tile::T;
  PYDL_SHARED(T, shared, 2 * Tile::kBuffer);
  const int64_t tile_rows = most<int64_t>(1, (p.m + Tile::kRows - 1) / Tile::kRows);
  const int64_t tile_columns = (p.n + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t tiles = tile_rows * tile_columns, i = p.first + blockIdx.x;
  const int64_t group = i / (tiles * p.splits), part = i / tiles % p.splits;
  convolve_tile<Tile, S, kPass>(
      p, of_group(p, o, group), shared,
      layout::tile_at(i % tiles, tile_rows, tile_columns, layout::kBandTiles), group, part);
}

// --- the second pass over a cut K

template <class S>
__global__ void merge_conv(ConvEpilogue<S> e, const Computed<S>* partial, int64_t splits,
                           int64_t groups) {
  const int64_t quads = e.m * ((e.n + 3) / 4), apart = splits * e.m * ((e.n + 3) / 4 * 4);
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < quads * groups;
       i += step) {
    const int64_t group = i / quads;
    merge_quad(of_group(e, group), partial + group * apart, splits, i % quads);
  }
}

template <class S>
__global__ void merge_conv_sums(const Computed<S>* partial, int64_t stride, int64_t splits,
                                int64_t n, int64_t groups, S* sums) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n * groups;
       i += step) {
    const Computed<S>* source = partial + i / n * splits * stride + i % n;
    Computed<S> sum = source[0];
    for (int64_t part = 1; part < splits; ++part) sum += source[part * stride];
    sums[i] = narrowed<S>(sum);
  }
}

template <class S>
void launch_merge_conv(const ConvPlan& plan, const Gemm& p, const Outputs<S, ConvEpilogue<S>>& o,
                       void* stream) {
  if (p.splits < 2) return;
  constexpr int kBlock = 256;
  if (p.m > 0) {
    launch(merge_conv<S>, blocks_for(p.m * (partial_stride(p.n) / 4) * plan.groups, kBlock),
           dim3(kBlock), 0, stream, o.target.epilogue, o.target.partial, p.splits, plan.groups);
  }
  if (p.column_sum) {
    launch(merge_conv_sums<S>, blocks_for(p.n * plan.groups, kBlock), dim3(kBlock), 0, stream,
           o.part_sums, o.sums_stride, p.splits, p.n, plan.groups, o.sums);
  }
}

// Scratch memory of a product, of all groups.
inline int64_t conv_partial_bytes(const ConvPlan& plan, const Gemm& p) {
  return plan.groups * partial_bytes(p);
}

template <class S>
Outputs<S, ConvEpilogue<S>> make_conv_outputs(const ConvPlan& plan, const ConvProduct& product,
                                              const Call& call) {
  using T = Computed<S>;
  const Gemm& p = product.gemm;
  Outputs<S, ConvEpilogue<S>> o = {};
  o.target.epilogue = make_conv_epilogue<S>(plan, product, call);
  T* partial = reinterpret_cast<T*>(call.scratch);
  if (p.splits > 1) o.target.partial = partial;
  if (!p.column_sum) return o;
  o.sums = static_cast<S*>(call.out[1]);
  o.sums_stride = partial_stride(p.n);
  if (p.splits > 1) o.part_sums = partial + plan.groups * p.splits * p.m * partial_stride(p.n);
  return o;
}

template <class Tile, class S = typename Tile::T>
void launch_conv_simt(const ConvPlan& plan, const ConvProduct& product, const Call& call) {
  static_assert(std::is_same_v<Computed<S>, typename Tile::T>);
  ConvOperands<S> x = make_conv_operands<S>(plan, product, call, kVector<typename Tile::T>);
  const Outputs<S, ConvEpilogue<S>> o = make_conv_outputs<S>(plan, product, call);
  auto kernel = conv_simt<Tile, S, Pass::kForward>;
  if (plan.pass == Pass::kGradX) kernel = conv_simt<Tile, S, Pass::kGradX>;
  if (plan.pass == Pass::kGradW) kernel = conv_simt<Tile, S, Pass::kGradW>;
  constexpr int64_t kMost = int64_t{1} << 30;
  const int64_t tiles = tile_count<Tile>(product.gemm) * plan.groups;
  for (x.first = 0; x.first < tiles; x.first += kMost) {
    launch(kernel, dim3(static_cast<unsigned>(least(kMost, tiles - x.first))), dim3(Tile::kThreads),
           0, call.stream, x, o);
  }
  launch_merge_conv(plan, product.gemm, o, call.stream);
}

}  // namespace pydl::PYDL_GPU
