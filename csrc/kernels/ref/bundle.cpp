#include "kernels/ref/bundle.h"

namespace pydl::ref {

const Family* const kFamilies[] = {
    &kMatmulFamily, &kElementwiseFamily, &kShapeFamily,  &kReduceFamily,    &kSoftmaxFamily,
    &kLossFamily,   &kGatherFamily,      &kRandomFamily, &kOptimizerFamily,
};

const Bundle kBundle = {"ref", kFamilies,
                        static_cast<int>(sizeof(kFamilies) / sizeof(kFamilies[0])), false};

}  // namespace pydl::ref
