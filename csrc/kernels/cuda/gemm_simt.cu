// gemm_simt: which tile and how many parts of K.
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_simt.cuh"

namespace pydl::PYDL_GPU {
namespace {

using Large = SimtTile<float, 128, 128, 8, 8, 8>;
using Medium = SimtTile<float, 64, 64, 16, 4, 4>;
using Small = SimtTile<float, 32, 32, 16, 4, 4>;
using LargeDouble = SimtTile<double, 128, 64, 8, 8, 4>;
using MediumDouble = SimtTile<double, 64, 64, 8, 4, 4>;
using SmallDouble = SimtTile<double, 32, 32, 16, 4, 4>;

template <class Tile>
constexpr TileShape shape_of(double fma) {
  return {Tile::kRows, Tile::kColumns, Tile::kDepth, fma};
}

// A processor does 128 float32 multiply-adds a clock, 64 of float64; smaller tiles read more of
// shared memory for each.
constexpr int kTiles = 3;
constexpr TileShape kShapes[kTiles] = {shape_of<Large>(100), shape_of<Medium>(70),
                                       shape_of<Small>(40)};
constexpr TileShape kShapesDouble[kTiles] = {shape_of<LargeDouble>(50), shape_of<MediumDouble>(40),
                                             shape_of<SmallDouble>(25)};

using Launch = void (*)(const Gemm& p, const Call& call, const int* gate);
template <class S>
constexpr Launch kLaunches[kTiles] = {launch_simt<Large, S>, launch_simt<Medium, S>,
                                      launch_simt<Small, S>};
template <>
constexpr Launch kLaunches<double>[kTiles] = {launch_simt<LargeDouble>, launch_simt<MediumDouble>,
                                              launch_simt<SmallDouble>};

}  // namespace

void run_gemm_simt(const Gemm& p, const Call& call, const int* gate) {
  visit_any_float(p.dtype, [&](auto s) { kLaunches<decltype(s)>[p.tile](p, call, gate); });
}

const char* bind_gemm_simt(Gemm* p, Bound* bound) {
  apply_cut(choose_cut(*p, p->dtype == DType::kFloat64 ? kShapesDouble : kShapes, kTiles), p);
  bound->scratch_bytes = partial_bytes(*p);
  bound->phases[0] = {[](const Call& call, int64_t) {
                        run_gemm_simt(*static_cast<const Gemm*>(call.params), call, nullptr);
                      },
                      1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
