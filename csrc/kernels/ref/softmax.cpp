#include <cmath>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct RowParams {
  int64_t rows, columns;
};

// The largest of a row; a NaN makes the whole row NaN later.
template <class T>
double row_max(const T* x, int64_t n) {
  double best = -INFINITY;
  for (int64_t i = 0; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

template <class T, bool kLog>
void run_softmax(const Call& call, int64_t) {
  const RowParams& p = *static_cast<const RowParams*>(call.params);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.columns;
    T* out = static_cast<T*>(call.out[0]) + r * p.columns;
    const double top = row_max(x, p.columns);
    double total = 0.0;
    for (int64_t i = 0; i < p.columns; ++i) total += std::exp(x[i] - top);
    for (int64_t i = 0; i < p.columns; ++i) {
      const double shifted = x[i] - top;
      out[i] = static_cast<T>(kLog ? shifted - std::log(total) : std::exp(shifted) / total);
    }
  }
}

const char* bind_softmax(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  RowParams* p = alloc_params<RowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->columns = op.in[0].dims[op.in[0].rank - 1];
  p->rows = op.in[0].count / p->columns;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    using T = decltype(t);
    run = op.op == Opcode::softmax ? run_softmax<T, false> : run_softmax<T, true>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::softmax, "softmax_ref", bind_softmax},
    {Opcode::log_softmax, "log_softmax_ref", bind_softmax},
};

}  // namespace

const Family kSoftmaxFamily = {kCandidates,
                               static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
