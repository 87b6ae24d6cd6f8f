// conv and its two gradients (docs/opcodes.md).
#include "plan/ops/window_attrs.h"

namespace pydl::ops {
namespace {

// A convolution as seen by all three ops; the one of x, weight and out that is the result is made
// by its infer.
struct Conv {
  Windows windows;
  int64_t groups;
};

constexpr AttrRule kShared[] = {{"strides", AttrKind::kInts, true},
                                {"dilations", AttrKind::kInts, true},
                                {"low", AttrKind::kInts, true},
                                {"high", AttrKind::kInts, true},
                                {"groups", AttrKind::kInt, false}};

Status check_conv_attrs(const OpCall& call, std::initializer_list<AttrRule> own) {
  std::vector<AttrRule> rules(std::begin(kShared), std::end(kShared));
  rules.insert(rules.end(), own.begin(), own.end());
  return check_attrs(call, rules);
}

Status read_conv(const OpCall& call, size_t spatial, Conv* conv) {
  PYDL_RETURN_IF_ERROR(read_windows(call, spatial, true, &conv->windows));
  conv->groups = call.attrs.get_int("groups", 1);
  if (conv->groups >= 1) return Status();
  return refuse(call, "attribute 'groups' must be at least 1, received ", conv->groups);
}

Status check_groups(const OpCall& call, const Conv& conv, const char* name, int64_t channels) {
  if (channels == kUnknown || channels % conv.groups == 0) return Status();
  return refuse(call, "groups must divide the channels of ", name,
                ", received groups=", conv.groups, " and ", channels, " channels");
}

Status check_weight(const OpCall& call, const Spec& images, const Spec& weight, Conv* conv) {
  PYDL_RETURN_IF_ERROR(check_dtype(call, "weight", weight.dtype, Takes::kFloat));
  if (weight.shape.size() != images.shape.size()) {
    return refuse(call, "weight must have ", images.shape.size(),
                  " axes (the window's, channels in, channels out), received ", weight.shape);
  }
  conv->windows.window.assign(weight.shape.begin(), weight.shape.end() - 2);
  for (const int64_t extent : conv->windows.window) {
    if (extent < 1 || extent > kMostExtent) {
      return refuse(call, "the window of weight must have sizes of at least 1, received ",
                    weight.shape);
    }
  }
  return check_groups(call, *conv, "weight", weight.shape.back());
}

Status check_channels_in(const OpCall& call, const Conv& conv, const Shape& x, const Shape& w) {
  PYDL_RETURN_IF_ERROR(check_groups(call, conv, "x", x.back()));
  const int64_t per_group = w[w.size() - 2];
  if (x.back() == kUnknown || per_group == kUnknown || per_group * conv.groups == x.back()) {
    return Status();
  }
  return refuse(call, "x has ", x.back(), " channels and the kernel takes ", per_group,
                " in each of ", conv.groups, " groups, received x ", x, " and weight ", w);
}

Status check_two(const OpCall& call, const char* a, const char* b, size_t images) {
  if (call.n_in() < 2) return check_operands(call, {a, b});
  PYDL_RETURN_IF_ERROR(check_images(call, images == 0 ? a : b, call.in(static_cast<int>(images))));
  return check_same_dtype(call, a, call.in(0), b, call.in(1));
}

Status infer_forward(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_conv_attrs(call, {{"bias", AttrKind::kFlag, false},
                                               {"residual", AttrKind::kFlag, false},
                                               {"activation", AttrKind::kString, false}}));
  PYDL_RETURN_IF_ERROR(check_two(call, "x", "weight", 0));
  PYDL_RETURN_IF_ERROR(check_activation(call, "activation"));
  const Shape &x = call.in(0).shape, &weight = call.in(1).shape;
  Conv conv;
  PYDL_RETURN_IF_ERROR(read_conv(call, x.size() - 2, &conv));
  PYDL_RETURN_IF_ERROR(check_weight(call, call.in(0), call.in(1), &conv));
  PYDL_RETURN_IF_ERROR(check_channels_in(call, conv, x, weight));
  Shape places;
  PYDL_RETURN_IF_ERROR(window_counts(call, conv.windows, spatial_of(x), &places));
  const Spec out = {call.in(0).dtype, images_shape(x.front(), places, weight.back())};
  PYDL_RETURN_IF_ERROR(
      check_operand_list(call, {{"x", true, call.in(0)},
                                {"weight", true, call.in(1)},
                                {"bias", is_flag_set(call, "bias"), {out.dtype, {weight.back()}}},
                                {"residual", is_flag_set(call, "residual"), out}}));
  outputs->push_back(out);
  return Status();
}

// What a forward convolution of x by weight gives must be the shape of grad_out.
Status check_grad_out(const OpCall& call, const Conv& conv, const Shape& x, int64_t channels_out) {
  const Spec& grad_out = call.in(call.op == Opcode::conv_grad_x ? 0 : 1);
  Shape places;
  PYDL_RETURN_IF_ERROR(window_counts(call, conv.windows, spatial_of(x), &places));
  return check_spec(call, "grad_out", grad_out,
                    {grad_out.dtype, images_shape(x.front(), places, channels_out)});
}

Status infer_grad_x(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_conv_attrs(
      call, {{"size", AttrKind::kInts, true}, {"grad", AttrKind::kString, false}}));
  PYDL_RETURN_IF_ERROR(check_two(call, "grad_out", "weight", 0));
  PYDL_RETURN_IF_ERROR(check_activation(call, "grad"));
  const Shape &grad_out = call.in(0).shape, &weight = call.in(1).shape;
  Conv conv;
  PYDL_RETURN_IF_ERROR(read_conv(call, grad_out.size() - 2, &conv));
  PYDL_RETURN_IF_ERROR(check_weight(call, call.in(0), call.in(1), &conv));
  Shape size;
  PYDL_RETURN_IF_ERROR(read_extents(call, "size", grad_out.size() - 2, 0, &size));
  const int64_t per_group = weight[weight.size() - 2];
  const int64_t channels = per_group == kUnknown ? kUnknown : per_group * conv.groups;
  const Spec x = {call.in(0).dtype, images_shape(grad_out.front(), size, channels)};
  PYDL_RETURN_IF_ERROR(check_grad_out(call, conv, x.shape, weight.back()));
  const bool masked = !call.attrs.get_string("grad", "").empty();
  PYDL_RETURN_IF_ERROR(check_operand_list(
      call, {{"grad_out", true, call.in(0)}, {"weight", true, call.in(1)}, {"out", masked, x}}));
  outputs->push_back(x);
  return Status();
}

