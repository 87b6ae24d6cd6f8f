// conv, conv_grad_x, conv_grad_w: which kernel, which blocks, which pieces.
#include "kernels/conv.h"

#include "kernels/cpu/conv_direct.h"
#include "kernels/cpu/conv_grad_w.h"
#include "kernels/cpu/conv_planes_w.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kMostPieces = 16;
constexpr double kPieceFlops = 600e3;  // about 5 us
constexpr int64_t kMostDense = 64;

// A strip of 14 places and 32 filters takes 28 cycles for each tap and channel, 896 FLOP, and reads
// 128 bytes of the panel for it and at most 14 lines of x for 16 of them: L2 gives ten times that.
// So x of a block of strips stays there, and each panel passes by once a block. Filters that do not
// stay in L2 as well come from L3, once a block: longer blocks.
constexpr int64_t kBlockBytes = 128 * 1024, kLongBlockBytes = 384 * 1024;
constexpr int64_t kFiltersBytes = 256 * 1024;

// Places this many bytes apart lie in one set of an L1 of eight ways, which holds six of them
// beside what passes by: tiles of few rows and four vectors.
constexpr int64_t kPlaceAlias = 4096;
constexpr int kSetWays = 8;

// Of a depth up to this a tile is over so soon that those at borders, and what the stores of one
// keep the loads of the next waiting for, would cost more than a padded copy of x.
constexpr int64_t kShallow = 256;

// From here on packing the filters pays for windows of one place.
constexpr int64_t kManyRows = 512;

// An item of the weight gradient, 64 channels by 64 filters, takes 256 cycles for a place and tap
// and 512 bytes of x and grad_out for a place and all taps. Its part of the gradient, 16 KB a tap,
// is read and written once a block; so a block of 256 KB, 512 places, spends 2 % on that. With
// fewer taps an item is larger, since reading the places is what takes the time then.
constexpr int64_t kItemSide = 64, kMostItemPieces = 64;
constexpr int64_t kPlacesBytes = 256 * 1024;
constexpr int64_t kFewPlaces = 128, kManyPlaces = 1024;
constexpr int64_t kAliasBytes = 1024;  // rows of grad_out as long share few sets of L1
constexpr int64_t kMostCopied = 512 * 1024;
constexpr int64_t kMergeElements = 16384;

constexpr int64_t kTurnedBytes = 48 * 1024;  // of grad_out, read by every line of the window

const char* read_shape(const OpView& op, ConvShape* shape) {
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "float32 and float64 only";
  for (int i = 0; i < op.n_in; ++i) {
    if (op.in[i].count == 0) return "empty";
  }
  if (op.out[0].count == 0) return "empty";
  *shape = conv_shape(op);
  return nullptr;
}

double work(const ConvShape& p) {
  return 2.0 * static_cast<double>(p.batch) * static_cast<double>(volume(p.places)) *
         static_cast<double>(volume(p.window)) * static_cast<double>(p.channels / p.groups) *
         static_cast<double>(p.filters);
}

int64_t pieces_worth(const ConvShape& p) {
  const double wanted = work(p) < kSerialFlops ? 1 : work(p) / kPieceFlops + 1.5;
  return wanted > static_cast<double>(kMostPieces) ? kMostPieces : static_cast<int64_t>(wanted);
}

// conv_gemm: windows of one place, and windows as large as x, are products of matrices.

// Whether the first axes have windows of one place, and the others only one window.
bool is_product(const ConvShape& p) {
  bool covered = false;
  for (int i = 0; i < kSpatial; ++i) {
    const bool point = p.window[i] == 1 && p.strides[i] == 1 && p.places[i] == p.size[i];
    const bool cover =
        p.places[i] == 1 && p.window[i] == p.size[i] && (p.dilations[i] == 1 || p.window[i] == 1);
    if (p.low[i] != 0 || !(cover || (point && !covered))) return false;
    covered = covered || !point;
  }
  return p.groups == 1;
}

