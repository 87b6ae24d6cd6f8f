// Sorts as many rows at once as a vector has lanes: they are turned into columns, and a network of
// exchanges that no data steers (Batcher's bitonic sort) sorts each lane.
#pragma once

#include "kernels/cpu/simd/transpose.h"
#include "kernels/sort_key.h"

namespace pydl::PYDL_ISA {

template <class V>
PYDL_INLINE void exchange(V& a, V& b) {
  const V low = a < b ? a : b;
  b = a < b ? b : a;
  a = low;
}

// How many columns a pass over memory holds in registers, and the steps of a merge it so takes: the
// passes wait for their stores, so the fewer the better.
constexpr int kHeld = kVectorBytes == 64 ? 16 : 8;
constexpr int kSteps = kVectorBytes == 64 ? 4 : 3;

// Steps of distances count / 2, ..., 2, 1.
template <int count, int d = count / 2, class V>
PYDL_INLINE void clean(V* r) {
  if constexpr (d > 0) {
    each(Counted<count>{}, [&](int i) PYDL_EACH {
      if (!(i & d)) exchange(r[i], r[i + d]);
    });
    clean<count, d / 2>(r);
  }
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

// The first log2(count) steps of a merge of two sorted halves of `k` values: each meets its mirror
// image, then the halves are cleaned.
template <int count, class V>
static inline void merge_mirrored(V* columns, int64_t k) {
  constexpr int kHalf = count / 2;
  const int64_t apart = k / count;
  for (int64_t i = 0; i < apart; ++i) {
    V* first = columns + i;
    V* last = columns + k - 1 - i;
    const auto at = [=](int j) PYDL_EACH {
      return j < kHalf ? first + j * apart : last + (j - count + 1) * apart;
    };
    V r[count];
    each(Counted<count>{}, [&](int j) PYDL_EACH { r[j] = *at(j); });
    each(Counted<count>{}, [&](int j) PYDL_EACH {
      if (j < kHalf) exchange(r[j], r[count - 1 - j]);
    });
    clean<kHalf>(r);
    clean<kHalf>(r + kHalf);
    each(Counted<count>{}, [&](int j) PYDL_EACH { *at(j) = r[j]; });
  }
}

// Steps of distances count / 2 * apart, ..., 2 apart, apart.
template <int count, class V>
static inline void merge_apart(V* columns, int64_t apart) {
  for (int64_t i = 0; i < apart; ++i) {
    V r[count];
    each(Counted<count>{}, [&](int j) PYDL_EACH { r[j] = columns[i + j * apart]; });
    clean<count>(r);
    each(Counted<count>{}, [&](int j) PYDL_EACH { columns[i + j * apart] = r[j]; });
  }
}

// Merges the sorted halves of k = 2^steps columns, k > kHeld: a first pass, a last one of the
// distances below kHeld, and what is left between them.
template <class V>
static inline void merge_halves(V* columns, int64_t k, int steps) {
  int rest = steps - kSteps;
  const int first = rest < kSteps ? rest : kSteps;
  switch (first) {
    case 1: merge_mirrored<2>(columns, k); break;
    case 2: merge_mirrored<4>(columns, k); break;
    case 3: merge_mirrored<8>(columns, k); break;
    default: merge_mirrored<kHeld>(columns, k); break;
  }
  int64_t block = k >> first;  // such do not meet any more
  for (rest -= first; rest > 0;) {
    const int some = rest < 3 ? rest : 3;
    const int64_t apart = block >> some;
    for (int64_t i = 0; i < k; i += block) {
      if (some == 1) merge_apart<2>(columns + i, apart);
      if (some == 2) merge_apart<4>(columns + i, apart);
      if (some == 3) merge_apart<8>(columns + i, apart);
    }
    block = apart;
    rest -= some;
  }
  for (int64_t i = 0; i < k; i += kHeld) merge_apart<kHeld>(columns + i, 1);
}

// n: a power of two from 8 on.
template <class V>
static inline void sort_columns(V* columns, int64_t n) {
  if (n < kHeld) return sort_registers<8>(columns);
  for (int64_t i = 0; i < n; i += kHeld) sort_registers<kHeld>(columns + i);
  int steps = kSteps + 1;
  for (int64_t k = 2 * kHeld; k <= n; k *= 2, ++steps) {
    for (int64_t i = 0; i < n; i += k) merge_halves(columns + i, k, steps);
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
  const F* from = reinterpret_cast<const F*>(x);
  F* to = static_cast<F*>(columns);
  for (int64_t i = 0; i < n; i += kCount, from += kCount, to += kCount * kCount) {
    const int width = static_cast<int>(n - i < kCount ? n - i : kCount);
    Vec<F> square[kCount];
    if (width == kCount && rows == kCount) {
      each(Counted<kCount>{}, [&](int r) PYDL_EACH { square[r] = load(from + r * n); });
      transpose(square);
      each(Counted<kCount>{},
           [&](int k) PYDL_EACH { store(to + k * kCount, ColumnKeys<T>::of(square[k])); });
      continue;
    }
    for (int r = 0; r < kCount; ++r) square[r] = r < rows ? load_n(from + r * n, width) : zero<F>();
    transpose(square);
    for (int k = 0; k < width; ++k) store(to + k * kCount, ColumnKeys<T>::of(square[k]));
  }
}

template <class T>
static inline void store_columns(const void* columns, int64_t rows, int64_t n, T* out) {
  using F = typename ColumnKeys<T>::F;
  constexpr int kCount = kLanes<F>;
  const F* from = static_cast<const F*>(columns);
  F* to = reinterpret_cast<F*>(out);
  for (int64_t i = 0; i < n; i += kCount, from += kCount * kCount, to += kCount) {
    const int width = static_cast<int>(n - i < kCount ? n - i : kCount);
    Vec<F> square[kCount];
    if (width == kCount && rows == kCount) {
      each(Counted<kCount>{},
           [&](int k) PYDL_EACH { square[k] = ColumnKeys<T>::bits(load(from + k * kCount)); });
      transpose(square);
      each(Counted<kCount>{}, [&](int r) PYDL_EACH { store(to + r * n, square[r]); });
      continue;
    }
    for (int k = 0; k < kCount; ++k) {
      square[k] = k < width ? ColumnKeys<T>::bits(load(from + k * kCount)) : zero<F>();
    }
    transpose(square);
    for (int r = 0; r < rows; ++r) store_n(to + r * n, square[r], width);
  }
}

}  // namespace pydl::PYDL_ISA
