#include "kernels/cpu/bundle.h"

#define PYDL_STRING_(x) #x
#define PYDL_STRING(x) PYDL_STRING_(x)

namespace pydl::PYDL_ISA {

const Family* const kFamilies[] = {
    &kMatmulFamily,    &kBatchMatmulFamily, &kDepthwiseFamily, &kDepthwiseWeightsFamily,
    &kWinogradFamily,  &kConvFamily,        &kPoolFamily,      &kPoolGradFamily,
    &kBatchNormFamily, &kElementwiseFamily, &kShapeFamily,     &kWindowFamily,
    &kReduceFamily,    &kSoftmaxFamily,     &kNormFamily,      &kLossFamily,
    &kGatherFamily,    &kAlongFamily,       &kScatterFamily,   &kSortFamily,
    &kRandomFamily,    &kCumulativeFamily,  &kOptimizerFamily, &kRowsFamily,
};

const Bundle kBundle = {PYDL_STRING(PYDL_ISA), kFamilies,
                        static_cast<int>(sizeof(kFamilies) / sizeof(kFamilies[0])), false};

}  // namespace pydl::PYDL_ISA
