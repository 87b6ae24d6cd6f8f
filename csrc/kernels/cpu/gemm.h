// What every matrix multiplication kernel is told: C[M, N] = op(A)[M, K] op(B)[K, N], then the
// epilogue.
#pragma once

#include "kernels/cpu/bundle.h"
#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

enum class Activation : uint8_t { kNone, kRelu, kSigmoid, kTanh };

PYDL_INLINE Activation parse_activation(const char* name) {
  if (__builtin_strcmp(name, "relu") == 0) return Activation::kRelu;
  if (__builtin_strcmp(name, "sigmoid") == 0) return Activation::kSigmoid;
  if (__builtin_strcmp(name, "tanh") == 0) return Activation::kTanh;
  return Activation::kNone;
}

struct Gemm {
  int64_t m, n, k;
  int64_t batch;          // how many such problems there are; 1 but in batch_matmul
  int64_t a_row, a_col;   // op(A)(m, k) = a[m * a_row + k * a_col]
  int64_t b_stride;       // B(k, n) = b[k * b_stride + n], transposed: b[n * b_stride + k]
  bool transpose_b;
  int bias, out, seed;    // operand positions, -1 when absent
  int residual;           // of convolutions: added before the activation
  bool b_constant;
  Activation activation, grad;
  bool column_sum;
  double rate;            // of dropout; 0: none
  bool swapped;           // gemm_vector: the matrix is operand 0
  DType dtype;

  // Chosen by bind from the shape alone.
  int64_t row_pieces, column_pieces, depth_pieces;
  int64_t row_block, depth_block;
  int64_t panel_width;    // gemm_panels: of the panels B is held in; otherwise 0
  bool pack_a, pack_b;
};

// Binds the first kernel of matmul that takes `problem`; a is operand 0, b operand 1.
const char* bind_product(const Gemm& problem, Binder* binder, Bound* bound);

// The rows, columns or panels [begin, end) of part `i` out of `parts` near-equal ones.
struct Range {
  int64_t begin, end;
};
PYDL_INLINE Range share(int64_t total, int64_t parts, int64_t i) {
  const int64_t base = total / parts, extra = total % parts;
  const int64_t begin = i * base + (i < extra ? i : extra);
  return {begin, begin + base + (i < extra ? 1 : 0)};
}
// Part `i` of `parts` of a range.
PYDL_INLINE Range part_of(Range whole, int64_t parts, int64_t i) {
  const Range part = share(whole.end - whole.begin, parts, i);
  return {whole.begin + part.begin, whole.begin + part.end};
}
PYDL_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
template <class T>
PYDL_INLINE T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
PYDL_INLINE T most(T a, T b) {
  return a > b ? a : b;
}

PYDL_INLINE Range panel_columns(const Gemm& p, int64_t width, int64_t piece) {
  const Range panels = share(ceil_div(p.n, width), p.column_pieces, piece);
  return {panels.begin * width, least(panels.end * width, p.n)};
}

template <class T>
PYDL_INLINE const T* operand(const Call& call, int position) {
  return position < 0 ? nullptr : static_cast<const T*>(call.in[position]);
}

}  // namespace pydl::PYDL_ISA
