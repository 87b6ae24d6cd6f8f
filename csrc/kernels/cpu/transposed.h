// Blocks of a transposition: element (k, i) of the source, at x[k * source + i], goes to
// out[i * target + k]. Numbers of 4 and 8 bytes are turned over in registers, square by square;
// where one side is 2, 3 or 4 numbers long and dense, whole vectors are woven or parted.
#pragma once

#include "kernels/cpu/simd/transpose.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kBlock = 64;  // a side of what is read and written together: L1 holds both

// height, width <= kLanes.
template <class F>
PYDL_INLINE void turn_square(const F* x, int64_t source, int64_t height, int64_t width, F* out,
                             int64_t target) {
  constexpr int kCount = kLanes<F>;
  Vec<F> rows[kCount];
  if (height == kCount && width == kCount) {
    each(Counted<kCount>{}, [&](int k) PYDL_EACH { rows[k] = load(x + k * source); });
    transpose(rows);
    each(Counted<kCount>{}, [&](int i) PYDL_EACH { store(out + i * target, rows[i]); });
    return;
  }
  const int high = static_cast<int>(height), wide = static_cast<int>(width);
  for (int k = 0; k < kCount; ++k) {
    rows[k] = k < wide ? load_n(x + k * source, high) : zero<F>();
  }
  transpose(rows);
  for (int i = 0; i < kCount; ++i) {
    if (i < high) store_n(out + i * target, rows[i], wide);
  }
}

template <class F>
static inline void turn_block(const F* x, int64_t source, int64_t height, int64_t width, F* out,
                              int64_t target) {
  constexpr int64_t kCount = kLanes<F>;
  for (int64_t i = 0; i < height; i += kCount) {
    const int64_t high = height - i < kCount ? height - i : kCount;
    for (int64_t k = 0; k < width; k += kCount) {
      const int64_t wide = width - k < kCount ? width - k : kCount;
      turn_square(x + k * source + i, source, high, wide, out + i * target + k, target);
    }
  }
}

// Lane l of the result: of vector from(l) the lane at(l). `count` vectors, 2 to 4.
template <class Pick, class V, int... lane>
PYDL_INLINE V picked(const V* v, LaneList<lane...>) {
  constexpr int kCount = sizeof...(lane);
  const V low = __builtin_shufflevector(
      v[0], v[1], (Pick::from(lane) < 2 ? Pick::from(lane) * kCount + Pick::at(lane) : 0)...);
  if constexpr (Pick::kVectors == 2) return low;
  constexpr int kLast = Pick::kVectors - 1;
  const V high = __builtin_shufflevector(
      v[2], v[kLast],
      (Pick::from(lane) < 2 ? 0 : (Pick::from(lane) - 2) * kCount + Pick::at(lane))...);
  return __builtin_shufflevector(low, high, (Pick::from(lane) < 2 ? lane : kCount + lane)...);
}
// Vector `which` of `count` rows woven into one.
template <int count, int which, int lanes>
struct Woven {
  static constexpr int kVectors = count;
  static constexpr int from(int lane) { return (which * lanes + lane) % count; }
  static constexpr int at(int lane) { return (which * lanes + lane) / count; }
};
// Row `which` of the `count` that were woven.
template <int count, int which, int lanes>
struct Parted {
  static constexpr int kVectors = count;
  static constexpr int from(int lane) { return (lane * count + which) / lanes; }
  static constexpr int at(int lane) { return (lane * count + which) % lanes; }
};

// out[i * count + k] = x[k * source + i].
template <int count, class F>
static inline void weave(const F* x, int64_t source, int64_t n, F* out) {
  constexpr int kCount = kLanes<F>;
  constexpr typename AllLanes<kCount>::type all = {};
  typename Native<F>::type rows[count];
  int64_t i = 0;
  for (; i + kCount <= n; i += kCount) {
    for (int k = 0; k < count; ++k) rows[k] = load(x + k * source + i).v;
    F* to = out + i * count;
    store(to, Vec<F>{picked<Woven<count, 0, kCount>>(rows, all)});
    store(to + kCount, Vec<F>{picked<Woven<count, 1, kCount>>(rows, all)});
    if constexpr (count > 2) {
      store(to + 2 * kCount, Vec<F>{picked<Woven<count, 2, kCount>>(rows, all)});
    }
    if constexpr (count > 3) {
      store(to + 3 * kCount, Vec<F>{picked<Woven<count, 3, kCount>>(rows, all)});
    }
  }
  turn_block(x + i, source, n - i, count, out + i * count, count);
}

// out[k * target + i] = x[i * count + k].
template <int count, class F>
static inline void part(const F* x, int64_t n, F* out, int64_t target) {
  constexpr int kCount = kLanes<F>;
  constexpr typename AllLanes<kCount>::type all = {};
  typename Native<F>::type rows[count];
  int64_t i = 0;
  for (; i + kCount <= n; i += kCount) {
    for (int k = 0; k < count; ++k) rows[k] = load(x + i * count + k * kCount).v;
    store(out + i, Vec<F>{picked<Parted<count, 0, kCount>>(rows, all)});
    store(out + target + i, Vec<F>{picked<Parted<count, 1, kCount>>(rows, all)});
    if constexpr (count > 2) {
      store(out + 2 * target + i, Vec<F>{picked<Parted<count, 2, kCount>>(rows, all)});
    }
    if constexpr (count > 3) {
      store(out + 3 * target + i, Vec<F>{picked<Parted<count, 3, kCount>>(rows, all)});
    }
  }
  turn_block(x + i * count, count, count, n - i, out + i, target);
}

// height numbers contiguous in the source by width contiguous in the target.
template <class F>
static inline void turn(const F* x, int64_t source, int64_t height, int64_t width, F* out,
                        int64_t target) {
  if (width == target && width <= 4) {
    if (width == 2) return weave<2>(x, source, height, out);
    if (width == 3) return weave<3>(x, source, height, out);
    if (width == 4) return weave<4>(x, source, height, out);
  }
  if (height == source && height <= 4) {
    if (height == 2) return part<2>(x, width, out, target);
    if (height == 3) return part<3>(x, width, out, target);
    if (height == 4) return part<4>(x, width, out, target);
  }
  for (int64_t k = 0; k < width; k += kBlock) {
    const int64_t wide = width - k < kBlock ? width - k : kBlock;
    turn_block(x + k * source, source, height, wide, out + k, target);
  }
}

}  // namespace pydl::PYDL_ISA
