// conv_grad_w of 3x3 windows: which shapes, which pieces.
//
// A piece is a range of channels, a range of filters and a range of tiles. It transforms its
// channels of x and its filters of grad_out block by block, adds the products to its sums
// S[36][channels][filters], and at the end transforms those to 3x3 taps. Where tiles are cut, the
// taps are partial sums in scratch, added in order.
#include "kernels/cpu/gemm_tiled.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/winograd.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kMostPieces = 16;
constexpr int64_t kBlockTiles = 64;              // depth of the products
constexpr int64_t kPartChannels = 64, kPartFilters = 64;  // the sums of a piece stay in L2
constexpr int64_t kPartTiles = 64;                        // at least

// As for the other passes (winograd.cpp); every piece transforms for itself.
constexpr double kReadCost = 250, kGradCost = 200, kTapCost = 200, kGain = 1.1;

// The planes of a piece, in worker memory one after another.
template <class T>
struct Parts {
  Range tiles, channels, filters;
  Planes image, grad, sum;
  T *v, *w, *s, *zeros;
  T* taps;     // [3][3][channels][filters], of all of them
  T* columns;  // sums of grad_out; null: another piece's task
};

template <class T>
int64_t taps_stride(const Winograd& p) {  // of partial sums
  return (kTaps * kTaps * p.channels + (p.column_sum ? 1 : 0)) * p.filters;
}

// A range of whole units, the last one cut off at `total`.
Range share_units(int64_t total, int64_t unit, int64_t parts, int64_t i) {
  const Range range = share(ceil_div(total, unit), parts, i);
  return {range.begin * unit, least(range.end * unit, total)};
}
int64_t most_shared(int64_t total, int64_t unit, int64_t parts) {
  return ceil_div(ceil_div(total, unit), parts) * unit;
}

template <class T>
void size_planes(const Winograd& p, Parts<T>* part) {
  const int64_t channels = most_shared(p.channels, kLanes<T>, p.channel_parts);
  const int64_t filters = most_shared(p.filters, kTileVectors * kLanes<T>, p.filter_parts);
  part->image = planes_of<T>(p.block, channels, true);
  part->grad = planes_of<T>(p.block, filters, true);
  part->sum = planes_of<T>(channels, filters, true);
}
template <class T>
int64_t zeros_count(const Winograd& p) {
  return round_up(most(p.channels, p.filters), kLanes<T>);
}

template <class T>
Parts<T> part_of_piece(const Winograd& p, const Call& call, int64_t piece) {
  Parts<T> part;
  size_planes(p, &part);
  const int64_t channel_part = piece / p.filter_parts % p.channel_parts;
  const int64_t tile_part = piece / p.filter_parts / p.channel_parts;
  part.tiles = share(p.tiles, p.tile_parts, tile_part);
  part.channels = share_units(p.channels, kLanes<T>, p.channel_parts, channel_part);
  part.filters =
      share_units(p.filters, kTileVectors * kLanes<T>, p.filter_parts, piece % p.filter_parts);
  part.v = reinterpret_cast<T*>(call.worker);
  part.w = part.v + kPoints * part.image.plane;
  part.s = part.w + kPoints * part.grad.plane;
  part.zeros = part.s + kPoints * part.sum.plane;
  for (int64_t i = 0; i < zeros_count<T>(p); i += kLanes<T>) store(part.zeros + i, zero<T>());
  const int64_t taps = kTaps * kTaps * p.channels * p.filters;
  const bool whole = p.tile_parts == 1;
  part.taps = whole ? static_cast<T*>(call.out[0])
                    : reinterpret_cast<T*>(call.scratch) + tile_part * taps_stride<T>(p);
  part.columns = nullptr;
  if (p.column_sum && channel_part == 0) {
    part.columns = whole ? static_cast<T*>(call.out[1]) : part.taps + taps;
  }
  return part;
}

// S (+)= V^T W over a block of tiles, point by point.
template <class T>
void add_products(const Parts<T>& part, int64_t tiles, bool first) {
  constexpr int L = kLanes<T>;
  const int64_t channels = part.channels.end - part.channels.begin;
  const int64_t filters = part.filters.end - part.filters.begin;
  const int64_t parts = ceil_div(channels, kTileRows);
  Tile<T> t{};
  t.k = tiles;
  t.a_row = 1;
  t.a_col = part.image.row;
  t.b_stride = part.grad.row;
  t.ahead = kPrefetchRows * t.b_stride;
  t.c_stride = part.sum.row;
  t.finish = Finish::kStore;
  for (int point = 0; point < kPoints; ++point) {
    for (int64_t k = 0; k < filters; k += kTileVectors * L) {
      t.b = part.w + point * part.grad.plane + k;
      for (int64_t i = 0; i < parts; ++i) {
        const Range rows = share(channels, parts, i);
        t.a = part.v + point * part.image.plane + rows.begin;
        t.c = part.s + point * part.sum.plane + rows.begin * part.sum.row + k;
        t.addend = first ? nullptr : t.c;
        pick_micro<T>(static_cast<int>(rows.end - rows.begin), filters - k > L ? kTileVectors : 1,
                      Panel::kFull)(t);
      }
    }
  }
}

