// The operands as the tiled kernels read them.
#pragma once

#include "kernels/cuda/device/stored.h"
#include "kernels/cuda/gemm.h"

namespace pydl::PYDL_GPU {

// One multiply-add with one rounding, whatever the compiler is told of contraction.
__device__ __forceinline__ float multiply_add(float a, float b, float c) {
#ifdef PYDL_EMULATED
  return a * b + c;
#else
  return fmaf(a, b, c);
#endif
}
__device__ __forceinline__ double multiply_add(double a, double b, double c) {
#ifdef PYDL_EMULATED
  return a * b + c;
#else
  return fma(a, b, c);
#endif
}

template <class S>
struct Operands {
  const S* a;
  const S* b;
  int64_t a_stride, b_stride;  // of the stored rows
  bool a_wide, b_wide;         // whole packs are aligned and never straddle an end
  int64_t m, n, k, depth, splits;
  const int* gate;             // null, or: do nothing where it is 0
  int64_t first;               // the tile of block 0
};

// `pack`: elements of an access.
template <class S>
Operands<S> make_operands(const Gemm& p, const Call& call, int pack) {
  const size_t bytes = sizeof(S) * static_cast<size_t>(pack);
  Operands<S> x = {};
  x.a = operand<S>(call, 0);
  x.b = operand<S>(call, 1);
  x.a_stride = p.transpose_a ? p.m : p.k;
  x.b_stride = p.transpose_b ? p.k : p.n;
  x.a_wide = aligned(bytes, x.a) && x.a_stride % pack == 0;
  x.b_wide = aligned(bytes, x.b) && x.b_stride % pack == 0;
  x.m = p.m;
  x.n = p.n;
  x.k = p.k;
  x.depth = p.depth;
  x.splits = p.splits;
  return x;
}

template <class Tile>
int64_t tile_count(const Gemm& p) {
  return most<int64_t>(1, ceil_div(p.m, Tile::kRows)) * ceil_div(p.n, Tile::kColumns) * p.splits;
}

// A block for every tile, in as many launches as it takes.
template <class S, class... Others>
void launch_tiles(void (*kernel)(Operands<S>, Others...), int64_t tiles, dim3 block,
                  size_t shared_bytes, void* stream, Operands<S> x, const Others&... others) {
  constexpr int64_t kMost = int64_t{1} << 30;
  for (x.first = 0; x.first < tiles; x.first += kMost) {
    const dim3 grid(static_cast<unsigned>(least(kMost, tiles - x.first)));
    launch(kernel, grid, block, shared_bytes, stream, x, others...);
  }
}

}  // namespace pydl::PYDL_GPU
