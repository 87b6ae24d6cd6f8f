// gemm_wgmma: when sm_90a's matrix units pay, the copies of the operands, and the launches.
//
//   16-bit          read where they lie, either way round
//   float32         three bfloat16 planes each, six products
//   TensorFloat-32  wgmma reads float32 and takes K-major operands only: a stored [M, K] and a
//                   stored [N, K] go as they are, others are turned over first (8 bytes an element
//                   at 4.3 TB/s: 2 % of the products at M = N = K = 8192)
//   bfloat16        one plane each
#include "kernels/cuda/gemm.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_split.cuh"
#include "kernels/cuda/gemm_wgmma.cuh"
#include "kernels/cuda/wgmma_map.h"

namespace pydl::cuda {
namespace {

template <int kColumns, WgmmaType kType, int kCluster>
using Tile = WgmmaTile<kColumns, 1, kType, kCluster>;
template <int kCluster>
using Split = WgmmaTile<128, 3, WgmmaType::kBFloat16, kCluster>;

// `fma`: of one processor. A pair of blocks reads a third less of L2.
template <class T>
constexpr TileShape shape_of(double fma) {
  return {T::kRowsOfCluster, T::kColumns, T::kDepth, fma * T::kCluster, 1, T::kCluster};
}

// Pairs, single blocks, narrow ones. Of 2048 16-bit and 1024 TensorFloat-32 multiply-adds a clock.
constexpr int kTiles = 3;
template <WgmmaType kType, int kFma>
constexpr TileShape kShapesOf[kTiles] = {shape_of<Tile<256, kType, 2>>(kFma * 1.03),
                                         shape_of<Tile<256, kType, 1>>(kFma),
                                         shape_of<Tile<128, kType, 1>>(kFma * 0.8)};
constexpr TileShape kSplitShapes[2] = {shape_of<Split<2>>(265), shape_of<Split<1>>(260)};
constexpr const TileShape* kTensorShapes = kShapesOf<WgmmaType::kTensorFloat32, 750>;
constexpr const TileShape* kHalfShapes = kShapesOf<WgmmaType::kBFloat16, 1500>;

constexpr int64_t kLeastSide = 64;
constexpr int64_t kMostSide = int64_t{1} << 30;  // TMA's coordinates are 32 bits
constexpr double kLeastFma = 1e8;                // 5 us of multiply-adds: less than the launches
constexpr int64_t kGateBytes = 64;

bool is_16_bit(const Gemm& p) { return dtype_size(p.dtype) == 2; }
int planes_of(const Gemm& p) { return !is_16_bit(p) && p.precision == Precision::kFloat32 ? 3 : 1; }
bool reads_float32(const Gemm& p) {
  return !is_16_bit(p) && p.precision == Precision::kTensorFloat32;
}
int element_of(const Gemm& p) { return reads_float32(p) ? 4 : 2; }

CUtensorMapDataType map_type(const Gemm& p) {
  if (reads_float32(p)) return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  return p.dtype == DType::kFloat16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                    : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
}

// An operand as the kernel reads it: planes of `outer` rows of `inner` elements, `stride` elements
// apart. K is the inner direction, unless it is turned.
struct Source {
  const void* data;
  int64_t inner, outer, stride;
  bool turned;
};

// Boxes of `rows` rows, or of the stage's steps of K of turned operands.
CUtensorMap make_map(const Gemm& p, const Source& x, int rows) {
  return map_matrix({x.data, x.inner, x.outer, planes_of(p), x.stride, map_type(p), element_of(p),
                     x.turned ? layout::kHalfDepth : rows});
}

// Where an operand's copy lies in scratch.
struct Placed {
  int64_t rows, stride;  // in elements
  bool deep;
  int64_t offset, bytes;
};

Placed place(const Gemm& p, bool is_a, int64_t offset) {
  Placed x = {};
  x.rows = is_a ? p.m : p.n;
  x.deep = is_a ? !p.transpose_a : p.transpose_b;
  x.stride = round_up(p.k, 16 / element_of(p));
  x.offset = offset;
  x.bytes = round_up(planes_of(p) * x.rows * x.stride * element_of(p), 128);
  return x;
}

// Where the kernel reads the operand, and the copy to be made, if any, for that.
struct Prepared {
  SplitJob job;
  Source source;
};

Prepared prepare(const Gemm& p, const Placed& x, const float* data, unsigned char* scratch) {
  Prepared r = {};
  const int64_t length = x.deep ? p.k : x.rows;
  const bool wide = aligned(16, data) && length % 4 == 0;
  if (reads_float32(p) && x.deep && wide) {
    r.source = {data, p.k, x.rows, p.k, false};
    return r;
  }
  r.source = {scratch + x.offset, p.k, x.rows, x.stride, false};
  r.job = {data, x.rows, p.k, x.deep, wide, scratch + x.offset, x.stride};
  return r;
}

// Read in place, unless it lies where TMA does not read: its addresses are multiples of 16. (bind
// has seen to the strides.)
template <class S>
Source prepare_16_bit(const Gemm& p, const Placed& x, const S* data, const Call& call) {
  Source source = {data, x.deep ? p.k : x.rows, x.deep ? x.rows : p.k, 0, !x.deep};
  source.stride = source.inner;
  if (aligned(16, data)) return source;
  S* copy = reinterpret_cast<S*>(call.scratch + x.offset);
  const int64_t count = x.rows * p.k;
  launch(copy_elements<S>, blocks_for(ceil_div(count, 4), kSplitBlock), dim3(kSplitBlock), 0,
         call.stream, data, copy, count);
  source.data = copy;
  return source;
}

// Gemm and where everything lies.
struct Plan {
  Gemm gemm;
  Gemm plain;  // the same by multiply-adds, for operands that have no finite parts
  Placed a, b;
  int64_t parts, sums;  // offsets into scratch
  int processors;
};

template <class T, class S, bool kTurnedA, bool kTurnedB>
void launch_tiles(const Plan& plan, const Call& call, const Source& a, const Source& b,
                  const int* gate) {
  const Gemm& p = plan.gemm;
  const CUtensorMap map_a = make_map(p, a, T::kRows), map_b = make_map(p, b, T::kShareOfB);
  const StreamOutputs<S> o = make_stream_outputs<S>(
      p, call, p.schedule, T::kRowsOfCluster * T::kColumns, call.scratch + plan.parts);
  const WgmmaProblem<S> problem = {o, p.schedule, gate};
  const int64_t at_once =
      least<int64_t>(layout::work_count(p.schedule), plan.processors / T::kCluster);
  launch_clusters(gemm_wgmma<T, S, kTurnedA, kTurnedB>, T::kCluster,
                  dim3(static_cast<unsigned>(at_once * T::kCluster)), dim3(T::kThreads), T::kBytes,
                  call.stream, map_a, map_b, problem);
  launch_stream_merge(o, p.schedule, T::kRowsOfCluster, T::kColumns, call.stream);
}

template <class T, class S>
void launch_turned(const Plan& plan, const Call& call, const Source& a, const Source& b) {
  if (a.turned) {
    b.turned ? launch_tiles<T, S, true, true>(plan, call, a, b, nullptr)
             : launch_tiles<T, S, true, false>(plan, call, a, b, nullptr);
  } else {
    b.turned ? launch_tiles<T, S, false, true>(plan, call, a, b, nullptr)
             : launch_tiles<T, S, false, false>(plan, call, a, b, nullptr);
  }
}

template <WgmmaType kType, class S>
void run_16_bit(const Plan& plan, const Call& call) {
  const Source a = prepare_16_bit(plan.gemm, plan.a, operand<S>(call, 0), call);
  const Source b = prepare_16_bit(plan.gemm, plan.b, operand<S>(call, 1), call);
  switch (plan.gemm.tile) {
    case 0: return launch_turned<Tile<256, kType, 2>, S>(plan, call, a, b);
    case 1: return launch_turned<Tile<256, kType, 1>, S>(plan, call, a, b);
    default: return launch_turned<Tile<128, kType, 1>, S>(plan, call, a, b);
  }
}

template <WgmmaType kType>
void run_one_plane(const Plan& plan, const Call& call, const Source& a, const Source& b) {
  switch (plan.gemm.tile) {
    case 0:
      return launch_tiles<Tile<256, kType, 2>, float, false, false>(plan, call, a, b, nullptr);
    case 1:
      return launch_tiles<Tile<256, kType, 1>, float, false, false>(plan, call, a, b, nullptr);
    default:
      return launch_tiles<Tile<128, kType, 1>, float, false, false>(plan, call, a, b, nullptr);
  }
}

void run_float32(const Plan& plan, const Call& call) {
  const Gemm& p = plan.gemm;
  const Prepared a = prepare(p, plan.a, operand<float>(call, 0), call.scratch);
  const Prepared b = prepare(p, plan.b, operand<float>(call, 1), call.scratch);
  if (p.precision == Precision::kTensorFloat32) {
    launch_split<0>(a.job, b.job, nullptr, call.stream);
    return run_one_plane<WgmmaType::kTensorFloat32>(plan, call, a.source, b.source);
  }
  if (p.precision == Precision::kBFloat16) {
    launch_split<1>(a.job, b.job, nullptr, call.stream);
    return run_one_plane<WgmmaType::kBFloat16>(plan, call, a.source, b.source);
  }
  int* gate = reinterpret_cast<int*>(call.scratch);
  launch_split<3>(a.job, b.job, gate, call.stream);
  p.tile == 0 ? launch_tiles<Split<2>, float, false, false>(plan, call, a.source, b.source, gate)
              : launch_tiles<Split<1>, float, false, false>(plan, call, a.source, b.source, gate);
  run_gemm_simt(plan.plain, call, gate);
}

void run_wgmma(const Call& call, int64_t) {
  const Plan& plan = *static_cast<const Plan*>(call.params);
  const Gemm& p = plan.gemm;
  switch (p.dtype) {
    case DType::kFloat16: run_16_bit<WgmmaType::kFloat16, Half>(plan, call); break;
    case DType::kBFloat16: run_16_bit<WgmmaType::kBFloat16, BFloat>(plan, call); break;
    default: run_float32(plan, call);
  }
  if (p.sums_apart) launch_column_sums(p, call, call.scratch + plan.sums);
}

}  // namespace

const char* wgmma_unavailable(const DeviceLimits& device) {
  if (device.major != 9) return "wgmma is an instruction of compute capability 9.0 alone";
  if (device.shared_bytes < Split<1>::kBytes) return "too little shared memory";
  if (encode_tiled() == nullptr) return "the driver cannot describe tensors to the copy engine";
  cudaFuncAttributes attributes = {};
  if (cudaFuncGetAttributes(&attributes, gemm_wgmma<Split<1>, float, false, false>) !=
          cudaSuccess ||
      attributes.binaryVersion != 90) {
    cudaGetLastError();
    return "this build has no code for sm_90a";
  }
  return nullptr;
}

namespace {

const char* unsuited(const Gemm& p) {
  if (p.dtype == DType::kFloat64) return "no float64";
  if (p.m < kLeastSide || p.n < kLeastSide || p.k < kLeastSide) return "too narrow";
  if (p.m > kMostSide || p.n > kMostSide || p.k > kMostSide) return "too long for the copy engine";
  const double fma = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  if (!is_16_bit(p)) return fma < kLeastFma ? "too little work for the copies it needs" : nullptr;
  constexpr int64_t kPack = 8;
  const int64_t a = p.transpose_a ? p.m : p.k, b = p.transpose_b ? p.k : p.n;
  return a % kPack != 0 || b % kPack != 0 ? "rows that are no multiple of 16 bytes" : nullptr;
}

}  // namespace

double choose_gemm_wgmma(Gemm* p) {
  const bool split = planes_of(*p) > 1;
  const TileShape* shapes = split ? kSplitShapes : reads_float32(*p) ? kTensorShapes : kHalfShapes;
  const StreamCut cut = choose_stream(*p, shapes, split ? 2 : kTiles, true);
  p->tile = cut.tile;
  p->schedule = cut.schedule;
  return cut.clocks;
}

namespace {

void place_everything(Plan* plan, Bound* bound) {
  const Gemm& p = plan->gemm;
  const TileShape& tile = planes_of(p) > 1   ? kSplitShapes[p.tile]
                          : reads_float32(p) ? kTensorShapes[p.tile]
                                             : kHalfShapes[p.tile];
  plan->a = place(p, true, kGateBytes * 2);
  plan->b = place(p, false, plan->a.offset + plan->a.bytes);
  plan->parts = plan->b.offset + plan->b.bytes;
  const int64_t floats = stream_floats(p.schedule, tile.rows, tile.columns, false);
  plan->sums = plan->parts + round_up(floats * static_cast<int64_t>(sizeof(float)), 128);
  bound->scratch_bytes = plan->sums + (p.sums_apart ? column_sums_bytes(p) : 0);
}

}  // namespace

const char* bind_gemm_wgmma(const DeviceLimits& device, Gemm* p, Binder* binder, Bound* bound) {
  if (const char* reason = wgmma_unavailable(device)) return reason;
  if (const char* reason = unsuited(*p)) return reason;
  Plan* plan = static_cast<Plan*>(bind_alloc(binder, sizeof(Plan)));
  if (plan == nullptr) return kOutOfMemory;
  p->sums_apart = p->column_sum;
  p->column_sum = false;
  plan->plain = *p;
  const double clocks = choose_gemm_wgmma(p);
  if (is_16_bit(*p) && gemm_mma_clocks(*p) < clocks) return "smaller tiles fill more processors";
  plan->gemm = *p;
  plan->processors = device.processors;
  place_everything(plan, bound);
  bound->params = plan;
  bound->phases[0] = {run_wgmma, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
