#include <type_traits>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

// Loops over the result (kept) and over what becomes one of its elements (reduced).
struct Loops {
  int rank;
  int64_t dims[kMaxDims];
  int64_t strides[kMaxDims];
  int64_t count;
};

struct ReduceParams {
  Opcode op;
  Loops kept, reduced;
};

int64_t offset(const Loops& loops, int64_t index) {
  int64_t result = 0;
  for (int d = loops.rank - 1; d >= 0; --d) {
    result += index % loops.dims[d] * loops.strides[d];
    index /= loops.dims[d];
  }
  return result;
}

void add_loop(Loops* loops, int64_t dim, int64_t stride) {
  loops->dims[loops->rank] = dim;
  loops->strides[loops->rank++] = stride;
  loops->count *= dim;
}

void make_loops(const TensorView& x, const int64_t* axes, int n_axes, ReduceParams* p) {
  bool is_reduced[kMaxDims] = {};
  for (int i = 0; i < n_axes; ++i) is_reduced[axes[i]] = true;
  int64_t strides[kMaxDims];
  int64_t stride = 1;
  for (int d = x.rank - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= x.dims[d];
  }
  p->kept.count = p->reduced.count = 1;
  for (int d = 0; d < x.rank; ++d) {
    add_loop(is_reduced[d] ? &p->reduced : &p->kept, x.dims[d], strides[d]);
  }
}

// Floats are summed in double, integers modulo 2^64.
template <class T>
T sum(const T* x, const Loops& loops, bool mean) {
  if constexpr (std::is_floating_point_v<T>) {
    double total = 0.0;
    for (int64_t i = 0; i < loops.count; ++i) total += x[offset(loops, i)];
    return static_cast<T>(mean ? total / static_cast<double>(loops.count) : total);
  } else {
    uint64_t total = 0;
    for (int64_t i = 0; i < loops.count; ++i) total += static_cast<uint64_t>(x[offset(loops, i)]);
    return static_cast<T>(total);
  }
}

// Floats in double, integers modulo 2^64.
template <class T>
T product(const T* x, const Loops& loops) {
  std::conditional_t<std::is_floating_point_v<T>, double, uint64_t> result = 1;
  for (int64_t i = 0; i < loops.count; ++i) {
    result *= static_cast<decltype(result)>(x[offset(loops, i)]);
  }
  return static_cast<T>(result);
}

// Index along `loops` of the extreme: the first of equals; NaN wins.
template <class T>
int64_t extreme(const T* x, const Loops& loops, bool smallest) {
  int64_t best = 0;
  for (int64_t i = 0; i < loops.count; ++i) {
    const T value = x[offset(loops, i)], held = x[offset(loops, best)];
    if (value != value) return i;
    if (smallest ? value < held : value > held) best = i;
  }
  return best;
}

template <class T>
void run_reduce(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.kept.count; ++i) {
    const T* x = static_cast<const T*>(call.in[0]) + offset(p.kept, i);
    if (p.op == Opcode::reduce_sum || p.op == Opcode::reduce_mean) {
      out[i] = sum(x, p.reduced, p.op == Opcode::reduce_mean);
    } else if (p.op == Opcode::reduce_prod) {
      out[i] = product(x, p.reduced);
    } else {
      out[i] = x[offset(p.reduced, extreme(x, p.reduced, p.op == Opcode::reduce_min))];
    }
  }
}

template <class T>
void run_argmax(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  int32_t* out = static_cast<int32_t*>(call.out[0]);
  for (int64_t i = 0; i < p.kept.count; ++i) {
    const T* x = static_cast<const T*>(call.in[0]) + offset(p.kept, i);
    out[i] = static_cast<int32_t>(extreme(x, p.reduced, false));
  }
}

const char* bind_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  ReduceParams* p = alloc_params<ReduceParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t* axes = nullptr;
  const int64_t axis = attr_int(op, "axis", 0);
  const bool argmax = op.op == Opcode::argmax;
  const int n_axes = argmax ? 1 : attr_ints(op, "axes", &axes);
  p->op = op.op;
  make_loops(op.in[0], argmax ? &axis : axes, n_axes, p);
  const bool extremes = argmax || op.op == Opcode::reduce_max || op.op == Opcode::reduce_min;
  if (extremes && p->reduced.count == 0) return "extreme of nothing";
  PieceFn run = nullptr;
  const DType dtype = op.in[0].dtype == DType::kBool ? DType::kUInt8 : op.in[0].dtype;
  visit_number(dtype,
               [&](auto t) { run = argmax ? run_argmax<decltype(t)> : run_reduce<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::reduce_sum, "reduce_sum_ref", bind_reduce},
    {Opcode::reduce_mean, "reduce_mean_ref", bind_reduce},
    {Opcode::reduce_max, "reduce_max_ref", bind_reduce},
    {Opcode::reduce_min, "reduce_min_ref", bind_reduce},
    {Opcode::reduce_prod, "reduce_prod_ref", bind_reduce},
    {Opcode::argmax, "argmax_ref", bind_reduce},
};

}  // namespace

const Family kReduceFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
