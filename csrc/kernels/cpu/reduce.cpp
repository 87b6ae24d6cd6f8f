// Reductions of one contiguous run of axes: the operand seen as [outer, length, inner], `length`
// reduced. inner 1: along rows; else by columns. Sums run in float over a few numbers and then in
// double. Large ones are cut into blocks of `length` fixed by the shape; a second phase combines
// the blocks in order. Other patterns of axes are left to the reference kernels.
#include "kernels/chain.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/reduce_ops.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kTile = 1024;         // columns whose partial results stay in L1, as doubles
constexpr int64_t kMaxBlocks = 64;

struct ReduceParams {
  int64_t outer, length, inner;
  int64_t blocks, block_length;   // of `length`
  int64_t tiles;                  // of `inner`
  int64_t units, units_per_piece;  // a unit: outer, block, tile
  double factor;                  // of the result: 1, or 1 / length for a mean
};

// Where a unit lies.
struct Unit {
  int64_t outer, block, begin, length, column, width;
};

PYDL_INLINE Unit unit_at(const ReduceParams& p, int64_t index) {
  Unit u;
  u.column = index % p.tiles * kTile;
  index /= p.tiles;
  u.block = index % p.blocks;
  u.outer = index / p.blocks;
  u.begin = u.block * p.block_length;
  u.length = p.length - u.begin < p.block_length ? p.length - u.begin : p.block_length;
  u.width = p.inner - u.column < kTile ? p.inner - u.column : kTile;
  return u;
}

// With one block the result itself, else doubles [outer][block][inner].
template <class Op, bool kFar, class T>
void run_reduce(const Call& call, int64_t piece) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  double columns[kTile + kLanes<float>];
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t index = first; index < end && index < p.units; ++index) {
    const Unit u = unit_at(p, index);
    const T* x =
        static_cast<const T*>(call.in[0]) + (u.outer * p.length + u.begin) * p.inner + u.column;
    if (p.inner == 1) {
      columns[0] = reduce_row<Op, kFar>(x, u.length);
    } else {
      start_columns<Op>(u.width, columns);
      reduce_columns<Op, kFar>(x, p.inner, u.length, u.width, columns);
    }
    if (p.blocks == 1) {
      T* out = static_cast<T*>(call.out[0]) + u.outer * p.inner + u.column;
      for (int64_t k = 0; k < u.width; ++k) out[k] = static_cast<T>(columns[k] * p.factor);
    } else {
      double* out = reinterpret_cast<double*>(call.scratch) +
                    (u.outer * p.blocks + u.block) * p.inner + u.column;
      for (int64_t k = 0; k < u.width; ++k) out[k] = columns[k];
    }
  }
}

// The blocks of each result, in order.
template <class Op, class T>
void combine_blocks(const Call& call, int64_t piece) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  const int64_t tiles = piece_count(p.inner, kCombined);
  const int64_t outer = piece / tiles, column = piece % tiles * kCombined;
  const int64_t n = p.inner - column < kCombined ? p.inner - column : kCombined;
  const double* x =
      reinterpret_cast<const double*>(call.scratch) + outer * p.blocks * p.inner + column;
  double totals[kCombined];
  for (int64_t i = 0; i < n; ++i) totals[i] = x[i];
  for (int64_t b = 1; b < p.blocks; ++b) merge_totals<Op>(x + b * p.inner, n, totals);
  T* out = static_cast<T*>(call.out[0]) + outer * p.inner + column;
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(totals[i] * p.factor);
}

void cut(int element_size, ReduceParams* p) {
  const int64_t columns = p->inner == 1 ? 1 : kTile;
  p->tiles = piece_count(p->inner, columns);
  const double bytes = double(p->outer) * double(p->length) * double(p->inner) * element_size;
  const int64_t whole = p->outer * p->tiles;  // units without blocks
  double wanted = bytes / double(kSerialBytes);
  if (wanted > double(kMaxBlocks)) wanted = double(kMaxBlocks);
  p->blocks = 1;
  p->block_length = p->length;
  if (wanted >= 2.0 && double(whole) < wanted / 2.0) {
    const int64_t blocks = static_cast<int64_t>(wanted) / whole;
    const int64_t unit = 64;
    p->block_length = (p->length / blocks / unit + 1) * unit;
    p->blocks = piece_count(p->length, p->block_length);
  }
  p->units = whole * p->blocks;
  const int64_t unit_bytes = static_cast<int64_t>(bytes / double(p->units)) + 1;
  p->units_per_piece = cut_pieces(p->units, unit_bytes, 0.0, 1);
}

