#include <cstring>

#include "kernels/nd_rows.h"
#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct NdParams {
  NdRows rows;
  int64_t row_bytes;
};

// visitor(name, row) for every name in order, row -1 when it is bad; the fault.
template <class Index, class Visitor>
int64_t visit_rows(const NdRows& rows, const void* indices, Visitor&& visitor) {
  int64_t fault = 0;
  for (int64_t i = 0; i < rows.n; ++i) {
    int64_t bad = 0;
    const int64_t row = row_named(rows, static_cast<const Index*>(indices), i, &bad);
    if (row < 0 && fault == 0) fault = bad + 1;
    visitor(i, row);
  }
  return fault;
}

template <class Index>
void run_gather(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const unsigned char* x = static_cast<const unsigned char*>(call.in[0]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  const size_t bytes = static_cast<size_t>(p.row_bytes);
  const auto copy = [&](int64_t i, int64_t row) {
    if (bytes == 0) return;
    if (row < 0) {
      std::memset(out + i * p.row_bytes, 0, bytes);
    } else {
      std::memcpy(out + i * p.row_bytes, x + row * p.row_bytes, bytes);
    }
  };
  *static_cast<int64_t*>(call.out[1]) = visit_rows<Index>(p.rows, call.in[1], copy);
}

// T: unsigned for integers, whose sums wrap.
template <class T, class Index>
void run_scatter(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const T* updates = static_cast<const T*>(call.in[1]);
  T* out = static_cast<T*>(call.out[0]);
  const int64_t size = p.rows.row_size;
  for (int64_t i = 0; i < p.rows.rows * size; ++i) out[i] = T(0);
  const auto add = [&](int64_t i, int64_t row) {
    if (row < 0) return;
    for (int64_t j = 0; j < size; ++j) {
      out[row * size + j] = static_cast<T>(out[row * size + j] + updates[i * size + j]);
    }
  };
  *static_cast<int64_t*>(call.out[1]) = visit_rows<Index>(p.rows, call.in[0], add);
}

template <class Index>
void run_update(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  const unsigned char* updates = static_cast<const unsigned char*>(call.in[2]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  const size_t bytes = static_cast<size_t>(p.row_bytes);
  if (p.rows.rows > 0 && bytes > 0) {
    std::memcpy(out, call.in[0], static_cast<size_t>(p.rows.rows) * bytes);
  }
  const auto set = [&](int64_t i, int64_t row) {
    if (row < 0 || bytes == 0) return;
    std::memcpy(out + row * p.row_bytes, updates + i * p.row_bytes, bytes);
  };
  *static_cast<int64_t*>(call.out[1]) = visit_rows<Index>(p.rows, call.in[1], set);
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

template <class Index>
PieceFn choose(const OpView& op) {
  switch (op.op) {
    case Opcode::gather_nd: return run_gather<Index>;
    case Opcode::scatter_nd: return choose_scatter<Index>(op.out[0].dtype);
    default: return run_update<Index>;
  }
}

const char* bind_nd(const OpView& op, Binder* binder, Bound* bound) {
  const DType dtype = op.out[0].dtype;
  const bool adds_half = is_float(dtype) && dtype_size(dtype) == 2;
  if (op.op == Opcode::scatter_nd && adds_half) return "dtype not supported";
  NdParams* p = alloc_params<NdParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& value = op.op == Opcode::scatter_nd ? op.out[0] : op.in[0];
  const TensorView& indices = op.in[op.op == Opcode::scatter_nd ? 0 : 1];
  p->rows = make_nd_rows(value, indices);
  p->row_bytes = p->rows.row_size * dtype_size(value.dtype);
  const bool wide = indices.dtype == DType::kInt64;
  return bind_piece(p, wide ? choose<int64_t>(op) : choose<int32_t>(op), bound);
}

const Candidate kCandidates[] = {
    {Opcode::gather_nd, "gather_nd_ref", bind_nd},
    {Opcode::scatter_nd, "scatter_nd_ref", bind_nd},
    {Opcode::scatter_update, "scatter_update_ref", bind_nd},
};

}  // namespace

const Family kScatterFamily = {kCandidates,
                               static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
