// Sorts as many rows at once as a vector has lanes: they are turned into columns, and a network of
// exchanges that no data steers (Batcher's bitonic sort) sorts each lane.
#pragma once

#include "kernels/cpu/simd/transpose.h"
#include "kernels/sort_key.h"

namespace pydl::PYDL_ISA {

// What moves the keys through registers; nothing is computed with it.
template <int bytes>
struct Carrier {
  using type = float;
};
template <>
struct Carrier<8> {
  using type = double;
};

template <class V>
PYDL_INLINE void exchange(V& a, V& b) {
  const V low = a < b ? a : b;
  b = a < b ? b : a;
  a = low;
}

// Merges `count` values in registers whose halves are sorted towards each other's ends: distances
// count / 2, ..., 2, 1.
template <int count, class V>
PYDL_INLINE void merge_registers(V* columns) {
  V r[count];
  for (int i = 0; i < count; ++i) r[i] = columns[i];
#pragma GCC unroll 8
  for (int d = count / 2; d > 0; d /= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) {
      if (!(i & d)) exchange(r[i], r[i + d]);
    }
  }
  for (int i = 0; i < count; ++i) columns[i] = r[i];
}

// Eight values by the 19 exchanges that eight need.
template <class V>
PYDL_INLINE void sort_eight(V* r) {
  constexpr int kPairs[19][2] = {{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6},
                                 {3, 7}, {0, 1}, {2, 3}, {4, 5}, {6, 7}, {2, 4}, {3, 5},
                                 {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}};
#pragma GCC unroll 19
  for (int k = 0; k < 19; ++k) exchange(r[kPairs[k][0]], r[kPairs[k][1]]);
}

// Two sorted halves of 16 values by the 25 exchanges of Batcher's odd-even merge.
template <class V>
PYDL_INLINE void merge_eights(V* r) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) exchange(r[i], r[i + 8]);
#pragma GCC unroll 4
  for (int d = 4; d > 0; d /= 2) {
#pragma GCC unroll 16
    for (int i = d; i < 16 - d; ++i) {
      if (i & d) exchange(r[i], r[i + d]);
    }
  }
}

template <int count, class V>
PYDL_INLINE void sort_registers(V* columns) {
  V r[count];
  for (int i = 0; i < count; ++i) r[i] = columns[i];
  sort_eight(r);
  if constexpr (count == 16) {
    sort_eight(r + 8);
    merge_eights(r);
  }
  for (int i = 0; i < count; ++i) columns[i] = r[i];
}

// The first two steps of a merge of two sorted halves of `k` values: each meets its mirror image,
// then the one a quarter further on.
template <class V>
PYDL_INLINE void merge_mirrored(V* columns, int64_t k) {
  const int64_t quarter = k / 4;
  for (int64_t i = 0; i < quarter; ++i) {
    V a = columns[i], b = columns[i + quarter];
    V c = columns[k - 1 - i - quarter], d = columns[k - 1 - i];
    exchange(a, d);
    exchange(b, c);
    exchange(a, b);
    exchange(c, d);
    columns[i] = a;
    columns[i + quarter] = b;
    columns[k - 1 - i - quarter] = c;
    columns[k - 1 - i] = d;
  }
}

// Steps of distances `d` and d / 2 over 2 d values.
template <class V>
PYDL_INLINE void merge_twice(V* columns, int64_t d) {
  const int64_t half = d / 2;
  for (int64_t i = 0; i < half; ++i) {
    V r[4];
    for (int j = 0; j < 4; ++j) r[j] = columns[i + j * half];
    exchange(r[0], r[2]);
    exchange(r[1], r[3]);
    exchange(r[0], r[1]);
    exchange(r[2], r[3]);
    for (int j = 0; j < 4; ++j) columns[i + j * half] = r[j];
  }
}

