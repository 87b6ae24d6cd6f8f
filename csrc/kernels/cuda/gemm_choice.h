// Which tile, and how many parts of K: by an estimate of clock cycles that is a function of the
// shape alone.
#pragma once

#include "kernels/cuda/gemm.h"

namespace pydl::PYDL_GPU {

struct TileShape {
  int64_t rows, columns, step;  // parts of K are multiples of `step`
  double fma;                   // multiply-adds per clock and processor, as far as known
};

struct Cut {
  int tile;
  int64_t splits, depth;
  double clocks;  // of the busiest processor
};

constexpr int64_t kMostSplits = 64, kLeastDepth = 128;
constexpr double kTileOverhead = 64;    // steps of K that starting and finishing a tile cost
constexpr double kMergeClocks = 4000;   // a second launch
constexpr double kBytesPerClock = 18;   // of memory, per processor

inline double tile_clocks(const Gemm& p, const TileShape& t, int64_t splits, int64_t depth) {
  const int64_t tiles = most<int64_t>(1, ceil_div(p.m, t.rows)) * ceil_div(p.n, t.columns);
  const double rounds = static_cast<double>(ceil_div(tiles * splits, kPlannedProcessors));
  const double area = static_cast<double>(t.rows) * static_cast<double>(t.columns);
  const double multiply = rounds * area * (static_cast<double>(depth) + kTileOverhead) / t.fma;
  if (splits == 1) return multiply;
  const double bytes = static_cast<double>(2 * splits) * static_cast<double>(p.m) *
                       static_cast<double>(p.n) * dtype_size(p.dtype);
  return multiply + kMergeClocks + bytes / kBytesPerClock / kPlannedProcessors;
}

inline Cut choose_cut(const Gemm& p, const TileShape* tiles, int count) {
  Cut best = {0, 1, p.k, -1};
  for (int tile = 0; tile < count; ++tile) {
    for (int64_t wanted = 1; wanted <= kMostSplits; wanted *= 2) {
      const int64_t depth = round_up(most<int64_t>(1, ceil_div(p.k, wanted)), tiles[tile].step);
      if (wanted > 1 && depth < kLeastDepth) break;
      const int64_t splits = most<int64_t>(1, ceil_div(p.k, depth));
      const double clocks = tile_clocks(p, tiles[tile], splits, depth);
      if (best.clocks < 0 || clocks < best.clocks) best = {tile, splits, depth, clocks};
    }
  }
  return best;
}

inline void apply_cut(const Cut& cut, Gemm* p) {
  p->tile = cut.tile;
  p->splits = cut.splits;
  p->depth = cut.depth;
}

}  // namespace pydl::PYDL_GPU
