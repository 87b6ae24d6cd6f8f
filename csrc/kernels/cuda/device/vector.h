// Accesses of up to 16 bytes as one instruction.
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

// `n` values in registers.
template <class T, int n>
struct Pack {
  T at[n];
};

// Elements of 16 bytes.
template <class T>
constexpr int kVector = 16 / static_cast<int>(sizeof(T));

// The type of one access: memory of any type may be read as it.
#ifdef PYDL_EMULATED
#define PYDL_ALIAS [[gnu::may_alias]]
#else
#define PYDL_ALIAS
#endif
template <int bytes>
struct alignas(bytes) PYDL_ALIAS Access {
  unsigned word[bytes / 4];
};
template <>
struct PYDL_ALIAS Access<2> {
  unsigned short word;
};
template <>
struct PYDL_ALIAS Access<1> {
  unsigned char word;
};
#undef PYDL_ALIAS

template <int bytes>
constexpr int kAccess = bytes < 16 ? bytes : 16;

// x[0], ..., x[n - 1]; `x` must be aligned to the bytes of n elements, or to 16 when they are more.
template <int n, class T>
__device__ __forceinline__ Pack<T, n> load_pack(const T* x) {
  constexpr int kBytes = n * static_cast<int>(sizeof(T)), kWidth = kAccess<kBytes>;
  using Type = Access<kWidth>;
  Type words[kBytes / kWidth];
#pragma unroll
  for (int i = 0; i < kBytes / kWidth; ++i) words[i] = reinterpret_cast<const Type*>(x)[i];
  Pack<T, n> pack;
  memcpy(&pack, words, kBytes);
  return pack;
}

template <int n, class T>
__device__ __forceinline__ void store_pack(T* x, const Pack<T, n>& pack) {
  constexpr int kBytes = n * static_cast<int>(sizeof(T)), kWidth = kAccess<kBytes>;
  using Type = Access<kWidth>;
  Type words[kBytes / kWidth];
  memcpy(words, &pack, kBytes);
#pragma unroll
  for (int i = 0; i < kBytes / kWidth; ++i) reinterpret_cast<Type*>(x)[i] = words[i];
}

}  // namespace pydl::PYDL_GPU