Status infer_grad_w(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_conv_attrs(
      call, {{"window", AttrKind::kInts, true}, {"column_sum", AttrKind::kFlag, false}}));
  PYDL_RETURN_IF_ERROR(check_two(call, "x", "grad_out", 0));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "grad_out"}));
  PYDL_RETURN_IF_ERROR(check_images(call, "grad_out", call.in(1)));
  const Shape &x = call.in(0).shape, &grad_out = call.in(1).shape;
  Conv conv;
  PYDL_RETURN_IF_ERROR(read_conv(call, x.size() - 2, &conv));
  PYDL_RETURN_IF_ERROR(read_extents(call, "window", x.size() - 2, 1, &conv.windows.window));
  PYDL_RETURN_IF_ERROR(check_groups(call, conv, "x", x.back()));
  PYDL_RETURN_IF_ERROR(check_groups(call, conv, "grad_out", grad_out.back()));
  PYDL_RETURN_IF_ERROR(check_grad_out(call, conv, x, grad_out.back()));
  Shape weight = conv.windows.window;
  weight.push_back(x.back() == kUnknown ? kUnknown : x.back() / conv.groups);
  weight.push_back(grad_out.back());
  outputs->push_back({call.in(0).dtype, weight});
  if (is_flag_set(call, "column_sum")) outputs->push_back({call.in(0).dtype, {grad_out.back()}});
  return Status();
}

Status infer_family(const OpCall& call, std::vector<Spec>* outputs) {
  if (call.op == Opcode::conv) return infer_forward(call, outputs);
  return call.op == Opcode::conv_grad_x ? infer_grad_x(call, outputs) : infer_grad_w(call, outputs);
}

// Two for each tap, channel in and element of the output; padded taps count.
double conv_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  const bool backward_w = call.op == Opcode::conv_grad_w;
  const Spec& weight = backward_w ? outputs[0] : call.in(1);
  const Spec& out = backward_w ? call.in(1) : call.op == Opcode::conv ? outputs[0] : call.in(0);
  const double channels_out = static_cast<double>(weight.shape.back());
  const double products = channels_out > 0 ? count_of(weight) / channels_out * count_of(out) : 0.0;
  double total = 2.0 * products;
  for (const char* name : {"bias", "residual"})
    total += is_flag_set(call, name) ? count_of(out) : 0.0;
  for (const char* name : {"activation", "grad"}) {
    if (!call.attrs.get_string(name, "").empty()) total += count_of(outputs[0]);
  }
  return total + (is_flag_set(call, "column_sum") ? count_of(out) : 0.0);
}

}  // namespace

const OpFamily conv = {infer_family, conv_flops};

}  // namespace pydl::ops
