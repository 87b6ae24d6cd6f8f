// Moving elements. Each operand is a nest of loops (kernels/copy_nest.h), walked by a Mover.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/mover.h"
#include "kernels/element.h"

namespace pydl::PYDL_ISA {
namespace {

struct MoveParams {
  int n_movers;
  int64_t units, units_per_piece;
  int64_t count, per_piece;  // of the fill
  unsigned char value[8];
  Mover* movers;
};

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
    {Opcode::flip, "flip_rows", bind_move},
    {Opcode::one_hot, "one_hot_rows", bind_one_hot},
};

}  // namespace

const Family kShapeFamily = {kCandidates,
                             static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
