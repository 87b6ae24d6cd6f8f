// Elements as they lie in memory, and as kernels compute with them: 16-bit floats in float, others
// as they are.
#pragma once

#include "kernels/cuda/device/cast.h"
#include "kernels/cuda/device/vector.h"

namespace pydl::PYDL_GPU {

template <class S>
struct ComputedAs {
  using Type = S;
};
template <>
struct ComputedAs<Half> {
  using Type = float;
};
template <>
struct ComputedAs<BFloat> {
  using Type = float;
};
template <class S>
using Computed = typename ComputedAs<S>::Type;

template <class S>
__device__ __forceinline__ Computed<S> widened(S x) {
  if constexpr (kIsHalf<S>) {
    return widen(x);
  } else {
    return x;
  }
}

// To the nearest S.
template <class S>
__device__ __forceinline__ S narrowed(Computed<S> x) {
  if constexpr (kIsHalf<S>) {
    S result;
    narrow(x, &result);
    return result;
  } else {
    return x;
  }
}

// x[0], ..., x[n - 1], aligned as load_pack and store_pack want them.
template <int n, class S>
__device__ __forceinline__ Pack<Computed<S>, n> load_widened(const S* x) {
  if constexpr (kIsHalf<S>) {
    const Pack<S, n> halves = load_pack<n>(x);
    Pack<float, n> pack;
#pragma unroll
    for (int i = 0; i < n; ++i) pack.at[i] = widen(halves.at[i]);
    return pack;
  } else {
    return load_pack<n>(x);
  }
}

template <int n, class S>
__device__ __forceinline__ void store_narrowed(S* x, const Pack<Computed<S>, n>& pack) {
  if constexpr (kIsHalf<S>) {
    Pack<S, n> halves;
#pragma unroll
    for (int i = 0; i < n; ++i) narrow(pack.at[i], &halves.at[i]);
    store_pack(x, halves);
  } else {
    store_pack(x, pack);
  }
}

// On the host: visitor(S()) with the type of a float dtype of any width; false for others.
template <class Visitor>
bool visit_any_float(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kFloat16: visitor(Half()); return true;
    case DType::kBFloat16: visitor(BFloat()); return true;
    default: return visit_float(dtype, visitor);
  }
}

}  // namespace pydl::PYDL_GPU
