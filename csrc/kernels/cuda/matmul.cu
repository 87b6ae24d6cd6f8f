#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

extern const Family kMatmulFamily = {nullptr, 0};

}  // namespace pydl::PYDL_GPU
