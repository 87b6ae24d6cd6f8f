// The weight gradient: for each tap a product x^T grad_out whose depth is the places.
//
// Rows of a register tile are channels of x, columns filters. Places are taken in units, parts of
// a line of at most kUnitPlaces, and units in blocks whose x and grad_out stay in L2 while all
// taps, channels and filters of an item add their products to the gradient. Padded places are not
// visited. Few channels would leave tiles nearly empty: then x is copied with its padding, so that
// the taps of a window's row, neighbours in x, are the rows of one tile.
#pragma once

#include "kernels/cpu/conv_copy.h"
#include "kernels/cpu/conv_dense.h"
#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiled.h"

namespace pydl::PYDL_ISA {

struct GradW {
  Dense dense;                 // of the forward pass
  int64_t batch, groups;
  int64_t channels, filters;   // in all
  int64_t depth, columns;      // of a group: channels, filters
  bool flat;                   // x is copied, rows of a tile are (tap, channel)
  bool gathers;  // the item's channels of x are copied, place after place
  bool packs;                  // grad_out is copied to panels
  int64_t rows, taps;          // of a tile row's product: depth and the taps, or flat all and 1
  int64_t unit_places, parts;  // places of a unit, units of a line
  int64_t units, block;        // in all, in a block
  int64_t width, panels;       // of a panel, of a group
  int64_t x_per_place;         // elements of x for one of grad_out, about
  int64_t row_items, column_items;  // what a group is cut into
  int64_t item_pieces, depth_pieces, merge_pieces;
  bool column_sum;
};

// A unit of a block: where it lies in x, and in grad_out.
struct UnitAt {
  int64_t image;      // element of x where its image begins
  int64_t at[2];      // tap 0 along the first axes
  Range places;       // along the last
  int64_t row;        // of grad_out, all places counted
};

PYDL_INLINE int64_t items_of(const GradW& p) { return p.groups * p.row_items * p.column_items; }
PYDL_INLINE int64_t partial_size(const GradW& p) {
  return (p.dense.axis[0].taps * p.dense.axis[1].taps * p.taps * p.rows + p.column_sum) * p.filters;
}
// Pixels under a line of windows.
PYDL_INLINE int64_t copied_width(const GradW& p) {
  const DenseAxis& a = p.dense.axis[2];
  return (p.unit_places - 1) * a.step + a.taps;
}
PYDL_INLINE int64_t copied_size(const GradW& p) {
  return p.dense.axis[0].taps * p.dense.axis[1].taps * copied_width(p) * p.channels;
}

// Where the packed panel begins in a worker's memory.
PYDL_INLINE int64_t panel_offset(const GradW& p) {
  return ceil_div(p.block * static_cast<int64_t>(sizeof(UnitAt) + sizeof(Run)), 64) * 64;
}
PYDL_INLINE int64_t packed_size(const GradW& p) {
  return p.packs ? p.block * p.unit_places * p.width : 0;
}

// What a piece holds while it works.
template <class T>
struct Gradient {
  const GradW* p;
  const T* x;
  const T* grad_out;
  T* grad;      // the weight's, or a part of it
  T* sums;      // of grad_out's columns; null: not wanted
  UnitAt* units;
  Run* runs;
  T* panel;     // packed grad_out
  T* copied;    // flat: x of the block
  int64_t group;
  Range rows, panels;  // the item's part of a tap's rows, and of the group's panels
  Range block;
  int64_t ahead;  // elements of x from a block to the next, about
  bool first;     // of the piece's blocks
};

template <class T>
void place_units(Gradient<T>* s) {
  const GradW& p = *s->p;
  const DenseAxis* a = p.dense.axis;
  for (int64_t u = s->block.begin; u < s->block.end; ++u) {
    const int64_t line = u / p.parts;
    const int64_t place[2] = {line / a[1].places % a[0].places, line % a[1].places};
    UnitAt& unit = s->units[u - s->block.begin];
    unit.image =
        line / (a[0].places * a[1].places) * a[0].size * a[1].size * a[2].size * p.channels;
    for (int i = 0; i < 2; ++i) unit.at[i] = place[i] * a[i].step + a[i].first;
    unit.places = share(a[2].places, p.parts, u % p.parts);
    unit.row = line * a[2].places;
  }
}

PYDL_INLINE bool inside(const DenseAxis& a, int64_t at) { return at >= 0 && at < a.size; }

// copied[unit][taps of the first axes][width][channels], zeros where it lies outside of x.
template <class T>
void copy_units(const Gradient<T>& s) {
  const GradW& p = *s.p;
  const DenseAxis* a = p.dense.axis;
  const int64_t width = copied_width(p);
  for (int64_t u = 0; u < s.block.end - s.block.begin; ++u) {
    const UnitAt& unit = s.units[u];
    const int64_t begin = unit.places.begin * a[2].step + a[2].first;
    T* to = s.copied + u * copied_size(p);
    for (int64_t i = 0; i < a[0].taps; ++i) {
      for (int64_t j = 0; j < a[1].taps; ++j, to += width * p.channels) {
        const int64_t d = unit.at[0] + i * a[0].spacing, h = unit.at[1] + j * a[1].spacing;
        const bool there = inside(a[0], d) && inside(a[1], h);
        const int64_t line = unit.image + (d * a[1].size + h) * a[2].size * p.channels;
        copy_padded(s.x, there ? line : -1, a[2].size, begin, width, p.channels, to);
      }
    }
  }
}

// copied[place][rows of the item], of windows of one place; the next block's are fetched.
template <class T>
void gather_units(const Gradient<T>& s) {
  const GradW& p = *s.p;
  const DenseAxis* a = p.dense.axis;
  const int64_t rows = s.rows.end - s.rows.begin, step = a[2].step * p.channels;
  T* to = s.copied;
  for (int64_t u = 0; u < s.block.end - s.block.begin; ++u) {
    const UnitAt& unit = s.units[u];
    const int64_t line = (unit.at[0] * a[1].size + unit.at[1]) * a[2].size * p.channels;
    const T* from =
        s.x + unit.image + line + unit.places.begin * step + s.group * p.depth + s.rows.begin;
    for (int64_t w = unit.places.begin; w < unit.places.end; ++w, from += step, to += rows) {
      for (int64_t c = 0; c < rows; c += 64 / static_cast<int64_t>(sizeof(T))) {
        prefetch_far(from + s.ahead + c);
      }
      copy_run(from, rows, to);
    }
  }
}

// For tap (i, j, k): where the block's units see x.
template <class T>
int64_t list_units(const Gradient<T>& s, int64_t i, int64_t j, int64_t k, int64_t b_stride) {
  const GradW& p = *s.p;
  const DenseAxis* a = p.dense.axis;
  const Range places = p.flat ? Range{0, a[2].places} : places_of_tap(a[2], k);
  const int64_t first_row = s.units[0].row + s.units[0].places.begin;
  int64_t count = 0;
  for (int64_t u = 0; u < s.block.end - s.block.begin; ++u) {
    const UnitAt& unit = s.units[u];
    const int64_t d = unit.at[0] + i * a[0].spacing, h = unit.at[1] + j * a[1].spacing;
    if (!inside(a[0], d) || !inside(a[1], h)) continue;
    const Range here = common(places, unit.places);
    if (is_empty(here)) continue;
    Run& run = s.runs[count++];
    if (p.gathers) {
      run.a = (unit.row + here.begin - first_row) * (s.rows.end - s.rows.begin);
    } else if (p.flat) {
      run.a = u * copied_size(p) + (i * a[1].taps + j) * copied_width(p) * p.channels;
    } else {
      const int64_t w = here.begin * a[2].step + a[2].first + k * a[2].spacing;
      run.a = unit.image + ((d * a[1].size + h) * a[2].size + w) * p.channels;
    }
    run.b = (unit.row + here.begin - first_row) * b_stride;
    run.k = here.end - here.begin;
  }
  return count;
}

// All rows of the item for one tap and one panel at `t.tile.b`.
template <class T>
PYDL_INLINE void run_rows(const Gradient<T>& s, int64_t tap, int64_t column, int wide,
                          RunTile<T>* t) {
  const GradW& p = *s.p;
  const int vectors = wide > kLanes<T> ? kTileVectors : 1;
  const int64_t tiles = ceil_div(s.rows.end - s.rows.begin, kTileRows);
  t->tile.last = wide - (vectors - 1) * kLanes<T>;
  for (int64_t i = 0; i < tiles; ++i) {
    const Range rows = part_of(s.rows, tiles, i);
    t->tile.a = p.gathers ? s.copied + (rows.begin - s.rows.begin)
                : p.flat  ? s.copied + rows.begin
                          : s.x + s.group * p.depth + rows.begin;
    t->tile.c = s.grad + (tap * p.rows + rows.begin) * p.filters + s.group * p.columns + column;
    t->tile.addend = s.first ? nullptr : t->tile.c;
    t->next = t->tile.a + (t->count > 0 ? s.runs[0].a + s.ahead : 0);
    pick_runs<T>(static_cast<int>(rows.end - rows.begin), vectors, t->tile.last < kLanes<T>)(*t);
  }
}

// panel[count][width], while the next block's places are fetched.
template <class T>
void pack_places(const T* b, int64_t stride, int64_t count, int columns, int width, T* panel) {
  constexpr int L = kLanes<T>;
  const T* next = b + count * stride;
  for (int64_t i = 0; i < count; ++i, b += stride, next += stride, panel += width) {
    for (int j = 0; j < width; j += L) {
      prefetch_far(next + j);
      const int here = most(0, least(columns - j, L));
      store(panel + j, here == L ? load(b + j) : load_n(b + j, here));
    }
  }
}

// One panel of grad_out's columns in the block.
template <class T>
void run_panel(const Gradient<T>& s, int64_t panel) {
  const GradW& p = *s.p;
  const DenseAxis* a = p.dense.axis;
  const int64_t column = panel * p.width;
  const int wide = static_cast<int>(least(p.width, p.columns - column));
  const UnitAt& front = s.units[0];
  const UnitAt& back = s.units[s.block.end - s.block.begin - 1];
  const int64_t begin = front.row + front.places.begin;
  const int64_t count = back.row + back.places.end - begin;
  const T* grad_out = s.grad_out + begin * p.filters + s.group * p.columns + column;
  if (s.sums && s.rows.begin == 0) {
    sum_columns(grad_out, p.filters, count, wide, !s.first, s.sums + s.group * p.columns + column);
  }
  RunTile<T> t{};
  t.tile.b = grad_out;
  t.tile.b_stride = p.filters;
  if (p.packs) {
    pack_places(grad_out, p.filters, count, wide, static_cast<int>(p.width), s.panel);
    t.tile.b = s.panel;
    t.tile.b_stride = p.width;
  }
  t.tile.a_row = 1;
  t.tile.a_col = a[2].step * p.channels;
  if (p.gathers) t.tile.a_col = s.rows.end - s.rows.begin;
  t.next_step = p.flat || p.gathers ? 0 : t.tile.a_col;
  t.tile.c_stride = p.filters;
  t.runs = s.runs;
  int64_t tap = 0;
  for (int64_t i = 0; i < a[0].taps; ++i) {
    for (int64_t j = 0; j < a[1].taps; ++j) {
      for (int64_t k = 0; k < p.taps; ++k, ++tap) {
        t.count = list_units(s, i, j, k, t.tile.b_stride);
        run_rows(s, tap, column, wide, &t);
      }
    }
  }
}

// The units `depth` for one item: a group, a part of the rows of its taps, a part of its panels.
template <class T>
void run_item(Gradient<T>* s, Range depth, int64_t item) {
  const GradW& p = *s->p;
  const int64_t cells = p.row_items * p.column_items;
  s->group = item / cells;
  s->rows = share(p.rows, p.row_items, item % cells / p.column_items);
  s->panels = share(p.panels, p.column_items, item % p.column_items);
  const int64_t blocks = ceil_div(depth.end - depth.begin, p.block);
  for (int64_t i = 0; i < blocks; ++i) {
    s->block = part_of(depth, blocks, i);
    s->first = i == 0;
    place_units(s);
    const int64_t places = (s->block.end - s->block.begin) * p.unit_places;
    s->ahead = p.flat ? 0 : places * p.x_per_place;
    if (p.flat) copy_units(*s);
    if (p.gathers) gather_units(*s);
    for (int64_t panel = s->panels.begin; panel < s->panels.end; ++panel) run_panel(*s, panel);
  }
}

// Piece = a part of the depth, by a range of items.
template <class T>
void run_grad_w(const Call& call, int64_t piece) {
  const GradW& p = *static_cast<const GradW*>(call.params);
  const int64_t part = piece / p.item_pieces;
  const Range items = share(items_of(p), p.item_pieces, piece % p.item_pieces);
  Gradient<T> s{};
  s.p = &p;
  s.x = operand<T>(call, 0);
  s.grad_out = operand<T>(call, 1);
  const int64_t weights = partial_size(p) - p.column_sum * p.filters;
  if (p.depth_pieces > 1) {
    s.grad = reinterpret_cast<T*>(call.scratch) + part * partial_size(p);
    s.sums = p.column_sum ? s.grad + weights : nullptr;
  } else {
    s.grad = static_cast<T*>(call.out[0]);
    s.sums = p.column_sum ? static_cast<T*>(call.out[1]) : nullptr;
  }
  s.units = reinterpret_cast<UnitAt*>(call.worker);
  s.runs = reinterpret_cast<Run*>(s.units + p.block);
  s.panel = reinterpret_cast<T*>(call.worker + panel_offset(p));
  s.copied = s.panel + packed_size(p);
  const Range depth = share(p.units, p.depth_pieces, part);
  for (int64_t item = items.begin; item < items.end; ++item) run_item(&s, depth, item);
}

// Parts of the depth, added in order.
template <class T>
void run_merge_grad_w(const Call& call, int64_t piece) {
  const GradW& p = *static_cast<const GradW*>(call.params);
  const int64_t stride = partial_size(p), weights = stride - p.column_sum * p.filters;
  const T* partial = reinterpret_cast<const T*>(call.scratch);
  const Range mine = share(weights, p.merge_pieces, piece);
  const T* none = nullptr;
  add_parts(partial + mine.begin, stride, p.depth_pieces, none, mine.end - mine.begin,
            static_cast<T*>(call.out[0]) + mine.begin);
  if (p.column_sum && piece == 0) {
    add_parts(partial + weights, stride, p.depth_pieces, none, p.filters,
              static_cast<T*>(call.out[1]));
  }
}

}  // namespace pydl::PYDL_ISA
