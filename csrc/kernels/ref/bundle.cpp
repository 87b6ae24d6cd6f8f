#include "kernels/ref/bundle.h"

namespace pydl::ref {

const Family* const kFamilies[] = {
    &kMatmulFamily, &kConvFamily,       &kPoolFamily,      &kBatchNormFamily, &kElementwiseFamily,
    &kShapeFamily,  &kWindowFamily,     &kReduceFamily,    &kSoftmaxFamily,   &kNormFamily,
    &kLossFamily,   &kGatherFamily,     &kAlongFamily,     &kScatterFamily,   &kSortFamily,
    &kRandomFamily, &kCumulativeFamily, &kOptimizerFamily, &kRowsFamily,
};

const Bundle kBundle = {"ref", kFamilies,
                        static_cast<int>(sizeof(kFamilies) / sizeof(kFamilies[0])), false};

}  // namespace pydl::ref
