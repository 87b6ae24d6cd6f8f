// conv, conv_grad_x, conv_grad_w: the candidates in order of speed, and the products a pass is.
#include <initializer_list>

#include "kernels/cuda/conv.h"
#include "kernels/cuda/device/stored.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

Pass pass_of(Opcode op) {
  if (op == Opcode::conv) return Pass::kForward;
  return op == Opcode::conv_grad_x ? Pass::kGradX : Pass::kGradW;
}

// A product of one group, without tile and cut.
Gemm make_gemm(const OpView& op, const ConvShape& s, int64_t m, int64_t n, int64_t k) {
  Gemm p = {};
  p.m = m;
  p.n = n;
  p.k = p.depth = k;
  p.splits = 1;
  p.bias = s.bias;
  p.residual = s.residual >= 0;
  p.out = p.residual ? s.residual : s.out;
  p.seed = -1;
  (op.op == Opcode::conv_grad_x ? p.grad : p.activation) = parse_activation(s.activation);
  p.column_sum = s.column_sum;
  p.dtype = op.in[0].dtype;
  p.precision = op.precision == Precision::kExact ? Precision::kFloat32 : op.precision;
  return p;
}

bool below_2_31(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (factor > 0 && product > INT32_MAX / factor) return false;
    product *= factor;
  }
  return true;
}

// Indices and coordinates of the kernels are of 32 bits.
const char* too_large(const ConvShape& s) {
  for (int i = 0; i < kSpatial; ++i) {
    const int64_t window = (s.window[i] - 1) * s.dilations[i];
    const int64_t reach = (s.places[i] - 1) * s.strides[i] + s.low[i] + s.size[i];
    if (window >= layout::kMostCoordinate - reach || reach >= layout::kMostCoordinate) {
      return "coordinates beyond 2^29";
    }
  }
  if (!below_2_31({s.batch, s.size[0], s.size[1], s.size[2]}) ||
      !below_2_31({s.batch, s.places[0], s.places[1], s.places[2]})) {
    return "2^31 pixels or more";
  }
  // Of all filters, and of all channels: steps of K of every pass.
  const int64_t most = s.channels > s.filters ? s.channels : s.filters;
  if (!below_2_31({s.window[0], s.window[1], s.window[2], most}) ||
      !below_2_31({s.window[0], s.window[1], s.window[2], s.channels / s.groups, s.filters})) {
    return "2^31 weights or more";
  }
  return nullptr;
}

layout::TapsOf all_taps(const ConvShape& s) {
  layout::TapsOf taps = {};
  for (int i = 0; i < kSpatial; ++i) {
    taps.each[i] = 1;
    taps.window[i] = static_cast<int>(s.window[i]);
  }
  return taps;
}

// conv and conv_grad_w: patches of x.
layout::Patches patches_of_x(const ConvShape& s) {
  layout::Axis axes[kSpatial] = {};
  for (int i = 0; i < kSpatial; ++i) {
    axes[i] = {static_cast<int>(s.places[i]),    static_cast<int>(s.window[i]),
               static_cast<int>(-s.low[i]),      static_cast<int>(s.strides[i]),
               static_cast<int>(s.dilations[i]), static_cast<int>(s.size[i])};
  }
  return layout::make_patches(axes, s.batch, s.channels / s.groups);
}

layout::Phase phase_of(const ConvShape& s, int axis, int64_t tap) {
  return layout::make_phase(static_cast<int>(s.size[axis]), static_cast<int>(s.window[axis]),
                            static_cast<int>(s.places[axis]), static_cast<int>(s.strides[axis]),
                            static_cast<int>(s.dilations[axis]), static_cast<int>(s.low[axis]),
                            static_cast<int>(tap));
}

// The product of conv_grad_x for the pixels that taps tap[0], tap[1], tap[2] meet.
ConvProduct make_phase_product(const OpView& op, const ConvShape& s,
                               const int64_t (&tap)[kSpatial]) {
  ConvProduct product = {};
  layout::Axis axes[kSpatial] = {};
  product.taps = all_taps(s);
  product.rows.all = true;
  for (int i = 0; i < kSpatial; ++i) {
    const layout::Phase phase = phase_of(s, i, tap[i]);
    axes[i] = phase.axis;
    product.taps.first[i] = phase.first_tap;
    product.taps.each[i] = phase.each_tap;
    product.rows.all = product.rows.all && s.strides[i] == 1;
    product.rows.places[i] = layout::small_divisor(phase.axis.places > 0 ? phase.axis.places : 1);
    product.rows.first[i] = phase.first_pixel;
    product.rows.each[i] = static_cast<int>(s.strides[i]);
    product.rows.size[i] = static_cast<int>(s.size[i]);
  }
  product.patches = layout::make_patches(axes, s.batch, s.filters / s.groups);
  product.gemm =
      make_gemm(op, s, product.patches.rows, s.channels / s.groups, product.patches.steps);
  return product;
}

