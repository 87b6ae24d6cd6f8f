#include "kernels/cuda/launch.h"

#ifndef PYDL_EMULATED
namespace pydl::cuda {
namespace {

thread_local int launch_error = 0;

}  // namespace

void note_launch_error(int error) {
  if (launch_error == 0) launch_error = error;
}

int take_launch_error() {
  const int error = launch_error;
  launch_error = 0;
  return error;
}

}  // namespace pydl::cuda
#endif
