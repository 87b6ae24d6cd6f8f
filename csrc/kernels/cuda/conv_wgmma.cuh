// Convolution on sm_90a's matrix units: gemm_wgmma's ring, products and schedule, with patches that
// the copy engine itself finds in the images ("im2col"; conv_layout.h). 16-bit operands, whole
// stages of 64 channels of one tap.
//
//                 A                                     B
//   kForward      128 places x 64 channels              the filters as a matrix, K outermost
//   kGradX        128 pixels x 64 filters, of grad_out  a plane for each tap, K contiguous
//   kGradW        K outermost: strips of 64 places x    grad_out as a matrix, K outermost
//                 64 channels of one tap
#pragma once

#include "kernels/cuda/conv_stage.cuh"
#include "kernels/cuda/gemm_wgmma.cuh"

namespace pydl::cuda {

template <class S>
struct ConvWgmma {
  StreamOutputs<S, ConvEpilogue<S>> outputs;
  layout::Schedule schedule;
  layout::Patches patches;
  layout::TapsOf taps;
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

// The pixels of rows from `row` on, at the tap and from the channel of step `k` on.
template <class S>
__device__ __forceinline__ void copy_patch(const ConvWgmma<S>& p, unsigned char* target,
                                           const CUtensorMap* map, uint64_t* full, int row, int k) {
  const layout::Walk from = layout::walk_from(p.patches, row);
  const int tap = layout::quotient(k, p.patches.inner);
  const layout::Parts taps = layout::take_apart(tap, p.patches.taps);
  ptx::copy_pixels(target, map, full, k - tap * p.patches.inner.value, from.w, from.h, from.n,
                   layout::tap_offset(p.patches.axis[2], taps.at[2]),
                   layout::tap_offset(p.patches.axis[1], taps.at[1]));
}

template <class Tile, Pass kPass, class S>
__device__ __forceinline__ void fetch_patches(const ConvWgmma<S>& p, const CUtensorMap* a,
                                              const CUtensorMap* b, unsigned char* stage,
                                              uint64_t* full, int rank, int k, int row,
                                              int column) {
  const layout::Share share = layout::share_of(rank, Tile::kColumns, Tile::kCluster);
  unsigned char* to_b = stage + Tile::kBytesA + share.first * layout::kSwizzleBytes;
  if constexpr (kPass == Pass::kGradW) {
    for (int i = 0; i < Tile::kRows; i += layout::kStripRows) {
      // Strips beyond the last row of C are fetched, for their bytes are waited for.
      const int step = least(row + i, p.patches.steps - layout::kStripRows);
      copy_patch(p, stage + i * layout::kSwizzleBytes, a, full, k, step);
    }
  } else {
    copy_patch(p, stage, a, full, row, k);
  }
  if constexpr (kPass == Pass::kGradX) {
    const int tap = layout::quotient(k, p.patches.inner);
    copy_rows<false, true, Tile::kCluster>(to_b, b, full, k - tap * p.patches.inner.value,
                                           column + share.first, share.count,
                                           layout::filter_tap(p.taps, p.patches, tap));
  } else {
    copy_rows<true, true, Tile::kCluster>(to_b, b, full, k, column + share.first, share.count, 0);
  }
}
#endif  // __CUDA_ARCH_FEAT_SM90_ALL

template <class Tile, class S, Pass kPass>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    conv_wgmma(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
               const __grid_constant__ ConvWgmma<S> p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  PYDL_DYNAMIC_SHARED(unsigned char, shared);
  const Ring ring = make_ring<Tile>(shared);
  const auto fetch = [&](unsigned char* stage, uint64_t* full, int k, int row, int column) {
    fetch_patches<Tile, kPass>(p, &a, &b, stage, full, ring.rank, k, row, column);
  };
  multiply_pieces<Tile, kPass == Pass::kGradW, kPass != Pass::kGradX>(p.schedule, p.outputs, ring,
                                                                      &a, &b, fetch);
#else
  __trap();  // bind takes this kernel only where it was built for sm_90a
#endif
}

}  // namespace pydl::cuda
