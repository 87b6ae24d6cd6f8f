// What is left of the epilogue after the register tile: rows of C still warm in cache.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/philox.h"

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
    case Activation::kNone:
      return;
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
    case Activation::kNone:
      return;
    case Activation::kRelu:
      return map_row(row, out, columns, [](Vec<T> g, Vec<T> y) {
        return select(gt(y, zero<T>()), g, zero<T>());
      });
    case Activation::kSigmoid:
      return map_row(row, out, columns, [one](Vec<T> g, Vec<T> y) { return g * y * (one - y); });
    case Activation::kTanh:
      return map_row(row, out, columns, [one](Vec<T> g, Vec<T> y) { return g * (one - y * y); });
  }
}

// Keeps the elements whose random word is at least `threshold`, scaled; `first` is the index of row[0].
template <class T>
void drop_row(T* row, int64_t columns, uint64_t first, const uint32_t* seed, double rate) {
  const uint32_t threshold = static_cast<uint32_t>(rate * 4294967296.0);
  const T scale = static_cast<T>(1.0 / (1.0 - rate));
  uint32_t words[4];
  for (int64_t j = 0; j < columns; ++j) {
    const uint64_t index = first + static_cast<uint64_t>(j);
    if (j == 0 || index % 4 == 0) {
      const uint64_t block = index / 4;
      const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                   0, 0};
      philox4x32_10(counter, seed, words);
    }
    row[j] = words[index % 4] >= threshold ? row[j] * scale : T{0};
  }
}

template <class T>
void add_bias(const Gemm& p, const Call& call, Range rows, Range columns, T* c) {
  const T* bias = operand<T>(call, p.bias) + columns.begin;
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    map_row(c + m * p.n + columns.begin, bias, columns.end - columns.begin,
            [](Vec<T> x, Vec<T> y) { return x + y; });
  }
}

// Activation, dropout and activation gradient of rows [r0, r1), columns [c0, c1) of C.
template <class T>
void finish_block(const Gemm& p, const Call& call, Range rows, Range columns) {
  const int64_t width = columns.end - columns.begin;
  const T* out = operand<T>(call, p.out);
  const uint32_t* seed = operand<uint32_t>(call, p.seed);
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    const int64_t first = m * p.n + columns.begin;
    T* row = static_cast<T*>(call.out[0]) + first;
    activate_row(row, width, p.activation);
    if (seed) drop_row(row, width, static_cast<uint64_t>(first), seed, p.rate);
    if (out) grad_row(row, out + first, width, p.grad);
  }
}

}  // namespace pydl::PYDL_ISA
