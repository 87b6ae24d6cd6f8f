// The register tile: MR rows by NV vectors of C, accumulated over K without touching memory.
//
// A is the broadcast operand, so op(A) may be stored either way round; B is the vector operand.
#pragma once

#include "kernels/cpu/gemm.h"

namespace pydl::PYDL_ISA {

// 28 accumulators of 32 registers, or 12 of 16. One row fewer per extra vector of B held.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileRows = 14;
constexpr int kWideRows = 6;  // with four vectors
#else
constexpr int kTileRows = 6;
constexpr int kWideRows = 2;
#endif
constexpr int kTileVectors = 2;
constexpr int kWideVectors = 4;
constexpr int kPrefetchRows = 32;  // into L2: with a stride of a power of two L1 keeps only eight
constexpr int kPrefetchBytes = 4096;  // where B is one stream
#if defined(__AVX2__) || defined(__AVX512F__)
constexpr bool kMaskedLoads = true;
#else
constexpr bool kMaskedLoads = false;  // ragged panels are packed instead
#endif

enum class Finish : uint8_t { kStore, kRelu, kReluGrad };

template <class T>
struct Tile {
  int64_t k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_stride;
  int64_t ahead;  // elements from b to what is prefetched
  T* c;
  int64_t c_stride;
  const T* bias;  // added first; null for none
  const T* addend;  // laid out as c: a residual, c itself, or null; otherwise c is never read
  const T* out;  // of kReluGrad, laid out as c
  T* copy;  // kCopy: receives b as a packed panel
  int last;  // columns in the last vector
  Finish finish;
};

// Rows of A in threes from one pointer: base, base + stride and base + 2 * stride are addressing
// modes.
template <class T, int MR>
struct RowPointers {
  static constexpr int kGroups = (MR + 2) / 3;
  const T* base[kGroups];
  int64_t row;
  PYDL_INLINE RowPointers(const T* a, int64_t a_row) : row(a_row) {
    for (int g = 0; g < kGroups; ++g) base[g] = a + 3 * g * a_row;
  }
  PYDL_INLINE Vec<T> broadcast(int i) const { return set(base[i / 3][(i % 3) * row]); }
  PYDL_INLINE void step(int64_t a_col) {
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) base[g] += a_col;
  }
};

template <class T, int NV, bool kRagged>
PYDL_INLINE Vec<T> load_column(const T* p, int j, int last) {
  return kRagged && j == NV - 1 ? load_n(p + j * kLanes<T>, last) : load(p + j * kLanes<T>);
}

// How the panel of B is read: in place, in place with a ragged last vector, or for the first time,
// leaving a packed copy for the tiles that follow.
enum class Panel : uint8_t { kFull, kRagged, kCopy };

template <class T, int MR, int NV, bool kMasked, bool kCopy>
PYDL_INLINE void multiply(const Tile<T>& t, Vec<T> (&acc)[MR][NV]) {
  RowPointers<T, MR> a(t.a, t.a_row);
  const T* b = t.b;
  T* copy = t.copy;
  for (int64_t k = 0; k < t.k; ++k) {
    Vec<T> x[NV];
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) {
      prefetch_far(b + t.ahead + j * kLanes<T>);
      x[j] = load_column<T, NV, kMasked>(b, j, t.last);
      if (kCopy) store(copy + j * kLanes<T>, x[j]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const Vec<T> w = a.broadcast(i);
#pragma GCC unroll 8
      for (int j = 0; j < NV; ++j) acc[i][j] = fma(w, x[j], acc[i][j]);
    }
    a.step(t.a_col);
    b += t.b_stride;
    if (kCopy) copy += NV * kLanes<T>;
  }
}

template <class T, int MR, int NV, bool kRagged>
PYDL_INLINE void begin_tile(const Tile<T>& t, Vec<T> (&acc)[MR][NV]) {
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) {
    const Vec<T> first = t.bias ? load_column<T, NV, kRagged>(t.bias, j, t.last) : zero<T>();
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) acc[i][j] = first;
  }
}

