// The families of one instruction set. Every cpu/*.cpp is compiled once per bundle with PYDL_ISA
// set to its namespace (baseline, avx2, avx512, neon) and defines one of these.
#pragma once

#include "kernels/kernel.h"

#ifndef PYDL_ISA
#error "cpu kernels are compiled per instruction set: define PYDL_ISA"
#endif

namespace pydl::PYDL_ISA {

extern const Family kMatmulFamily;
extern const Family kBatchMatmulFamily;
extern const Family kDepthwiseFamily;
extern const Family kDepthwiseWeightsFamily;
extern const Family kWinogradFamily;
extern const Family kConvFamily;
extern const Family kPoolFamily;
extern const Family kPoolGradFamily;
extern const Family kBatchNormFamily;
extern const Family kElementwiseFamily;
extern const Family kShapeFamily;
extern const Family kWindowFamily;
extern const Family kReduceFamily;
extern const Family kSoftmaxFamily;
extern const Family kNormFamily;
extern const Family kLossFamily;
extern const Family kGatherFamily;
extern const Family kAlongFamily;
extern const Family kScatterFamily;
extern const Family kSortFamily;
extern const Family kRandomFamily;
extern const Family kCumulativeFamily;
extern const Family kOptimizerFamily;
extern const Family kRowsFamily;

extern const Bundle kBundle;

}  // namespace pydl::PYDL_ISA
