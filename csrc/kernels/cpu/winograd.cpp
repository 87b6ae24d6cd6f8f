// conv and conv_grad_x of 3x3 windows: which shapes, which pieces.
//
// Many tiles: the filters are transformed first (or are a derived buffer), and a piece is a block
// of tiles from reading to writing. Few tiles: those are transformed first, and a piece is a panel
// of filters, which it transforms for itself, over all tiles: less is read,
// but from further away.
#include "kernels/cpu/winograd.h"

#include "kernels/cpu/pieces.h"
#include "kernels/cpu/winograd_filters.h"
#include "kernels/cpu/winograd_output.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

// Tiles of a block: whole register tiles, V and M in L2; longer where the filters come from memory.
constexpr int64_t kBlockTiles = kTileRows == 14 ? 28 : 30, kDeepBlockTiles = 2 * kBlockTiles;
constexpr int64_t kDeepChannels = 384;
constexpr int64_t kFewBlocks = 8;
constexpr int64_t kSummed = 256;  // channels added up before they join the others: less is lost
constexpr int64_t kGroupChannels = 128;

// What a Winograd convolution costs beside its products, in products: transforming a channel of a
// tile, a filter of a tile, a filter's channel. And what it has to win, counted so.
constexpr double kReadCost = 250, kWriteCost = 200, kFilterCost = 250, kGain = 1.1;
constexpr int64_t kFewestChannels = 16;

template <class T>
Planes tile_planes(const Winograd& p) {
  return planes_of<T>(p.block, p.channels, true);
}
template <class T>
Planes product_planes(const Winograd& p) {
  return planes_of<T>(p.block, kFilterPanel<T>, false);
}

template <class T>
Images<T> images_of(const Winograd& p, const Call& call, T* zeros) {
  const int64_t row = round_up(p.channels, kLanes<T>);
  for (int64_t c = 0; c < row; c += kLanes<T>) store(zeros + c, zero<T>());
  return {operand<T>(call, 0), zeros, p.height, p.width, p.channels, p.low_rows, p.low_columns};
}

// M = V U for a block of tiles and a panel of filters, point by point.
template <class T>
void multiply_points(const Winograd& p, const T* v, const T* u, int64_t tiles, int vectors, T* m) {
  const Planes image = tile_planes<T>(p), filter = filter_planes<T>(p);
  const Planes product = product_planes<T>(p);
  Tile<T> t{};
  t.a_row = image.row;
  t.a_col = 1;
  t.b_stride = filter.row;
  t.ahead = kPrefetchBytes / static_cast<int64_t>(sizeof(T));
  t.c_stride = product.row;
  t.finish = Finish::kStore;
  const int64_t parts = ceil_div(tiles, kTileRows);
  const int64_t runs = ceil_div(p.channels, kSummed);
  for (int point = 0; point < kPoints; ++point) {
    int before = 0;
    MicroFn<T> run = nullptr;
    for (int64_t i = 0; i < parts; ++i) {
      const Range rows = share(tiles, parts, i);
      const int tall = static_cast<int>(rows.end - rows.begin);
      t.c = m + point * product.plane + rows.begin * product.row;
      if (tall != before) run = pick_micro<T>(tall, vectors, Panel::kFull);
      before = tall;
      for (int64_t j = 0; j < runs; ++j) {
        const Range depth = share(p.channels, runs, j);
        t.k = depth.end - depth.begin;
        t.a = v + point * image.plane + rows.begin * image.row + depth.begin;
        t.b = u + point * filter.plane + depth.begin * filter.row;
        t.addend = j > 0 ? t.c : nullptr;
        run(t);
      }
    }
  }
}

template <class T>
void run_panel(const Winograd& p, const Call& call, Range tiles, const T* v, int64_t panel,
               const T* u, T* m) {
  constexpr int L = kLanes<T>, kWide = kFilterPanel<T>;
  const int64_t first = panel * kWide;
  const int columns = static_cast<int>(least<int64_t>(kWide, p.filters - first));
  multiply_points(p, v, u, tiles.end - tiles.begin, columns > L ? kTileVectors : 1, m);
  write_tiles(p, call, tiles, first, columns, m, product_planes<T>(p));
}

// Many tiles, first phase: piece = a panel.
template <class T>
void run_filters(const Call& call, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  T* u = reinterpret_cast<T*>(call.scratch) + piece * kPoints * filter_planes<T>(p).plane;
  transform_panel(p, operand<T>(call, 1), piece, u);
}

