// Moving elements. Each operand is a nest of loops (kernels/copy_nest.h); its innermost loop is
// copied, repeated or gathered, or, for a transposition, the two loops that are contiguous on
// either side are walked in square tiles.
#include "kernels/copy_nest.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/element.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kTile = 16;
constexpr int64_t kRowElements = 16384;  // of an innermost loop that stay together

struct Mover {
  CopyNest nest;
  int across;       // the loop contiguous in the source when the innermost is not, else -1
  int64_t chunk;    // elements of the innermost loop in one unit
  int64_t chunks;   // units of one innermost loop
  int64_t slabs;    // units of the `across` loop, kTile each
  int64_t first;    // number of its first unit
};

struct MoveParams {
  int n_movers;
  int64_t units, units_per_piece;
  int64_t count, per_piece;  // of the fill
  unsigned char value[8];
  Mover* movers;
};

// `slabs` tiles of the across loop by the innermost loop.
template <class T>
void transpose_tile(const CopyNest& nest, int across, int64_t slab, const T* x, T* out) {
  const int inner = nest.rank - 1;
  const int64_t source = nest.source_strides[inner], target = nest.target_strides[across];
  const int64_t begin = slab * kTile;
  const int64_t rest = nest.dims[across] - begin;
  const int64_t height = rest < kTile ? rest : kTile;
  x += begin;  // contiguous along `across`
  out += begin * target;
  for (int64_t j = 0; j < nest.dims[inner]; j += kTile) {
    const int64_t left = nest.dims[inner] - j;
    const int64_t width = left < kTile ? left : kTile;
    T tile[kTile][kTile];
    for (int64_t k = 0; k < width; ++k) {
      for (int64_t i = 0; i < height; ++i) tile[i][k] = x[(j + k) * source + i];
    }
    for (int64_t i = 0; i < height; ++i) {
      T* row = out + i * target + j;
      for (int64_t k = 0; k < width; ++k) row[k] = tile[i][k];
    }
  }
}

template <class T>
void move_row(const T* x, int64_t stride, int64_t n, T* out, int64_t out_stride = 1) {
  if (out_stride != 1) {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = x[i * stride];
  } else if (stride == 1) {
    __builtin_memcpy(out, x, static_cast<size_t>(n) * sizeof(T));
  } else if (stride == 0) {
    const T value = *x;
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = x[i * stride];
  }
}

template <class T>
void move_unit(const Mover& m, int64_t unit, const T* x, T* out) {
  const CopyNest& nest = m.nest;
  const int inner = nest.rank - 1;
  int64_t rest = unit / (m.chunks * m.slabs);
  x += nest.source_start;
  out += nest.target_start;
  for (int d = inner - 1; d >= 0; --d) {
    if (d == m.across) continue;
    x += rest % nest.dims[d] * nest.source_strides[d];
    out += rest % nest.dims[d] * nest.target_strides[d];
    rest /= nest.dims[d];
  }
  if (m.across >= 0) return transpose_tile(nest, m.across, unit % m.slabs, x, out);
  const int64_t begin = unit % m.chunks * m.chunk;
  const int64_t left = nest.dims[inner] - begin;
  const int64_t source = nest.source_strides[inner], target = nest.target_strides[inner];
  move_row(x + begin * source, source, left < m.chunk ? left : m.chunk, out + begin * target,
           target);
}

template <class T>
void run_move(const Call& call, int64_t piece) {
  const MoveParams& p = *static_cast<const MoveParams*>(call.params);
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  int k = 0;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    while (k + 1 < p.n_movers && p.movers[k + 1].first <= unit) ++k;
    move_unit(p.movers[k], unit - p.movers[k].first, static_cast<const T*>(call.in[k]),
              static_cast<T*>(call.out[0]));
  }
}

template <class T>
void run_fill(const Call& call, int64_t piece) {
  const MoveParams& p = *static_cast<const MoveParams*>(call.params);
  const int64_t begin = piece * p.per_piece;
  const int64_t n = p.count - begin < p.per_piece ? p.count - begin : p.per_piece;
  T value;
  __builtin_memcpy(&value, p.value, sizeof value);
  move_row(&value, 0, n, static_cast<T*>(call.out[0]) + begin);
}