const char* plan_phases(const OpView& op, Binder* binder, ConvPlan* plan) {
  constexpr int64_t kMostPhases = 4096;
  const ConvShape& s = plan->shape;
  int64_t counts[kSpatial], all = 1;
  for (int i = 0; i < kSpatial; ++i) {
    counts[i] = layout::phase_count(static_cast<int>(s.window[i]), static_cast<int>(s.strides[i]),
                                    static_cast<int>(s.dilations[i]));
    if (counts[i] > kMostPhases) return "more than 4096 kinds of pixels";
    all *= counts[i];
    int64_t met = 0;
    for (int64_t tap = 0; tap < counts[i]; ++tap) met += phase_of(s, i, tap).axis.places;
    plan->clears = plan->clears || met < s.size[i];
  }
  if (all > kMostPhases) return "more than 4096 kinds of pixels";
  const size_t bytes = sizeof(ConvProduct) * static_cast<size_t>(all);
  plan->products = static_cast<ConvProduct*>(bind_alloc(binder, bytes));
  if (plan->products == nullptr) return kOutOfMemory;
  for (int64_t i = 0; i < all; ++i) {
    const int64_t tap[kSpatial] = {i / counts[2] / counts[1], i / counts[2] % counts[1],
                                   i % counts[2]};
    const ConvProduct product = make_phase_product(op, s, tap);
    if (product.gemm.m > 0) plan->products[plan->product_count++] = product;
  }
  return nullptr;
}

template <class S>
__global__ void clear_elements(S* x, int64_t count) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) x[i] = S{};
}

}  // namespace

void clear_missed(const ConvPlan& plan, const Call& call) {
  constexpr int kBlock = 256;
  const int64_t count = plan.shape.batch * volume(plan.shape.size) * plan.shape.channels;
  visit_any_float(plan.dtype, [&](auto type) {
    using S = decltype(type);
    const int64_t blocks = least<int64_t>(ceil_div(count, kBlock), kMostBlocks);
    launch(clear_elements<S>, dim3(static_cast<unsigned>(blocks)), dim3(kBlock), 0, call.stream,
           static_cast<S*>(call.out[0]), count);
  });
}

const char* plan_conv(const OpView& op, Binder* binder, ConvPlan* plan) {
  plan->shape = conv_shape(op);
  plan->pass = pass_of(op.op);
  plan->dtype = op.in[0].dtype;
  const ConvShape& s = plan->shape;
  plan->groups = s.groups;
  if (const char* reason = too_large(s)) return reason;
  if (plan->pass == Pass::kGradX) return plan_phases(op, binder, plan);
  plan->products = static_cast<ConvProduct*>(bind_alloc(binder, sizeof(ConvProduct)));
  if (plan->products == nullptr) return kOutOfMemory;
  ConvProduct& product = plan->products[0];
  plan->product_count = 1;
  product.patches = patches_of_x(s);
  product.taps = all_taps(s);
  product.rows.all = true;
  const int64_t rows = product.patches.rows, steps = product.patches.steps;
  const int64_t filters = s.filters / s.groups;
  product.gemm = plan->pass == Pass::kForward ? make_gemm(op, s, rows, filters, steps)
                                              : make_gemm(op, s, steps, filters, rows);
  return nullptr;
}

const char* read_product(const OpView& op, Gemm* p) {
  const ConvShape s = conv_shape(op);
  if (s.groups != 1) return "several groups";
  for (int i = 0; i < kSpatial; ++i) {
    if (s.window[i] != 1) return "a window of more than one tap";
    if (s.strides[i] != 1 || s.low[i] != 0 || s.places[i] != s.size[i]) return "strides or padding";
  }
  const int64_t rows = s.batch * volume(s.size);
  switch (pass_of(op.op)) {
    case Pass::kForward: *p = make_gemm(op, s, rows, s.filters, s.channels); break;
    case Pass::kGradX:
      *p = make_gemm(op, s, rows, s.channels, s.filters);
      p->transpose_b = true;
      break;
    case Pass::kGradW: *p = make_gemm(op, s, s.channels, s.filters, rows); p->transpose_a = true;
  }
  return nullptr;
}