// Whole-tile steps, so that their conditions are tested once and not per register.
template <class T, int MR, int NV, bool kRagged>
PYDL_INLINE void finish_tile(const Tile<T>& t, Vec<T> (&acc)[MR][NV]) {
  const Vec<T> none = zero<T>();
  if (t.addend) {
#pragma GCC unroll 64
    for (int r = 0; r < MR * NV; ++r) {
      const T* c = t.addend + r / NV * t.c_stride;
      acc[r / NV][r % NV] = acc[r / NV][r % NV] + load_column<T, NV, kRagged>(c, r % NV, t.last);
    }
  }
  if (t.finish == Finish::kRelu) {
#pragma GCC unroll 64
    for (int r = 0; r < MR * NV; ++r) acc[r / NV][r % NV] = max_fast(none, acc[r / NV][r % NV]);
  } else if (t.finish == Finish::kReluGrad) {
#pragma GCC unroll 64
    for (int r = 0; r < MR * NV; ++r) {
      const T* out = t.out + r / NV * t.c_stride;
      const Mask<T> open = gt(load_column<T, NV, kRagged>(out, r % NV, t.last), none);
      acc[r / NV][r % NV] = select(open, acc[r / NV][r % NV], none);
    }
  }
}

template <class T, int MR, int NV, bool kRagged>
PYDL_INLINE void store_tile(const Tile<T>& t, Vec<T> (&acc)[MR][NV]) {
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    T* c = t.c + i * t.c_stride;
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) {
      if (kRagged && j == NV - 1) {
        store_n(c + j * kLanes<T>, acc[i][j], t.last);
      } else {
        store(c + j * kLanes<T>, acc[i][j]);
      }
    }
  }
}

template <class T, int MR, int NV, Panel kPanel>
void micro(const Tile<T>& t) {
  constexpr bool kRagged = kPanel == Panel::kRagged;
  Vec<T> acc[MR][NV];
  begin_tile<T, MR, NV, kRagged>(t, acc);
  multiply<T, MR, NV, kRagged && kMaskedLoads, kPanel == Panel::kCopy>(t, acc);
  finish_tile<T, MR, NV, kRagged>(t, acc);
  store_tile<T, MR, NV, kRagged>(t, acc);
}

template <class T>
using MicroFn = void (*)(const Tile<T>&);

template <class T, int NV, Panel kPanel, int MR>
MicroFn<T> pick_rows(int rows) {
  if constexpr (MR == 1) {
    return micro<T, 1, NV, kPanel>;
  } else {
    return rows == MR ? micro<T, MR, NV, kPanel> : pick_rows<T, NV, kPanel, MR - 1>(rows);
  }
}

// The kernel for `rows` rows and `vectors` (1, 2 or 4) vectors; only two vectors wide copies.
template <class T>
MicroFn<T> pick_micro(int rows, int vectors, Panel panel) {
  constexpr Panel kFull = Panel::kFull, kRagged = Panel::kRagged;
  const bool ragged = panel == kRagged;
  if (vectors == kWideVectors) {
    return ragged ? pick_rows<T, kWideVectors, kRagged, kWideRows>(rows)
                  : pick_rows<T, kWideVectors, kFull, kWideRows>(rows);
  }
  if (vectors == kTileVectors) {
    if (panel == Panel::kCopy) return pick_rows<T, kTileVectors, Panel::kCopy, kTileRows>(rows);
    return ragged ? pick_rows<T, kTileVectors, kRagged, kTileRows>(rows)
                  : pick_rows<T, kTileVectors, kFull, kTileRows>(rows);
  }
  return ragged ? pick_rows<T, 1, kRagged, kTileRows>(rows)
                : pick_rows<T, 1, kFull, kTileRows>(rows);
}

}  // namespace pydl::PYDL_ISA
