// The `fault` result: 0, or 1 + the flat index of the first bad label or index. Pieces note their
// own first, in order; a last phase takes the first of all.
#pragma once

#include "kernels/cpu/pieces.h"

namespace pydl::PYDL_ISA {

// Leading fields of the parameters of a kernel with a fault.
struct FaultParams {
  int64_t pieces;
  int result;  // number of the `fault` result
};

static inline void note_fault(const FaultParams& p, const Call& call, int64_t piece,
                              int64_t fault) {
  int64_t* target = p.pieces == 1 ? static_cast<int64_t*>(call.out[p.result])
                                  : reinterpret_cast<int64_t*>(call.scratch) + piece;
  *target = fault;
}

static inline void merge_faults(const Call& call, int64_t) {
  const FaultParams& p = *static_cast<const FaultParams*>(call.params);
  const int64_t* faults = reinterpret_cast<const int64_t*>(call.scratch);
  int64_t first = 0;
  for (int64_t k = p.pieces - 1; k >= 0; --k) {
    if (faults[k] != 0) first = faults[k];
  }
  *static_cast<int64_t*>(call.out[p.result]) = first;
}

// At least one piece, which writes the fault of an empty operand.
static inline const char* bind_fault(FaultParams* p, PieceFn run, Bound* bound) {
  bound->params = p;
  bound->phases[0] = {run, p->pieces};
  bound->n_phases = 1;
  if (p->pieces > 1) {
    bound->phases[1] = {merge_faults, 1};
    bound->n_phases = 2;
    bound->scratch_bytes = p->pieces * static_cast<int64_t>(sizeof(int64_t));
  }
  return nullptr;
}

}  // namespace pydl::PYDL_ISA