// Windows of one place: all places of all images are one line.
bool is_points(const ConvShape& p) {
  bool points = true;
  for (int i = 0; i < kSpatial; ++i) {
    points = points && p.window[i] == 1 && p.strides[i] == 1 && p.low[i] == 0 &&
             p.places[i] == p.size[i];
  }
  return points;
}
void join_axes(ConvShape* p) {
  const int64_t places = p->batch * volume(p->places);
  for (int i = 0; i < kSpatial; ++i) p->size[i] = p->places[i] = 1;
  p->batch = 1;
  p->size[kSpatial - 1] = p->places[kSpatial - 1] = places;
}

// out = x weight; grad_x = grad_out weight^T; grad_weight = x^T grad_out.
Gemm product_of(const OpView& op, const ConvShape& shape) {
  Gemm p = {};
  const int64_t rows = shape.batch * volume(shape.places);
  const int64_t depth = volume(shape.window) * shape.channels;
  const bool to_x = op.op == Opcode::conv_grad_x, to_w = op.op == Opcode::conv_grad_w;
  p.m = to_w ? depth : rows;
  p.n = to_x ? depth : shape.filters;
  p.k = to_w ? rows : to_x ? shape.filters : depth;
  p.batch = 1;
  p.a_row = to_w ? 1 : p.k;
  p.a_col = to_w ? p.m : 1;
  p.b_stride = shape.filters;
  p.transpose_b = to_x;
  p.bias = shape.bias;
  p.residual = shape.residual;
  p.out = shape.out;
  p.seed = -1;
  const Activation activation = parse_activation(shape.activation);
  (to_x ? p.grad : p.activation) = activation;
  p.column_sum = shape.column_sum;
  p.b_constant = op.in[1].constant && !to_w;
  p.dtype = op.in[0].dtype;
  return p;
}

const char* bind_gemm(const OpView& op, Binder* binder, Bound* bound) {
  ConvShape shape;
  if (const char* reason = read_shape(op, &shape)) return reason;
  if (!is_product(shape)) return "windows of more than one place, strides, padding or groups";
  const Gemm product = product_of(op, shape);
  const int64_t rows = shape.batch * volume(shape.places);
  if (is_points(shape) && rows >= kManyRows) return "enough places to pack the filters for";
  return bind_product(product, binder, bound);
}

// conv_direct, of the forward pass and the input gradient.

template <class T>
void choose_direct_pieces(const ConvShape& shape, const OpView& op, Direct* p, Dense* dense) {
  const int64_t size = sizeof(T), items = p->groups * p->panels;
  int64_t units = 0, strip = 1, packed = 0;
  for (int i = 0; i < p->n_dense; ++i) {
    Dense& d = dense[i];
    d.panels = packed;
    packed += items * panel_size(*p, d);
    d.strips = ceil_div(d.axis[2].places, p->strip);
    d.units = p->batch * d.axis[0].places * d.axis[1].places * d.strips;
    units = most(units, d.units);
    if (d.strips > 0) strip = most(strip, ceil_div(d.axis[2].places, d.strips));
  }
  const int64_t wanted = pieces_worth(shape);
  const int64_t filters = op.in[1].count, images = op.in[0].count + op.out[0].count;
  if (filters > images) {  // a thread keeps to its filters, else to its images
    p->column_pieces = least(items, wanted);
    p->unit_pieces = least(units, wanted / p->column_pieces);
  } else {
    p->unit_pieces = least(units, wanted);
    p->column_pieces = least(items, wanted / p->unit_pieces);
  }
  const DenseAxis* a = dense[0].axis;
  const int64_t unit_bytes =
      strip * a[2].step * least(a[1].step, a[1].taps + 1) * p->channels * size;
  const int64_t block = filters * size > kFiltersBytes ? kLongBlockBytes : kBlockBytes;
  p->unit_block = most<int64_t>(1, block / most<int64_t>(1, unit_bytes));
  p->pack_pieces = packed * size < kSerialBytes ? 1 : least(items, kMostPieces);
}

