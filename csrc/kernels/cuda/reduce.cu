#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

extern const Family kReduceFamily = {nullptr, 0};

}  // namespace pydl::PYDL_GPU
