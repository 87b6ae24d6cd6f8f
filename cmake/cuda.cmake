# libpydl_cuda.so: the GPU kernels and the CUDA runtime they need, loaded when a GPU is first used.
# AUTO builds it where there is a compiler and a GPU, for that GPU only; ON asks for it and builds it
# for the architectures of a release.
set(PYDL_CUDA AUTO CACHE STRING "build the CUDA library: AUTO, ON or OFF")
set(PYDL_CUDA_ARCHITECTURES "" CACHE STRING "as CMAKE_CUDA_ARCHITECTURES; empty: see PYDL_CUDA")
set(PYDL_CUDA_RELEASE 75-real 80-real 89-real 90a-real 90-virtual)

# The architecture of the first GPU here ("90a"), empty when there is none.
function(pydl_find_gpu out)
  set(${out} "" PARENT_SCOPE)
  find_program(PYDL_NVIDIA_SMI nvidia-smi)
  if(NOT PYDL_NVIDIA_SMI)
    return()
  endif()
  execute_process(COMMAND ${PYDL_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
                  OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE failed)
  if(failed OR NOT found MATCHES "^([0-9]+)\\.([0-9]+)")
    return()
  endif()
  set(architecture ${CMAKE_MATCH_1}${CMAKE_MATCH_2})
  if(architecture GREATER_EQUAL 90)
    string(APPEND architecture a)
  endif()
  set(${out} ${architecture} PARENT_SCOPE)
endfunction()

set(build ${PYDL_CUDA})
set(architectures ${PYDL_CUDA_RELEASE})
if(PYDL_CUDA STREQUAL "AUTO")
  pydl_find_gpu(architectures)
  include(CheckLanguage)
  if(architectures AND NOT PYDL_SANITIZE)
    check_language(CUDA)
    set(build ${CMAKE_CUDA_COMPILER})
  else()
    set(build OFF)
  endif()
endif()
if(PYDL_CUDA_ARCHITECTURES)
  set(architectures ${PYDL_CUDA_ARCHITECTURES})
endif()
if(NOT build)
  message(STATUS "CUDA library: not built (PYDL_CUDA=${PYDL_CUDA})")
  return()
endif()

message(STATUS "CUDA library: for ${architectures}")
set(CMAKE_CUDA_ARCHITECTURES ${architectures})
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# What kernels share with those of the CPU is compiled into both libraries: neither links to the
# other.
file(GLOB sources CONFIGURE_DEPENDS csrc/kernels/cuda/*.cu csrc/kernels/cuda/*.cpp
     csrc/kernels/cuda/driver/*.cpp)
list(APPEND sources csrc/kernels/along_nest.cpp csrc/kernels/batch_norm.cpp csrc/kernels/broadcast.cpp
     csrc/kernels/chain.cpp csrc/kernels/conv.cpp csrc/kernels/copy_nest.cpp csrc/kernels/element.cpp
     csrc/kernels/nd_rows.cpp csrc/kernels/norm.cpp
     csrc/kernels/update_rule.cpp csrc/plan/ops/chain.cpp)
add_library(pydl_cuda SHARED ${sources})
set_target_properties(pydl_cuda PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON
                                           CUDA_RUNTIME_LIBRARY Static
                                           CUDA_VISIBILITY_PRESET hidden)
target_include_directories(pydl_cuda PRIVATE csrc csrc/include)
target_include_directories(pydl_cuda SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
# No contraction of a product and a sum that the source keeps apart: the bits of the emulation.
target_compile_options(
  pydl_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -Xfatbin=-compress-all>
                    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -ffp-contract=off>)
set(exports ${PROJECT_BINARY_DIR}/pydl_cuda.map)
file(WRITE ${exports} "{ global: pydl_cuda_table; local: *; };\n")
target_link_options(pydl_cuda PRIVATE -Wl,--version-script=${exports} -Wl,--no-undefined)
if(PYDL_PYTHON)
  if(PYDL_INPLACE)
    set_target_properties(pydl_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_SOURCE_DIR}/pydl)
  endif()
  install(TARGETS pydl_cuda LIBRARY DESTINATION pydl)
else()
  include(GNUInstallDirs)
  install(TARGETS pydl_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
