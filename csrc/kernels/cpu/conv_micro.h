// The register tile of gemm_micro.h for a depth that comes in runs: contiguous parts of A, each
// with its part of a panel of B.
#pragma once

#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {

// Elements from where a tile's A and B begin, and how deep.
struct Run {
  int64_t a, b, k;
};

template <class T>
struct RunTile {
  Tile<T> tile;
  int64_t origin;  // added to every run's a: the first place of a window may lie outside of it
  const Run* runs;
  int64_t count;
  const T* next;   // what is fetched meanwhile, `next_step` elements further with each step
  int64_t next_step;
  bool streams;    // c is aligned, not read soon and larger than the caches
};

// What the tile reads or writes last is fetched while it multiplies.
template <class T, int MR, int NV>
PYDL_INLINE void fetch_rows(const T* c, int64_t stride) {
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < NV * kVectorBytes; j += 64) {
      prefetch(c + i * stride + j / static_cast<int>(sizeof(T)));
    }
  }
}

template <class T, int MR, int NV>
PYDL_INLINE void stream_tile(const Tile<T>& t, Vec<T> (&acc)[MR][NV]) {
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) stream(t.c + i * t.c_stride + j * kLanes<T>, acc[i][j]);
  }
}

template <class T, int MR, int NV>
PYDL_INLINE void multiply_run(const RunTile<T>& s, const Run& run, const T** next,
                              Vec<T> (&acc)[MR][NV]) {
  RowPointers<T, MR> a(s.tile.a + (s.origin + run.a), s.tile.a_row);
  const int64_t a_col = s.tile.a_col, b_stride = s.tile.b_stride, next_step = s.next_step;
  const T* b = s.tile.b + run.b;
  const T* fetched = *next;
  for (int64_t k = 0; k < run.k; ++k) {
    Vec<T> x[NV];
    prefetch_far(fetched);
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) {
      prefetch_far(b + kPrefetchBytes / static_cast<int>(sizeof(T)) + j * kLanes<T>);
      x[j] = load(b + j * kLanes<T>);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const Vec<T> w = a.broadcast(i);
#pragma GCC unroll 8
      for (int j = 0; j < NV; ++j) acc[i][j] = fma(w, x[j], acc[i][j]);
    }
    a.step(a_col);
    b += b_stride;
    fetched += next_step;
  }
  *next = fetched;
}

template <class T, int MR, int NV, bool kRagged>
void micro_runs(const RunTile<T>& s) {
  Vec<T> acc[MR][NV];
  if (!s.streams) fetch_rows<T, MR, NV>(s.tile.c, s.tile.c_stride);
  begin_tile<T, MR, NV, kRagged>(s.tile, acc);
  const T* next = s.next;
  for (int64_t i = 0; i < s.count; ++i) multiply_run(s, s.runs[i], &next, acc);
  finish_tile<T, MR, NV, kRagged>(s.tile, acc);
  if (!kRagged && s.streams) {
    stream_tile<T, MR, NV>(s.tile, acc);
  } else {
    store_tile<T, MR, NV, kRagged>(s.tile, acc);
  }
}

template <class T>
using RunsFn = void (*)(const RunTile<T>&);

template <class T, int NV, bool kRagged, int MR>
RunsFn<T> pick_runs_rows(int rows) {
  if constexpr (MR == 1) {
    return micro_runs<T, 1, NV, kRagged>;
  } else {
    return rows == MR ? micro_runs<T, MR, NV, kRagged>
                      : pick_runs_rows<T, NV, kRagged, MR - 1>(rows);
  }
}

// The kernel for `rows` rows (of four vectors at most kWideRows) and `vectors` (1, 2 or 4) vectors.
// Panels hold whole vectors: only what is laid out as C is ragged.
template <class T>
RunsFn<T> pick_runs(int rows, int vectors, bool ragged) {
  if (vectors == kWideVectors) {
    return ragged ? pick_runs_rows<T, kWideVectors, true, kWideRows>(rows)
                  : pick_runs_rows<T, kWideVectors, false, kWideRows>(rows);
  }
  if (vectors == kTileVectors) {
    return ragged ? pick_runs_rows<T, kTileVectors, true, kTileRows>(rows)
                  : pick_runs_rows<T, kTileVectors, false, kTileRows>(rows);
  }
  return ragged ? pick_runs_rows<T, 1, true, kTileRows>(rows)
                : pick_runs_rows<T, 1, false, kTileRows>(rows);
}

}  // namespace pydl::PYDL_ISA
