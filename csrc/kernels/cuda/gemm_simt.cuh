// The general kernel: outer products of columns of A and rows of B, held in registers. Operands
// pass through two buffers of shared memory, A and B both stored with K outermost; the next pair
// of tiles is on its way to registers while the current one is multiplied.
//
// Per step of K a thread of the large tile reads 16 floats of shared memory for 64 multiply-adds:
// a warp's 64 FFMA take 64 cycles of its quarter, its four 16-byte reads 4 to 8 of the shared
// 128 bytes a cycle, so the multiply-adds bound it.
#pragma once

#include <type_traits>

#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_layout.h"
#include "kernels/cuda/gemm_operands.cuh"

namespace pydl::PYDL_GPU {

template <class Element, int kM, int kN, int kK, int kTallOfThread, int kWideOfThread>
struct SimtTile {
  using T = Element;
  static constexpr int kRows = kM, kColumns = kN, kDepth = kK;
  static constexpr int kTall = kTallOfThread, kWide = kWideOfThread;
  static constexpr int kThreadRows = kM / kTall, kThreadColumns = kN / kWide;
  static constexpr int kThreads = kThreadRows * kThreadColumns;
  static constexpr int kPad = 4;  // K-major tiles are turned over while stored: fewer conflicts
  static constexpr int kStrideA = kM + kPad, kStrideB = kN + kPad;
  static constexpr int kBuffer = kK * (kStrideA + kStrideB);
  // Rows of C that fit where the operands were.
  static constexpr int slab_rows() {
    int rows = kM;
    while (rows * kStrideB > 2 * kBuffer) rows /= 2;
    return rows;
  }
  static constexpr int kSlab = slab_rows();
  static_assert(kThreadColumns % 8 == 0 && kThreadRows % 4 == 0 && kThreads % 32 == 0);
  static_assert(kTall % 4 == 0 && kWide % 4 == 0 && kSlab % 4 == 0 && kThreads >= kN);
};

// What a thread holds of an operand, of type S in memory, on its way to shared memory. `kDeep`: K
// is the contiguous direction.
template <class Tile, class S, int kWidth, bool kDeep>
struct Pieces {
  using T = typename Tile::T;
  static constexpr int kLanes = kVector<T>;
  static constexpr int kPieces = kWidth * Tile::kDepth / kLanes / Tile::kThreads;
  static constexpr int kRun = (kDeep ? Tile::kDepth : kWidth) / kLanes;  // pieces side by side
  static constexpr int kLines = Tile::kThreads / kRun;  // between a thread's own
  static_assert(kPieces * Tile::kThreads * kLanes == kWidth * Tile::kDepth);
  static_assert(Tile::kThreads % kRun == 0);
  Pack<S, kLanes> pieces[kPieces];

  static __device__ __forceinline__ int along(int thread) { return thread % kRun * kLanes; }
  static __device__ __forceinline__ int across(int thread) { return thread / kRun; }

  __device__ __forceinline__ void store(T* tile, int stride, int thread) const {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int line = across(thread) + i * kLines, place = along(thread);
      if (kDeep) {
#pragma unroll
        for (int j = 0; j < kLanes; ++j)
          tile[(place + j) * stride + line] = widened(pieces[i].at[j]);
      } else {
        Pack<T, kLanes> piece;
#pragma unroll
        for (int j = 0; j < kLanes; ++j) piece.at[j] = widened(pieces[i].at[j]);
        store_pack(tile + line * stride + place, piece);
      }
    }
  }
};

// An operand that is a matrix.
template <class Tile, class S, int kWidth, bool kDeep>
struct Fetch : Pieces<Tile, S, kWidth, kDeep> {
  using Base = Pieces<Tile, S, kWidth, kDeep>;
  using Base::across, Base::along, Base::kLanes, Base::kLines, Base::kPieces, Base::pieces;
  const S* from;  // this thread's first piece of the next tile
  int extent;  // rows of A, or columns of op(B), that are left

  __device__ __forceinline__ void start(const S* source, int64_t stride, int64_t first,
                                        int64_t length, int64_t begin, int thread) {
    from = source + ((kDeep ? first : begin) + across(thread)) * stride +
           ((kDeep ? begin : first) + along(thread));
    extent = static_cast<int>(least<int64_t>(kWidth, length - first));
  }

