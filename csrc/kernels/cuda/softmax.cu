// softmax, log_softmax: rows up to 4 KB are read once, into registers, and written once.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/over_rows.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

template <class S, bool kLog>
struct Softmax {
  using Stored = S;
  using T = Computed<S>;
  static constexpr int kOperands = 1;
  static constexpr bool kFaults = false;
  const S* in[1];
  S* out;

  template <class R>
  __forceinline__ __device__ void run(R& row, int64_t r) const {
    const RowTotal<T> e = exponentials<!kLog>(row);
    S* target = out + (row.live ? r : 0) * row.columns;
    if constexpr (kLog) {
      const T log_total = log_of(e.total);
      row.write(target, [&](int64_t, T x, T) { return (x - e.top) - log_total; });
    } else {
      const T factor = T(1) / e.total;
      row.write(target, [&](int64_t, T x, T) { return exponential<R>(x, e.top) * factor; });
    }
  }
};

struct SoftmaxParams {
  int64_t rows, columns;
  int processors;
};

template <class S, bool kLog>
void run_softmax(const Call& call, int64_t) {
  const SoftmaxParams& p = *static_cast<const SoftmaxParams*>(call.params);
  const Softmax<S, kLog> operation = {{static_cast<const S*>(call.in[0])},
                                      static_cast<S*>(call.out[0])};
  launch_rows(operation, p.rows, p.columns, call.out[0], 0, p.processors, call.stream);
}

const char* bind_softmax(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  SoftmaxParams* p = alloc_params<SoftmaxParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.in[0].count / p->columns;
  p->processors = static_cast<int>(processors(op));
  const bool log = op.op == Opcode::log_softmax;
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto s) {
    run = log ? run_softmax<decltype(s), true> : run_softmax<decltype(s), false>;
  });
  return run == nullptr ? "dtype not supported" : bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::softmax, "softmax_rows", bind_softmax},
    {Opcode::log_softmax, "log_softmax_rows", bind_softmax},
};

}  // namespace

extern const Family kSoftmaxFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
