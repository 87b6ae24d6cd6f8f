// The register tile of gemm_micro.h for a depth that comes in runs: contiguous parts of A, each
// with its part of a panel of B.
#pragma once

#include "kernels/cpu/gemm_micro.h"

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
};

template <class T, int MR, int NV, bool kRagged>
void micro_runs(const RunTile<T>& s) {
  Vec<T> acc[MR][NV];
  begin_tile<T, MR, NV, kRagged>(s.tile, acc);
  Tile<T> t = s.tile;
  for (int64_t i = 0; i < s.count; ++i) {
    const Run run = s.runs[i];
    t.a = s.tile.a + (s.origin + run.a);
    t.b = s.tile.b + run.b;
    t.k = run.k;
    multiply<T, MR, NV, false, false>(t, acc);
  }
  finish_tile<T, MR, NV, kRagged>(s.tile, acc);
  store_tile<T, MR, NV, kRagged>(s.tile, acc);
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
