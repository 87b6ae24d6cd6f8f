// The families of the GPU kernels. Every cuda/*.cu is compiled twice: by nvcc for devices
// (namespace cuda), and in test builds by the C++ compiler over the emulation (namespace emulated),
// which runs each kernel on host memory.
#pragma once

#include "kernels/kernel.h"

#ifdef PYDL_EMULATED
#define PYDL_GPU emulated
#else
#define PYDL_GPU cuda
#endif

namespace pydl::PYDL_GPU {

extern const Family kMatmulFamily;
extern const Family kBatchMatmulFamily;
extern const Family kElementwiseFamily;
extern const Family kShapeFamily;
extern const Family kWindowFamily;
extern const Family kReduceFamily;
extern const Family kConvFamily;
extern const Family kPoolFamily;
extern const Family kBatchNormFamily;
extern const Family kSoftmaxFamily;
extern const Family kNormFamily;
extern const Family kLossFamily;
extern const Family kGatherFamily;
extern const Family kAlongFamily;
extern const Family kScatterFamily;
extern const Family kCumulativeFamily;
extern const Family kSortFamily;
extern const Family kRandomFamily;
extern const Family kOptimizerFamily;
extern const Family kRowsFamily;

extern const Bundle kBundle;

}  // namespace pydl::PYDL_GPU
