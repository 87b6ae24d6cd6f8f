// take_along_axis: rows of the innermost loop, each element through its own index. Its gradient:
// a piece owns lines along the axis and adds to them in order of position.
#include "kernels/along_nest.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/indices.h"
#include "kernels/cpu/simd/vec.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct AlongParams {
  FaultParams fault;
  AlongNest nest;
  int64_t count, per_piece;
  int64_t n_indices, indices_per_piece;
};

// The axis has at least one element: index 0 stands in for a bad one.
template <class T, class Index>
PYDL_INLINE void take_row(const T* x, int64_t x_stride, int64_t axis_stride, int64_t size,
                          const Index* indices, int64_t index_stride, int64_t n, T* out) {
  for (int64_t j = 0; j < n; ++j) {
    const int64_t k = indices[j * index_stride];
    const bool good = in_range(k, size);
    const T value = x[j * x_stride + (good ? k : 0) * axis_stride];
    out[j] = good ? value : T(0);
  }
}

template <class T, class Index>
void take_range(const AlongNest& nest, const T* x, const Index* indices, int64_t begin, int64_t end,
                T* out) {
  const int inner = nest.rank - 1;
  for (int64_t i = begin; i < end;) {
    const int64_t first = i % nest.dims[inner];
    int64_t rest = i / nest.dims[inner];
    int64_t x_at = first * nest.x_strides[inner];
    int64_t index_at = first * nest.index_strides[inner];
    for (int d = inner - 1; d >= 0; --d) {
      const int64_t k = rest % nest.dims[d];
      x_at += k * nest.x_strides[d];
      index_at += k * nest.index_strides[d];
      rest /= nest.dims[d];
    }
    const int64_t left = nest.dims[inner] - first;
    const int64_t n = left < end - i ? left : end - i;
    const int64_t x_stride = nest.x_strides[inner], index_stride = nest.index_strides[inner];
    if (x_stride == 0 && index_stride == 1 && nest.axis_stride == 1) {
      take_numbers(x + x_at, nest.axis_size, indices + index_at, n, out + i);
    } else {
      take_row(x + x_at, x_stride, nest.axis_stride, nest.axis_size, indices + index_at,
               index_stride, n, out + i);
    }
    i += n;
  }
}

template <class T, class Index>
void run_take(const Call& call, int64_t piece) {
  const AlongParams& p = *static_cast<const AlongParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[1]);
  const int64_t from = piece * p.indices_per_piece, to = from + p.indices_per_piece;
  const int64_t last = to < p.n_indices ? to : p.n_indices;
  note_fault(p.fault, call, piece, find_bad(indices, from, last, p.nest.axis_size));
  const int64_t begin = piece * p.per_piece;
  const int64_t end = begin + p.per_piece < p.count ? begin + p.per_piece : p.count;
  T* out = static_cast<T*>(call.out[0]);
  if (p.nest.axis_size == 0) {
    for (int64_t i = begin; i < end; ++i) out[i] = T(0);
    return;
  }
  take_range(p.nest, static_cast<const T*>(call.in[0]), indices, begin, end, out);
}

template <class Index>
PieceFn choose_take(int element_size) {
  switch (element_size) {
    case 1: return run_take<uint8_t, Index>;
    case 2: return run_take<uint16_t, Index>;
    case 4: return run_take<uint32_t, Index>;
    default: return run_take<uint64_t, Index>;
  }
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  AlongParams* p = alloc_params<AlongParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int size = dtype_size(op.in[0].dtype);
  p->nest = make_along_nest(op);
  p->count = op.out[0].count;
  p->n_indices = op.in[1].count;
  p->per_piece = cut_pieces(p->count, 2 * size + dtype_size(op.in[1].dtype), 0.0, 64);
  p->fault.result = 1;
  p->fault.pieces = p->count == 0 ? 1 : piece_count(p->count, p->per_piece);
  p->indices_per_piece = piece_count(p->n_indices, p->fault.pieces);
  const bool wide = op.in[1].dtype == DType::kInt64;
  return bind_fault(&p->fault, wide ? choose_take<int64_t>(size) : choose_take<int32_t>(size),
                    bound);
}

// Values [outer, position, inner]; a unit is `width` neighbouring lines.
struct GradParams {
  int64_t positions, size, inner, width, chunks;
  int64_t units, units_per_piece;
};

template <class T, class Index>
void run_grad(const Call& call, int64_t piece) {
  const GradParams& p = *static_cast<const GradParams*>(call.params);
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    const int64_t outer = unit / p.chunks, begin = unit % p.chunks * p.width;
    const int64_t n = p.inner - begin < p.width ? p.inner - begin : p.width;
    const int64_t source = outer * p.positions * p.inner + begin;
    const T* grad_out = static_cast<const T*>(call.in[0]) + source;
    const Index* indices = static_cast<const Index*>(call.in[1]) + source;
    T* grad_x = static_cast<T*>(call.out[0]) + outer * p.size * p.inner + begin;
    for (int64_t k = 0; k < p.size; ++k) {
      for (int64_t j = 0; j < n; ++j) grad_x[k * p.inner + j] = T(0);
    }
    for (int64_t i = 0; i < p.positions; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const Index k = indices[i * p.inner + j];
        if (in_range(k, p.size)) grad_x[k * p.inner + j] += grad_out[i * p.inner + j];
      }
    }
  }
}

const char* bind_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  GradParams* p = alloc_params<GradParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  constexpr int64_t kWidth = 256;
  const int64_t axis = attr_int(op, "axis", 0);
  p->positions = op.in[0].dims[axis];
  p->size = op.out[0].dims[axis];
  p->inner = 1;
  for (int d = static_cast<int>(axis) + 1; d < op.out[0].rank; ++d) p->inner *= op.out[0].dims[d];
  p->width = p->inner < kWidth ? p->inner : kWidth;
  p->chunks = piece_count(p->inner, p->width);
  p->units = op.out[0].count / p->size / p->inner * p->chunks;
  const int64_t bytes = (p->size + 3 * p->positions) * p->width * dtype_size(dtype);
  p->units_per_piece = cut_pieces(p->units, bytes, 0.0, 1);
  const bool wide = op.in[1].dtype == DType::kInt64;
  PieceFn run = wide ? run_grad<float, int64_t> : run_grad<float, int32_t>;
  if (dtype == DType::kFloat64) {
    run = wide ? run_grad<double, int64_t> : run_grad<double, int32_t>;
  }
  bound->params = p;
  bound->phases[0] = {run, piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::take_along_axis, "take_along_axis_rows", bind_take},
    {Opcode::take_along_axis_grad, "take_along_axis_grad_lines", bind_grad},
};

}  // namespace

const Family kAlongFamily = {kCandidates,
                             static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