// The pixels of grad_out that a block of tiles holds, line by line while they are in cache.
template <class T>
void add_columns(const Winograd& p, const Parts<T>& part, const T* grad_out, Range tiles,
                 bool first) {
  const int filters = static_cast<int>(part.filters.end - part.filters.begin);
  for (int64_t i = tiles.begin; i < tiles.end; ++i) {
    const TilePlace place = place_of(p, i);
    const int64_t row = place.row * kInside, column = place.column * kInside;
    const int64_t wide = least<int64_t>(kInside, p.out_width - column);
    for (int64_t r = row; r < least(row + kInside, p.out_height); ++r) {
      const int64_t pixel = (place.image * p.out_height + r) * p.out_width + column;
      sum_columns(grad_out + pixel * p.filters + part.filters.begin, p.filters, wide, filters,
                  !first, part.columns + part.filters.begin);
      first = false;
    }
  }
}

template <class T>
void write_taps(const Winograd& p, const Parts<T>& part) {
  constexpr int L = kLanes<T>;
  const int64_t tap = p.channels * p.filters;
  for (int64_t c = part.channels.begin; c < part.channels.end; ++c) {
    const T* s = part.s + (c - part.channels.begin) * part.sum.row;
    for (int64_t k = part.filters.begin; k < part.filters.end; k += L, s += L) {
      T* to = part.taps + c * p.filters + k;
      const int count = static_cast<int>(least<int64_t>(L, part.filters.end - k));
      transform_square<TapLine, T>(
          [&](int r, int q) PYDL_EACH { return load(s + (r * kAround + q) * part.sum.plane); },
          [&](int r, int q, Vec<T> v) PYDL_EACH { store_n(to + (r * kTaps + q) * tap, v, count); });
    }
  }
}

template <class T>
void run_part(const Call& call, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  const Parts<T> part = part_of_piece<T>(p, call, piece);
  const T* grad_out = operand<T>(call, 1);
  const Images<T> x = {operand<T>(call, 0), part.zeros, p.height,     p.width,
                       p.channels,          p.low_rows, p.low_columns};
  const Images<T> g = {grad_out, part.zeros, p.out_height, p.out_width, p.filters, 0, 0};
  const int64_t blocks = ceil_div(part.tiles.end - part.tiles.begin, p.block);
  for (int64_t i = 0; i < blocks; ++i) {
    const Range tiles = part_of(part.tiles, blocks, i);
    transform_tiles<ImageLine>(p, x, tiles, part.channels, part.v, part.image);
    transform_tiles<GradLine>(p, g, tiles, part.filters, part.w, part.grad);
    if (part.columns) add_columns(p, part, grad_out, tiles, i == 0);
    add_products(part, tiles.end - tiles.begin, i == 0);
  }
  write_taps(p, part);
}

// Piece = rows of the weight, of `groups` pieces.
template <class T>
void run_merge_taps(const Call& call, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  const T* partial = reinterpret_cast<const T*>(call.scratch);
  const int64_t rows = kTaps * kTaps * p.channels;
  const Range range = share(rows, p.groups, piece);
  const T* none = nullptr;
  add_parts(partial + range.begin * p.filters, taps_stride<T>(p), p.tile_parts, none,
            (range.end - range.begin) * p.filters,
            static_cast<T*>(call.out[0]) + range.begin * p.filters);
  if (p.column_sum && piece == 0) {
    add_parts(partial + rows * p.filters, taps_stride<T>(p), p.tile_parts, none, p.filters,
              static_cast<T*>(call.out[1]));
  }
}

void choose_parts(Winograd* p) {
  p->channel_parts = ceil_div(p->channels, kPartChannels);
  p->filter_parts = ceil_div(p->filters, kPartFilters);
  const int64_t wanted = ceil_div(kMostPieces, p->channel_parts * p->filter_parts);
  p->tile_parts = most<int64_t>(1, least(wanted, p->tiles / kPartTiles));
  p->block = least(kBlockTiles, ceil_div(p->tiles, p->tile_parts));
}

template <class T>
void fill(Winograd* p, Bound* bound) {
  const int64_t size = sizeof(T);
  Parts<T> part;
  size_planes(*p, &part);
  bound->worker_bytes = planes_bytes<T>(part.image) + planes_bytes<T>(part.grad) +
                        planes_bytes<T>(part.sum) + zeros_count<T>(*p) * size;
  bound->phases[0] = {run_part<T>, p->channel_parts * p->filter_parts * p->tile_parts};
  bound->n_phases = 1;
  if (p->tile_parts == 1) return;
  bound->scratch_bytes = p->tile_parts * taps_stride<T>(*p) * size;
  const int64_t rows = kTaps * kTaps * p->channels;
  p->groups = ceil_div(rows, cut_pieces(rows, p->tile_parts * p->filters * size, 0, 1));
  bound->phases[1] = {run_merge_taps<T>, p->groups};
  bound->n_phases = 2;
}

bool is_worth_it(const Winograd& p) {
  const double c = static_cast<double>(p.channels), k = static_cast<double>(p.filters);
  const double tiles = static_cast<double>(p.tiles);
  const double reads = kReadCost * c * static_cast<double>(p.filter_parts) +
                       kGradCost * k * static_cast<double>(p.channel_parts);
  const double here =
      tiles * (kPoints * c * k + reads) + kTapCost * c * k * static_cast<double>(p.tile_parts);
  return here * kGain <= direct_products(p);
}

}  // namespace

const char* bind_winograd_grad_w(const OpView& op, Binder* binder, Bound* bound) {
  Winograd* p = alloc_params<Winograd>(binder);
  if (p == nullptr) return kOutOfMemory;
  bound->params = p;
  if (const char* reason = read_winograd(op, p)) return reason;
  choose_parts(p);
  if (!is_worth_it(*p)) return "too little work for the transforms";
  if (p->dtype == DType::kFloat32) {
    fill<float>(p, bound);
  } else {
    fill<double>(p, bound);
  }
  return nullptr;
}

}  // namespace pydl::PYDL_ISA
