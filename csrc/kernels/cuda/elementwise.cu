#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

extern const Family kElementwiseFamily = {nullptr, 0};

}  // namespace pydl::PYDL_GPU