// n: a power of two from 8 on. Steps are taken two or three at a time, since they wait for memory
// more than for the exchanges.
template <class V>
static inline void sort_columns(V* columns, int64_t n) {
  constexpr int kFirst = kVectorBytes == 64 ? 16 : 8;  // as many as there are registers for
  if (n < kFirst) return sort_registers<8>(columns);
  for (int64_t i = 0; i < n; i += kFirst) sort_registers<kFirst>(columns + i);
  for (int64_t k = 2 * kFirst; k <= n; k *= 2) {
    for (int64_t i = 0; i < n; i += k) merge_mirrored(columns + i, k);
    int64_t d = k / 8;
    for (; d >= 16; d /= 4) {
      for (int64_t i = 0; i < n; i += 2 * d) merge_twice(columns + i, d);
    }
    if (d == 8) {
      for (int64_t i = 0; i < n; i += 16) merge_registers<16>(columns + i);
    } else {
      for (int64_t i = 0; i < n; i += 8) merge_registers<8>(columns + i);
    }
  }
}

// The rows' length in such columns.
static inline int64_t column_length(int64_t n) {
  int64_t length = 8;
  while (length < n) length *= 2;
  return length;
}

// Numbers of 4 or 8 bytes as keys (kernels/sort_key.h) and back, a vector at a time.
template <class T>
struct ColumnKeys {
  using Key = typename SortKey<T>::Key;
  using F = typename Carrier<sizeof(Key)>::type;
  typedef Key V __attribute__((vector_size(kVectorBytes)));
  static constexpr bool kFloat = static_cast<T>(0.5) != T(0);
  static constexpr Key kTop = Key{1} << (8 * sizeof(Key) - 1);

  // All bits where the sign is set.
  PYDL_INLINE static V signs(V bits) {
    return reinterpret_cast<V>(reinterpret_cast<VecI<F>>(bits) >> (8 * sizeof(Key) - 1));
  }
  PYDL_INLINE static Vec<F> of(Vec<F> x) {
    V key = reinterpret_cast<V>(x.v);
    if constexpr (kFloat) {
      const V nan = reinterpret_cast<V>((key & ~kTop) > SortKey<T>::kInfinity);
      key = (key ^ (signs(key) | kTop)) | nan;
    } else {
      key ^= SortKey<T>::of(0);
    }
    return from_bits<F>(reinterpret_cast<VecI<F>>(key));
  }
  PYDL_INLINE static Vec<F> bits(Vec<F> sorted) {
    V key = reinterpret_cast<V>(sorted.v);
    if constexpr (kFloat) {
      key ^= signs(~key) | kTop;
    } else {
      key ^= SortKey<T>::of(0);
    }
    return from_bits<F>(reinterpret_cast<VecI<F>>(key));
  }
};

// `rows` (at most a vector's lanes) rows of n numbers to columns of keys, and back.
template <class T>
static inline void load_columns(const T* x, int64_t rows, int64_t n, void* columns) {
  using F = typename ColumnKeys<T>::F;
  constexpr int kCount = kLanes<F>;
  for (int64_t i = 0; i < n; i += kCount) {
    const int width = static_cast<int>(n - i < kCount ? n - i : kCount);
    Vec<F> square[kCount];
    for (int r = 0; r < kCount; ++r) {
      const F* row = reinterpret_cast<const F*>(x) + r * n + i;
      square[r] = r >= rows ? zero<F>() : width == kCount ? load(row) : load_n(row, width);
    }
    transpose(square);
    for (int k = 0; k < width; ++k) {
      store(static_cast<F*>(columns) + (i + k) * kCount, ColumnKeys<T>::of(square[k]));
    }
  }
}

template <class T>
static inline void store_columns(const void* columns, int64_t rows, int64_t n, T* out) {
  using F = typename ColumnKeys<T>::F;
  constexpr int kCount = kLanes<F>;
  for (int64_t i = 0; i < n; i += kCount) {
    const int width = static_cast<int>(n - i < kCount ? n - i : kCount);
    Vec<F> square[kCount];
    for (int k = 0; k < kCount; ++k) {
      const F* column = static_cast<const F*>(columns) + (i + k) * kCount;
      square[k] = k < width ? ColumnKeys<T>::bits(load(column)) : zero<F>();
    }
    transpose(square);
    for (int r = 0; r < rows; ++r) {
      F* row = reinterpret_cast<F*>(out) + r * n + i;
      if (width == kCount) {
        store(row, square[r]);
      } else {
        store_n(row, square[r], width);
      }
    }
  }
}

}  // namespace pydl::PYDL_ISA
