// matmul and gemm by their definition. Sums are taken in double and rounded once.
#include <cmath>
#include <cstring>

#include "kernels/philox.h"
#include "kernels/ref/bundle.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

enum class Activation { kNone, kRelu, kSigmoid, kTanh };

struct Gemm {
  int64_t batch, m, n, k;
  int64_t a_row, a_col, b_row, b_col;
  int bias, out, seed;  // operand positions, -1 when absent
  Activation activation, grad;
  bool column_sum;
  double rate;
};

Activation parse_activation(const char* name) {
  if (std::strcmp(name, "relu") == 0) return Activation::kRelu;
  if (std::strcmp(name, "sigmoid") == 0) return Activation::kSigmoid;
  if (std::strcmp(name, "tanh") == 0) return Activation::kTanh;
  return Activation::kNone;
}

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return x < 0 ? 0 : x;  // NaN stays
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
  }
  return x;
}

double gradient(double grad_out, double out, Activation activation) {
  switch (activation) {
    case Activation::kNone: return grad_out;
    case Activation::kRelu: return out > 0 ? grad_out : 0;
    case Activation::kSigmoid: return grad_out * out * (1 - out);
    case Activation::kTanh: return grad_out * (1 - out * out);
  }
  return grad_out;
}

bool dropped(const uint32_t* seed, uint64_t index, double rate) {
  const uint64_t block = index / 4;
  const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0,
                               0};
  uint32_t words[4];
  philox4x32_10(counter, seed, words);
  return words[index % 4] < std::floor(rate * 4294967296.0);
}

template <class T>
void run(const Call& call, int64_t item) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const T* a = static_cast<const T*>(call.in[0]) + item * p.m * p.k;
  const T* b = static_cast<const T*>(call.in[1]) + item * p.k * p.n;
  const T* bias = p.bias < 0 ? nullptr : static_cast<const T*>(call.in[p.bias]);
  const T* out = p.out < 0 ? nullptr : static_cast<const T*>(call.in[p.out]);
  const uint32_t* seed = p.seed < 0 ? nullptr : static_cast<const uint32_t*>(call.in[p.seed]);
  T* c = static_cast<T*>(call.out[0]) + item * p.m * p.n;
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t n = 0; n < p.n; ++n) {
      const int64_t index = m * p.n + n;
      double acc = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        acc += static_cast<double>(a[m * p.a_row + k * p.a_col]) * b[k * p.b_row + n * p.b_col];
      }
      if (bias) acc += bias[n];
      acc = activate(acc, p.activation);
      if (seed) acc = dropped(seed, index, p.rate) ? 0 : acc * (1 / (1 - p.rate));
      if (out) acc = gradient(acc, out[index], p.grad);
      c[index] = static_cast<T>(acc);
    }
  }
}

template <class T>
void sum_columns(const Call& call, int64_t) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  const T* b = static_cast<const T*>(call.in[1]);
  for (int64_t n = 0; n < p.n; ++n) {
    double sum = 0;
    for (int64_t k = 0; k < p.k; ++k) sum += b[k * p.b_row + n * p.b_col];
    static_cast<T*>(call.out[1])[n] = static_cast<T>(sum);
  }
}

void read_problem(const OpView& op, Gemm* p) {
  const bool transpose_a = attr_int(op, "transpose_a", 0) != 0;
  const bool transpose_b = attr_int(op, "transpose_b", 0) != 0;
  const int lead = op.in[0].rank - 2;  // 1 of a batch
  const int64_t* a = op.in[0].dims + lead;
  const int64_t* b = op.in[1].dims + lead;
  p->batch = lead == 0 ? 1 : op.in[0].dims[0];
  p->m = a[transpose_a ? 1 : 0];
  p->k = a[transpose_a ? 0 : 1];
  p->n = b[transpose_b ? 0 : 1];
  p->a_row = transpose_a ? 1 : a[1];
  p->a_col = transpose_a ? a[1] : 1;
  p->b_row = transpose_b ? 1 : b[1];
  p->b_col = transpose_b ? b[1] : 1;
  p->activation = parse_activation(attr_string(op, "activation"));
  p->grad = parse_activation(attr_string(op, "grad"));
  p->rate = attr_float(op, "dropout", 0);
  p->column_sum = op.n_out == 2;
  int next = 2;
  p->bias = attr_int(op, "bias", 0) != 0 ? next++ : -1;
  p->out = p->grad != Activation::kNone ? next++ : -1;
  p->seed = p->rate > 0 ? next++ : -1;
}

const char* bind(const OpView& op, Binder* binder, Bound* bound) {
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "float32 and float64 only";
  Gemm* p = static_cast<Gemm*>(bind_alloc(binder, sizeof(Gemm)));
  if (!p) return kOutOfMemory;
  read_problem(op, p);
  bound->params = p;
  const bool single = dtype == DType::kFloat32;
  bound->phases[bound->n_phases++] = {single ? run<float> : run<double>, p->batch};
  if (p->column_sum) {
    bound->phases[bound->n_phases++] = {single ? sum_columns<float> : sum_columns<double>, 1};
  }
  return nullptr;
}

constexpr Candidate kCandidates[] = {
    {Opcode::matmul, "matmul_ref", bind},
    {Opcode::gemm, "gemm_ref", bind},
    {Opcode::batch_matmul, "batch_matmul_ref", bind},
};

}  // namespace

extern const Family kMatmulFamily = {kCandidates, 3};

}  // namespace pydl::ref
