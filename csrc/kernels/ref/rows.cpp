#include <cstring>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "kernels/ref/update_element.h"

namespace pydl::ref {
namespace {

struct RowParams {
  UpdateRule rule;
  int64_t n, rows, columns;
  int64_t bytes;  // of the variable
};

// Whether position `i` is the first of its index, a valid one.
template <class Index>
bool begins_group(const RowParams& p, const Index* indices, int64_t i) {
  if (indices[i] < 0 || indices[i] >= p.rows) return false;
  for (int64_t k = 0; k < i; ++k) {
    if (indices[k] == indices[i]) return false;
  }
  return true;
}

// Column `j` of the gradients of the index at position `i`, its first, added up.
template <class T, class Index>
T sum_of(const RowParams& p, const T* grad, const Index* indices, int64_t i, int64_t j) {
  T sum = T(0);
  for (int64_t k = i; k < p.n; ++k) {
    if (indices[k] == indices[i]) sum += grad[k * p.columns + j];
  }
  return sum;
}

template <class T, class Index>
void run_update(const Call& call, int64_t) {
  const RowParams& p = *static_cast<const RowParams*>(call.params);
  const UpdateRule& rule = p.rule;
  const T* grad = static_cast<const T*>(call.in[row_grad(rule)]);
  const Index* indices = static_cast<const Index*>(call.in[row_indices(rule)]);
  for (int k = 0; k < 1 + rule.n_slots; ++k) {
    std::memmove(call.out[k], call.in[row_var(rule) + k], static_cast<size_t>(p.bytes));
  }
  for (int64_t i = 0; i < p.n; ++i) {
    if (!begins_group(p, indices, i)) continue;
    for (int64_t j = 0; j < p.columns; ++j) {
      const int64_t at = static_cast<int64_t>(indices[i]) * p.columns + j;
      Element e = {};
      e.lr = *static_cast<const float*>(call.in[0]);
      e.grad = sum_of(p, grad, indices, i, j);
      if (rule.scale >= 0) e.grad *= *static_cast<const float*>(call.in[rule.scale]);
      e.grad = clipped(rule, e.grad);
      e.var = static_cast<T*>(call.out[0])[at];
      for (int s = 0; s < rule.n_slots; ++s) e.slots[s] = static_cast<T*>(call.out[1 + s])[at];
      update(rule, &e);
      static_cast<T*>(call.out[0])[at] = static_cast<T>(e.var);
      for (int s = 0; s < rule.n_slots; ++s) {
        static_cast<T*>(call.out[1 + s])[at] = static_cast<T>(e.slots[s]);
      }
    }
  }
}

template <class T, class Index>
void run_sums(const Call& call, int64_t) {
  const RowParams& p = *static_cast<const RowParams*>(call.params);
  const T* grad = static_cast<const T*>(call.in[0]);
  const Index* indices = static_cast<const Index*>(call.in[1]);
  for (int64_t i = 0; i < p.n; ++i) {
    const bool first = begins_group(p, indices, i);
    for (int64_t j = 0; j < p.columns; ++j) {
      static_cast<T*>(call.out[0])[i * p.columns + j] =
          first ? sum_of(p, grad, indices, i, j) : T(0);
    }
  }
}

const char* bind_rows(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  RowParams* p = alloc_params<RowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const bool sums = op.op == Opcode::row_sums;
  if (!sums) {
    const char* error = read_row_rule(op, &p->rule);
    if (error != nullptr) return error;
    const TensorView& var = op.in[row_var(p->rule)];
    p->rows = var.dims[0];
    p->bytes = var.count * dtype_size(var.dtype);
  } else {
    p->rows = attr_int(op, "rows", 0);
  }
  const TensorView& indices = op.in[sums ? 1 : row_indices(p->rule)];
  const TensorView& grad = op.in[sums ? 0 : row_grad(p->rule)];
  p->n = indices.count;
  p->columns = p->n == 0 ? 0 : grad.count / p->n;
  PieceFn run = nullptr;
  visit_float(grad.dtype, [&](auto t) {
    using T = decltype(t);
    visit_index(indices.dtype, [&](auto u) {
      using Index = decltype(u);
      run = sums ? run_sums<T, Index> : run_update<T, Index>;
    });
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::row_sums, "row_sums_ref", bind_rows},
    {Opcode::sgd_row_update, "sgd_row_update_ref", bind_rows},
    {Opcode::adam_row_update, "adam_row_update_ref", bind_rows},
    {Opcode::adagrad_row_update, "adagrad_row_update_ref", bind_rows},
};

}  // namespace

const Family kRowsFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
