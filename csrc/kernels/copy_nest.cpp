#include "kernels/copy_nest.h"

namespace pydl {
namespace {

void dense_strides(const TensorView& x, int64_t* strides) {
  int64_t stride = 1;
  for (int d = x.rank - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= x.dims[d];
  }
}

// The whole of `x` to the start of `out`, axis by axis.
void plain_nest(const TensorView& x, const TensorView& out, CopyNest* nest) {
  *nest = {};
  nest->rank = x.rank;
  for (int d = 0; d < x.rank; ++d) nest->dims[d] = x.dims[d];
  dense_strides(x, nest->source_strides);
  if (x.rank == out.rank) dense_strides(out, nest->target_strides);
}

void transpose_nest(const OpView& op, CopyNest* nest) {
  const TensorView& x = op.in[0];
  const int64_t* perm = nullptr;
  const int count = attr_ints(op, "perm", &perm);
  int64_t strides[kMaxDims];
  dense_strides(x, strides);
  plain_nest(op.out[0], op.out[0], nest);
  for (int d = 0; d < count && d < x.rank; ++d) nest->source_strides[d] = strides[perm[d]];
}

void broadcast_nest(const OpView& op, CopyNest* nest) {
  const TensorView& x = op.in[0];
  const TensorView& out = op.out[0];
  int64_t strides[kMaxDims];
  dense_strides(x, strides);
  plain_nest(out, out, nest);
  for (int d = 0; d < out.rank; ++d) {
    const int k = d - (out.rank - x.rank);
    nest->source_strides[d] = k < 0 || x.dims[k] == 1 ? 0 : strides[k];
  }
}

void concatenate_nest(const OpView& op, int input, CopyNest* nest) {
  plain_nest(op.in[input], op.out[0], nest);
  const int64_t axis = attr_int(op, "axis", 0);
  for (int i = 0; i < input; ++i) {
    nest->target_start += op.in[i].dims[axis] * nest->target_strides[axis];
  }
}

void slice_nest(const OpView& op, CopyNest* nest) {
  const int64_t* begin = nullptr;
  const int64_t* stride = nullptr;
  const int n_begin = attr_ints(op, "begin", &begin);
  const int n_stride = attr_ints(op, "stride", &stride);
  int64_t strides[kMaxDims];
  dense_strides(op.in[0], strides);
  plain_nest(op.out[0], op.out[0], nest);
  for (int d = 0; d < op.out[0].rank; ++d) {
    if (d < n_begin) nest->source_start += begin[d] * strides[d];
    nest->source_strides[d] = strides[d] * (d < n_stride ? stride[d] : 1);
  }
}

void pad_nest(const OpView& op, CopyNest* nest) {
  const int64_t* low = nullptr;
  const int count = attr_ints(op, "low", &low);
  plain_nest(op.in[0], op.out[0], nest);
  for (int d = 0; d < count && d < op.in[0].rank; ++d) {
    nest->target_start += low[d] * nest->target_strides[d];
  }
}

void flip_nest(const OpView& op, CopyNest* nest) {
  const int64_t* axes = nullptr;
  const int count = attr_ints(op, "axes", &axes);
  plain_nest(op.in[0], op.out[0], nest);
  for (int i = 0; i < count; ++i) {
    int64_t* stride = &nest->source_strides[axes[i]];
    nest->source_start += (op.in[0].dims[axes[i]] - 1) * *stride;
    *stride = -*stride;
  }
}

void window_source_nest(const OpView& op, CopyNest* nest) {
  plain_nest(op.out[0], op.out[0], nest);
  dense_strides(op.in[0], nest->source_strides);
}

void copy_loop(CopyNest* nest, int from, int to) {
  nest->dims[to] = nest->dims[from];
  nest->source_strides[to] = nest->source_strides[from];
  nest->target_strides[to] = nest->target_strides[from];
}

void collapse(CopyNest* nest) {
  int kept = 0;
  for (int d = 0; d < nest->rank; ++d) {
    const int64_t dim = nest->dims[d];
    if (dim == 1) continue;
    const int last = kept - 1;
    if (kept > 0 && nest->source_strides[last] == nest->source_strides[d] * dim &&
        nest->target_strides[last] == nest->target_strides[d] * dim) {
      const int64_t outer = nest->dims[last];
      copy_loop(nest, d, last);
      nest->dims[last] *= outer;
    } else {
      copy_loop(nest, d, kept++);
    }
  }
  if (kept == 0) {  // one element
    nest->dims[0] = 1;
    nest->source_strides[0] = nest->target_strides[0] = 1;
    kept = 1;
  }
  nest->rank = kept;
}

}  // namespace

bool make_copy_nest(const OpView& op, int input, CopyNest* nest) {
  switch (op.op) {
    case Opcode::transpose: transpose_nest(op, nest); break;
    case Opcode::broadcast_to: broadcast_nest(op, nest); break;
    case Opcode::concatenate: concatenate_nest(op, input, nest); break;
    case Opcode::slice: slice_nest(op, nest); break;
    case Opcode::pad: pad_nest(op, nest); break;
    case Opcode::flip: flip_nest(op, nest); break;
    case Opcode::dynamic_slice: window_source_nest(op, nest); break;
    case Opcode::dynamic_update_slice: plain_nest(op.in[input], op.out[0], nest); break;
    default: return false;
  }
  nest->count = 1;
  for (int d = 0; d < nest->rank; ++d) nest->count *= nest->dims[d];
  collapse(nest);
  return true;
}

Window make_window(const OpView& op) {
  const bool update = op.op == Opcode::dynamic_update_slice;
  const TensorView& large = op.in[0];
  const TensorView& small = update ? op.in[1] : op.out[0];
  Window window = {};
  window.rank = large.rank;
  dense_strides(large, window.strides);
  for (int d = 0; d < large.rank; ++d) window.limits[d] = large.dims[d] - small.dims[d];
  return window;
}

}  // namespace pydl
