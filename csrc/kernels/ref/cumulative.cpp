#include <type_traits>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

// Values [outer, position, inner].
struct CumulativeParams {
  int64_t outer, positions, inner;
  bool reverse;
};

// float32 accumulates in double; integers as unsigned numbers, which wrap.
template <class T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double,
                                       std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;

template <class T, bool product>
void run(const Call& call, int64_t) {
  const CumulativeParams& p = *static_cast<const CumulativeParams*>(call.params);
  const T* x = static_cast<const T*>(call.in[0]);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t line = 0; line < p.outer * p.inner; ++line) {
    const int64_t start = line / p.inner * p.positions * p.inner + line % p.inner;
    Accumulator<T> total = product ? 1 : 0;
    for (int64_t k = 0; k < p.positions; ++k) {
      const int64_t i = start + (p.reverse ? p.positions - 1 - k : k) * p.inner;
      const auto value = static_cast<Accumulator<T>>(x[i]);
      total = product ? total * value : total + value;
      out[i] = static_cast<T>(total);
    }
  }
}

const char* bind_cumulative(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  CumulativeParams* p = alloc_params<CumulativeParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  const int64_t axis = attr_int(op, "axis", 0);
  p->positions = x.dims[axis];
  p->inner = 1;
  for (int d = static_cast<int>(axis) + 1; d < x.rank; ++d) p->inner *= x.dims[d];
  p->outer = x.count / p->positions / p->inner;
  p->reverse = attr_int(op, "reverse", 0) != 0;
  const bool product = op.op == Opcode::cumprod;
  PieceFn fn = nullptr;
  visit_number(x.dtype, [&](auto t) {
    using T = decltype(t);
    fn = product ? run<T, true> : run<T, false>;
  });
  if (fn == nullptr) return "dtype not supported";
  return bind_piece(p, fn, bound);
}

const Candidate kCandidates[] = {
    {Opcode::cumsum, "cumsum_ref", bind_cumulative},
    {Opcode::cumprod, "cumprod_ref", bind_cumulative},
};

}  // namespace

const Family kCumulativeFamily = {kCandidates,
                                  static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
