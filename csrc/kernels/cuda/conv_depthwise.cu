// Convolution with one channel in each group, by plain multiply-adds: a thread has four
// neighbouring channels, whose operands lie side by side, at one place. A 3 x 3 window does 18
// operations for each element it writes, so memory bounds it: x is read once and found in caches
// eight times.
//
// The gradient of the filters is summed over all places by lanes and chunks that the shape fixes
// (device/channel_sums.h); each thread has three taps, so grad_out is read once for three of them.
#include "kernels/cuda/conv_operands.cuh"
#include "kernels/cuda/device/channel_sums.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kQuad = 4;
constexpr int kTaps = 3;  // of a thread of the filters' gradient

template <class S>
struct Depthwise {
  const S* images;
  const S* filters;
  layout::Patches patches;
  layout::TapsOf taps;
  int64_t pixel, row;      // from pixel to pixel of `images`; from tap to tap of the filters
  int64_t places, columns; // of the result: rows, channels
  int each;                // filters of a channel
  bool wide;               // quads of images and filters are aligned: one filter a channel
};

// visitor(pixel, tap): the taps of a row that meet a pixel; tap counts those of the whole window.
template <class S, class Visitor>
__device__ __forceinline__ void for_taps(const Depthwise<S>& d, const layout::PatchRow& row,
                                         Visitor&& visitor) {
  const layout::Axis(&axis)[layout::kAxes] = d.patches.axis;
  const layout::TapsOf& t = d.taps;
  for (int r = 0; r < axis[0].taps; ++r) {
    const int plane = row.at[0] + r * axis[0].reach;
    if (static_cast<unsigned>(plane) >= static_cast<unsigned>(axis[0].size)) continue;
    for (int s = 0; s < axis[1].taps; ++s) {
      const int line = row.at[1] + s * axis[1].reach;
      if (static_cast<unsigned>(line) >= static_cast<unsigned>(axis[1].size)) continue;
      const int first = row.image + (plane * axis[1].size + line) * axis[2].size;
      const int taps =
          ((t.first[0] + r * t.each[0]) * t.window[1] + t.first[1] + s * t.each[1]) * t.window[2];
      for (int u = 0; u < axis[2].taps; ++u) {
        const int at = row.at[2] + u * axis[2].reach;
        if (static_cast<unsigned>(at) >= static_cast<unsigned>(axis[2].size)) continue;
        visitor(first + at, taps + t.first[2] + u * t.each[2]);
      }
    }
  }
}

// Products of one tap at four columns of the result. Forward, column k sees channel k / each of the
// pixel; backward, column c sees its `each` filters.
template <class S, bool kForward>
__device__ __forceinline__ void add_tap(const Depthwise<S>& d, const S* pixel, const S* tap,
                                        int64_t column, int count, Computed<S> (&sum)[kQuad]) {
  using T = Computed<S>;
  if (d.wide) {
    T x[kQuad], w[kQuad];
    load_quad(pixel + column, kQuad, true, x);
    load_quad(tap + column, kQuad, true, w);
#pragma unroll
    for (int j = 0; j < kQuad; ++j) sum[j] = multiply_add(x[j], w[j], sum[j]);
    return;
  }
#pragma unroll
  for (int j = 0; j < kQuad; ++j) {
    if (j >= count) continue;
    if constexpr (kForward) {
      const int64_t channel = (column + j) / d.each;
      sum[j] = multiply_add(widened(pixel[channel]), widened(tap[column + j]), sum[j]);
    } else {
      for (int64_t k = (column + j) * d.each; k < (column + j + 1) * d.each; ++k) {
        sum[j] = multiply_add(widened(pixel[k]), widened(tap[k]), sum[j]);
      }
    }
  }
}

// What a processor has to have room for: fewer registers, which the compiler prefers, would spill.
template <class S>
constexpr int kBlocks = sizeof(S) == 8 ? 2 : 4;

