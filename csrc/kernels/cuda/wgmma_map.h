// How operands are described to sm_90's copy engine (host code).
#pragma once

#include <cuda.h>

#include "kernels/cuda/gemm_layout.h"
#include "kernels/cuda/launch.h"

namespace pydl::cuda {

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*,
                                 const cuuint64_t*, const cuuint64_t*, const cuuint32_t*,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
using EncodeIm2col = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*,
                                  const cuuint64_t*, const cuuint64_t*, const int*, const int*,
                                  cuuint32_t, cuuint32_t, const cuuint32_t*, CUtensorMapInterleave,
                                  CUtensorMapSwizzle, CUtensorMapL2promotion,
                                  CUtensorMapFloatOOBfill);

// The driver is asked for its functions at run time, so that the library loads where there is none.
// Null: it has none of that name.
template <class Function>
Function find_in_driver(const char* name) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error =
      cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &result);
  const bool found = error == cudaSuccess && result == cudaDriverEntryPointSuccess;
  return found ? reinterpret_cast<Function>(function) : nullptr;
}

inline EncodeTiled encode_tiled() {
  static const EncodeTiled encode = find_in_driver<EncodeTiled>("cuTensorMapEncodeTiled");
  return encode;
}
inline EncodeIm2col encode_im2col() {
  static const EncodeIm2col encode = find_in_driver<EncodeIm2col>("cuTensorMapEncodeIm2col");
  return encode;
}

// `planes` of `outer` rows of `inner` elements of `bytes`, the rows `stride` elements apart. Boxes
// of rows of 128 bytes: `rows` of them.
struct Matrix {
  const void* data;
  int64_t inner, outer, planes, stride;
  CUtensorMapDataType type;
  int bytes, rows;
};

inline CUtensorMap map_matrix(const Matrix& x) {
  const auto size = static_cast<cuuint64_t>(x.bytes);
  const auto row_bytes = static_cast<cuuint64_t>(x.stride) * size;
  const cuuint64_t dims[3] = {static_cast<cuuint64_t>(x.inner), static_cast<cuuint64_t>(x.outer),
                              static_cast<cuuint64_t>(x.planes)};
  const cuuint64_t strides[2] = {row_bytes, row_bytes * static_cast<cuuint64_t>(x.outer)};
  const cuuint32_t box[3] = {static_cast<cuuint32_t>(layout::kSwizzleBytes / x.bytes),
                             static_cast<cuuint32_t>(x.rows), 1};
  const cuuint32_t steps[3] = {1, 1, 1};
  CUtensorMap map;
  const CUresult result =
      encode_tiled()(&map, x.type, 3, const_cast<void*>(x.data), dims, strides, box, steps,
                     CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                     CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) note_launch_error(static_cast<int>(cudaErrorInvalidValue));
  return map;
}

}  // namespace pydl::cuda
