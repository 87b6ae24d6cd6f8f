// Rows named by several indices: gather_nd, scatter_nd and scatter_update see their value as rows,
// one for each combination of indices into its first axes. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

struct NdRows {
  int64_t n;         // rows named
  int depth;         // indices of a name
  int64_t dims[kMaxDims];
  int64_t rows;      // of the value
  int64_t row_size;  // elements
};

// `value` is what the rows belong to, `indices` [..., depth].
NdRows make_nd_rows(const TensorView& value, const TensorView& indices);

// The row that the `i`-th name means, or -1; `*bad` becomes the flat index of its first bad index.
template <class Index>
__attribute__((always_inline)) static inline int64_t row_named(const NdRows& p,
                                                               const Index* indices, int64_t i,
                                                               int64_t* bad) {
  int64_t row = 0;
  for (int d = 0; d < p.depth; ++d) {
    const int64_t k = indices[i * p.depth + d];
    if (k < 0 || k >= p.dims[d]) {
      *bad = i * p.depth + d;
      return -1;
    }
    row = row * p.dims[d] + k;
  }
  return row;
}

}  // namespace pydl
