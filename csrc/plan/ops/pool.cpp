// Pooling over windows of images and its gradients (docs/opcodes.md).
#include "plan/ops/window_attrs.h"

namespace pydl::ops {
namespace {

bool is_max(Opcode op) { return op == Opcode::max_pool || op == Opcode::max_pool_grad; }
bool is_forward(Opcode op) { return op == Opcode::max_pool || op == Opcode::avg_pool; }

Status check_pool_attrs(const OpCall& call) {
  std::vector<AttrRule> rules = {{"window", AttrKind::kInts, true},
                                 {"strides", AttrKind::kInts, true},
                                 {"low", AttrKind::kInts, true},
                                 {"high", AttrKind::kInts, true}};
  if (!is_max(call.op)) rules.push_back({"count_padding", AttrKind::kFlag, false});
  if (!is_forward(call.op)) rules.push_back({"size", AttrKind::kInts, true});
  return check_attrs(call, rules);
}

// Every window must hold a place of x.
Status read_pool(const OpCall& call, size_t spatial, Windows* windows) {
  PYDL_RETURN_IF_ERROR(read_windows(call, spatial, false, windows));
  PYDL_RETURN_IF_ERROR(read_extents(call, "window", spatial, 1, &windows->window));
  for (size_t i = 0; i < spatial; ++i) {
    if (windows->low[i] < windows->window[i] && windows->high[i] < windows->window[i]) continue;
    return refuse(call, "padding must be less than the window, received low ", windows->low,
                  ", high ", windows->high, ", window ", windows->window);
  }
  return Status();
}

Status check_size(const OpCall& call, const Shape& size) {
  for (const int64_t length : size) {
    if (length == 0) return refuse(call, "x has no place to take, received sizes ", size);
  }
  return Status();
}

DType index_dtype(const Windows& windows) {
  double places = 1.0;
  for (const int64_t extent : windows.window) places *= static_cast<double>(extent);
  return places <= 256.0 ? DType::kUInt8 : DType::kInt32;
}

Status check_places(const OpCall& call, const Windows& windows) {
  double places = 1.0;
  for (const int64_t extent : windows.window) places *= static_cast<double>(extent);
  if (places <= static_cast<double>(kMostExtent)) return Status();
  return refuse(call, "a window may have at most ", kMostExtent, " places, received ",
                windows.window);
}

Status infer_forward(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Spec& x = call.in(0);
  PYDL_RETURN_IF_ERROR(check_images(call, "x", x));
  Windows windows;
  Shape places;
  PYDL_RETURN_IF_ERROR(read_pool(call, x.shape.size() - 2, &windows));
  PYDL_RETURN_IF_ERROR(check_places(call, windows));
  PYDL_RETURN_IF_ERROR(check_size(call, spatial_of(x.shape)));
  PYDL_RETURN_IF_ERROR(window_counts(call, windows, spatial_of(x.shape), &places));
  const Shape shape = images_shape(x.shape.front(), places, x.shape.back());
  outputs->push_back({x.dtype, shape});
  if (is_max(call.op)) outputs->push_back({index_dtype(windows), shape});
  return Status();
}

Status infer_backward(const OpCall& call, std::vector<Spec>* outputs) {
  if (is_max(call.op)) {
    PYDL_RETURN_IF_ERROR(check_operands(call, {"grad_out", "index"}));
  } else {
    PYDL_RETURN_IF_ERROR(check_operands(call, {"grad_out"}));
  }
  const Spec& grad_out = call.in(0);
  PYDL_RETURN_IF_ERROR(check_images(call, "grad_out", grad_out));
  const size_t spatial = grad_out.shape.size() - 2;
  Windows windows;
  Shape size, places;
  PYDL_RETURN_IF_ERROR(read_pool(call, spatial, &windows));
  PYDL_RETURN_IF_ERROR(check_places(call, windows));
  PYDL_RETURN_IF_ERROR(read_extents(call, "size", spatial, 1, &size));
  PYDL_RETURN_IF_ERROR(window_counts(call, windows, size, &places));
  const Shape shape = images_shape(grad_out.shape.front(), places, grad_out.shape.back());
  PYDL_RETURN_IF_ERROR(check_spec(call, "grad_out", grad_out, {grad_out.dtype, shape}));
  if (is_max(call.op)) {
    PYDL_RETURN_IF_ERROR(check_spec(call, "index", call.in(1), {index_dtype(windows), shape}));
  }
  outputs->push_back(
      {grad_out.dtype, images_shape(grad_out.shape.front(), size, grad_out.shape.back())});
  return Status();
}

Status infer_pool(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_pool_attrs(call));
  return is_forward(call.op) ? infer_forward(call, outputs) : infer_backward(call, outputs);
}

// One for each place of each window.
double pool_flops(const OpCall& call, const std::vector<Spec>& outputs) {
  double places = count_of(is_forward(call.op) ? outputs[0] : call.in(0));
  for (const int64_t extent : call.attrs.get_ints("window")) places *= static_cast<double>(extent);
  return places;
}

}  // namespace

const OpFamily pool = {infer_pool, pool_flops};

}  // namespace pydl::ops
