// Implicit GEMM: a strip of places along the last spatial axis is the rows of a register tile, two
// vectors of filters its columns, the taps and channels of the window its depth.
//
// Places are step * channels elements apart, so a tile reads x where it lies. Where the taps of a
// window's row are neighbours in x they are one run of the depth. A tap outside of x at some of the
// places of a strip is left out of the whole tile, and added by a smaller tile over the other
// places; so padding costs nothing, not even tests.
#pragma once

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/gemm_epilogue.h"

namespace pydl::PYDL_ISA {

// A panel of filters.
struct PanelAt {
  int64_t group, column;  // of the group's
  int wide, vectors;
};

// What a piece works on: operands, a panel, and the line (all places of the last axis) whose strips
// are computed.
template <class T>
struct Strips {
  const Direct* p;
  const Dense* dense;
  const T* x;
  const T* panels;
  const T* bias;
  const T* residual;
  const T* grad_of;  // the operand `out` of an activation's gradient
  T* out;
  Finish finish;
  bool streams;  // whole tiles are stored past the caches
  bool finish_rows;  // the activation, or its gradient, is not the tile's
  Range inner;  // places of a line whose taps along the last axis are all inside x

  PanelAt panel;
  RunTile<T> tile;
  bool fetches;  // the first panel of a block
  RunsFn<T> run;  // for tiles of `tall` rows
  int64_t tall;

  int64_t image;  // element of x where the line's image begins
  int64_t origin;  // from there to tap 0 at place 0 of the line
  int64_t target;  // pixel of the result where the line begins
  Range taps[2];  // inside x, along the first two axes

