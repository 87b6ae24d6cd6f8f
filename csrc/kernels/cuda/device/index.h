// Labels and indices, int32 or int64, and the `fault` result: 0, or 1 + the position of the first
// one out of range. Blocks of a kernel's own grid look for it, each in a slice; when there are
// several slices a second launch takes the first of all.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/reduce.h"

namespace pydl::PYDL_GPU {

struct Indices {
  const void* data;
  int64_t count;
  int64_t limit;  // valid: 0 <= index < limit
  bool wide;      // int64

  __forceinline__ __device__ int64_t operator[](int64_t i) const {
    return wide ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
  __forceinline__ __device__ bool valid(int64_t index) const { return index >= 0 && index < limit; }
};

constexpr int64_t kSlice = 4096;  // indices a block looks through

// At least one: it writes the fault of no indices.
static inline int64_t slice_count(int64_t count) {
  return count <= kSlice ? 1 : ceil_div(count, kSlice);
}

static inline int64_t fault_bytes(int64_t count) {
  const int64_t slices = slice_count(count);
  return slices == 1 ? 0 : slices * static_cast<int64_t>(sizeof(int64_t));
}

constexpr int64_t kNoFault = INT64_MAX;

// Slice `slice` of the indices: its fault to faults[slice]. For a whole block.
static __forceinline__ __device__ void find_fault(const Indices& indices, int64_t slice,
                                                  int64_t* faults) {
  const int64_t begin = slice * kSlice;
  const int64_t end = begin + kSlice < indices.count ? begin + kSlice : indices.count;
  int64_t first = kNoFault;
#pragma unroll 8
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    if (!indices.valid(indices[i]) && i < first) first = i;
  }
  first = block_reduce<Min>(first);
  if (threadIdx.x == 0) faults[slice] = first == kNoFault ? 0 : first + 1;
}

static __global__ void merge_faults(const int64_t* faults, int64_t count, int64_t* result) {
  int64_t first = kNoFault;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    if (faults[i] != 0 && faults[i] < first) first = faults[i];
  }
  first = block_reduce<Min>(first);
  if (threadIdx.x == 0) *result = first == kNoFault ? 0 : first;
}

// Where a kernel's slices go: straight to the result when there is one only.
static inline int64_t* fault_target(const Call& call, int result, int64_t count) {
  return static_cast<int64_t*>(slice_count(count) == 1 ? call.out[result]
                                                       : static_cast<void*>(call.scratch));
}

static inline void launch_merge_faults(const Call& call, int result, int64_t count) {
  const int64_t slices = slice_count(count);
  if (slices == 1) return;
  launch(merge_faults, dim3(1), dim3(256), 0, call.stream,
         reinterpret_cast<const int64_t*>(call.scratch), slices,
         static_cast<int64_t*>(call.out[result]));
}

}  // namespace pydl::PYDL_GPU
