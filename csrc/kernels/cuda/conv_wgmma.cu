// conv_wgmma: when sm_90a's matrix units pay for 16-bit convolutions of whole stages of channels,
// the descriptions of the operands, and the launches.
#include "kernels/cuda/conv.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/conv_wgmma.cuh"
#include "kernels/cuda/gemm_split.cuh"
#include "kernels/cuda/wgmma_map.h"

namespace pydl::cuda {
namespace {

constexpr int64_t kStage = layout::kHalfDepth;  // channels
constexpr int64_t kLeastSide = 64;

template <class S>
constexpr WgmmaType kTypeOf = WgmmaType::kBFloat16;
template <>
constexpr WgmmaType kTypeOf<Half> = WgmmaType::kFloat16;
template <class S>
constexpr CUtensorMapDataType kMapType = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
template <>
constexpr CUtensorMapDataType kMapType<Half> = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;

// As gemm_wgmma's choice numbers them.
template <class S, int kTile>
using Tile = WgmmaTile<(kTile < 2 ? 256 : 128), 1, kTypeOf<S>, (kTile == 0 ? 2 : 1)>;

struct Plan {
  ConvPlan conv;
  int64_t b, parts, sums;  // offsets into scratch; a copy of the first operand lies in front
  int processors;
};

// The images that A is made of, [batch, height, width, channels].
template <class S>
CUtensorMap map_images(const ConvPlan& plan, const ConvProduct& product, const void* images,
                       int pixels) {
  const layout::Axis &down = product.patches.axis[1], &right = product.patches.axis[2];
  const int64_t channels = plan.pass == Pass::kGradX ? plan.shape.filters : plan.shape.channels;
  const auto pixel = static_cast<cuuint64_t>(channels) * sizeof(S);
  const cuuint64_t dims[4] = {
      static_cast<cuuint64_t>(channels), static_cast<cuuint64_t>(right.size),
      static_cast<cuuint64_t>(down.size), static_cast<cuuint64_t>(plan.shape.batch)};
  const cuuint64_t strides[3] = {pixel, pixel * dims[1], pixel * dims[1] * dims[2]};
  const int low[2] = {layout::box_begin(right), layout::box_begin(down)};
  const int high[2] = {layout::box_end(right) - right.size, layout::box_end(down) - down.size};
  const cuuint32_t steps[4] = {1, static_cast<cuuint32_t>(right.step),
                               static_cast<cuuint32_t>(down.step), 1};
  CUtensorMap map;
  const CUresult result =
      encode_im2col()(&map, kMapType<S>, 4, const_cast<void*>(images), dims, strides, low, high,
                      static_cast<cuuint32_t>(kStage), static_cast<cuuint32_t>(pixels), steps,
                      CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) note_launch_error(static_cast<int>(cudaErrorInvalidValue));
  return map;
}

// B: filters or grad_out as a matrix with K outermost; of conv_grad_x a plane of filters for each
// tap.
template <class S>
CUtensorMap map_other(const ConvPlan& plan, const ConvProduct& product, const void* data,
                      int rows) {
  const int64_t filters = plan.shape.filters;
  if (plan.pass == Pass::kGradX) {
    return map_matrix({data, filters, plan.shape.channels, volume(plan.shape.window), filters,
                       kMapType<S>, 2, rows});
  }
  return map_matrix(
      {data, filters, product.gemm.k, 1, filters, kMapType<S>, 2, layout::kHalfDepth});
}

template <class S, class T, Pass kPass>
void launch_pass(const Plan& p, const ConvProduct& product, const Call& call, const S* a,
                 const S* b) {
  const Gemm& gemm = product.gemm;
  const CUtensorMap map_a =
      map_images<S>(p.conv, product, a, kPass == Pass::kGradW ? layout::kHalfDepth : T::kRows);
  const CUtensorMap map_b = map_other<S>(p.conv, product, b, T::kShareOfB);
  const StreamOutputs<S> plain = make_stream_outputs<S>(
      gemm, call, gemm.schedule, T::kRowsOfCluster * T::kColumns, call.scratch + p.parts);
  const StreamOutputs<S, ConvEpilogue<S>> o = {make_conv_epilogue<S>(p.conv, product, call),
                                               nullptr, plain.parts, plain.part_sums};
  const ConvWgmma<S> problem = {o, gemm.schedule, product.patches, product.taps};
  const int64_t at_once =
      least<int64_t>(layout::work_count(gemm.schedule), p.processors / T::kCluster);
  launch_clusters(conv_wgmma<T, S, kPass>, T::kCluster,
                  dim3(static_cast<unsigned>(at_once * T::kCluster)), dim3(T::kThreads), T::kBytes,
                  call.stream, map_a, map_b, problem);
  launch_merge_of(merge_conv_stream<S>, o, gemm.schedule, T::kRowsOfCluster, T::kColumns,
                  call.stream);
}

template <class S, int kTile>
void launch_tile(const Plan& p, const ConvProduct& product, const Call& call, const S* a,
                 const S* b) {
  using T = Tile<S, kTile>;
  switch (p.conv.pass) {
    case Pass::kForward: return launch_pass<S, T, Pass::kForward>(p, product, call, a, b);
    case Pass::kGradX: return launch_pass<S, T, Pass::kGradX>(p, product, call, a, b);
    case Pass::kGradW: return launch_pass<S, T, Pass::kGradW>(p, product, call, a, b);
  }
}

// The operand, or a copy at `offset` of one that lies where the copy engine does not read: its
// addresses are multiples of 16.
template <class S>
const S* readable(const Call& call, int position, int64_t count, int64_t offset) {
  const S* data = operand<S>(call, position);
  if (aligned(16, data)) return data;
  S* copy = reinterpret_cast<S*>(call.scratch + offset);
  launch(copy_elements<S>, blocks_for(ceil_div(count, 4), kSplitBlock), dim3(kSplitBlock), 0,
         call.stream, data, copy, count);
  return copy;
}

// Elements of the first operand, and of the second.
int64_t count_a(const ConvPlan& p) {
  return p.shape.batch * (p.pass == Pass::kGradX ? volume(p.shape.places) * p.shape.filters
                                                 : volume(p.shape.size) * p.shape.channels);
}
int64_t count_b(const ConvPlan& p) {
  return p.pass == Pass::kGradW ? p.shape.batch * volume(p.shape.places) * p.shape.filters
                                : volume(p.shape.window) * p.shape.channels * p.shape.filters;
}

template <class S>
void run(const Call& call, int64_t) {
  const Plan& p = *static_cast<const Plan*>(call.params);
  const S *a = readable<S>(call, 0, count_a(p.conv), 0),
          *b = readable<S>(call, 1, count_b(p.conv), p.b);
  if (p.conv.clears) clear_missed(p.conv, call);
  for (int64_t i = 0; i < p.conv.product_count; ++i) {
    const ConvProduct& product = p.conv.products[i];
    switch (product.gemm.tile) {
      case 0: launch_tile<S, 0>(p, product, call, a, b); break;
      case 1: launch_tile<S, 1>(p, product, call, a, b); break;
      default: launch_tile<S, 2>(p, product, call, a, b);
    }
  }
  if (p.conv.shape.column_sum) {
    launch_column_sums(p.conv.products[0].gemm, call, call.scratch + p.sums);
  }
}

// nullptr, or why the products are not for this kernel. Picks tiles and schedules.
const char* choose(ConvPlan* plan, int64_t* floats) {
  const ConvShape& s = plan->shape;
  if (plan->groups != 1) return "several groups";
  if (s.channels % kStage != 0 || s.filters % kStage != 0) return "channels in no whole stages";
  for (int64_t i = 0; i < plan->product_count; ++i) {
    ConvProduct& product = plan->products[i];
    Gemm& p = product.gemm;
    if (!layout::takes_walks(product.patches)) return "more than the copy engine can walk over";
    if (p.m < kLeastSide || p.n < kLeastSide || p.k < kLeastSide) return "too narrow";
    const double clocks = choose_gemm_wgmma(&p);
    if (gemm_mma_clocks(p) < clocks) return "smaller tiles fill more processors";
    const int64_t rows = p.tile == 0 ? Tile<Half, 0>::kRowsOfCluster : Tile<Half, 1>::kRows;
    const int64_t columns = p.tile < 2 ? Tile<Half, 0>::kColumns : Tile<Half, 2>::kColumns;
    *floats = most(*floats, stream_floats(p.schedule, rows, columns, false));
  }
  return nullptr;
}

}  // namespace

const char* bind_conv_wgmma(const OpView& op, Binder* binder, Bound* bound) {
  if (op.device == nullptr) return "no device";
  if (dtype_size(op.in[0].dtype) != 2) return "for 16-bit floats";
  if (const char* reason = wgmma_unavailable(*op.device)) return reason;
  if (encode_im2col() == nullptr) return "the driver cannot describe images to the copy engine";
  Plan* p = static_cast<Plan*>(bind_alloc(binder, sizeof(Plan)));
  if (p == nullptr) return kOutOfMemory;
  if (const char* reason = plan_conv(op, binder, &p->conv)) return reason;
  int64_t floats = 0;
  if (const char* reason = choose(&p->conv, &floats)) return reason;
  p->processors = op.device->processors;
  p->b = round_up(count_a(p->conv) * 2, 128);
  p->parts = p->b + round_up(count_b(p->conv) * 2, 128);
  p->sums = p->parts + round_up(floats * static_cast<int64_t>(sizeof(float)), 128);
  const bool sums = p->conv.shape.column_sum;
  bound->scratch_bytes = p->sums + (sums ? column_sums_bytes(p->conv.products[0].gemm) : 0);
  bound->params = p;
  bound->phases[0] = {op.in[0].dtype == DType::kFloat16 ? run<Half> : run<BFloat>, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
