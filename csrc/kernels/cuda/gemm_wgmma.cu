// gemm_wgmma: when sm_90a's matrix units pay, the copies of the operands, and the launches.
//
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

namespace pydl::cuda {
namespace {

using Split = WgmmaTile<128, 3, true>;
using TensorWide = WgmmaTile<256, 1, false>;
using Tensor = WgmmaTile<128, 1, false>;
using HalfWide = WgmmaTile<256, 1, true>;
using Half = WgmmaTile<128, 1, true>;

template <class Tile>
constexpr TileShape shape_of(double fma) {
  return {Tile::kRows, Tile::kColumns, Tile::kDepth, fma};
}

// Of 2048 bfloat16 and 1024 TensorFloat-32 multiply-adds a clock.
constexpr TileShape kShapes[3][2] = {
    {shape_of<Split>(260), shape_of<Split>(260)},
    {shape_of<TensorWide>(750), shape_of<Tensor>(600)},
    {shape_of<HalfWide>(1500), shape_of<Half>(1200)},
};
constexpr int64_t kLeastSide = 64;
constexpr int64_t kMostSide = int64_t{1} << 30;  // TMA's coordinates are 32 bits
constexpr double kLeastFma = 1e8;                // 5 us of multiply-adds: less than the launches
constexpr int64_t kGateBytes = 64;

// The operand as the kernel reads it, and where the copy lies in scratch.
struct Placed {
  int64_t rows, stride;  // of the copy, in elements
  bool deep;
  int64_t offset, bytes;
};

int planes_of(const Gemm& p) { return p.precision == Precision::kFloat32 ? 3 : 1; }
int element_of(const Gemm& p) { return p.precision == Precision::kTensorFloat32 ? 4 : 2; }

Placed place(const Gemm& p, bool is_a, int64_t offset) {
  Placed x = {};
  x.rows = is_a ? p.m : p.n;
  x.deep = is_a ? !p.transpose_a : p.transpose_b;
  x.stride = round_up(p.k, 16 / element_of(p));
  x.offset = offset;
  x.bytes = round_up(planes_of(p) * x.rows * x.stride * element_of(p), 128);
  return x;
}

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*,
                                 const cuuint64_t*, const cuuint64_t*, const cuuint32_t*,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

// The driver is asked for it at run time, so that the library loads where there is none.
EncodeTiled find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                             12000, cudaEnableDefault, &result);
  const bool found = error == cudaSuccess && result == cudaDriverEntryPointSuccess;
  return found ? reinterpret_cast<EncodeTiled>(function) : nullptr;
}

EncodeTiled encode_tiled() {
  static const EncodeTiled encode = find_encode();
  return encode;
}

// Boxes of `box_rows` rows of 128 bytes out of [planes][rows][k].
CUtensorMap make_map(const void* data, const Gemm& p, const Placed& x, int64_t stride,
                     int box_rows) {
  const auto size = static_cast<cuuint64_t>(element_of(p));
  const auto row_bytes = static_cast<cuuint64_t>(stride) * size;
  const cuuint64_t dims[3] = {static_cast<cuuint64_t>(p.k), static_cast<cuuint64_t>(x.rows),
                              static_cast<cuuint64_t>(planes_of(p))};
  const cuuint64_t strides[2] = {row_bytes, row_bytes * static_cast<cuuint64_t>(x.rows)};
  const cuuint32_t box[3] = {static_cast<cuuint32_t>(layout::kSwizzleBytes / size),
                             static_cast<cuuint32_t>(box_rows), 1};
  const cuuint32_t steps[3] = {1, 1, 1};
  CUtensorMap map;
  const CUresult result = encode_tiled()(
      &map, size == 4 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT32 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3,
      const_cast<void*>(data), dims, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) note_launch_error(static_cast<int>(cudaErrorInvalidValue));
  return map;
}

// Where the kernel reads the operand, and the copy to be made, if any, for that.
struct Prepared {
  SplitJob job;
  const void* data;
  int64_t stride;
};

Prepared prepare(const Gemm& p, const Placed& x, const float* source, unsigned char* scratch) {
  Prepared r = {};
  const int64_t length = x.deep ? p.k : x.rows;
  const bool wide = aligned(16, source) && length % 4 == 0;
  if (p.precision == Precision::kTensorFloat32 && x.deep && wide) {
    r.data = source;
    r.stride = p.k;
    return r;
  }
  r.data = scratch + x.offset;
  r.stride = x.stride;
  r.job = {source, x.rows, p.k, x.deep, wide, scratch + x.offset, x.stride};
  return r;
}