int64_t packed_elements(const Direct& p) {
  int64_t taps = 0;
  for (int i = 0; i < p.n_dense; ++i) taps += taps_of(p.dense[i]);
  return taps * p.groups * p.panels * p.depth * p.width;
}

// Whether the places of a full strip would share too few sets of L1.
template <class T>
bool places_alias(const Direct& p) {
  const int64_t apart = p.dense->axis[2].step * p.channels * static_cast<int64_t>(sizeof(T));
  const int64_t places = p.dense->axis[2].places;
  const int64_t strip = ceil_div(places, ceil_div(places, kTileRows));
  return strip >= kSetWays && apart % kPlaceAlias == 0 && p.columns > kTileVectors * kLanes<T>;
}

template <class T>
void fill_direct(const ConvShape& shape, const OpView& op, Direct* p, Dense* dense, Bound* bound) {
  constexpr int L = kLanes<T>;
  const bool wide = places_alias<T>(*p);
  p->width = p->columns <= L ? L : (wide ? kWideVectors : kTileVectors) * L;
  p->strip = wide ? kWideRows : kTileRows;
  p->panels = ceil_div(p->columns, p->width);
  p->packed = p->turned || p->groups > 1 || p->columns != p->width;
  choose_direct_pieces<T>(shape, op, p, dense);
  p->streams =
      p->columns % L == 0 && op.out[0].count * static_cast<int64_t>(sizeof(T)) >= kStreamBytes;
  const int64_t size = sizeof(T), bytes = packed_elements(*p) * size;
  bound->params = p;
  if (p->pads) {
    const int64_t copy = p->batch * volume(p->padded) * p->channels * size;
    bound->scratch_bytes = ceil_div(copy, 64) * 64;
    p->pad_pieces =
        copy < kSerialBytes ? 1 : least(kMostPieces, p->batch * p->padded[0] * p->padded[1]);
    bound->phases[bound->n_phases++] = {run_pad<T>, p->pad_pieces};
  }
  p->scratch_filters = bound->scratch_bytes;
  if (p->packed && op.in[1].constant) {
    p->derived = true;
    bound->derived[bound->n_derived++] = {1, "panels of filters", bytes, build_filters<T>};
  } else if (p->packed) {
    bound->scratch_bytes += bytes;
    bound->phases[bound->n_phases++] = {run_pack_filters<T>, p->pack_pieces};
  }
  bound->worker_bytes = volume(shape.window) * static_cast<int64_t>(sizeof(Run));
  bound->phases[bound->n_phases++] = {run_direct<T>, p->unit_pieces * p->column_pieces};
}

// The dense problems of an input gradient, one for each residue modulo the strides.
void fill_phases(const ConvShape& shape, Dense* dense) {
  int64_t count[kSpatial];
  for (int i = 0; i < kSpatial; ++i) count[i] = least(shape.strides[i], shape.size[i]);
  for (int64_t i = 0; i < count[0]; ++i) {
    for (int64_t j = 0; j < count[1]; ++j) {
      for (int64_t k = 0; k < count[2]; ++k, ++dense) {
        dense->axis[0] = phase_axis(shape, 0, i);
        dense->axis[1] = phase_axis(shape, 1, j);
        dense->axis[2] = phase_axis(shape, 2, k);
      }
    }
  }
}

// The windows of a shallow problem on x with its padding around it, or on x.
void fill_forward(const ConvShape& shape, Direct* p, Dense* dense) {
  bool padded = false;
  for (int i = 0; i < kSpatial; ++i) {
    DenseAxis& a = dense->axis[i];
    a = forward_axis(shape, i);
    const int64_t reach = (a.places - 1) * a.step + (a.taps - 1) * a.spacing + 1;
    padded = padded || a.first < 0 || a.first + reach > a.size;
    p->image[i] = a.size;
    p->low[i] = -a.first;
    p->padded[i] = reach;
  }
  const int64_t depth = taps_of(*dense) * p->depth;
  p->pads = padded && p->groups == 1 && depth <= kShallow && 2 * p->channels <= p->filters;
  if (!p->pads) return;
  for (int i = 0; i < kSpatial; ++i) {
    dense->axis[i].size = p->padded[i];
    dense->axis[i].first = 0;
  }
}

