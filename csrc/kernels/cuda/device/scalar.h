// Functions of one number, float or double, by one name. (CUDA's exp(float) is the C++ overload;
// the emulation's exp is C's.)
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

static __forceinline__ __device__ float exp_of(float x) { return expf(x); }
static __forceinline__ __device__ double exp_of(double x) { return exp(x); }
static __forceinline__ __device__ float log_of(float x) { return logf(x); }
static __forceinline__ __device__ double log_of(double x) { return log(x); }
static __forceinline__ __device__ float root(float x) { return sqrtf(x); }
static __forceinline__ __device__ double root(double x) { return sqrt(x); }
static __forceinline__ __device__ float nearest(float x) { return rintf(x); }
static __forceinline__ __device__ double nearest(double x) { return rint(x); }

// a * b + c, rounded once.
static __forceinline__ __device__ float fused(float a, float b, float c) { return fmaf(a, b, c); }
static __forceinline__ __device__ double fused(double a, double b, double c) {
  return fma(a, b, c);
}

// Rounded, never fused with what follows.
static __forceinline__ __device__ float product(float a, float b) { return __fmul_rn(a, b); }
static __forceinline__ __device__ double product(double a, double b) { return __dmul_rn(a, b); }
static __forceinline__ __device__ float total_of(float a, float b) { return __fadd_rn(a, b); }
static __forceinline__ __device__ double total_of(double a, double b) { return __dadd_rn(a, b); }

}  // namespace pydl::PYDL_GPU
