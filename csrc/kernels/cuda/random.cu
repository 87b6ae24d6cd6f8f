#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

extern const Family kRandomFamily = {nullptr, 0};

}  // namespace pydl::PYDL_GPU