const char* bind_direct(const OpView& op, Binder* binder, Bound* bound) {
  ConvShape shape;
  if (const char* reason = read_shape(op, &shape)) return reason;
  if (is_points(shape)) join_axes(&shape);
  const bool to_x = op.op == Opcode::conv_grad_x;
  int64_t count = 1;
  for (int i = 0; i < kSpatial && to_x; ++i) {
    count *= least(least(shape.strides[i], shape.size[i]), kMostDense + 1);
    if (count > kMostDense) return "strides too large for a problem of each residue";
  }
  Direct* p = static_cast<Direct*>(bind_alloc(binder, sizeof(Direct)));
  const size_t bytes = sizeof(Dense) * static_cast<size_t>(count);
  Dense* dense = static_cast<Dense*>(bind_alloc(binder, bytes));
  if (!p || !dense) return kOutOfMemory;
  p->batch = shape.batch;
  p->groups = shape.groups;
  p->channels = to_x ? shape.filters : shape.channels;
  p->filters = to_x ? shape.channels : shape.filters;
  p->depth = p->channels / p->groups;
  p->columns = p->filters / p->groups;
  p->turned = to_x;
  p->bias = shape.bias;
  p->residual = shape.residual;
  p->out = shape.out;
  (to_x ? p->grad : p->activation) = parse_activation(shape.activation);
  p->n_dense = static_cast<int>(count);
  p->dense = dense;
  if (to_x) {
    fill_phases(shape, dense);
  } else {
    fill_forward(shape, p, dense);
  }
  if (op.in[0].dtype == DType::kFloat32) {
    fill_direct<float>(shape, op, p, dense, bound);
  } else {
    fill_direct<double>(shape, op, p, dense, bound);
  }
  return nullptr;
}

// conv_planes.

const char* refuse_planes(const ConvShape& shape, DType dtype) {
  if (shape.groups > 1) return "groups";
  if (shape.residual >= 0) return "a residual to add";
  if (shape.channels > kMostChannels) return "more than four channels";
  if (shape.strides[kSpatial - 1] != 1) return "strides along the last axis";
  const int64_t lanes = kVectorBytes / dtype_size(dtype);
  return 2 * shape.filters > lanes || shape.filters > kTileRows ? "filters fill vectors" : nullptr;
}

// Whole vectors are read, so lines are followed by some.
void fill_planes_shape(const ConvShape& shape, int64_t width, Planes* p) {
  for (int i = 0; i < kSpatial; ++i) {
    const DenseAxis a = forward_axis(shape, i);
    p->axis[i] = a;
    p->padded[i] = (a.places - 1) * a.step + (a.taps - 1) * a.spacing + 1;
  }
  p->padded[kSpatial - 1] += width;
  p->batch = shape.batch;
  p->channels = shape.channels;
  p->filters = shape.filters;
  p->bias = shape.bias;
  p->activation = parse_activation(shape.activation);
}

template <class T>
void fill_planes(const ConvShape& shape, Planes* p, Bound* bound) {
  fill_planes_shape(shape, kPanelWidth<T>, p);
  const int64_t size = sizeof(T), lines = p->batch * p->padded[0] * p->padded[1];
  bound->scratch_bytes = lines * p->channels * p->padded[2] * size;
  bound->worker_bytes = volume(shape.window) * p->channels * static_cast<int64_t>(sizeof(Run));
  p->copy_pieces = bound->scratch_bytes < kSerialBytes ? 1 : least(kMostPieces, lines);
  p->pieces = least(pieces_worth(shape), p->batch * p->axis[0].places * p->axis[1].places);
  bound->params = p;
  bound->phases[bound->n_phases++] = {run_copy_planes<T>, p->copy_pieces};
  bound->phases[bound->n_phases++] = {run_planes<T>, p->pieces};
}

