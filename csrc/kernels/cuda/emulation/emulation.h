// CUDA's words for the C++ compiler: kernels run on host memory, thread by thread.
#pragma once