template <class T>
void run_tile_block(const Call& call, const T* u, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  const Planes image = tile_planes<T>(p);
  T* v = reinterpret_cast<T*>(call.worker);
  T* m = v + kPoints * image.plane;
  const Images<T> x = images_of(p, call, m + kPoints * product_planes<T>(p).plane);
  const Range tiles = share(p.tiles, p.blocks, piece);
  transform_tiles<ImageLine>(p, x, tiles, Range{0, p.channels}, v, image);
  for (int64_t panel = 0; panel < panels_of<T>(p); ++panel) {
    run_panel(p, call, tiles, v, panel, u + panel * kPoints * filter_planes<T>(p).plane, m);
  }
}

// Second: piece = a block of tiles.
template <class T>
void run_blocks(const Call& call, int64_t piece) {
  run_tile_block(call, reinterpret_cast<const T*>(call.scratch), piece);
}
template <class T>
void run_blocks_derived(const Call& call, int64_t piece) {
  run_tile_block(call, static_cast<const T*>(call.derived[0]), piece);
}

// Few tiles, first phase: piece = some channels of a block of tiles.
template <class T>
void run_images(const Call& call, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  const Planes image = tile_planes<T>(p);
  const Images<T> x = images_of(p, call, reinterpret_cast<T*>(call.worker));
  const int64_t block = piece / p.groups;
  const Range vectors = share(ceil_div(p.channels, kLanes<T>), p.groups, piece % p.groups);
  const Range channels = {vectors.begin * kLanes<T>, least(vectors.end * kLanes<T>, p.channels)};
  T* v = reinterpret_cast<T*>(call.scratch) + block * kPoints * image.plane + channels.begin;
  transform_tiles<ImageLine>(p, x, share(p.tiles, p.blocks, block), channels, v, image);
}

// Second: piece = a panel.
template <class T>
void run_panels_of_filters(const Call& call, int64_t piece) {
  const Winograd& p = *static_cast<const Winograd*>(call.params);
  T* u = reinterpret_cast<T*>(call.worker);
  T* m = u + kPoints * filter_planes<T>(p).plane;
  transform_panel(p, operand<T>(call, 1), piece, u);
  for (int64_t block = 0; block < p.blocks; ++block) {
    const T* v =
        reinterpret_cast<const T*>(call.scratch) + block * kPoints * tile_planes<T>(p).plane;
    run_panel(p, call, share(p.tiles, p.blocks, block), v, piece, u, m);
  }
}

void choose_blocks(Winograd* p) {
  const int64_t most_tiles = p->channels >= kDeepChannels ? kDeepBlockTiles : kBlockTiles;
  p->blocks = ceil_div(p->tiles, most_tiles);
  p->blocks = most(p->blocks, least(kFewBlocks, ceil_div(p->tiles, kTileRows)));
  p->block = ceil_div(p->tiles, p->blocks);
}

template <class T>
void fill_by_tiles(const Winograd& p, bool constant, Bound* bound) {
  const int64_t zeros = round_up(p.channels, kLanes<T>) * static_cast<int64_t>(sizeof(T));
  const int64_t filters = panels_of<T>(p) * planes_bytes<T>(filter_planes<T>(p));
  bound->worker_bytes =
      planes_bytes<T>(tile_planes<T>(p)) + planes_bytes<T>(product_planes<T>(p)) + zeros;
  if (constant) {
    bound->derived[0] = {1, "transformed filters", filters, build_winograd_filters<T>};
    bound->n_derived = 1;
    bound->phases[bound->n_phases++] = {run_blocks_derived<T>, p.blocks};
    return;
  }
  bound->scratch_bytes = filters;
  bound->phases[bound->n_phases++] = {run_filters<T>, panels_of<T>(p)};
  bound->phases[bound->n_phases++] = {run_blocks<T>, p.blocks};
}

template <class T>
void fill_by_filters(Winograd* p, Bound* bound) {
  const int64_t zeros = round_up(p->channels, kLanes<T>) * static_cast<int64_t>(sizeof(T));
  p->groups = ceil_div(p->channels, kGroupChannels);
  bound->worker_bytes =
      most(zeros, planes_bytes<T>(filter_planes<T>(*p)) + planes_bytes<T>(product_planes<T>(*p)));
  bound->scratch_bytes = p->blocks * planes_bytes<T>(tile_planes<T>(*p));
  bound->phases[bound->n_phases++] = {run_images<T>, p->blocks * p->groups};
  bound->phases[bound->n_phases++] = {run_panels_of_filters<T>, panels_of<T>(*p)};
}

