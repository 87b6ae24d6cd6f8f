#include "kernels/nd_rows.h"

namespace pydl {

NdRows make_nd_rows(const TensorView& value, const TensorView& indices) {
  NdRows p = {};
  p.depth = static_cast<int>(indices.dims[indices.rank - 1]);
  p.n = 1;
  for (int d = 0; d + 1 < indices.rank; ++d) p.n *= indices.dims[d];
  p.rows = p.row_size = 1;
  for (int d = 0; d < value.rank; ++d) {
    if (d < p.depth) {
      p.dims[d] = value.dims[d];
      p.rows *= value.dims[d];
    } else {
      p.row_size *= value.dims[d];
    }
  }
  if (p.depth == 0 && p.row_size == 0) p.n = 0;  // nothing to check, nothing to move
  return p;
}

}  // namespace pydl
