// A square of kLanes rows turned over in registers.
#pragma once

#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

template <int... kLane>
struct LaneList {};
template <int kCount>
struct AllLanes;
template <>
struct AllLanes<2> {
  using type = LaneList<0, 1>;
};
template <>
struct AllLanes<4> {
  using type = LaneList<0, 1, 2, 3>;
};
template <>
struct AllLanes<8> {
  using type = LaneList<0, 1, 2, 3, 4, 5, 6, 7>;
};
template <>
struct AllLanes<16> {
  using type = LaneList<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
};

// Swaps the odd blocks of `a` with the even blocks of `b`, blocks being kBlock lanes.
template <int kBlock, class V, int... kLane>
PYDL_INLINE void swap_blocks(V* a, V* b, LaneList<kLane...>) {
  constexpr int kCount = sizeof...(kLane);
  const V low =
      __builtin_shufflevector(*a, *b, ((kLane & kBlock) ? kCount + kLane - kBlock : kLane)...);
  const V high =
      __builtin_shufflevector(*a, *b, ((kLane & kBlock) ? kCount + kLane : kLane + kBlock)...);
  *a = low;
  *b = high;
}

template <class T, int kBlock = 1>
PYDL_INLINE void transpose(Vec<T> (&rows)[kLanes<T>]) {
  if constexpr (kBlock < kLanes<T>) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) {
      if (!(i & kBlock)) {
        swap_blocks<kBlock>(&rows[i].v, &rows[i + kBlock].v, typename AllLanes<kLanes<T>>::type{});
      }
    }
    transpose<T, 2 * kBlock>(rows);
  }
}

}  // namespace pydl::PYDL_ISA