template <class T>
void fill(Winograd* p, bool constant, Bound* bound) {
  choose_blocks(p);
  if (2 * p->tiles >= p->filters) {
    fill_by_tiles<T>(*p, constant, bound);
  } else {
    fill_by_filters<T>(p, bound);
  }
}

bool is_worth_it(const Winograd& p) {
  const double c = static_cast<double>(p.channels), k = static_cast<double>(p.filters);
  const double tiles = static_cast<double>(p.tiles);
  const double here =
      tiles * (kPoints * c * k + kReadCost * c + kWriteCost * k) + kFilterCost * c * k;
  return here * kGain <= direct_products(p);
}

const char* bind_winograd(const OpView& op, Binder* binder, Bound* bound) {
  Winograd* p = alloc_params<Winograd>(binder);
  if (p == nullptr) return kOutOfMemory;
  bound->params = p;
  if (const char* reason = read_winograd(op, p)) return reason;
  if (!is_worth_it(*p)) return "too little work for the transforms";
  if (p->dtype == DType::kFloat32) {
    fill<float>(p, op.in[1].constant, bound);
  } else {
    fill<double>(p, op.in[1].constant, bound);
  }
  return nullptr;
}

bool is_three_by_three(const ConvShape& s) {
  for (int axis = 1; axis < kSpatial; ++axis) {
    if (s.window[axis] != kTaps || s.strides[axis] != 1 || s.dilations[axis] != 1) return false;
  }
  return true;
}

// The image read and the one written; of conv_grad_x they change places.
void read_images(const OpView& op, const ConvShape& s, Winograd* p) {
  p->turned = op.op == Opcode::conv_grad_x;
  const int64_t (&from)[kSpatial] = p->turned ? s.places : s.size;
  const int64_t (&to)[kSpatial] = p->turned ? s.size : s.places;
  p->batch = s.batch;
  p->height = from[1];
  p->width = from[2];
  p->out_height = to[1];
  p->out_width = to[2];
  p->channels = p->turned ? s.filters : s.channels;
  p->filters = p->turned ? s.channels : s.filters;
  p->low_rows = p->turned ? kTaps - 1 - s.low[1] : s.low[1];
  p->low_columns = p->turned ? kTaps - 1 - s.low[2] : s.low[2];
  p->down = ceil_div(p->out_height, kInside);
  p->across = ceil_div(p->out_width, kInside);
  p->tiles = p->batch * p->down * p->across;
}

// Taps of all windows along a side that lie inside the image read.
int64_t taps_inside(int64_t size, int64_t places, int64_t low) {
  int64_t count = 0;
  for (int64_t tap = 0; tap < kTaps; ++tap) {
    const int64_t end = least(places, size + low - tap), begin = most<int64_t>(0, low - tap);
    count += most<int64_t>(0, end - begin);
  }
  return count;
}

}  // namespace

double direct_products(const Winograd& p) {
  const int64_t taps = taps_inside(p.height, p.out_height, p.low_rows) *
                       taps_inside(p.width, p.out_width, p.low_columns);
  return static_cast<double>(p.batch * taps) * static_cast<double>(p.channels) *
         static_cast<double>(p.filters);
}

const char* read_winograd(const OpView& op, Winograd* p) {
  p->dtype = op.in[0].dtype;
  if (p->dtype != DType::kFloat32 && p->dtype != DType::kFloat64) return "float32 and float64 only";
  if (op.precision == Precision::kExact) return "precision is exact";
  if (op.in[0].rank != 4) return "not two spatial axes";
  const ConvShape s = conv_shape(op);
  if (!is_three_by_three(s)) return "not 3x3 with strides and dilations of 1";
  if (s.groups != 1) return "groups of channels";
  read_images(op, s, p);
  if (p->batch == 0) return "empty";
  if (least(p->channels, p->filters) < kFewestChannels) return "fewer than 16 channels or filters";
  p->bias = s.bias;
  p->residual = s.residual;
  p->out = s.out;
  p->column_sum = s.column_sum;
  const Activation activation = parse_activation(s.activation);
  (p->turned ? p->grad : p->activation) = activation;
  return nullptr;
}

const Candidate kWinogradCandidates[] = {
    {Opcode::conv, "conv_winograd", bind_winograd},
    {Opcode::conv_grad_x, "conv_winograd", bind_winograd},
    {Opcode::conv_grad_w, "conv_winograd", bind_winograd_grad_w},
};
extern const Family kWinogradFamily = {kWinogradCandidates, 3};

}  // namespace pydl::PYDL_ISA
