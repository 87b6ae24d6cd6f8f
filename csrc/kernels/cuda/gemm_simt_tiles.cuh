// The tiles of gemm_simt and conv_simt.
#pragma once

#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_simt.cuh"

namespace pydl::PYDL_GPU {

namespace simt {
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
}  // namespace simt

// A processor does 128 float32 multiply-adds a clock, 64 of float64; smaller tiles read more of
// shared memory for each.
constexpr int kSimtTiles = 3;
constexpr TileShape kSimtShapes[kSimtTiles] = {simt::shape_of<simt::Large>(100),
                                               simt::shape_of<simt::Medium>(70),
                                               simt::shape_of<simt::Small>(40)};
constexpr TileShape kSimtShapesDouble[kSimtTiles] = {simt::shape_of<simt::LargeDouble>(50),
                                                     simt::shape_of<simt::MediumDouble>(40),
                                                     simt::shape_of<simt::SmallDouble>(25)};

inline const TileShape* simt_shapes(DType dtype) {
  return dtype == DType::kFloat64 ? kSimtShapesDouble : kSimtShapes;
}

}  // namespace pydl::PYDL_GPU