  Run* runs;  // of the taps below
  int64_t count, total;  // how many, and how deep
  Range listed[kSpatial];
};

PYDL_INLINE bool equal(Range a, Range b) { return a.begin == b.begin && a.end == b.end; }

PYDL_INLINE int64_t pixel(const DenseAxis* a, int64_t i, int64_t j, int64_t k) {
  return (i * a[1].size + j) * a[2].size + k;
}

template <class T>
PYDL_INLINE void place_line(Strips<T>* s, int64_t line) {
  const DenseAxis* a = s->dense->axis;
  const int64_t place[2] = {line / a[1].places % a[0].places, line % a[1].places};
  const int64_t n = line / (a[0].places * a[1].places);
  int64_t at[2], to[2];
  for (int i = 0; i < 2; ++i) {
    at[i] = place[i] * a[i].step + a[i].first;
    to[i] = place[i] * a[i].out_step + a[i].out_first;
    s->taps[i] = taps_at(a[i], place[i]);
  }
  s->image = n * a[0].size * a[1].size * a[2].size * s->p->channels;
  s->origin = pixel(a, at[0], at[1], a[2].first) * s->p->channels;
  s->target =
      ((n * a[0].out_size + to[0]) * a[1].out_size + to[1]) * a[2].out_size + a[2].out_first;
}

// The runs of the line's taps along the first axes by `last` along the last.
template <class T>
void list_runs(Strips<T>* s, Range last) {
  if (equal(s->listed[0], s->taps[0]) && equal(s->listed[1], s->taps[1]) &&
      equal(s->listed[2], last)) {
    return;
  }
  s->listed[0] = s->taps[0];
  s->listed[1] = s->taps[1];
  s->listed[2] = last;
  const Direct& p = *s->p;
  const DenseAxis* a = s->dense->axis;
  const int64_t taps = last.end - last.begin;
  const bool joined = a[2].spacing == 1 && p.depth == p.channels;
  const int64_t runs = joined ? 1 : taps, depth = joined ? taps * p.depth : p.depth;
  s->count = s->total = 0;
  if (taps <= 0) return;
  for (int64_t i = s->taps[0].begin; i < s->taps[0].end; ++i) {
    for (int64_t j = s->taps[1].begin; j < s->taps[1].end; ++j) {
      for (int64_t k = last.begin; k < last.begin + runs; ++k) {
        s->runs[s->count++] = {
            pixel(a, i * a[0].spacing, j * a[1].spacing, k * a[2].spacing) * p.channels,
            ((i * a[1].taps + j) * a[2].taps + k) * p.depth * p.width, depth};
        s->total += depth;
      }
    }
  }
}

template <class T>
PYDL_INLINE void place_panel(Strips<T>* s, int64_t item) {
  const Direct& p = *s->p;
  const DenseAxis& a = s->dense->axis[2];
  PanelAt& at = s->panel;
  at.group = item / p.panels;
  at.column = item % p.panels * p.width;
  at.wide = static_cast<int>(least(p.width, p.columns - at.column));
  at.vectors = at.wide > kTileVectors * kLanes<T> ? kWideVectors
               : at.wide > kLanes<T>              ? kTileVectors
                                                  : 1;
  Tile<T>& tile = s->tile.tile;
  tile.a_row = a.step * p.channels;
  tile.a_col = 1;
  tile.b = s->panels + s->dense->panels + item * panel_size(p, *s->dense);
  tile.b_stride = p.width;
  tile.c_stride = a.out_step * p.filters;
  tile.last = at.wide - (at.vectors - 1) * kLanes<T>;
  s->tall = 0;
}

// The listed runs, for `places` of the line. The first tile of a place begins it, with bias and
// residual; the last one ends it.
template <class T>
PYDL_INLINE void run_tile(Strips<T>* s, Range places, bool begins, bool ends) {
  const Direct& p = *s->p;
  const DenseAxis& a = s->dense->axis[2];
  const int64_t channel = s->panel.group * p.columns + s->panel.column;
  const int64_t first = (s->target + places.begin * a.out_step) * p.filters + channel;
  const T* addend = begins ? s->residual : s->out;
  Tile<T>& tile = s->tile.tile;
  tile.a = s->x + s->image + s->panel.group * p.depth;
  tile.c = s->out + first;
  tile.bias = begins && s->bias ? s->bias + channel : nullptr;
  tile.addend = addend ? addend + first : nullptr;
  tile.out = s->grad_of ? s->grad_of + first : nullptr;
  tile.finish = ends ? s->finish : Finish::kStore;
  s->tile.streams = begins && ends && s->streams;
  s->tile.origin = s->origin + places.begin * a.step * p.channels;
  s->tile.runs = s->runs;
  s->tile.count = s->count;
  // The places that follow, under the last tap: the other panels find them in L2.
  s->tile.next = tile.a + s->tile.origin;
  s->tile.next_step = 0;
  if (s->fetches && s->count > 0) {
    const int64_t strip = (places.end - places.begin) * tile.a_row;
    s->tile.next += s->runs[s->count - 1].a + strip;
    s->tile.next_step = strip / s->total + 1;
  }
  const int64_t tall = places.end - places.begin;
  if (tall != s->tall) {
    s->run = pick_runs<T>(static_cast<int>(tall), s->panel.vectors, tile.last < kLanes<T>);
    s->tall = tall;
  }
  s->run(s->tile);
}

// Activations the tile does not know go over its rows once more.
template <class T>
void finish_strip(const Strips<T>& s, Range places) {
  const Direct& p = *s.p;
  for (int64_t q = places.begin; q < places.end; ++q) {
    const int64_t first = (s.target + q * s.dense->axis[2].out_step) * p.filters +
                          s.panel.group * p.columns + s.panel.column;
    activate_row(s.out + first, s.panel.wide, p.activation);
    if (s.grad_of) grad_row(s.out + first, s.grad_of + first, s.panel.wide, p.grad);
  }
}

// A strip with padded taps: those inside x at all places, then those inside at some.
template <class T>
void run_border(Strips<T>* s, Range places) {
  const DenseAxis& a = s->dense->axis[2];
  const Range front = taps_at(a, places.begin), back = taps_at(a, places.end - 1);
  Range whole = common(front, back);
  if (is_empty(whole)) whole = {front.end, front.end};
  const bool single = back.begin >= whole.begin && front.end <= whole.end;
  list_runs(s, whole);
  run_tile(s, places, true, single);
  if (single) return;
  for (int64_t tap = back.begin; tap < front.end; ++tap) {
    const Range some = common(places_of_tap(a, tap), places);
    if ((tap >= whole.begin && tap < whole.end) || is_empty(some)) continue;
    list_runs(s, {tap, tap + 1});
    run_tile(s, some, false, false);
  }
  if (s->finish == Finish::kStore) return;
  list_runs(s, {0, 0});
  run_tile(s, places, false, true);
}

template <class T>
PYDL_INLINE void run_strip(Strips<T>* s, Range places) {
  if (places.begin >= s->inner.begin && places.end <= s->inner.end) {
    list_runs(s, {0, s->dense->axis[2].taps});
    run_tile(s, places, true, true);
  } else {
    run_border(s, places);
  }
  if (s->finish_rows) finish_strip(*s, places);
}

// Strips [units) of all lines, for the panel.
template <class T>
void run_units(Strips<T>* s, Range units) {
  const int64_t strips = s->dense->strips, places = s->dense->axis[2].places;
  const int64_t base = places / strips, extra = places % strips;  // as `share` cuts
  int64_t line = units.begin / strips, strip = units.begin % strips;
  place_line(s, line);
  for (int64_t u = units.begin; u < units.end; ++u, ++strip) {
    if (strip == strips) {
      strip = 0;
      place_line(s, ++line);
    }
    const int64_t begin = strip * base + least(strip, extra);
    run_strip(s, {begin, begin + base + (strip < extra ? 1 : 0)});
  }
}

// A block of strips stays in L2 while the panels pass by.
template <class T>
void run_dense(Strips<T>* s, Range units, Range columns) {
  const DenseAxis& a = s->dense->axis[2];
  s->listed[0] = {-1, -1};
  s->inner = {places_of_tap(a, 0).begin, places_of_tap(a, a.taps - 1).end};
  const int64_t blocks = ceil_div(units.end - units.begin, s->p->unit_block);
  for (int64_t i = 0; i < blocks; ++i) {
    const Range block = part_of(units, blocks, i);
    for (int64_t item = columns.begin; item < columns.end; ++item) {
      place_panel(s, item);
      s->fetches = item == columns.begin;
      run_units(s, block);
    }
  }
}

PYDL_INLINE Finish strip_finish(const Direct& p) {
  if (p.activation == Activation::kRelu) return Finish::kRelu;
  return p.grad == Activation::kRelu ? Finish::kReluGrad : Finish::kStore;
}

// Piece = a range of strips of every dense problem, by a range of panels.
template <class T>
void run_direct(const Call& call, int64_t piece) {
  const Direct& p = *static_cast<const Direct*>(call.params);
  const Range columns = share(p.groups * p.panels, p.column_pieces, piece % p.column_pieces);
  Strips<T> s{};
  s.p = &p;
  s.x = p.pads ? reinterpret_cast<const T*>(call.scratch) : operand<T>(call, 0);
  s.panels = !p.packed   ? operand<T>(call, 1)
             : p.derived ? static_cast<const T*>(call.derived[0])
                         : reinterpret_cast<const T*>(call.scratch + p.scratch_filters);
  s.bias = operand<T>(call, p.bias);
  s.residual = operand<T>(call, p.residual);
  s.grad_of = operand<T>(call, p.out);
  s.out = static_cast<T*>(call.out[0]);
  s.finish = strip_finish(p);
  s.finish_rows = s.finish == Finish::kStore &&
                  (p.activation != Activation::kNone || p.grad != Activation::kNone);
  s.streams = p.streams && !s.finish_rows && reinterpret_cast<uintptr_t>(s.out) % kVectorBytes == 0;
  s.runs = reinterpret_cast<Run*>(call.worker);
  for (int i = 0; i < p.n_dense; ++i) {
    s.dense = &p.dense[i];
    const Range units = share(s.dense->units, p.unit_pieces, piece / p.column_pieces);
    if (!is_empty(units)) run_dense(&s, units, columns);
  }
  if (s.streams) stream_fence();
}

}  // namespace pydl::PYDL_ISA
