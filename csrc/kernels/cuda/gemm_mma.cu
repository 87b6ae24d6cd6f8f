// gemm_mma: when sm_80's matrix units pay, and how.
#include "kernels/cuda/gemm.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_mma.cuh"
#include "kernels/cuda/gemm_mma16.cuh"

namespace pydl::cuda {
namespace {

using Large = MmaTile<128, 128, 2, 4>;
using Small = MmaTile<64, 64, 2, 2>;
using Large16 = Mma16Tile<128, 128, 2, 4>;
using Small16 = Mma16Tile<64, 64, 2, 2>;

template <class Tile>
constexpr TileShape shape_of(double fma) {
  return {Tile::kRows, Tile::kColumns, Tile::kDepth, fma, Tile::kBlocks};
}

// Rates of sm_80 and sm_90's mma.sync as far as known; only their ratio picks the tile.
constexpr int kTiles = 2;
constexpr TileShape kShapes[kTiles] = {shape_of<Large>(400), shape_of<Small>(250)};
constexpr TileShape kShapes16[kTiles] = {shape_of<Large16>(900), shape_of<Small16>(500)};
constexpr int kBytes[kTiles] = {Large::kBytes, Small::kBytes};
constexpr int kBytes16[kTiles] = {Large16::kBytes, Small16::kBytes};
constexpr int64_t kLeastSide = 16, kLeastSide16 = 8, kMostDepth = int64_t{1} << 34;
constexpr double kLeastFma = 1 << 20;

using Launch = void (*)(const Gemm& p, const Call& call);
constexpr Launch kLaunches[3][kTiles] = {
    {launch_mma<Large, MmaMode::kSplit>, launch_mma<Small, MmaMode::kSplit>},
    {launch_mma<Large, MmaMode::kTensor>, launch_mma<Small, MmaMode::kTensor>},
    {launch_mma<Large, MmaMode::kHalf>, launch_mma<Small, MmaMode::kHalf>},
};
template <class S>
constexpr Launch kLaunches16[kTiles] = {launch_mma16<Large16, S>, launch_mma16<Small16, S>};

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

const char* bind_gemm_mma(const DeviceLimits& device, Gemm* p, Bound* bound) {
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
  const StreamCut cut = choose_stream(*p, shapes, kTiles, true);
  p->tile = cut.tile;
  p->schedule = cut.schedule;
  if ((half ? kBytes16 : kBytes)[p->tile] > device.shared_bytes) return "too little shared memory";
  const TileShape& shape = shapes[p->tile];
  bound->scratch_bytes = stream_floats(p->schedule, shape.rows, shape.columns, p->column_sum) *
                         dtype_size(DType::kFloat32);
  bound->phases[0] = {run_mma, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