const char* bind_planes(const OpView& op, Binder* binder, Bound* bound) {
  ConvShape shape;
  if (const char* reason = read_shape(op, &shape)) return reason;
  if (const char* reason = refuse_planes(shape, op.in[0].dtype)) return reason;
  Planes* p = static_cast<Planes*>(bind_alloc(binder, sizeof(Planes)));
  if (!p) return kOutOfMemory;
  if (op.in[0].dtype == DType::kFloat32) {
    fill_planes<float>(shape, p, bound);
  } else {
    fill_planes<double>(shape, p, bound);
  }
  return nullptr;
}

template <class T>
void fill_planes_w(const ConvShape& shape, PlanesW* p, Bound* bound) {
  constexpr int L = kLanes<T>;
  Planes& x = p->x;
  fill_planes_shape(shape, L, &x);
  const int64_t size = sizeof(T), lines = x.batch * x.padded[0] * x.padded[1];
  const int64_t copied = lines * x.channels * x.padded[2];
  p->lines = x.batch * x.axis[0].places * x.axis[1].places;
  p->stride = ceil_div(x.axis[2].places, L) * L;
  p->block = clamp(kTurnedBytes / (x.filters * p->stride * size), 1, p->lines);
  p->column_sum = shape.column_sum;
  p->parts = least(pieces_worth(shape), p->lines);
  x.copy_pieces = copied * size < kSerialBytes ? 1 : least(kMostPieces, lines);
  bound->params = p;
  bound->scratch_bytes = (copied + p->parts * part_size(*p)) * size;
  bound->worker_bytes = turned_lines(*p) + p->block * x.filters * p->stride * size;
  bound->phases[bound->n_phases++] = {run_copy_planes<T>, x.copy_pieces};
  bound->phases[bound->n_phases++] = {run_planes_w<T>, p->parts};
  bound->phases[bound->n_phases++] = {run_merge_planes<T>, 1};
}

const char* bind_planes_w(const OpView& op, Binder* binder, Bound* bound) {
  ConvShape shape;
  if (const char* reason = read_shape(op, &shape)) return reason;
  if (const char* reason = refuse_planes(shape, op.in[0].dtype)) return reason;
  PlanesW* p = static_cast<PlanesW*>(bind_alloc(binder, sizeof(PlanesW)));
  if (!p) return kOutOfMemory;
  if (op.in[0].dtype == DType::kFloat32) {
    fill_planes_w<float>(shape, p, bound);
  } else {
    fill_planes_w<double>(shape, p, bound);
  }
  return nullptr;
}

// conv_direct, of the weight gradient.

// Few taps leave room for more channels and filters.
int64_t item_side(const GradW& p) {
  const int64_t taps = taps_of(p.dense);
  return taps == 1 ? 4 * kItemSide : taps <= 4 ? 2 * kItemSide : kItemSide;
}

template <class T>
void choose_units(GradW* p) {
  const DenseAxis* a = p->dense.axis;
  const int64_t size = sizeof(T), side = item_side(*p);
  const int64_t bytes = (least(p->depth, side) * a[2].step + least(p->columns, side)) * size;
  const int64_t places = clamp(kPlacesBytes / bytes, kFewPlaces, kManyPlaces);
  p->parts = ceil_div(a[2].places, places);
  p->unit_places = ceil_div(a[2].places, p->parts);
  p->units = p->batch * a[0].places * a[1].places * p->parts;
  p->block = clamp(places / p->unit_places, 1, p->units);
}

// Whether all windows of one place lie inside.
bool is_inside(const Dense& d) {
  bool inside = true;
  for (const DenseAxis& a : d.axis) {
    const Range places = places_of_tap(a, 0);
    inside = inside && places.begin == 0 && places.end == a.places;
  }
  return inside;
}