struct Runs {
  PieceFn reduce, combine;
};

template <class Op, class T>
Runs runs_of(bool far) {
  return {far ? run_reduce<Op, true, T> : run_reduce<Op, false, T>, combine_blocks<Op, T>};
}

template <class T>
Runs choose(Opcode op, bool far) {
  switch (op) {
    case Opcode::reduce_prod: return runs_of<Mul, T>(far);
    case Opcode::reduce_max: return runs_of<Max, T>(far);
    case Opcode::reduce_min: return runs_of<Min, T>(far);
    default: return runs_of<Add, T>(far);
  }
}

const char* bind_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  if (op.in[0].count == 0) return "nothing to reduce";
  ReduceParams* p = alloc_params<ReduceParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t* axes = nullptr;
  const int n_axes = attr_ints(op, "axes", &axes);
  if (!fold_axes(op.in[0], axes, n_axes, &p->outer, &p->length, &p->inner)) {
    return "reduced axes are not neighbours";
  }
  p->factor = op.op == Opcode::reduce_mean ? 1.0 / double(p->length) : 1.0;
  cut(dtype_size(dtype), p);
  const bool far = op.in[0].count * dtype_size(dtype) > kFarBytes;
  const Runs runs =
      dtype == DType::kFloat32 ? choose<float>(op.op, far) : choose<double>(op.op, far);
  bound->params = p;
  bound->phases[0] = {runs.reduce, piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  if (p->blocks > 1) {
    bound->phases[1] = {runs.combine, p->outer * piece_count(p->inner, kCombined)};
    bound->n_phases = 2;
    bound->scratch_bytes = p->outer * p->blocks * p->inner * static_cast<int64_t>(sizeof(double));
  }
  return nullptr;
}

// --- argmax over the last axis: the largest, then the first place that holds it

struct ArgmaxParams {
  int64_t rows, columns, rows_per_piece;
};

template <class T>
PYDL_INLINE int64_t first_of(const T* x, int64_t n, T value) {
  const bool nan = value != value;
  const Vec<T> all = set(value);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int lanes = n - i < kLanes<T> ? static_cast<int>(n - i) : kLanes<T>;
    const Vec<T> v = load_n(x + i, lanes);
    const Mask<T> hit = nan ? ne(v, v) : eq(v, all);
    if (!any(hit & first_lanes<T>(lanes))) continue;
    for (int k = 0; k < lanes; ++k) {
      if (nan ? x[i + k] != x[i + k] : x[i + k] == value) return i + k;
    }
  }
  return 0;
}

template <class T>
void run_argmax(const Call& call, int64_t piece) {
  const ArgmaxParams& p = *static_cast<const ArgmaxParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    Vec<T> best = set(static_cast<T>(-__builtin_inf()));
    int64_t i = 0;
    for (; i + kLanes<T> <= p.columns; i += kLanes<T>) best = max(best, load(x + i));
    if (i < p.columns) {
      best = max(best, load_or_start<Max>(x + i, static_cast<int>(p.columns - i)));
    }
    static_cast<int32_t*>(call.out[0])[r] =
        static_cast<int32_t>(first_of(x, p.columns, reduce_max(best)));
  }
}

const char* bind_argmax(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const TensorView& x = op.in[0];
  if (x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) return "dtype not supported";
  if (attr_int(op, "axis", 0) != x.rank - 1) return "not the last axis";
  ArgmaxParams* p = alloc_params<ArgmaxParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->rows = op.out[0].count;
  p->columns = x.dims[x.rank - 1];
  p->rows_per_piece =
      cut_pieces(p->rows, p->columns * dtype_size(x.dtype), static_cast<double>(p->columns), 1);
  bound->params = p;
  bound->phases[0] = {x.dtype == DType::kFloat32 ? run_argmax<float> : run_argmax<double>,
                      piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::reduce_sum, "reduce_sum_folded", bind_reduce},
    {Opcode::reduce_mean, "reduce_mean_folded", bind_reduce},
    {Opcode::reduce_max, "reduce_max_folded", bind_reduce},
    {Opcode::reduce_min, "reduce_min_folded", bind_reduce},
    {Opcode::reduce_prod, "reduce_prod_folded", bind_reduce},
    {Opcode::argmax, "argmax_rows", bind_argmax},
};

}  // namespace

const Family kReduceFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
