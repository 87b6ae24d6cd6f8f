#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct SortParams {
  int64_t rows, length;
  int64_t kept;         // of a row: length, or k
  bool right;           // searchsorted
};

// NaN is the largest, all NaN are equal.
template <class T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a < b;
}

// The order of a row; of equals the lower index is first.
template <class T>
void make_order(const T* x, int64_t n, bool descending, int64_t* order) {
  std::iota(order, order + n, int64_t{0});
  std::sort(order, order + n, [&](int64_t a, int64_t b) {
    if (before(x[a], x[b])) return !descending;
    if (before(x[b], x[a])) return descending;
    return a < b;
  });
}

template <class T>
void run_sort(const Call& call, int64_t) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  int64_t* order = reinterpret_cast<int64_t*>(call.worker);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.length;
    make_order(x, p.length, false, order);
    T* out = static_cast<T*>(call.out[0]) + r * p.length;
    for (int64_t i = 0; i < p.length; ++i) out[i] = x[order[i]];
  }
}

template <class T>
void run_argsort(const Call& call, int64_t) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  int64_t* order = reinterpret_cast<int64_t*>(call.worker);
  for (int64_t r = 0; r < p.rows; ++r) {
    make_order(static_cast<const T*>(call.in[0]) + r * p.length, p.length, false, order);
    int32_t* out = static_cast<int32_t*>(call.out[0]) + r * p.length;
    for (int64_t i = 0; i < p.length; ++i) out[i] = static_cast<int32_t>(order[i]);
  }
}

template <class T>
void run_top_k(const Call& call, int64_t) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  int64_t* order = reinterpret_cast<int64_t*>(call.worker);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.length;
    make_order(x, p.length, true, order);
    for (int64_t i = 0; i < p.kept; ++i) {
      static_cast<T*>(call.out[0])[r * p.kept + i] = x[order[i]];
      static_cast<int32_t*>(call.out[1])[r * p.kept + i] = static_cast<int32_t>(order[i]);
    }
  }
}

// Row r of `sorted` and row r of `values`.
template <class T>
void run_search(const Call& call, int64_t) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  for (int64_t i = 0; i < p.rows * p.kept; ++i) {
    const T* sorted = static_cast<const T*>(call.in[0]) + i / p.kept * p.length;
    const T value = static_cast<const T*>(call.in[1])[i];
    const T* end = sorted + p.length;
    const T* at = p.right ? std::upper_bound(sorted, end, value, before<T>)
                          : std::lower_bound(sorted, end, value, before<T>);
    static_cast<int32_t*>(call.out[0])[i] = static_cast<int32_t>(at - sorted);
  }
}

template <class T>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::sort: return run_sort<T>;
    case Opcode::argsort: return run_argsort<T>;
    case Opcode::top_k: return run_top_k<T>;
    default: return run_search<T>;
  }
}

const char* bind_sort(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  SortParams* p = alloc_params<SortParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  p->length = x.dims[x.rank - 1];
  p->rows = 1;
  for (int d = 0; d + 1 < x.rank; ++d) p->rows *= x.dims[d];
  p->kept = op.out[0].count / p->rows;
  p->right = attr_int(op, "right", 0) != 0;
  bound->worker_bytes = p->length * static_cast<int64_t>(sizeof(int64_t));
  PieceFn run = nullptr;
  visit_number(x.dtype, [&](auto t) { run = choose<decltype(t)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::sort, "sort_ref", bind_sort},
    {Opcode::argsort, "argsort_ref", bind_sort},
    {Opcode::top_k, "top_k_ref", bind_sort},
    {Opcode::searchsorted, "searchsorted_ref", bind_sort},
};

}  // namespace

const Family kSortFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