// Unit sizes of one operand; `first` is where its units start.
void plan_mover(int64_t first, Mover* m) {
  const CopyNest& nest = m->nest;
  const int inner = nest.rank - 1;
  m->first = first;
  m->across = -1;
  m->chunks = m->slabs = 1;
  m->chunk = nest.dims[inner] < kRowElements ? nest.dims[inner] : kRowElements;
  if (nest.count == 0) return;
  if (nest.source_strides[inner] > 1 && nest.target_strides[inner] == 1) {
    for (int d = 0; d < inner; ++d) {
      if (nest.source_strides[d] == 1 && nest.dims[d] >= 4) m->across = d;
    }
  }
  if (m->across >= 0) {
    m->slabs = piece_count(nest.dims[m->across], kTile);
  } else {
    m->chunks = piece_count(nest.dims[inner], m->chunk);
  }
}

int64_t unit_count(const Mover& m) {
  const CopyNest& nest = m.nest;
  if (nest.count == 0) return 0;
  int64_t units = m.chunks * m.slabs;
  for (int d = 0; d + 1 < nest.rank; ++d) {
    if (d != m.across) units *= nest.dims[d];
  }
  return units;
}

struct Runs {
  PieceFn move, fill;
};

Runs choose(int element_size) {
  switch (element_size) {
    case 1: return {run_move<uint8_t>, run_fill<uint8_t>};
    case 2: return {run_move<uint16_t>, run_fill<uint16_t>};
    case 4: return {run_move<uint32_t>, run_fill<uint32_t>};
    default: return {run_move<uint64_t>, run_fill<uint64_t>};
  }
}

const char* bind_move(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  MoveParams* p = alloc_params<MoveParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->movers = alloc_params<Mover>(binder, op.n_in + 1);
  if (p->movers == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  const Runs runs = choose(dtype_size(dtype));
  p->n_movers = op.n_in;
  for (int i = 0; i < op.n_in; ++i) {
    if (!make_copy_nest(op, i, &p->movers[i].nest)) return "not a move";
    plan_mover(p->units, &p->movers[i]);
    p->units += unit_count(p->movers[i]);
  }
  p->count = op.out[0].count;
  bound->params = p;
  if (op.op == Opcode::pad || op.op == Opcode::full) {
    if (!read_element(op, "value", dtype, p->value)) return "dtype not supported";
    p->per_piece = cut_pieces(p->count, dtype_size(dtype), 0.0, 64);
    bound->phases[bound->n_phases++] = {runs.fill, piece_count(p->count, p->per_piece)};
  }
  if (p->units > 0) {
    const int64_t bytes = 2 * p->count * dtype_size(dtype) / p->units + 1;
    p->units_per_piece = cut_pieces(p->units, bytes, 0.0, 1);
    bound->phases[bound->n_phases++] = {runs.move, piece_count(p->units, p->units_per_piece)};
  }
  return nullptr;
}

struct OneHotParams {
  int64_t rows, depth, rows_per_piece;
  unsigned char one[8];
};

template <class T, class Index>
void run_one_hot(const Call& call, int64_t piece) {
  const OneHotParams& p = *static_cast<const OneHotParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  T one;
  __builtin_memcpy(&one, p.one, sizeof one);
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    T* out = static_cast<T*>(call.out[0]) + r * p.depth;
    for (int64_t i = 0; i < p.depth; ++i) out[i] = 0;
    const int64_t k = static_cast<const Index*>(call.in[0])[r];
    if (k >= 0 && k < p.depth) out[k] = one;
  }
}

template <class Index>
PieceFn choose_one_hot(int element_size) {
  switch (element_size) {
    case 1: return run_one_hot<uint8_t, Index>;
    case 2: return run_one_hot<uint16_t, Index>;
    case 4: return run_one_hot<uint32_t, Index>;
    default: return run_one_hot<uint64_t, Index>;
  }
}

const char* bind_one_hot(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  OneHotParams* p = alloc_params<OneHotParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  if (!store_element(dtype, 1.0, p->one)) return "dtype not supported";
  p->rows = op.in[0].count;
  p->depth = op.out[0].dims[op.out[0].rank - 1];
  p->rows_per_piece = cut_pieces(p->rows, p->depth * dtype_size(dtype), 0.0, 1);
  bound->params = p;
  bound->phases[0] = {op.in[0].dtype == DType::kInt64 ? choose_one_hot<int64_t>(dtype_size(dtype))
                                                      : choose_one_hot<int32_t>(dtype_size(dtype)),
                      piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::transpose, "transpose_tiles", bind_move},
    {Opcode::broadcast_to, "broadcast_to_rows", bind_move},
    {Opcode::concatenate, "concatenate_rows", bind_move},
    {Opcode::slice, "slice_rows", bind_move},
    {Opcode::pad, "pad_rows", bind_move},
    {Opcode::full, "full_rows", bind_move},
    {Opcode::one_hot, "one_hot_rows", bind_one_hot},
};

}  // namespace

const Family kShapeFamily = {kCandidates,
                             static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
