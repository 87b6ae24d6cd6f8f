# The GPU kernels over the emulation: one more bundle of libpydl, on host memory, for tests.
option(PYDL_EMULATION "build the GPU kernels over the emulation, as the bundle 'emulated'" OFF)
if(PYDL_EMULATION)
  add_subdirectory(csrc/kernels/cuda/emulation)
  list(APPEND PYDL_KERNEL_OBJECTS $<TARGET_OBJECTS:pydl_emulated>)
  list(APPEND PYDL_BUNDLE_DEFINITIONS PYDL_HAVE_EMULATED)
endif()
