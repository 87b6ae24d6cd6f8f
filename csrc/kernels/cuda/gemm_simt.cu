// gemm_simt: which tile and how many parts of K.
#include "kernels/cuda/gemm_simt_tiles.cuh"

namespace pydl::PYDL_GPU {
namespace {

using Launch = void (*)(const Gemm& p, const Call& call, const int* gate);
template <class S>
constexpr Launch kLaunches[kSimtTiles] = {launch_simt<simt::Large, S>, launch_simt<simt::Medium, S>,
                                          launch_simt<simt::Small, S>};
template <>
constexpr Launch kLaunches<double>[kSimtTiles] = {launch_simt<simt::LargeDouble>,
                                                  launch_simt<simt::MediumDouble>,
                                                  launch_simt<simt::SmallDouble>};

}  // namespace

void run_gemm_simt(const Gemm& p, const Call& call, const int* gate) {
  visit_any_float(p.dtype, [&](auto s) { kLaunches<decltype(s)>[p.tile](p, call, gate); });
}

const char* bind_gemm_simt(Gemm* p, Bound* bound) {
  apply_cut(choose_cut(*p, simt_shapes(p->dtype), kSimtTiles), p);
  bound->scratch_bytes = partial_bytes(*p);
  bound->phases[0] = {[](const Call& call, int64_t) {
                        run_gemm_simt(*static_cast<const Gemm*>(call.params), call, nullptr);
                      },
                      1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
