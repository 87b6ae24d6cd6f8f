// What the tensor-core kernels do with a finished piece of their schedule (gemm_schedule.h): a
// whole tile goes through the epilogue, a part of a cut one to its slot, and a second launch adds
// the parts of each cut tile in order.
#pragma once

#include "kernels/cuda/gemm_epilogue.cuh"
#include "kernels/cuda/gemm_schedule.h"

namespace pydl::PYDL_GPU {

template <class S, class E = Epilogue<S>>
struct StreamOutputs {
  E epilogue;
  S* sums;           // of op(B)'s columns; null: not wanted
  float* parts;      // [slots][rows of a tile][columns of a tile]
  float* part_sums;  // [slots][columns of a tile]
};

// Floats of scratch memory: the slots, then the slots of the sums.
inline int64_t stream_floats(const layout::Schedule& s, int64_t rows, int64_t columns, bool sums) {
  return layout::slot_count(s) * columns * (rows + (sums ? 1 : 0));
}

template <class S>
StreamOutputs<S> make_stream_outputs(const Gemm& p, const Call& call, const layout::Schedule& s,
                                     int64_t tile_elements, unsigned char* scratch) {
  StreamOutputs<S> o = {};
  o.epilogue = make_epilogue<S>(p, call);
  o.parts = reinterpret_cast<float*>(scratch);
  if (!p.column_sum) return o;
  o.sums = static_cast<S*>(call.out[1]);
  o.part_sums = o.parts + layout::slot_count(s) * tile_elements;
  return o;
}

// A piece's tile: the first row and column of C.
struct PiecePlace {
  int64_t row, column, slot;
};

// Rows [row, row + rows) and columns [column, column + columns) of a piece, from shared memory of
// row stride `stride`; thread `thread` of `threads`.
template <int kRows, int kColumns, class S, class E>
__device__ __forceinline__ void finish_piece(const StreamOutputs<S, E>& o, const PiecePlace& piece,
                                             const float* shared, int stride, int row, int rows,
                                             int column, int columns, int thread, int threads) {
  if (piece.slot == layout::kNotCut) {
    const Target<S, E> target = {o.epilogue, nullptr};
    return finish_rows(target, 0, shared, stride, piece.row + row, rows, piece.column + column,
                       columns, thread, threads);
  }
  float* part = o.parts + piece.slot * (kRows * kColumns) + row * kColumns + column;
  const int quads = columns / 4;
#pragma unroll 1
  for (int i = thread; i < rows * quads; i += threads) {
    const int r = i / quads, q = i % quads * 4;
    float v[4];
    load_quad(shared + r * stride + q, 4, true, v);
    store_quad(part + r * kColumns + q, 4, true, v);
  }
}

// The sum of op(B)'s column `column` of a piece's tile, by the tiles of the first row alone.
template <int kColumns, class S, class E>
__device__ __forceinline__ void finish_sum(const StreamOutputs<S, E>& o, const PiecePlace& piece,
                                           int column, float sum) {
  if (piece.slot != layout::kNotCut) {
    o.part_sums[piece.slot * kColumns + column] = sum;
  } else if (piece.column + column < o.epilogue.n) {
    o.sums[piece.column + column] = narrowed<S>(sum);
  }
}

// Four neighbours of all parts of cut tile `cut`, in order of K.
__device__ __forceinline__ void add_parts(const layout::Schedule& s, int64_t cut,
                                          const float* parts, int64_t slot_size, int64_t at,
                                          float (&sum)[4]) {
  const int64_t last = layout::last_worker(s, cut);
  int64_t worker = layout::first_worker(s, cut);
  load_quad(parts + layout::slot_of(s, cut, worker) * slot_size + at, 4, true, sum);
  for (++worker; worker <= last; ++worker) {
    float v[4];
    load_quad(parts + layout::slot_of(s, cut, worker) * slot_size + at, 4, true, v);
    for (int j = 0; j < 4; ++j) sum[j] += v[j];
  }
}

// A block for kMergeRows rows of a cut tile; one more for its sums.
constexpr int kMergeBlock = 256, kMergeRows = 16;

template <class S, class E>
__device__ __forceinline__ void merge_cut(const StreamOutputs<S, E>& o, const layout::Schedule& s,
                                          int rows, int columns) {
  const int blocks = rows / kMergeRows + (o.sums != nullptr ? 1 : 0), quads = columns / 4;
  const int64_t cut = blockIdx.x / blocks;
  const int part = static_cast<int>(blockIdx.x % blocks), thread = static_cast<int>(threadIdx.x);
  const layout::TileAt at = layout::place_of(s, s.whole + cut);
  const int64_t first_row = at.row * rows, first_column = at.column * columns;
  if (part * kMergeRows == rows) {
    if (at.row != 0) return;
    for (int i = thread; i < quads; i += kMergeBlock) {
      float sum[4];
      add_parts(s, cut, o.part_sums, columns, i * 4, sum);
      const PiecePlace place = {0, first_column, layout::kNotCut};
      for (int j = 0; j < 4; ++j) finish_sum<0>(o, place, i * 4 + j, sum[j]);
    }
    return;
  }
  for (int i = thread; i < kMergeRows * quads; i += kMergeBlock) {
    const int r = part * kMergeRows + i / quads, q = i % quads * 4;
    const int64_t row = first_row + r, column = first_column + q;
    if (row >= o.epilogue.m || column >= o.epilogue.n) continue;
    float sum[4];
    add_parts(s, cut, o.parts, int64_t{rows} * columns, int64_t{r} * columns + q, sum);
    finish_quad(o.epilogue, row, column, sum);
  }
}

template <class S>
__global__ void __launch_bounds__(kMergeBlock, 2)
    merge_stream(StreamOutputs<S> o, layout::Schedule s, int rows, int columns) {
  merge_cut(o, s, rows, columns);
}

// `kernel`: merge_stream, or one for another kind of outputs.
template <class O>
void launch_merge_of(void (*kernel)(O, layout::Schedule, int, int), const O& o,
                     const layout::Schedule& s, int rows, int columns, void* stream) {
  if (layout::cut_tiles(s) == 0) return;
  const int64_t blocks = layout::cut_tiles(s) * (rows / kMergeRows + (o.sums != nullptr ? 1 : 0));
  launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kMergeBlock), 0, stream, o, s, rows,
         columns);
}

template <class S>
void launch_stream_merge(const StreamOutputs<S>& o, const layout::Schedule& s, int rows,
                         int columns, void* stream) {
  launch_merge_of(merge_stream<S>, o, s, rows, columns, stream);
}

}  // namespace pydl::PYDL_GPU
