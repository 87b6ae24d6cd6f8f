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

// What moves numbers of 4 or 8 bytes through registers; nothing is computed with it.
template <int bytes>
struct Carrier {
  using type = float;
};
template <>
struct Carrier<8> {
  using type = double;
};

// f(0), f(1), ... written out, so that the arrays they index stay in registers.
#define PYDL_EACH __attribute__((always_inline))
template <class F, int... i>
PYDL_INLINE void each(LaneList<i...>, F f) {
  (f(i), ...);
}
template <int count>
using Counted = typename AllLanes<count>::type;

// Rounds of shuffles as the instruction sets have them: inside blocks of 16 bytes, then of whole
// blocks.

// Blocks of 16 bytes: from their low (or high) halves kStep lanes of `a`, kStep of `b`, and so on.
template <int kStep, int kPer, bool high, class V, int... lane>
PYDL_INLINE V unpacked(V a, V b, LaneList<lane...>) {
  constexpr int kCount = sizeof...(lane);
  constexpr int kFirst = high ? kPer / 2 : 0;
  return __builtin_shufflevector(a, b,
                                 (lane / kStep % 2 * kCount + lane / kPer * kPer + kFirst +
                                  lane % kPer / (2 * kStep) * kStep + lane % kStep)...);
}
// The even (or odd) blocks of `a`, then those of `b`.
template <int kPer, bool odd, class V, int... lane>
PYDL_INLINE V every_second(V a, V b, LaneList<lane...>) {
  constexpr int kCount = sizeof...(lane), kHalf = kCount / 2;
  return __builtin_shufflevector(
      a, b,
      (lane / kHalf * kCount + lane % kHalf / kPer * 2 * kPer + (odd ? kPer : 0) + lane % kPer)...);
}

template <class T, int kStep>
PYDL_INLINE void unpack_rows(Vec<T> (&rows)[kLanes<T>]) {
  constexpr int kCount = kLanes<T>, kPer = 16 / static_cast<int>(sizeof(T));
  constexpr typename AllLanes<kCount>::type all = {};
  if constexpr (kStep < kPer) {
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
      if (i & kStep) continue;
      const auto a = rows[i].v, b = rows[i + kStep].v;
      rows[i].v = unpacked<kStep, kPer, false>(a, b, all);
      rows[i + kStep].v = unpacked<kStep, kPer, true>(a, b, all);
    }
    unpack_rows<T, 2 * kStep>(rows);
  }
}

template <class T>
PYDL_INLINE void transpose(Vec<T> (&rows)[kLanes<T>]) {
  constexpr int kCount = kLanes<T>, kPer = 16 / static_cast<int>(sizeof(T));
  constexpr typename AllLanes<kCount>::type all = {};
  unpack_rows<T, 1>(rows);
  // Of kPer registers the one at `p` now has column `p` with its bits turned round.
  Vec<T> u[kCount];
#pragma GCC unroll 16
  for (int i = 0; i < kCount; ++i) {
    const int c = i % kPer;
    u[i] = rows[i - c + (kPer == 4 ? (c & 1) * 2 + c / 2 : c)];
  }
#pragma GCC unroll 4
  for (int c = 0; c < kPer; ++c) {
    if constexpr (kCount == kPer) {
      rows[c] = u[c];
    } else if constexpr (kCount == 2 * kPer) {
      rows[c].v = every_second<kPer, false>(u[c].v, u[kPer + c].v, all);
      rows[kPer + c].v = every_second<kPer, true>(u[c].v, u[kPer + c].v, all);
    } else {
      const auto p = every_second<kPer, false>(u[c].v, u[kPer + c].v, all);
      const auto q = every_second<kPer, true>(u[c].v, u[kPer + c].v, all);
      const auto r = every_second<kPer, false>(u[2 * kPer + c].v, u[3 * kPer + c].v, all);
      const auto s = every_second<kPer, true>(u[2 * kPer + c].v, u[3 * kPer + c].v, all);
      rows[c].v = every_second<kPer, false>(p, r, all);
      rows[kPer + c].v = every_second<kPer, false>(q, s, all);
      rows[2 * kPer + c].v = every_second<kPer, true>(p, r, all);
      rows[3 * kPer + c].v = every_second<kPer, true>(q, s, all);
    }
  }
}

}  // namespace pydl::PYDL_ISA
