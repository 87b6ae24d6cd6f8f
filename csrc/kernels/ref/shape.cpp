#include <cstring>

#include "kernels/copy_nest.h"
#include "kernels/element.h"
#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"

namespace pydl::ref {
namespace {

struct MoveParams {
  int element_size;
  int n_nests;
  bool fill;  // pad: the whole result first
  int64_t count;
  unsigned char value[8];
  CopyNest nests[1];  // n_nests of them
};

void fill(const MoveParams& p, unsigned char* out) {
  for (int64_t i = 0; i < p.count; ++i) {
    std::memcpy(out + i * p.element_size, p.value, static_cast<size_t>(p.element_size));
  }
}

void move(const CopyNest& nest, int element_size, const unsigned char* x, unsigned char* out) {
  for (int64_t i = 0; i < nest.count; ++i) {
    int64_t rest = i, source = nest.source_start, target = nest.target_start;
    for (int d = nest.rank - 1; d >= 0; --d) {
      source += rest % nest.dims[d] * nest.source_strides[d];
      target += rest % nest.dims[d] * nest.target_strides[d];
      rest /= nest.dims[d];
    }
    std::memcpy(out + target * element_size, x + source * element_size,
                static_cast<size_t>(element_size));
  }
}

void run_move(const Call& call, int64_t) {
  const MoveParams& p = *static_cast<const MoveParams*>(call.params);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  if (p.fill) fill(p, out);
  for (int i = 0; i < p.n_nests; ++i) {
    move(p.nests[i], p.element_size, static_cast<const unsigned char*>(call.in[i]), out);
  }
}

const char* bind_move(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  const size_t bytes = sizeof(MoveParams) + sizeof(CopyNest) * static_cast<size_t>(op.n_in);
  MoveParams* p = static_cast<MoveParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  p->element_size = dtype_size(dtype);
  p->n_nests = op.n_in;
  p->count = op.out[0].count;
  p->fill = op.op == Opcode::pad || op.op == Opcode::full;
  if (p->fill && !read_element(op, "value", dtype, p->value)) return "dtype not supported";
  for (int i = 0; i < op.n_in; ++i) make_copy_nest(op, i, &p->nests[i]);
  return bind_piece(p, run_move, bound);
}

struct OneHotParams {
  int64_t rows, depth;
  int element_size;
  unsigned char one[8];
};

template <class Index>
void run_one_hot(const Call& call, int64_t) {
  const OneHotParams& p = *static_cast<const OneHotParams*>(call.params);
  const Index* indices = static_cast<const Index*>(call.in[0]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  std::memset(out, 0, static_cast<size_t>(p.rows * p.depth * p.element_size));
  for (int64_t i = 0; i < p.rows; ++i) {
    const int64_t k = indices[i];
    if (k < 0 || k >= p.depth) continue;
    std::memcpy(out + (i * p.depth + k) * p.element_size, p.one,
                static_cast<size_t>(p.element_size));
  }
}

const char* bind_one_hot(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  OneHotParams* p = alloc_params<OneHotParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  if (!store_element(dtype, 1.0, p->one)) return "dtype not supported";
  p->rows = op.in[0].count;
  p->depth = op.out[0].dims[op.out[0].rank - 1];
  p->element_size = dtype_size(dtype);
  PieceFn run = nullptr;
  visit_index(op.in[0].dtype, [&](auto t) { run = run_one_hot<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::transpose, "transpose_ref", bind_move},
    {Opcode::broadcast_to, "broadcast_to_ref", bind_move},
    {Opcode::concatenate, "concatenate_ref", bind_move},
    {Opcode::slice, "slice_ref", bind_move},
    {Opcode::pad, "pad_ref", bind_move},
    {Opcode::full, "full_ref", bind_move},
    {Opcode::flip, "flip_ref", bind_move},
    {Opcode::one_hot, "one_hot_ref", bind_one_hot},
};

}  // namespace

const Family kShapeFamily = {kCandidates,
                             static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
