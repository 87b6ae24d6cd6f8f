#include <cstring>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct GatherParams {
  int64_t n_indices;
  int64_t rows;      // of the table
  int64_t row_size;  // bytes for take, elements for take_grad
};

template <class Index>
void run_take(const Call& call, int64_t) {
  const GatherParams& p = *static_cast<const GatherParams*>(call.params);
  const unsigned char* x = static_cast<const unsigned char*>(call.in[0]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  int64_t fault = 0;
  const size_t bytes = static_cast<size_t>(p.row_size);
  for (int64_t i = 0; i < p.n_indices; ++i) {
    const int64_t k = static_cast<const Index*>(call.in[1])[i];
    const bool valid = k >= 0 && k < p.rows;
    if (!valid && fault == 0) fault = i + 1;
    if (bytes == 0) continue;
    if (valid) {
      std::memcpy(out + i * p.row_size, x + k * p.row_size, bytes);
    } else {
      std::memset(out + i * p.row_size, 0, bytes);
    }
  }
  *static_cast<int64_t*>(call.out[1]) = fault;
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  GatherParams* p = alloc_params<GatherParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  p->n_indices = op.in[1].count;
  p->rows = x.dims[0];
  p->row_size = dtype_size(x.dtype);
  for (int d = 1; d < x.rank; ++d) p->row_size *= x.dims[d];
  PieceFn run = nullptr;
  visit_index(op.in[1].dtype, [&](auto t) { run = run_take<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

template <class T, class Index>
void run_take_grad(const Call& call, int64_t) {
  const GatherParams& p = *static_cast<const GatherParams*>(call.params);
  const T* grad_out = static_cast<const T*>(call.in[0]);
  T* grad_x = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.rows * p.row_size; ++i) grad_x[i] = T(0);
  for (int64_t i = 0; i < p.n_indices; ++i) {
    const int64_t k = static_cast<const Index*>(call.in[1])[i];
    if (k < 0 || k >= p.rows) continue;
    for (int64_t j = 0; j < p.row_size; ++j) {
      grad_x[k * p.row_size + j] += grad_out[i * p.row_size + j];
    }
  }
}

const char* bind_take_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  GatherParams* p = alloc_params<GatherParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->n_indices = op.in[1].count;
  p->rows = op.out[0].dims[0];
  p->row_size = op.out[0].count / p->rows;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    using T = decltype(t);
    visit_index(op.in[1].dtype, [&](auto u) { run = run_take_grad<T, decltype(u)>; });
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::take, "take_ref", bind_take},
    {Opcode::take_grad, "take_grad_ref", bind_take_grad},
};

}  // namespace

const Family kGatherFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