template <class S, bool kForward>
__global__ void __launch_bounds__(kThreads, kBlocks<S>)
    depthwise(const __grid_constant__ Depthwise<S> d, ConvEpilogue<S> e) {
  const int64_t quads = (d.columns + kQuad - 1) / kQuad, stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < d.places * quads;
       i += stride) {
    const int64_t place = i / quads, column = (i - place * quads) * kQuad;
    const int count = static_cast<int>(least<int64_t>(kQuad, d.columns - column));
    Computed<S> sum[kQuad] = {};
    const layout::PatchRow row = layout::patch_row(d.patches, static_cast<int>(place));
    for_taps(d, row, [&](int pixel, int tap) {
      add_tap<S, kForward>(d, d.images + pixel * d.pixel, d.filters + tap * d.row, column, count,
                           sum);
    });
    finish_quad(e, place, column, sum);
  }
}

// --- the gradient of the filters

// Three taps from the block's first on, of four filters: partials [chunk][tap][filter].
template <class S>
__global__ void __launch_bounds__(kSumThreads, 1)
    sum_taps(ChannelRows p, const __grid_constant__ Depthwise<S> d, const S* grad_out,
             double* partials) {
  using T = Computed<S>;
  PYDL_SHARED(double, shared, (kLaneSums<kTaps, kQuad>));
  const RowPlace at = row_place<kQuad>(p);
  const int first = static_cast<int>(blockIdx.z) * kTaps;
  const int count = static_cast<int>(least<int64_t>(kQuad, p.channels - at.channel));
  layout::PatchStep steps[kTaps];
#pragma unroll
  for (int t = 0; t < kTaps; ++t) {
    steps[t] = layout::patch_step(d.patches, first + t < d.patches.steps ? first + t : 0);
  }
  T sum[kTaps][kQuad] = {};
  for_rows<1>(
      p, at, [](int, int64_t) {},
      [&](int, int64_t place) {
        T grad[kQuad];
        load_quad(grad_out + place * p.channels + at.channel, count, d.wide, grad);
        const layout::PatchRow row = layout::patch_row(d.patches, static_cast<int>(place));
#pragma unroll
        for (int t = 0; t < kTaps; ++t) {
          const int pixel = layout::pixel_of(d.patches, row, steps[t]);
          if (pixel < 0) continue;
          const S* x = d.images + pixel * d.pixel;
          T v[kQuad] = {};
          if (d.wide) {
            load_quad(x + at.channel, kQuad, true, v);
          } else {
#pragma unroll
            for (int j = 0; j < kQuad; ++j) {
              if (j < count) v[j] = widened(x[(at.channel + j) / d.each]);
            }
          }
#pragma unroll
          for (int j = 0; j < kQuad; ++j) sum[t][j] = multiply_add(v[j], grad[j], sum[t][j]);
        }
      });
  double sums[kTaps][kQuad];
#pragma unroll
  for (int t = 0; t < kTaps; ++t) {
#pragma unroll
    for (int j = 0; j < kQuad; ++j) sums[t][j] = static_cast<double>(sum[t][j]);
  }
  add_lanes(at, p.lanes, shared, sums);
  if (!at.live || at.lane != 0) return;
#pragma unroll
  for (int t = 0; t < kTaps; ++t) {
    if (first + t >= d.patches.steps) break;
    double* mine = partials + (int64_t{blockIdx.y} * d.patches.steps + first + t) * p.channels;
#pragma unroll
    for (int j = 0; j < kQuad; ++j) {
      if (j < count) mine[at.channel + j] = sums[t][j];
    }
  }
}

template <class S>
__global__ void __launch_bounds__(kThreads)
    add_tap_chunks(const double* partials, int64_t chunks, int64_t count, S* grad_weight) {
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) {
    double sum = 0.0;
#pragma unroll 4
    for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += partials[chunk * count + i];
    grad_weight[i] = narrowed<S>(static_cast<Computed<S>>(sum));
  }
}

// --- binding

struct DepthwisePlan {
  ConvPlan conv;
  ChannelRows rows;  // of the filters' gradient
  int64_t sums;      // where the columns' sums are added up, in scratch
  int processors;
};

template <class S>
Depthwise<S> make_depthwise(const ConvPlan& plan, const ConvProduct& product, const Call& call) {
  const ConvShape& s = plan.shape;
  const bool to_x = plan.pass == Pass::kGradX;
  const S *images = operand<S>(call, 0), *other = operand<S>(call, 1);
  const int64_t columns = to_x ? s.channels : s.filters;
  const bool wide = s.channels == s.filters && takes_quads<S>(s.channels, images, other);
  return {images,
          other,
          product.patches,
          product.taps,
          to_x ? s.filters : s.channels,
          s.filters,
          product.patches.rows,
          columns,
          static_cast<int>(s.filters / s.channels),
          wide};
}