  // The next Tile::kDepth steps of K, `depth` of them inside; zeros outside.
  __device__ __forceinline__ void load(int64_t stride, bool wide, int depth, int thread) {
    const int inner = (kDeep ? depth : extent) - along(thread);
    const int outer = (kDeep ? extent : depth) - across(thread);
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const S* piece = from + i * kLines * stride;
      const bool here = i * kLines < outer;
      if (wide && here && inner > 0) {
        pieces[i] = load_pack<kLanes>(piece);
      } else {
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
          pieces[i].at[j] = here && j < inner && !wide ? piece[j] : S{};
        }
      }
    }
    from += kDeep ? Tile::kDepth : Tile::kDepth * stride;
  }
};

template <int kCount, class T>
__device__ __forceinline__ void load_fragment(const T* row, int at, int threads, T (&x)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; i += kVector<T>) {
    const Pack<T, kVector<T>> piece =
        load_pack<kVector<T>>(row + layout::simt_spread(at, i, threads));
#pragma unroll
    for (int j = 0; j < kVector<T>; ++j) x[i + j] = piece.at[j];
  }
}

// One buffer's worth of outer products.
template <class Tile>
__device__ __forceinline__ void multiply_buffer(const typename Tile::T* a,
                                                const typename Tile::T* b, layout::ThreadAt at,
                                                typename Tile::T (&acc)[Tile::kTall][Tile::kWide]) {
  using T = typename Tile::T;
#pragma unroll
  for (int k = 0; k < Tile::kDepth; ++k) {
    T x[Tile::kTall], y[Tile::kWide];
    load_fragment(a + k * Tile::kStrideA, at.row, Tile::kThreadRows, x);
    load_fragment(b + k * Tile::kStrideB, at.column, Tile::kThreadColumns, y);
#pragma unroll
    for (int i = 0; i < Tile::kTall; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kWide; ++j) acc[i][j] = multiply_add(x[i], y[j], acc[i][j]);
    }
  }
}

// Accumulators to shared memory, slab by slab, and from there to C.
template <class Tile, class S, class E>
__device__ __forceinline__ void finish_tile(const Target<S, E>& target, int64_t part,
                                            typename Tile::T* shared, int64_t first, int64_t column,
                                            layout::ThreadAt at, int thread,
                                            typename Tile::T (&acc)[Tile::kTall][Tile::kWide]) {
  using T = typename Tile::T;
#pragma unroll 1
  for (int slab = 0; slab < Tile::kRows; slab += Tile::kSlab) {
    __syncthreads();
#pragma unroll
    for (int i = 0; i < Tile::kTall; ++i) {
      const int row = layout::simt_spread(at.row, i, Tile::kThreadRows) - slab;
      if (row < 0 || row >= Tile::kSlab) continue;
#pragma unroll
      for (int j = 0; j < Tile::kWide; j += 4) {
        const T quad[4] = {acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]};
        const int to = layout::simt_spread(at.column, j, Tile::kThreadColumns);
        store_quad(shared + row * Tile::kStrideB + to, 4, true, quad);
      }
    }
    __syncthreads();
    finish_rows(target, part, shared, Tile::kStrideB, first + slab, Tile::kSlab, column,
                Tile::kColumns, thread, Tile::kThreads);
  }
}

// Steps [begin, end) of K. load(k): the pieces of a and b from step k on. `sums`: the thread's
// column of op(B) is added to `sum`.
template <class Tile, class A, class B, class Load>
__device__ __forceinline__ void multiply_steps(typename Tile::T* shared, int64_t begin, int64_t end,
                                               layout::ThreadAt at, int thread, A& a, B& b,
                                               Load&& load, bool sums, typename Tile::T& sum,
                                               typename Tile::T (&acc)[Tile::kTall][Tile::kWide]) {
  using T = typename Tile::T;
  load(begin);
  int buffer = 0;
#pragma unroll 1
  for (int64_t k = begin; k < end; k += Tile::kDepth) {
    T* tile_a = shared + buffer * Tile::kBuffer;
    T* tile_b = tile_a + Tile::kDepth * Tile::kStrideA;
    a.store(tile_a, Tile::kStrideA, thread);
    b.store(tile_b, Tile::kStrideB, thread);
    __syncthreads();  // the other buffer was read before the last barrier but one: it is free
    if (k + Tile::kDepth < end) load(k + Tile::kDepth);
    multiply_buffer<Tile>(tile_a, tile_b, at, acc);
    if (sums) {
#pragma unroll 1
      for (int i = 0; i < Tile::kDepth; ++i) sum += tile_b[i * Tile::kStrideB + thread];
    }
    buffer ^= 1;
  }
}

