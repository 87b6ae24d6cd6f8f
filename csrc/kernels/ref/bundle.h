// The reference kernels: plain scalar C++, every op, every dtype. They define what an op means and
// are the last candidate of every list. Standard library allowed here.
#pragma once

#include "kernels/kernel.h"

namespace pydl::ref {

extern const Family kMatmulFamily;
extern const Family kConvFamily;
extern const Family kPoolFamily;
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
extern const Family kCumulativeFamily;
extern const Family kSortFamily;
extern const Family kRandomFamily;
extern const Family kOptimizerFamily;
extern const Family kRowsFamily;

extern const Bundle kBundle;

}  // namespace pydl::ref