template <class S>
void run_depthwise(const Call& call, int64_t) {
  const DepthwisePlan& p = *static_cast<const DepthwisePlan*>(call.params);
  const ConvPlan& plan = p.conv;
  if (plan.clears) clear_missed(plan, call);
  for (int64_t i = 0; i < plan.product_count; ++i) {
    const ConvProduct& product = plan.products[i];
    const Depthwise<S> d = make_depthwise<S>(plan, product, call);
    ConvEpilogue<S> e = make_conv_epilogue<S>(plan, product, call);
    e.n = e.stride = d.columns;
    e.wide = takes_quads<S>(e.n, e.c, e.out);
    const int64_t quads = d.places * ceil_div(d.columns, kQuad);
    launch(plan.pass == Pass::kForward ? depthwise<S, true> : depthwise<S, false>,
           dim3(stride_blocks(quads, kThreads, p.processors)), dim3(kThreads), 0, call.stream, d,
           e);
  }
}

template <class S>
void run_filters(const Call& call, int64_t) {
  const DepthwisePlan& p = *static_cast<const DepthwisePlan*>(call.params);
  const ConvProduct& product = p.conv.products[0];
  const Depthwise<S> d = make_depthwise<S>(p.conv, product, call);
  double* partials = reinterpret_cast<double*>(call.scratch);
  const int64_t taps = product.patches.steps, count = taps * p.rows.channels;
  if (p.rows.chunks > 0) {
    const auto groups = static_cast<unsigned>(ceil_div(taps, kTaps));
    launch(sum_taps<S>, sum_grid(p.rows, kQuad, groups), sum_block(p.rows, kQuad), 0, call.stream,
           p.rows, d, operand<S>(call, 1), partials);
  }
  launch(add_tap_chunks<S>, blocks_for(count, kThreads), dim3(kThreads), 0, call.stream, partials,
         p.rows.chunks, count, static_cast<S*>(call.out[0]));
  if (p.conv.shape.column_sum) {
    Gemm sums = product.gemm;
    sums.n = p.rows.channels;
    launch_column_sums(sums, call, call.scratch + p.sums);
  }
}

// Scratch memory for the filters' gradient.
int64_t place_filters(DepthwisePlan* p) {
  const ConvShape& s = p->conv.shape;
  const ConvProduct& product = p->conv.products[0];
  const int64_t taps = product.patches.steps;
  p->rows = cut_channel_rows(product.patches.rows, s.filters, ceil_div(taps, kTaps));
  const int64_t doubles = p->rows.chunks * taps * s.filters;
  p->sums = round_up(doubles * static_cast<int64_t>(sizeof(double)), 64);
  Gemm sums = product.gemm;
  sums.n = s.filters;
  return p->sums + (s.column_sum ? column_sums_bytes(sums) : 0);
}

}  // namespace

const char* bind_conv_depthwise(const OpView& op, Binder* binder, Bound* bound) {
  constexpr int64_t kMostTaps = 1024, kMostFilters = 8;  // beyond, tiles of products pay
  const ConvShape s = conv_shape(op);
  if (s.channels != s.groups) return "several channels in a group";
  if (s.filters / s.channels > kMostFilters) return "many filters a channel";
  DepthwisePlan* p = static_cast<DepthwisePlan*>(bind_alloc(binder, sizeof(DepthwisePlan)));
  if (p == nullptr) return kOutOfMemory;
  if (const char* reason = plan_conv(op, binder, &p->conv)) return reason;
  p->processors = static_cast<int>(processors(op));
  const bool to_filters = p->conv.pass == Pass::kGradW;
  if (to_filters && p->conv.products[0].patches.steps > kMostTaps) return "a window of many taps";
  if (to_filters) bound->scratch_bytes = place_filters(p);
  bound->params = p;
  visit_any_float(op.in[0].dtype, [&](auto t) {
    using S = decltype(t);
    bound->phases[0] = {to_filters ? run_filters<S> : run_depthwise<S>, 1};
  });
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
