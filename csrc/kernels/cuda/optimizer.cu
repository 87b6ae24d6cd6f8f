#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

extern const Family kOptimizerFamily = {nullptr, 0};

}  // namespace pydl::PYDL_GPU
