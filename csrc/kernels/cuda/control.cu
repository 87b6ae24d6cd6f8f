#include "kernels/cuda/control.h"
#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kBlocks = 256;  // of a launch of its own, per slice

__device__ void set_condition(uint64_t condition, bool value) {
  if (condition == 0) return;
#ifdef PYDL_EMULATED
  *reinterpret_cast<int*>(condition) = value ? 1 : 0;
#elif CUDART_VERSION >= 12040
  cudaGraphSetConditional(condition, value ? 1u : 0u);
#endif
}

template <class T>
__device__ void copy_as(unsigned char* to, const unsigned char* from, int64_t bytes, int64_t first,
                        int64_t stride) {
  const auto* source = reinterpret_cast<const T*>(from);
  auto* target = reinterpret_cast<T*>(to);
  const int64_t n = bytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = first; i < n; i += stride) target[i] = source[i];
}

// The widest access that everything is aligned to.
__device__ void copy_bytes(unsigned char* to, const unsigned char* from, int64_t bytes,
                           int64_t first, int64_t stride) {
  const auto bits = reinterpret_cast<uint64_t>(to) | reinterpret_cast<uint64_t>(from) |
                    static_cast<uint64_t>(bytes);
  if (bits % 16 == 0) {
    copy_as<float4>(to, from, bytes, first, stride);
  } else if (bits % 4 == 0) {
    copy_as<uint32_t>(to, from, bytes, first, stride);
  } else {
    copy_as<unsigned char>(to, from, bytes, first, stride);
  }
}

__device__ void move_slice(const Slice& slice, int64_t pass, bool load, int64_t first,
                           int64_t stride) {
  unsigned char* here = slice.base + pass * slice.step;
  if (load && slice.load != 0) copy_bytes(slice.window, here, slice.bytes, first, stride);
  if (!load && slice.store != 0) copy_bytes(here, slice.window, slice.bytes, first, stride);
}

__device__ void move_slices(const Slice* slices, int n, int64_t pass, bool load) {
  for (int i = 0; i < n; ++i) move_slice(slices[i], pass, load, threadIdx.x, blockDim.x);
}

__global__ void set_if_kernel(const int64_t* flag, uint64_t condition) {
  set_condition(condition, *flag == 0);
}

__global__ void __launch_bounds__(kThreads)
    begin_loop_kernel(LoopControl* control, const Slice* slices, int n, const int64_t* given,
                      int64_t most, uint64_t condition) {
  const int64_t count = given == nullptr ? control->count : (*given < most ? *given : most);
  const bool any = count > 0;
  if (any) move_slices(slices, n, 0, true);
  __syncthreads();  // all have read the count
  if (threadIdx.x == 0) {
    control->pass = 0;
    control->count = count;
    control->running = any ? 1 : 0;
    set_condition(condition, any);
  }
}

// Stores the pass's slices, moves on, loads the next pass's. One block: the barriers order it.
__global__ void __launch_bounds__(kThreads)
    end_pass_kernel(LoopControl* control, const Slice* slices, int n, const int64_t* stop,
                    uint64_t condition) {
  const int64_t pass = control->pass;
  const bool more = pass + 1 < control->count && (stop == nullptr || *stop == 0);
  move_slices(slices, n, pass, false);
  __syncthreads();  // a slice may overlap the next pass's
  if (more) move_slices(slices, n, pass + 1, true);
  if (threadIdx.x == 0) {
    control->pass = pass + 1;
    control->running = more ? 1 : 0;
    set_condition(condition, more);
  }
}

__global__ void __launch_bounds__(kThreads)
    move_slices_kernel(const LoopControl* control, const Slice* slices, bool load) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  move_slice(slices[blockIdx.y], control->pass, load, first, stride);
}

void launch_moves(const LoopCall& loop, bool load, void* stream) {
  launch(move_slices_kernel, dim3(kBlocks, static_cast<unsigned>(loop.n_slices)), dim3(kThreads), 0,
         stream, static_cast<const LoopControl*>(loop.control), loop.slices, load);
}

}  // namespace

void set_if(const int64_t* flag, uint64_t condition, void* stream) {
  launch(set_if_kernel, dim3(1), dim3(1), 0, stream, flag, condition);
}

void begin_loop(const LoopCall& loop, uint64_t condition, void* stream) {
  launch(begin_loop_kernel, dim3(1), dim3(kThreads), 0, stream, loop.control, loop.slices,
         loop.many_bytes ? 0 : loop.n_slices, loop.count, loop.most, condition);
}

void begin_pass(const LoopCall& loop, void* stream) {
  if (loop.many_bytes) launch_moves(loop, true, stream);
}

void end_pass(const LoopCall& loop, uint64_t condition, void* stream) {
  if (loop.many_bytes) launch_moves(loop, false, stream);
  launch(end_pass_kernel, dim3(1), dim3(kThreads), 0, stream, loop.control, loop.slices,
         loop.many_bytes ? 0 : loop.n_slices, loop.stop, condition);
}

int load_control_kernels() {
#ifndef PYDL_EMULATED
  const void* kernels[] = {reinterpret_cast<const void*>(set_if_kernel),
                           reinterpret_cast<const void*>(begin_loop_kernel),
                           reinterpret_cast<const void*>(end_pass_kernel),
                           reinterpret_cast<const void*>(move_slices_kernel)};
  for (const void* kernel : kernels) {
    cudaFuncAttributes attributes;
    const cudaError_t error = cudaFuncGetAttributes(&attributes, kernel);
    if (error != cudaSuccess) return static_cast<int>(error);
  }
#endif
  return 0;
}

}  // namespace pydl::PYDL_GPU
