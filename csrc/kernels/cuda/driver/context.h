// The devices' primary contexts, which CuPy and others use too, made current and left again.
#pragma once

namespace pydl::cuda {

int enter(int device);
int leave();

}  // namespace pydl::cuda
