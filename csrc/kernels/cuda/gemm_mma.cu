// gemm_mma: when sm_80's matrix units pay, and how.
#include "kernels/cuda/gemm.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_mma.cuh"

namespace pydl::cuda {
namespace {

using Large = MmaTile<128, 128, 2, 4>;
using Small = MmaTile<64, 64, 2, 2>;

template <class Tile>
constexpr TileShape shape_of(double fma) {
  return {Tile::kRows, Tile::kColumns, Tile::kDepth, fma};
}

// Rates of sm_80 and sm_90's mma.sync as far as known; only their ratio picks the tile.
constexpr int kTiles = 2;
constexpr TileShape kShapes[kTiles] = {shape_of<Large>(400), shape_of<Small>(250)};
constexpr int64_t kLeastSide = 16, kMostDepth = int64_t{1} << 34;
constexpr double kLeastFma = 1 << 20;

using Launch = void (*)(const Gemm& p, const Call& call);
constexpr Launch kLaunches[3][kTiles] = {
    {launch_mma<Large, MmaMode::kSplit>, launch_mma<Small, MmaMode::kSplit>},
    {launch_mma<Large, MmaMode::kTensor>, launch_mma<Small, MmaMode::kTensor>},
    {launch_mma<Large, MmaMode::kHalf>, launch_mma<Small, MmaMode::kHalf>},
};

void run_mma(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  kLaunches[static_cast<int>(p.precision)][p.tile](p, call);
}

}  // namespace

const char* bind_gemm_mma(const DeviceLimits& device, Gemm* p, Bound* bound) {
  if (device.major < 8) return "this device has no matrix units for float32 (compute capability 8)";
  if (p->dtype != DType::kFloat32) return "float32 only";
  // A TensorFloat-32 product costs 1/8 of a multiply-add on 8.0 and 9.0, but 1/2 to 1 on 8.6, 8.9
  // and 12.x: three of them are no gain there.
  const bool strong = device.minor == 0 && device.major <= 10;
  if (p->precision == Precision::kFloat32 && !strong) {
    return "multiply-adds are as fast for float32 accuracy on this device";
  }
  if (p->m < kLeastSide || p->n < kLeastSide || p->k < kLeastSide) return "too narrow";
  if (p->k > kMostDepth) return "K too long";
  const double fma =
      static_cast<double>(p->m) * static_cast<double>(p->n) * static_cast<double>(p->k);
  if (fma < kLeastFma) return "too little work to fill matrix units";
  apply_cut(choose_cut(*p, kShapes, kTiles), p);
  const int bytes = p->tile == 0 ? Large::kBytes : Small::kBytes;
  if (bytes > device.shared_bytes) return "too little shared memory";
  bound->scratch_bytes = partial_bytes(*p);
  bound->phases[0] = {run_mma, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
