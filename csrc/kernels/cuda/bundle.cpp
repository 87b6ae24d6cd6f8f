#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

const Family* const kFamilies[] = {
    &kMatmulFamily,    &kBatchMatmulFamily, &kElementwiseFamily, &kShapeFamily,  &kWindowFamily,
    &kReduceFamily,    &kSoftmaxFamily,     &kNormFamily,        &kLossFamily,   &kGatherFamily,
    &kAlongFamily,     &kScatterFamily,     &kSortFamily,        &kRandomFamily, &kCumulativeFamily,
    &kOptimizerFamily, &kRowsFamily,        &kConvFamily,        &kPoolFamily,   &kBatchNormFamily,
};

// The emulation's kernels work on host memory, so there they are one more CPU bundle.
#ifdef PYDL_EMULATED
const Bundle kBundle = {"emulated", kFamilies, sizeof(kFamilies) / sizeof(kFamilies[0]), false};
#else
const Bundle kBundle = {"cuda", kFamilies, sizeof(kFamilies) / sizeof(kFamilies[0]), true};
#endif

}  // namespace pydl::PYDL_GPU
