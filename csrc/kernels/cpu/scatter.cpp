// Rows named by several indices. gather_nd cuts the names; scatter_nd and scatter_update cut the
// columns, so that every row is added to, or set, in order of position.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/fault.h"
#include "kernels/cpu/simd/vec.h"
#include "kernels/nd_rows.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct NdParams {
  FaultParams fault;
  NdRows rows;
  int64_t row_bytes;
  int64_t per_piece;  // names, or columns (elements of scatter_nd, bytes of scatter_update)
  int64_t bytes, bytes_per_piece;  // of the copy of the whole
};

// kBytes 0: p.row_bytes.
template <int kBytes>
PYDL_INLINE void copy_bytes(const unsigned char* x, int64_t bytes, unsigned char* out) {
  __builtin_memcpy(out, x, kBytes > 0 ? static_cast<size_t>(kBytes) : static_cast<size_t>(bytes));
}

template <int kBytes, class Index>
void run_gather(const Call& call, int64_t piece) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[1]);
  const unsigned char* x = static_cast<const unsigned char*>(call.in[0]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  const int64_t bytes = kBytes > 0 ? kBytes : p.row_bytes;
  const int64_t first = piece * p.per_piece;
  const int64_t end = first + p.per_piece < p.rows.n ? first + p.per_piece : p.rows.n;
  int64_t fault = 0;
  for (int64_t i = first; i < end; ++i) {
    int64_t bad = 0;
    const int64_t row = row_named(p.rows, indices, i, &bad);
    if (row >= 0) {
      copy_bytes<kBytes>(x + row * bytes, bytes, out + i * bytes);
    } else {
      if (fault == 0) fault = bad + 1;
      __builtin_memset(out + i * bytes, 0, static_cast<size_t>(bytes));
    }
  }
  note_fault(p.fault, call, piece, fault);
}

// The first columns of a piece, and how many.
struct Columns {
  int64_t begin, width;
};
PYDL_INLINE Columns columns_of(const NdParams& p, int64_t piece, int64_t columns) {
  const int64_t begin = piece * p.per_piece, rest = columns - begin;
  return {begin, rest < p.per_piece ? rest : p.per_piece};
}

// T: unsigned for integers, whose sums wrap.
template <class T, class Index>
void run_scatter(const Call& call, int64_t piece) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[0]);
  const int64_t size = p.rows.row_size;
  const Columns columns = columns_of(p, piece, size);
  const T* updates = static_cast<const T*>(call.in[1]) + columns.begin;
  T* out = static_cast<T*>(call.out[0]) + columns.begin;
  for (int64_t r = 0; columns.width > 0 && r < p.rows.rows; ++r) {
    for (int64_t j = 0; j < columns.width; ++j) out[r * size + j] = T(0);
  }
  int64_t fault = 0;
  for (int64_t i = 0; i < p.rows.n; ++i) {
    int64_t bad = 0;
    const int64_t row = row_named(p.rows, indices, i, &bad);
    if (row < 0) {
      if (fault == 0) fault = bad + 1;
      continue;
    }
    const T* __restrict from = updates + i * size;
    T* __restrict to = out + row * size;
    for (int64_t j = 0; j < columns.width; ++j) to[j] = static_cast<T>(to[j] + from[j]);
  }
  if (piece == 0) *static_cast<int64_t*>(call.out[1]) = fault;
}

void run_copy(const Call& call, int64_t piece) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const int64_t begin = piece * p.bytes_per_piece, rest = p.bytes - begin;
  const int64_t n = rest < p.bytes_per_piece ? rest : p.bytes_per_piece;
  __builtin_memcpy(static_cast<unsigned char*>(call.out[0]) + begin,
                   static_cast<const unsigned char*>(call.in[0]) + begin, static_cast<size_t>(n));
}

template <int kBytes, class Index>
void run_update(const Call& call, int64_t piece) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[1]);
  const int64_t bytes = kBytes > 0 ? kBytes : p.row_bytes;
  const Columns columns = columns_of(p, piece, bytes);
  const unsigned char* updates = static_cast<const unsigned char*>(call.in[2]) + columns.begin;
  unsigned char* out = static_cast<unsigned char*>(call.out[0]) + columns.begin;
  int64_t fault = 0;
  for (int64_t i = 0; i < p.rows.n; ++i) {
    int64_t bad = 0;
    const int64_t row = row_named(p.rows, indices, i, &bad);
    if (row >= 0) {
      copy_bytes<kBytes>(updates + i * bytes, columns.width, out + row * bytes);
    } else if (fault == 0) {
      fault = bad + 1;
    }
  }
  if (piece == 0) *static_cast<int64_t*>(call.out[1]) = fault;
}

