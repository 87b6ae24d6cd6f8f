// The only way kernels are launched, and the dialect they are written in.
//
// A kernel file includes this and nothing of CUDA. Device code is CUDA C++ with the four words the
// emulation has to replace spelled as macros:
//
//   __global__ void scale(float* x, int64_t n, float factor) {
//     PYDL_SHARED(float, tile, 256);              // static shared memory: float tile[256]
//     PYDL_DYNAMIC_SHARED(float, rest);           // what `launch` was asked for, 128-byte aligned
//     ...threadIdx, blockIdx, blockDim, gridDim, __syncthreads(), __syncwarp(), __shfl_*_sync,
//     __ballot_sync, __any_sync, __all_sync, warpSize...
//   }
//   launch(scale, dim3(blocks), dim3(256), 0, call.stream, x, n, factor);
//
// A barrier or shuffle must be reached by every thread it names. Kernel arguments are passed by
// value, POD, at most kMaxArguments bytes together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/bundle.h"

namespace pydl {

constexpr size_t kMaxArguments = 4096;

}  // namespace pydl

#ifdef PYDL_EMULATED
#include "kernels/cuda/emulation/emulation.h"
#else
#include <cuda_runtime.h>

#define PYDL_SHARED(type, name, count) __shared__ alignas(128) type name[count]
#define PYDL_DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(128) unsigned char pydl_dynamic_shared[]; \
  type* name = reinterpret_cast<type*>(pydl_dynamic_shared)

namespace pydl::cuda {

// The first error since the last look, of this thread; launches after it still happen. 0: none.
int take_launch_error();
void note_launch_error(int error);

// Blocks come in clusters of `cluster` (sm_90), which divides their number.
template <class... Parameters, class... Arguments>
void launch_clusters(void (*kernel)(Parameters...), unsigned cluster, dim3 grid, dim3 block,
                     size_t shared_bytes, void* stream, Arguments... arguments) {
  static_assert((sizeof(Parameters) + ... + 0) <= kMaxArguments, "too many bytes of arguments");
  constexpr size_t kWithoutAsking = 48 * 1024;
  cudaError_t error = cudaSuccess;
  if (shared_bytes > kWithoutAsking) {
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes));
  }
  if (error == cudaSuccess) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = static_cast<cudaStream_t>(stream);
    cudaLaunchAttribute shape = {};
    shape.id = cudaLaunchAttributeClusterDimension;
    shape.val.clusterDim = {cluster, 1, 1};
    config.attrs = &shape;
    config.numAttrs = cluster > 1 ? 1 : 0;
    error = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  }
  if (error != cudaSuccess) note_launch_error(static_cast<int>(error));
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, void* stream,
            Arguments... arguments) {
  launch_clusters(kernel, 1, grid, block, shared_bytes, stream, arguments...);
}

}  // namespace pydl::cuda
#endif
