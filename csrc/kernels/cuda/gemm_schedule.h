// Who multiplies what: whole tiles of C, one after another, and the tiles that would not fill the
// device, whose steps of K are shared out evenly ("stream-K"). Pure functions, tested on the CPU.
//
// The number of workers is planned from the shape, never from the device at hand, and the parts of
// a tile are added in order of K: the bits are those of the shape.
#pragma once

#include "kernels/cuda/gemm_layout.h"

namespace pydl::layout {

struct Schedule {
  int64_t tile_rows, tile_columns;
  int64_t steps;    // of K, of each tile: at least 1
  int64_t whole;    // tiles that are not cut; the others are at most as many as the workers
  int64_t workers;  // of the others; 0: there are none. At most as many as they have steps
};

constexpr int64_t kNotCut = -1;

// What is multiplied in one go: steps [begin, end) of tile `tile`. Cut tiles have a slot for each
// part, two for each worker.
struct Piece {
  int64_t tile, begin, end, slot;
};

PYDL_LAYOUT int64_t tile_total(const Schedule& s) { return s.tile_rows * s.tile_columns; }
PYDL_LAYOUT int64_t cut_tiles(const Schedule& s) { return tile_total(s) - s.whole; }
PYDL_LAYOUT int64_t slot_count(const Schedule& s) { return 2 * s.workers; }

// Units of work, for blocks to take in turn: a whole tile, or what one worker has of the others.
PYDL_LAYOUT int64_t work_count(const Schedule& s) { return s.whole + s.workers; }
PYDL_LAYOUT int piece_count(const Schedule& s, int64_t work) { return work < s.whole ? 1 : 2; }

// Where a worker's steps begin, among those of all cut tiles. Its end is the next one's begin.
PYDL_LAYOUT int64_t worker_begin(const Schedule& s, int64_t worker) {
  return worker * (cut_tiles(s) * s.steps) / s.workers;
}

// The worker that has step `at` of all cut tiles' steps.
PYDL_LAYOUT int64_t worker_of(const Schedule& s, int64_t at) {
  return ((at + 1) * s.workers - 1) / (cut_tiles(s) * s.steps);
}

// Part `index` of a unit of work. A worker's steps lie in two tiles at most; the second part may
// be empty.
PYDL_LAYOUT Piece piece_of(const Schedule& s, int64_t work, int index) {
  if (work < s.whole) return {work, 0, s.steps, kNotCut};
  const int64_t worker = work - s.whole;
  const int64_t begin = worker_begin(s, worker), end = worker_begin(s, worker + 1);
  const int64_t tile = begin / s.steps, border = (tile + 1) * s.steps;
  const int64_t middle = border < end ? border : end;
  const int64_t from = index == 0 ? begin : middle, to = index == 0 ? middle : end;
  const int64_t start = (tile + index) * s.steps;
  return {s.whole + tile + index, from - start, to - start, worker * 2 + index};
}

// The slot of what `worker` has of cut tile `cut`, counted from the first one.
PYDL_LAYOUT int64_t slot_of(const Schedule& s, int64_t cut, int64_t worker) {
  return worker * 2 + (worker_begin(s, worker) / s.steps == cut ? 0 : 1);
}
PYDL_LAYOUT int64_t first_worker(const Schedule& s, int64_t cut) {
  return worker_of(s, cut * s.steps);
}
PYDL_LAYOUT int64_t last_worker(const Schedule& s, int64_t cut) {
  return worker_of(s, (cut + 1) * s.steps - 1);
}

// The tile's place, in bands of rows.
PYDL_LAYOUT TileAt place_of(const Schedule& s, int64_t tile) {
  return tile_at(tile, s.tile_rows, s.tile_columns, kBandTiles);
}

}  // namespace pydl::layout
