// Which tile, and how many parts of K: by an estimate of clock cycles that is a function of the
// shape alone. Tested on the CPU.
#pragma once

#include "kernels/cuda/gemm.h"

namespace pydl::PYDL_GPU {

struct TileShape {
  int64_t rows, columns, step;  // parts of K are multiples of `step`
  double fma;                   // multiply-adds per clock of who works on it, as far as known
  int blocks = 1;               // resident on a processor
  int processors = 1;           // that work on one tile
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
                       static_cast<double>(p.n) * dtype_size(sum_dtype(p.dtype));
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

// --- gemm_mma, gemm_wgmma: whole tiles, and tiles whose steps of K are shared out
// (gemm_schedule.h)

struct StreamCut {
  int tile;
  layout::Schedule schedule;
  double clocks;
};

// `cut`: tiles of the last round are shared out, unless that leaves parts too short to pay.
inline layout::Schedule make_schedule(const Gemm& p, const TileShape& t, bool cut) {
  layout::Schedule s = {};
  s.tile_rows = ceil_div(p.m, t.rows);
  s.tile_columns = ceil_div(p.n, t.columns);
  s.steps = most<int64_t>(1, ceil_div(p.k, t.step));
  const int64_t tiles = layout::tile_total(s), parts = kPlannedProcessors / t.processors * t.blocks;
  const int64_t rest = tiles % parts;
  const int64_t most_workers = rest * (s.steps / ceil_div(kLeastDepth, t.step));
  const int64_t workers = least(parts, most_workers);
  const bool pays = cut && workers > rest;
  s.whole = pays ? tiles - rest : tiles;
  s.workers = pays ? workers : 0;
  return s;
}

inline double schedule_clocks(const TileShape& t, const layout::Schedule& s) {
  const int64_t together = kPlannedProcessors / t.processors;
  const double area = static_cast<double>(t.rows) * static_cast<double>(t.columns);
  const double depth = static_cast<double>(s.steps * t.step);
  const double rounds = static_cast<double>(ceil_div(s.whole, together));
  const double whole = rounds * area * (depth + kTileOverhead) / t.fma;
  if (s.workers == 0) return whole;
  const int64_t cut = layout::cut_tiles(s), longest = ceil_div(cut * s.steps, s.workers);
  const double parts = static_cast<double>(ceil_div(s.workers, together)) * area *
                       (static_cast<double>(longest * t.step) + 2 * kTileOverhead) / t.fma;
  const double bytes = 2 * area * static_cast<double>((s.workers + cut) * sizeof(float));
  return whole + parts + kMergeClocks + bytes / kBytesPerClock / kPlannedProcessors;
}

inline StreamCut choose_stream(const Gemm& p, const TileShape* tiles, int count, bool may_cut) {
  StreamCut best = {0, {}, -1};
  for (int tile = 0; tile < count; ++tile) {
    for (int cut = 0; cut <= (may_cut ? 1 : 0); ++cut) {
      const layout::Schedule s = make_schedule(p, tiles[tile], cut != 0);
      const double clocks = schedule_clocks(tiles[tile], s);
      if (best.clocks < 0 || clocks < best.clocks) best = {tile, s, clocks};
    }
  }
  return best;
}

}  // namespace pydl::PYDL_GPU
