// wgmma behind names. Not part of the emulation.
#pragma once

#include "kernels/cuda/device/ptx.h"

namespace pydl::cuda {

// What wgmma takes; sums are float32.
enum class WgmmaType { kTensorFloat32, kBFloat16, kFloat16 };

namespace ptx {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL

// Before the first wgmma, and whenever registers it uses were written otherwise.
__device__ __forceinline__ void fence_wgmma() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void commit_wgmma() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kPending>
__device__ __forceinline__ void wait_wgmma() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

#define PYDL_EIGHT(i)                                                                         \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define PYDL_SIXTY_FOUR(i)                                                                      \
  PYDL_EIGHT(i), PYDL_EIGHT(i + 8), PYDL_EIGHT(i + 16), PYDL_EIGHT(i + 24), PYDL_EIGHT(i + 32), \
      PYDL_EIGHT(i + 40), PYDL_EIGHT(i + 48), PYDL_EIGHT(i + 56)
#define PYDL_NAMES_64                                                                \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "           \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define PYDL_NAMES_128                                                                           \
  PYDL_NAMES_64                                                                                  \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "           \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "             \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, "   \
  "%127"
// `a`, `b` and `add` are the names of the operands after the sums.
#define PYDL_WGMMA(shape, names, a, b, add)                                                  \
  "{.reg .pred p; setp.ne.b32 p, " add ", 0; wgmma.mma_async.sync.aligned." shape " {" names \
  "}, " a ", " b ", p, 1, 1"

// d = a b^T, or d += a b^T where `add`: 64 rows by 256 or 128 columns, 32 bytes of K, of tiles that
// descriptors name. An operand that is `turned` lies with K outermost.
template <WgmmaType kType, bool kTurnedA, bool kTurnedB>
__device__ __forceinline__ void wgmma(float (&d)[128], uint64_t a, uint64_t b, int add) {
  if constexpr (kType == WgmmaType::kTensorFloat32) {
    asm volatile(PYDL_WGMMA("m64n256k8.f32.tf32.tf32", PYDL_NAMES_128, "%128", "%129", "%130") ";}"
                 : PYDL_SIXTY_FOUR(0), PYDL_SIXTY_FOUR(64)
                 : "l"(a), "l"(b), "r"(add));
  } else if constexpr (kType == WgmmaType::kBFloat16) {
    asm volatile(PYDL_WGMMA("m64n256k16.f32.bf16.bf16", PYDL_NAMES_128, "%128", "%129",
                            "%130") ", %131, %132;}"
                 : PYDL_SIXTY_FOUR(0), PYDL_SIXTY_FOUR(64)
                 : "l"(a), "l"(b), "r"(add), "n"(kTurnedA), "n"(kTurnedB));
  } else {
    asm volatile(PYDL_WGMMA("m64n256k16.f32.f16.f16", PYDL_NAMES_128, "%128", "%129",
                            "%130") ", %131, %132;}"
                 : PYDL_SIXTY_FOUR(0), PYDL_SIXTY_FOUR(64)
                 : "l"(a), "l"(b), "r"(add), "n"(kTurnedA), "n"(kTurnedB));
  }
}
template <WgmmaType kType, bool kTurnedA, bool kTurnedB>
__device__ __forceinline__ void wgmma(float (&d)[64], uint64_t a, uint64_t b, int add) {
  if constexpr (kType == WgmmaType::kTensorFloat32) {
    asm volatile(PYDL_WGMMA("m64n128k8.f32.tf32.tf32", PYDL_NAMES_64, "%64", "%65", "%66") ";}"
                 : PYDL_SIXTY_FOUR(0)
                 : "l"(a), "l"(b), "r"(add));
  } else if constexpr (kType == WgmmaType::kBFloat16) {
    asm volatile(
        PYDL_WGMMA("m64n128k16.f32.bf16.bf16", PYDL_NAMES_64, "%64", "%65", "%66") ", %67, %68;}"
        : PYDL_SIXTY_FOUR(0)
        : "l"(a), "l"(b), "r"(add), "n"(kTurnedA), "n"(kTurnedB));
  } else {
    asm volatile(
        PYDL_WGMMA("m64n128k16.f32.f16.f16", PYDL_NAMES_64, "%64", "%65", "%66") ", %67, %68;}"
        : PYDL_SIXTY_FOUR(0)
        : "l"(a), "l"(b), "r"(add), "n"(kTurnedA), "n"(kTurnedB));
  }
}

#undef PYDL_WGMMA
#undef PYDL_NAMES_128
#undef PYDL_NAMES_64
#undef PYDL_SIXTY_FOUR
#undef PYDL_EIGHT
#endif  // __CUDA_ARCH_FEAT_SM90_ALL
}  // namespace ptx
}  // namespace pydl::cuda
