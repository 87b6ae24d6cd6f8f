# One object library per kernel bundle: the same sources, other instructions, another namespace.
file(GLOB PYDL_CPU_SOURCES CONFIGURE_DEPENDS csrc/kernels/cpu/*.cpp)
file(GLOB PYDL_REF_SOURCES CONFIGURE_DEPENDS csrc/kernels/ref/*.cpp)

# GCC moves halves of vectors through MMX registers where it may, which leaves the x87 unit unusable
# for whoever computes with long double next: glibc's lgamma_r then returns infinity.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(pydl_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-mno-mmx>)
endif()

add_library(pydl_ref OBJECT ${PYDL_REF_SOURCES})
target_link_libraries(pydl_ref PRIVATE pydl_flags)
set(PYDL_KERNEL_OBJECTS $<TARGET_OBJECTS:pydl_ref>)
set(PYDL_BUNDLE_DEFINITIONS "")
# Sanitizers make unrolled code many times larger: it would take most of an hour to compile.
set(PYDL_KERNEL_OPTIMIZE -O3)
if(PYDL_SANITIZE)
  set(PYDL_KERNEL_OPTIMIZE -O1)
endif()

function(pydl_bundle isa)
  add_library(pydl_${isa} OBJECT ${PYDL_CPU_SOURCES})
  target_link_libraries(pydl_${isa} PRIVATE pydl_flags)
  target_compile_definitions(pydl_${isa} PRIVATE PYDL_ISA=${isa})
  target_compile_options(pydl_${isa} PRIVATE ${PYDL_KERNEL_OPTIMIZE} -fno-exceptions -fno-rtti ${ARGN})
  string(TOUPPER ${isa} name)
  set(PYDL_KERNEL_OBJECTS ${PYDL_KERNEL_OBJECTS} $<TARGET_OBJECTS:pydl_${isa}> PARENT_SCOPE)
  set(PYDL_BUNDLE_DEFINITIONS ${PYDL_BUNDLE_DEFINITIONS} PYDL_HAVE_${name} PARENT_SCOPE)
endfunction()

set(PYDL_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(PYDL_ALL_BUNDLES baseline avx2 avx512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(PYDL_ALL_BUNDLES baseline neon)
else()
  set(PYDL_ALL_BUNDLES baseline)
endif()
set(PYDL_BUNDLES "${PYDL_ALL_BUNDLES}" CACHE STRING "kernel bundles to build beside the reference")

set(PYDL_FLAGS_neon "")
set(PYDL_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(PYDL_FLAGS_avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c -mbmi2)
foreach(isa ${PYDL_BUNDLES})
  pydl_bundle(${isa} ${PYDL_FLAGS_${isa}})
endforeach()