namespace {

// `fill`: (Gemm*, Bound*) -> nullptr or why not.
template <class Fill>
const char* bind_product(const OpView& op, Binder* binder, Bound* bound, Fill fill) {
  if (all_empty(op)) return nullptr;
  Gemm* p = static_cast<Gemm*>(bind_alloc(binder, sizeof(Gemm)));
  if (p == nullptr) return kOutOfMemory;
  if (const char* reason = read_product(op, p)) return reason;
  bound->params = p;
  return fill(p, bound);
}

const char* bind_vector(const OpView& op, Binder* binder, Bound* bound) {
  return bind_product(op, binder, bound, bind_gemm_vector);
}

const char* bind_simt(const OpView& op, Binder* binder, Bound* bound) {
  return bind_product(op, binder, bound, bind_gemm_simt);
}

#ifndef PYDL_EMULATED
const char* bind_mma(const OpView& op, Binder* binder, Bound* bound) {
  return bind_product(op, binder, bound, [&](Gemm* p, Bound* b) -> const char* {
    return op.device == nullptr ? "no device" : bind_gemm_mma(*op.device, p, b);
  });
}

const char* bind_wgmma(const OpView& op, Binder* binder, Bound* bound) {
  return bind_product(op, binder, bound, [&](Gemm* p, Bound* b) -> const char* {
    return op.device == nullptr ? "no device" : bind_gemm_wgmma(*op.device, p, binder, b);
  });
}
#endif

// `bind` of a family of its own, for what is not empty.
template <BindFn kBind>
const char* bind_own(const OpView& op, Binder* binder, Bound* bound) {
  return all_empty(op) ? nullptr : kBind(op, binder, bound);
}

// The fastest first: as products of matrices, where they are; then the convolutions.
constexpr Candidate kCandidates[] = {
    {Opcode::conv, "gemm_vector", bind_vector},
    {Opcode::conv_grad_x, "gemm_vector", bind_vector},
    {Opcode::conv_grad_w, "gemm_vector", bind_vector},
#ifndef PYDL_EMULATED
    {Opcode::conv, "gemm_wgmma", bind_wgmma},
    {Opcode::conv_grad_x, "gemm_wgmma", bind_wgmma},
    {Opcode::conv_grad_w, "gemm_wgmma", bind_wgmma},
    {Opcode::conv, "gemm_mma", bind_mma},
    {Opcode::conv_grad_x, "gemm_mma", bind_mma},
    {Opcode::conv_grad_w, "gemm_mma", bind_mma},
#endif
    {Opcode::conv, "gemm_simt", bind_simt},
    {Opcode::conv_grad_x, "gemm_simt", bind_simt},
    {Opcode::conv_grad_w, "gemm_simt", bind_simt},
    {Opcode::conv, "conv_depthwise", bind_own<bind_conv_depthwise>},
    {Opcode::conv_grad_x, "conv_depthwise", bind_own<bind_conv_depthwise>},
    {Opcode::conv_grad_w, "conv_depthwise", bind_own<bind_conv_depthwise>},
#ifndef PYDL_EMULATED
    {Opcode::conv, "conv_wgmma", bind_own<bind_conv_wgmma>},
    {Opcode::conv_grad_x, "conv_wgmma", bind_own<bind_conv_wgmma>},
    {Opcode::conv_grad_w, "conv_wgmma", bind_own<bind_conv_wgmma>},
    {Opcode::conv, "conv_mma", bind_own<bind_conv_mma>},
    {Opcode::conv_grad_x, "conv_mma", bind_own<bind_conv_mma>},
    {Opcode::conv_grad_w, "conv_mma", bind_own<bind_conv_mma>},
#endif
    {Opcode::conv, "conv_simt", bind_own<bind_conv_simt>},
    {Opcode::conv_grad_x, "conv_simt", bind_own<bind_conv_simt>},
    {Opcode::conv_grad_w, "conv_simt", bind_own<bind_conv_simt>},
};

}  // namespace

extern const Family kConvFamily = {kCandidates, sizeof(kCandidates) / sizeof(kCandidates[0])};

}  // namespace pydl::PYDL_GPU