// Taps as rows of tiles where channels are few.
template <class T>
void choose_rows(GradW* p) {
  const DenseAxis* a = p->dense.axis;
  p->flat = p->groups == 1 && a[2].spacing == 1 && a[2].taps > 1 && 2 * p->depth <= kTileRows &&
            p->block * copied_size(*p) * static_cast<int64_t>(sizeof(T)) <= kMostCopied;
  p->rows = p->flat ? a[2].taps * p->depth : p->depth;
  p->taps = p->flat ? 1 : a[2].taps;
  p->gathers = taps_of(p->dense) == 1 && a[2].step > 1 && is_inside(p->dense);
  p->row_items = p->flat ? 1 : ceil_div(p->depth, item_side(*p));
  p->column_items = least(p->panels, ceil_div(p->columns, item_side(*p)));
}

template <class T>
void fill_grad_w(const ConvShape& shape, GradW* p, Bound* bound) {
  constexpr int L = kLanes<T>;
  const int64_t size = sizeof(T);
  p->width = p->columns <= L ? L : kTileVectors * L;
  p->panels = ceil_div(p->columns, p->width);
  p->packs = p->columns % L != 0 || p->filters * size >= kAliasBytes;
  choose_units<T>(p);
  choose_rows<T>(p);
  const int64_t wanted = pieces_worth(shape);
  p->item_pieces = least(items_of(*p), wanted < kMostPieces ? wanted : kMostItemPieces);
  p->depth_pieces = clamp(wanted / p->item_pieces, 1, p->units);
  const int64_t copied = p->flat      ? p->block * copied_size(*p)
                         : p->gathers ? p->block * p->unit_places * least(p->depth, item_side(*p))
                                      : 0;
  bound->worker_bytes = panel_offset(*p) + (packed_size(*p) + copied) * size;
  bound->phases[bound->n_phases++] = {run_grad_w<T>, p->item_pieces * p->depth_pieces};
  if (p->depth_pieces > 1) {
    bound->scratch_bytes = p->depth_pieces * partial_size(*p) * size;
    p->merge_pieces = clamp(partial_size(*p) * p->depth_pieces / kMergeElements, 1, kMostPieces);
    bound->phases[bound->n_phases++] = {run_merge_grad_w<T>, p->merge_pieces};
  }
  bound->params = p;
}

const char* bind_grad_w(const OpView& op, Binder* binder, Bound* bound) {
  ConvShape shape;
  if (const char* reason = read_shape(op, &shape)) return reason;
  if (is_points(shape)) join_axes(&shape);
  GradW* p = static_cast<GradW*>(bind_alloc(binder, sizeof(GradW)));
  if (!p) return kOutOfMemory;
  for (int i = 0; i < kSpatial; ++i) p->dense.axis[i] = forward_axis(shape, i);
  p->batch = shape.batch;
  p->groups = shape.groups;
  p->channels = shape.channels;
  p->filters = shape.filters;
  p->depth = shape.channels / shape.groups;
  p->columns = shape.filters / shape.groups;
  p->column_sum = shape.column_sum;
  p->x_per_place = volume(shape.size) * shape.channels / volume(shape.places);
  if (op.in[0].dtype == DType::kFloat32) {
    fill_grad_w<float>(shape, p, bound);
  } else {
    fill_grad_w<double>(shape, p, bound);
  }
  return nullptr;
}

}  // namespace

const Candidate kConvCandidates[] = {
    {Opcode::conv, "conv_gemm", bind_gemm},
    {Opcode::conv, "conv_planes", bind_planes},
    {Opcode::conv, "conv_direct", bind_direct},
    {Opcode::conv_grad_x, "conv_gemm", bind_gemm},
    {Opcode::conv_grad_x, "conv_direct", bind_direct},
    {Opcode::conv_grad_w, "conv_gemm", bind_gemm},
    {Opcode::conv_grad_w, "conv_planes", bind_planes_w},
    {Opcode::conv_grad_w, "conv_direct", bind_grad_w},
};
extern const Family kConvFamily = {kConvCandidates, 8};

}  // namespace pydl::PYDL_ISA
