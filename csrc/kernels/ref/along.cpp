#include <cstring>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct AlongParams {
  int rank, axis;
  int64_t out[kMaxDims], x[kMaxDims], indices[kMaxDims];
  int64_t count, n_indices, element_size;
};

// The flat index in an operand of shape `dims` of the element that stands for result element `i`;
// along the axis that is `at`, or the same place when `at` is negative.
int64_t place(const AlongParams& p, const int64_t* dims, int64_t i, int64_t at) {
  int64_t offset = 0, stride = 1;
  for (int d = p.rank - 1; d >= 0; --d) {
    const int64_t k = d == p.axis && at >= 0 ? at : i % p.out[d];
    if (dims[d] != 1) offset += k * stride;
    i /= p.out[d];
    stride *= dims[d];
  }
  return offset;
}

template <class Index>
void run_take(const Call& call, int64_t) {
  const AlongParams& p = *static_cast<const AlongParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[1]);
  const unsigned char* x = static_cast<const unsigned char*>(call.in[0]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  const size_t bytes = static_cast<size_t>(p.element_size);
  const int64_t size = p.x[p.axis];
  for (int64_t i = 0; i < p.count; ++i) {
    const int64_t k = indices[place(p, p.indices, i, -1)];
    if (k >= 0 && k < size) {
      std::memcpy(out + i * p.element_size, x + place(p, p.x, i, k) * p.element_size, bytes);
    } else {
      std::memset(out + i * p.element_size, 0, bytes);
    }
  }
  int64_t fault = 0;
  for (int64_t i = p.n_indices - 1; i >= 0; --i) {
    if (indices[i] < 0 || indices[i] >= size) fault = i + 1;
  }
  *static_cast<int64_t*>(call.out[1]) = fault;
}

AlongParams* make_params(const OpView& op, Binder* binder) {
  AlongParams* p = alloc_params<AlongParams>(binder);
  if (p == nullptr) return nullptr;
  p->rank = op.in[1].rank;
  p->axis = static_cast<int>(attr_int(op, "axis", 0));
  for (int d = 0; d < p->rank; ++d) {
    p->out[d] = op.out[0].dims[d];
    p->x[d] = op.in[0].dims[d];
    p->indices[d] = op.in[1].dims[d];
  }
  p->count = op.out[0].count;
  p->n_indices = op.in[1].count;
  p->element_size = dtype_size(op.in[0].dtype);
  return p;
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  AlongParams* p = make_params(op, binder);
  if (p == nullptr) return kOutOfMemory;
  PieceFn run = nullptr;
  visit_index(op.in[1].dtype, [&](auto t) { run = run_take<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

// Lines along the axis: elements [outer, position, inner].
template <class T, class Index>
void run_grad(const Call& call, int64_t) {
  const AlongParams& p = *static_cast<const AlongParams*>(call.params);
  const T* grad_out = static_cast<const T*>(call.in[0]);
  T* grad_x = static_cast<T*>(call.out[0]);
  const int64_t positions = p.indices[p.axis], size = p.out[p.axis];
  int64_t inner = 1;
  for (int d = p.axis + 1; d < p.rank; ++d) inner *= p.out[d];
  for (int64_t i = 0; i < p.count; ++i) grad_x[i] = T(0);
  for (int64_t i = 0; i < p.n_indices; ++i) {
    const int64_t k = static_cast<const Index*>(call.in[1])[i];
    if (k < 0 || k >= size) continue;
    grad_x[(i / inner / positions * size + k) * inner + i % inner] += grad_out[i];
  }
}

const char* bind_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  AlongParams* p = make_params(op, binder);
  if (p == nullptr) return kOutOfMemory;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    using T = decltype(t);
    visit_index(op.in[1].dtype, [&](auto u) { run = run_grad<T, decltype(u)>; });
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::take_along_axis, "take_along_axis_ref", bind_take},
    {Opcode::take_along_axis_grad, "take_along_axis_grad_ref", bind_grad},
};

}  // namespace

const Family kAlongFamily = {kCandidates,
                             static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