template <class Index>
PieceFn choose_gather(int64_t row_bytes) {
  switch (row_bytes) {
    case 1: return run_gather<1, Index>;
    case 2: return run_gather<2, Index>;
    case 4: return run_gather<4, Index>;
    case 8: return run_gather<8, Index>;
    default: return run_gather<0, Index>;
  }
}

template <class Index>
PieceFn choose_update(int64_t row_bytes) {
  switch (row_bytes) {
    case 1: return run_update<1, Index>;
    case 2: return run_update<2, Index>;
    case 4: return run_update<4, Index>;
    case 8: return run_update<8, Index>;
    default: return run_update<0, Index>;
  }
}

template <class Index>
PieceFn choose_scatter(DType dtype) {
  if (dtype == DType::kFloat32) return run_scatter<float, Index>;
  if (dtype == DType::kFloat64) return run_scatter<double, Index>;
  switch (dtype_size(dtype)) {
    case 1: return run_scatter<uint8_t, Index>;
    case 2: return run_scatter<uint16_t, Index>;
    case 4: return run_scatter<uint32_t, Index>;
    default: return run_scatter<uint64_t, Index>;
  }
}

NdParams* make_params(const TensorView& value, const TensorView& indices, Binder* binder) {
  NdParams* p = alloc_params<NdParams>(binder);
  if (p == nullptr) return nullptr;
  p->rows = make_nd_rows(value, indices);
  p->row_bytes = p->rows.row_size * dtype_size(value.dtype);
  return p;
}

const char* bind_gather(const OpView& op, Binder* binder, Bound* bound) {
  NdParams* p = make_params(op.in[0], op.in[1], binder);
  if (p == nullptr) return kOutOfMemory;
  const bool wide = op.in[1].dtype == DType::kInt64;
  p->per_piece = cut_pieces(p->rows.n, 2 * p->row_bytes + 8 * p->rows.depth, 0.0, 1);
  p->fault.result = 1;
  p->fault.pieces = p->rows.n == 0 ? 1 : piece_count(p->rows.n, p->per_piece);
  return bind_fault(
      &p->fault, wide ? choose_gather<int64_t>(p->row_bytes) : choose_gather<int32_t>(p->row_bytes),
      bound);
}

// At least one piece, which writes the fault.
int64_t cut_columns(int64_t columns, int64_t bytes, int64_t unit, NdParams* p) {
  p->per_piece = cut_pieces(columns, bytes, 0.0, unit);
  return columns == 0 ? 1 : piece_count(columns, p->per_piece);
}

const char* bind_scatter(const OpView& op, Binder* binder, Bound* bound) {
  if (is_float(op.out[0].dtype) && dtype_size(op.out[0].dtype) == 2) return "dtype not supported";
  NdParams* p = make_params(op.out[0], op.in[0], binder);
  if (p == nullptr) return kOutOfMemory;
  const bool wide = op.in[0].dtype == DType::kInt64;
  const DType dtype = op.out[0].dtype;
  const int size = dtype_size(dtype);
  constexpr double kMost = 1e15;  // any more is cut alike
  const double moved =
      (3.0 * static_cast<double>(p->rows.n) + static_cast<double>(p->rows.rows)) * size;
  const auto bytes = static_cast<int64_t>(moved < kMost ? moved : kMost);
  bound->params = p;
  bound->phases[0] = {wide ? choose_scatter<int64_t>(dtype) : choose_scatter<int32_t>(dtype),
                      cut_columns(p->rows.row_size, bytes, 64 / size, p)};
  bound->n_phases = 1;
  return nullptr;
}

const char* bind_update(const OpView& op, Binder* binder, Bound* bound) {
  NdParams* p = make_params(op.in[0], op.in[1], binder);
  if (p == nullptr) return kOutOfMemory;
  const bool wide = op.in[1].dtype == DType::kInt64;
  bound->params = p;
  p->bytes = op.out[0].count * dtype_size(op.out[0].dtype);
  if (p->bytes > 0) {
    p->bytes_per_piece = cut_pieces(p->bytes, 2, 0.0, 64);
    bound->phases[bound->n_phases++] = {run_copy, piece_count(p->bytes, p->bytes_per_piece)};
  }
  const int64_t pieces = cut_columns(p->row_bytes, 2 * p->rows.n, 64, p);
  bound->phases[bound->n_phases++] = {
      wide ? choose_update<int64_t>(p->row_bytes) : choose_update<int32_t>(p->row_bytes), pieces};
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::gather_nd, "gather_nd_rows", bind_gather},
    {Opcode::scatter_nd, "scatter_nd_columns", bind_scatter},
    {Opcode::scatter_update, "scatter_update_columns", bind_update},
};

}  // namespace

const Family kScatterFamily = {kCandidates,
                               static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
