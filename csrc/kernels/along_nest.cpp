#include "kernels/along_nest.h"

namespace pydl {
namespace {

// Strides of a dense operand, 0 along the axes on which it is repeated.
void broadcast_strides(const TensorView& x, int64_t* strides) {
  int64_t stride = 1;
  for (int d = x.rank - 1; d >= 0; --d) {
    strides[d] = x.dims[d] == 1 ? 0 : stride;
    stride *= x.dims[d];
  }
}

void collapse(AlongNest* nest) {
  int kept = 0;
  for (int d = 0; d < nest->rank; ++d) {
    const int64_t dim = nest->dims[d];
    if (dim == 1) continue;
    const int last = kept - 1;
    const bool continues = kept > 0 && nest->x_strides[last] == nest->x_strides[d] * dim &&
                           nest->index_strides[last] == nest->index_strides[d] * dim;
    const int to = continues ? last : kept++;
    nest->dims[to] = continues ? nest->dims[to] * dim : dim;
    nest->x_strides[to] = nest->x_strides[d];
    nest->index_strides[to] = nest->index_strides[d];
  }
  if (kept == 0) {  // one element
    nest->dims[0] = 1;
    nest->x_strides[0] = nest->index_strides[0] = 0;
    kept = 1;
  }
  nest->rank = kept;
}

}  // namespace

AlongNest make_along_nest(const OpView& op) {
  AlongNest nest = {};
  const TensorView& x = op.in[0];
  const int64_t axis = attr_int(op, "axis", 0);
  nest.rank = op.out[0].rank;
  for (int d = 0; d < nest.rank; ++d) nest.dims[d] = op.out[0].dims[d];
  broadcast_strides(x, nest.x_strides);
  broadcast_strides(op.in[1], nest.index_strides);
  nest.x_strides[axis] = 0;  // the index says where
  nest.axis_stride = 1;
  for (int d = static_cast<int>(axis) + 1; d < x.rank; ++d) nest.axis_stride *= x.dims[d];
  nest.axis_size = x.dims[axis];
  collapse(&nest);
  return nest;
}

}  // namespace pydl
