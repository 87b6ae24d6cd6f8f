#include "kernels/broadcast.h"

namespace pydl {
namespace {

void broadcast_strides(const TensorView& x, const TensorView& out, int64_t* strides) {
  int64_t stride = 1;
  for (int d = out.rank - 1; d >= 0; --d) {
    const int k = d - (out.rank - x.rank);
    const int64_t dim = k < 0 ? 1 : x.dims[k];
    strides[d] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
}

// True when for every operand loop `outer` just continues loop `inner`.
bool mergeable(const Nest& nest, int n_in, int outer, int inner) {
  for (int i = 0; i < n_in; ++i) {
    if (nest.strides[i][outer] != nest.strides[i][inner] * nest.dims[inner]) return false;
  }
  return true;
}

void copy_loop(Nest* nest, int n_in, int from, int to) {
  nest->dims[to] = nest->dims[from];
  for (int i = 0; i < n_in; ++i) nest->strides[i][to] = nest->strides[i][from];
}

// Drops loops of one pass and merges neighbours; `nest` keeps its order.
void collapse(Nest* nest, int n_in) {
  int kept = 0;
  for (int d = 0; d < nest->rank; ++d) {
    if (nest->dims[d] == 1) continue;
    if (kept > 0 && mergeable(*nest, n_in, kept - 1, d)) {
      const int64_t outer = nest->dims[kept - 1];
      copy_loop(nest, n_in, d, kept - 1);
      nest->dims[kept - 1] *= outer;
    } else {
      copy_loop(nest, n_in, d, kept++);
    }
  }
  nest->rank = kept;
}

}  // namespace

void make_nest(const TensorView* in, int n_in, const TensorView& out, Nest* nest) {
  nest->rank = out.rank;
  for (int d = 0; d < out.rank; ++d) nest->dims[d] = out.dims[d];
  for (int i = 0; i < n_in; ++i) broadcast_strides(in[i], out, nest->strides[i]);
  collapse(nest, n_in);
  if (nest->rank > 0) return;
  nest->rank = 1;  // one element
  nest->dims[0] = 1;
  for (int i = 0; i < n_in; ++i) nest->strides[i][0] = 0;
}

}  // namespace pydl