template <class Tile>
void launch_tiles(const Gemm& p, const Call& call, const Placed& a, const Prepared& from_a,
                  const Placed& b, const Prepared& from_b, const int* gate, const Outputs<float>& o,
                  int processors) {
  const CUtensorMap map_a = make_map(from_a.data, p, a, from_a.stride, Tile::kRows);
  const CUtensorMap map_b = make_map(from_b.data, p, b, from_b.stride, Tile::kColumns);
  const WgmmaProblem problem = {o.target, p.m, p.n, p.k, p.depth, p.splits, gate};
  const int64_t work = ceil_div(p.m, Tile::kRows) * ceil_div(p.n, Tile::kColumns) * p.splits;
  const dim3 grid(static_cast<unsigned>(least<int64_t>(work, processors)));
  launch(gemm_wgmma<Tile>, grid, dim3(Tile::kThreads), Tile::kBytes, call.stream, map_a, map_b,
         problem);
}

// Gemm and where everything lies.
struct Plan {
  Gemm gemm;
  Gemm plain;            // the same by multiply-adds, for operands that have no finite parts
  Placed a, b;
  int64_t partial, sums;  // offsets into scratch
  int processors;
};

void run_wgmma(const Call& call, int64_t) {
  const Plan& plan = *static_cast<const Plan*>(call.params);
  const Gemm& p = plan.gemm;
  const Prepared a = prepare(p, plan.a, operand<float>(call, 0), call.scratch);
  const Prepared b = prepare(p, plan.b, operand<float>(call, 1), call.scratch);
  const Outputs<float> o = make_outputs<float>(p, call, call.scratch + plan.partial);
  int* gate = nullptr;
  const auto tiles = [&](auto tile) {
    launch_tiles<decltype(tile)>(p, call, plan.a, a, plan.b, b, gate, o, plan.processors);
  };
  switch (p.precision) {
    case Precision::kFloat32:
      gate = reinterpret_cast<int*>(call.scratch);
      launch_split<3>(a.job, b.job, gate, call.stream);
      tiles(Split());
      break;
    case Precision::kTensorFloat32:
      launch_split<0>(a.job, b.job, gate, call.stream);
      p.tile == 0 ? tiles(TensorWide()) : tiles(Tensor());
      break;
    case Precision::kBFloat16:
      launch_split<1>(a.job, b.job, gate, call.stream);
      p.tile == 0 ? tiles(HalfWide()) : tiles(Half());
      break;
  }
  launch_merge(p, call, o);
  if (gate != nullptr) run_gemm_simt(plan.plain, call, gate);
  if (p.sums_apart) launch_column_sums(p, call, call.scratch + plan.sums);
}

// nullptr, or why the kernel cannot run here at all.
const char* unavailable(const DeviceLimits& device) {
  if (device.major != 9) return "wgmma is an instruction of compute capability 9.0 alone";
  if (device.shared_bytes < Split::kBytes) return "too little shared memory";
  if (encode_tiled() == nullptr) return "the driver cannot describe tensors to the copy engine";
  cudaFuncAttributes attributes = {};
  if (cudaFuncGetAttributes(&attributes, gemm_wgmma<Split>) != cudaSuccess ||
      attributes.binaryVersion != 90) {
    cudaGetLastError();
    return "this build has no code for sm_90a";
  }
  return nullptr;
}

const char* too_small(const Gemm& p) {
  if (p.m < kLeastSide || p.n < kLeastSide || p.k < kLeastSide) return "too narrow";
  if (p.m > kMostSide || p.n > kMostSide || p.k > kMostSide) return "too long for the copy engine";
  const double fma = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  return fma < kLeastFma ? "too little work for the copies it needs" : nullptr;
}

void place_everything(Plan* plan, Bound* bound) {
  const Gemm& p = plan->gemm;
  plan->a = place(p, true, kGateBytes * 2);
  plan->b = place(p, false, plan->a.offset + plan->a.bytes);
  plan->partial = plan->b.offset + plan->b.bytes;
  plan->sums = plan->partial + round_up(partial_bytes(p), 128);
  bound->scratch_bytes = plan->sums + (p.sums_apart ? column_sums_bytes(p) : 0);
}

}  // namespace

const char* bind_gemm_wgmma(const DeviceLimits& device, Gemm* p, Binder* binder, Bound* bound) {
  if (const char* reason = unavailable(device)) return reason;
  if (p->dtype != DType::kFloat32) return "float32 only";
  if (const char* reason = too_small(*p)) return reason;
  Plan* plan = static_cast<Plan*>(bind_alloc(binder, sizeof(Plan)));
  if (plan == nullptr) return kOutOfMemory;
  p->sums_apart = p->column_sum;
  p->column_sum = false;
  plan->plain = *p;
  plan->plain.splits = 1;
  plan->plain.depth = p->k;
  apply_cut(choose_cut(*p, kShapes[static_cast<int>(p->precision)], 2), p);
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
