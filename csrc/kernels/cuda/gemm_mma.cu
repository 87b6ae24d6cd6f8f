// gemm_mma: when sm_80's matrix units pay, and how.
#include "kernels/cuda/gemm.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_mma.cuh"
#include "kernels/cuda/gemm_mma16.cuh"

namespace pydl::cuda {
namespace {

template <class Tile>
constexpr TileShape shape_of(double fma) {
  return {Tile::kRows, Tile::kColumns, Tile::kDepth, fma, Tile::kBlocks};
}

// Rates of sm_80 and sm_90's mma.sync as far as known; only their ratio picks the tile.
constexpr int kTiles = 2;
constexpr TileShape kShapes[kTiles] = {shape_of<MmaLarge>(400), shape_of<MmaSmall>(250)};
constexpr TileShape kShapes16[kTiles] = {shape_of<Mma16Large>(900), shape_of<Mma16Small>(500)};
constexpr int kBytes[kTiles] = {MmaLarge::kBytes, MmaSmall::kBytes};
constexpr int kBytes16[kTiles] = {Mma16Large::kBytes, Mma16Small::kBytes};
constexpr int64_t kLeastSide = 16, kLeastSide16 = 8, kMostDepth = int64_t{1} << 34;
constexpr double kLeastFma = 1 << 20;

using Launch = void (*)(const Gemm& p, const Call& call);
constexpr Launch kLaunches[3][kTiles] = {
    {launch_mma<MmaLarge, MmaMode::kSplit>, launch_mma<MmaSmall, MmaMode::kSplit>},
    {launch_mma<MmaLarge, MmaMode::kTensor>, launch_mma<MmaSmall, MmaMode::kTensor>},
    {launch_mma<MmaLarge, MmaMode::kHalf>, launch_mma<MmaSmall, MmaMode::kHalf>},
};
template <class S>
constexpr Launch kLaunches16[kTiles] = {launch_mma16<Mma16Large, S>, launch_mma16<Mma16Small, S>};

void run_mma(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  switch (p.dtype) {
    case DType::kFloat16: return kLaunches16<Half>[p.tile](p, call);
    case DType::kBFloat16: return kLaunches16<BFloat>[p.tile](p, call);
    default: kLaunches[static_cast<int>(p.precision)][p.tile](p, call);
  }
}

}  // namespace

double gemm_mma_clocks(const Gemm& p) { return choose_stream(p, kShapes16, kTiles, true).clocks; }

const char* choose_gemm_mma(const DeviceLimits& device, bool may_cut, Gemm* p, int64_t* bytes) {
  const bool half = dtype_size(p->dtype) == 2;
  if (device.major < 8) return "this device has no matrix units for it (compute capability 8)";
  if (p->dtype == DType::kFloat64) return "no float64";
  // A TensorFloat-32 product costs 1/8 of a multiply-add on 8.0 and 9.0, but 1/2 to 1 on 8.6, 8.9
  // and 12.x: three of them are no gain there.
  const bool strong = device.minor == 0 && device.major <= 10;
  if (!half && p->precision == Precision::kFloat32 && !strong) {
    return "multiply-adds are as fast for float32 accuracy on this device";
  }
  const int64_t least_side = half ? kLeastSide16 : kLeastSide;
  if (p->m < least_side || p->n < least_side || p->k < kLeastSide) return "too narrow";
  if (p->k > kMostDepth) return "K too long";
  const double fma =
      static_cast<double>(p->m) * static_cast<double>(p->n) * static_cast<double>(p->k);
  if (fma < kLeastFma) return "too little work to fill matrix units";
  const TileShape* shapes = half ? kShapes16 : kShapes;
  const StreamCut cut = choose_stream(*p, shapes, kTiles, may_cut);
  p->tile = cut.tile;
  p->schedule = cut.schedule;
  if ((half ? kBytes16 : kBytes)[p->tile] > device.shared_bytes) return "too little shared memory";
  const TileShape& shape = shapes[p->tile];
  *bytes = stream_floats(p->schedule, shape.rows, shape.columns, p->column_sum) *
           dtype_size(DType::kFloat32);
  return nullptr;
}

const char* bind_gemm_mma(const DeviceLimits& device, Gemm* p, Bound* bound) {
  if (const char* reason = choose_gemm_mma(device, true, p, &bound->scratch_bytes)) return reason;
  bound->phases[0] = {run_mma, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