// Tile `tile` of C over part `part` of K.
template <class Tile, class S, bool kDeepA, bool kDeepB>
__device__ __forceinline__ void multiply_tile(const Operands<S>& p, const Outputs<S>& o,
                                              typename Tile::T* shared, layout::TileAt tile,
                                              int64_t part) {
  using T = typename Tile::T;
  const int thread = static_cast<int>(threadIdx.x);
  const layout::ThreadAt at = layout::simt_thread(thread, Tile::kThreadColumns);
  const int64_t row = tile.row * Tile::kRows, column = tile.column * Tile::kColumns;
  const int64_t begin = part * p.depth, end = least(p.k, begin + p.depth);
  const bool sums = o.sums != nullptr && tile.row == 0 && thread < Tile::kColumns;
  T acc[Tile::kTall][Tile::kWide] = {};
  T sum = 0;
  Fetch<Tile, S, Tile::kRows, kDeepA> a;
  Fetch<Tile, S, Tile::kColumns, kDeepB> b;
  a.start(p.a, p.a_stride, row, p.m, begin, thread);
  b.start(p.b, p.b_stride, column, p.n, begin, thread);
  const auto load = [&](int64_t k) {
    const int depth = static_cast<int>(most<int64_t>(0, least<int64_t>(Tile::kDepth, end - k)));
    a.load(p.a_stride, p.a_wide, depth, thread);
    b.load(p.b_stride, p.b_wide, depth, thread);
  };
  multiply_steps<Tile>(shared, begin, end, at, thread, a, b, load, sums, sum, acc);
  finish_tile<Tile, S>(o.target, part, shared, row, column, at, thread, acc);
  if (sums && column + thread < p.n) store_sum(o, part, column + thread, sum);
}

template <class Tile, class S, bool kDeepA, bool kDeepB>
__global__ void __launch_bounds__(Tile::kThreads, 512 / Tile::kThreads)
    gemm_simt(Operands<S> p, Outputs<S> o) {
  using T = typename Tile::T;
  PYDL_SHARED(T, shared, 2 * Tile::kBuffer);
  if (p.gate != nullptr && *p.gate == 0) return;
  const int64_t tile_rows = most<int64_t>(1, (p.m + Tile::kRows - 1) / Tile::kRows);
  const int64_t tile_columns = (p.n + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t tiles = tile_rows * tile_columns;
  const int64_t i = p.first + blockIdx.x;
  multiply_tile<Tile, S, kDeepA, kDeepB>(
      p, o, shared, layout::tile_at(i % tiles, tile_rows, tile_columns, layout::kBandTiles),
      i / tiles);
}

template <class Tile, class S = typename Tile::T>
void launch_simt(const Gemm& p, const Call& call, const int* gate) {
  static_assert(std::is_same_v<Computed<S>, typename Tile::T>);
  Operands<S> x = make_operands<S>(p, call, kVector<typename Tile::T>);
  x.gate = gate;
  const Outputs<S> o = make_outputs<S>(p, call, call.scratch);
  auto kernel = gemm_simt<Tile, S, true, false>;
  if (!p.transpose_a && p.transpose_b) kernel = gemm_simt<Tile, S, true, true>;
  if (p.transpose_a && !p.transpose_b) kernel = gemm_simt<Tile, S, false, false>;
  if (p.transpose_a && p.transpose_b) kernel = gemm_simt<Tile, S, false, true>;
  launch_tiles(kernel, tile_count<Tile>(p), dim3(Tile::kThreads), 0, call.stream, x, o);
  launch_merge(p, call, o);
}

}  // namespace pydl::PYDL_GPU
