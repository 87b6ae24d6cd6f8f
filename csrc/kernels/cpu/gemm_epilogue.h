// What is left of the epilogue after the register tile: rows of C still warm in cache.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/philox_vec.h"

namespace pydl::PYDL_ISA {

// row[j] = step(row[j], other[j]); `other` may be null when the step ignores it.
template <class T, class Step>
PYDL_INLINE void map_row(T* row, const T* other, int64_t columns, Step step) {
  constexpr int L = kLanes<T>;
  int64_t j = 0;
  for (; j + L <= columns; j += L) {
    store(row + j, step(load(row + j), other ? load(other + j) : zero<T>()));
  }
  if (j < columns) {
    const int last = static_cast<int>(columns - j);
    const Vec<T> y = other ? load_n(other + j, last) : zero<T>();
    store_n(row + j, step(load_n(row + j, last), y), last);
  }
}

template <class T>
void activate_row(T* row, int64_t columns, Activation activation) {
  const T* none = nullptr;
  switch (activation) {
    case Activation::kNone: return;
    case Activation::kRelu:
      return map_row(row, none, columns, [](Vec<T> x, Vec<T>) { return max_fast(zero<T>(), x); });
    case Activation::kSigmoid:
      return map_row(row, none, columns, [](Vec<T> x, Vec<T>) { return vsigmoid(x); });
    case Activation::kTanh:
      return map_row(row, none, columns, [](Vec<T> x, Vec<T>) { return vtanh(x); });
  }
}

template <class T>
void grad_row(T* row, const T* out, int64_t columns, Activation activation) {
  const Vec<T> one = set(T{1});
  switch (activation) {
    case Activation::kNone: return;
    case Activation::kRelu:
      return map_row(row, out, columns,
                     [](Vec<T> g, Vec<T> y) { return select(gt(y, zero<T>()), g, zero<T>()); });
    case Activation::kSigmoid:
      return map_row(row, out, columns, [one](Vec<T> g, Vec<T> y) { return g * y * (one - y); });
    case Activation::kTanh:
      return map_row(row, out, columns, [one](Vec<T> g, Vec<T> y) { return g * (one - y * y); });
  }
}

// GCC 12 takes the vector stores of random words for no initialization.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Element j is kept, scaled, when words[j] >= threshold. Words are readable a vector past the end.
PYDL_INLINE void drop(float* row, int count, const uint32_t* words, uint32_t threshold,
                      double scale) {
  constexpr int L = kLanes<float>;
  const Vec<float> factor = set(static_cast<float>(scale));
  for (int j = 0; j < count; j += L) {
    const int here = least(count - j, L);
    const Mask<float> keep = ge_u(load_u(words + j), set_u(threshold));
    store_n(row + j, select(keep, load_n(row + j, here) * factor, zero<float>()), here);
  }
}
PYDL_INLINE void drop(double* row, int count, const uint32_t* words, uint32_t threshold,
                      double scale) {
  for (int j = 0; j < count; ++j) row[j] = words[j] >= threshold ? row[j] * scale : 0;
}

PYDL_INLINE void random_words(const uint32_t* seed, int64_t group, uint32_t* words) {
  VecU w[4];
  philox_group(seed, group, 0, w);
  interleave(w);
  for (int i = 0; i < 4; ++i) store_u(words + i * kBlockLanes, w[i]);
}
// Dropout of elements `first` onwards of C.
template <class T>
void drop_row(T* row, int64_t columns, int64_t first, const uint32_t* seed, double rate) {
  const uint32_t threshold = static_cast<uint32_t>(rate * 4294967296.0);
  const double scale = 1.0 / (1.0 - rate);
  uint32_t words[kGroupWords + kLanes<float>] = {};
  for (int64_t j = 0; j < columns;) {
    const int64_t group = (first + j) / kGroupWords, skip = (first + j) % kGroupWords;
    const int count = static_cast<int>(least(kGroupWords - skip, columns - j));
    random_words(seed, group, words);
    drop(row + j, count, words + skip, threshold, scale);
    j += count;
  }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <class T>
void add_bias(const Gemm& p, const Call& call, Range rows, Range columns, T* c) {
  const T* bias = operand<T>(call, p.bias) + columns.begin;
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    map_row(c + m * p.n + columns.begin, bias, columns.end - columns.begin,
            [](Vec<T> x, Vec<T> y) { return x + y; });
  }
}

template <class T>
void finish_row(const Gemm& p, const Call& call, int64_t first, int64_t count) {
  T* row = static_cast<T*>(call.out[0]) + first;
  activate_row(row, count, p.activation);
  if (p.seed >= 0) drop_row(row, count, first, operand<uint32_t>(call, p.seed), p.rate);
  if (p.out >= 0) grad_row(row, operand<T>(call, p.out) + first, count, p.grad);
}

// Activation, dropout and activation gradient of a rectangle of C; whole rows are one run.
template <class T>
void finish_block(const Gemm& p, const Call& call, Range rows, Range columns) {
  const int64_t width = columns.end - columns.begin, height = rows.end - rows.begin;
  if (width == p.n) return finish_row<T>(p, call, rows.begin * p.n, height * p.n);
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    finish_row<T>(p, call, m * p.n + columns.begin, width);
  }
}

}  // namespace pydl::PYDL_ISA
