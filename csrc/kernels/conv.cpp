#include "kernels/conv.h"

#include "plan/opcode.h"

namespace pydl {
namespace {

void fill(int64_t (&axes)[kSpatial]) {
  for (int64_t& axis : axes) axis = 1;
}

// The spatial sizes of a channels-last operand.
void read_sizes(const TensorView& images, int64_t (&sizes)[kSpatial]) {
  fill(sizes);
  const int spatial = images.rank - 2;
  for (int i = 0; i < spatial; ++i) sizes[kSpatial - spatial + i] = images.dims[1 + i];
}

// An attribute with an entry per spatial axis; axes it lacks get `otherwise`.
void read_attr(const OpView& op, const char* name, int64_t otherwise, int64_t (&axes)[kSpatial]) {
  const int64_t* values = nullptr;
  const int count = attr_ints(op, name, &values);
  for (int i = 0; i < kSpatial; ++i) {
    const int at = i - (kSpatial - count);
    axes[i] = at < 0 ? otherwise : values[at];
  }
}

void read_windows(const OpView& op, WindowShape* shape) {
  read_attr(op, "strides", 1, shape->strides);
  read_attr(op, "dilations", 1, shape->dilations);
  read_attr(op, "low", 0, shape->low);
}

}  // namespace

ConvShape conv_shape(const OpView& op) {
  ConvShape shape = {};
  const bool forward = op.op == Opcode::conv, to_x = op.op == Opcode::conv_grad_x;
  const TensorView& x = to_x ? op.out[0] : op.in[0];
  const TensorView& out = forward ? op.out[0] : to_x ? op.in[0] : op.in[1];
  const TensorView& weight = forward || to_x ? op.in[1] : op.out[0];
  read_windows(op, &shape);
  read_sizes(x, shape.size);
  read_sizes(out, shape.places);
  fill(shape.window);
  const int spatial = weight.rank - 2;
  for (int i = 0; i < spatial; ++i) shape.window[kSpatial - spatial + i] = weight.dims[i];
  shape.batch = x.dims[0];
  shape.channels = x.dims[x.rank - 1];
  shape.filters = weight.dims[weight.rank - 1];
  shape.groups = attr_int(op, "groups", 1);
  int next = 2;
  shape.bias = attr_int(op, "bias", 0) != 0 ? next++ : -1;
  shape.residual = attr_int(op, "residual", 0) != 0 ? next++ : -1;
  shape.activation = attr_string(op, to_x ? "grad" : "activation");
  shape.out = to_x && shape.activation[0] != 0 ? next++ : -1;
  shape.column_sum = op.n_out == 2;
  return shape;
}

PoolShape pool_shape(const OpView& op) {
  PoolShape shape = {};
  const bool forward = op.op == Opcode::max_pool || op.op == Opcode::avg_pool;
  const TensorView& x = forward ? op.in[0] : op.out[0];
  const TensorView& out = forward ? op.out[0] : op.in[0];
  read_windows(op, &shape);
  read_attr(op, "window", 1, shape.window);
  read_sizes(x, shape.size);
  read_sizes(out, shape.places);
  shape.batch = x.dims[0];
  shape.channels = x.dims[x.rank - 1];
  shape.count_padding = attr_int(op, "count_padding", 0) != 0;
  shape.wide_index = volume(shape.window) > 256;
  return shape;
}

}  // namespace pydl
