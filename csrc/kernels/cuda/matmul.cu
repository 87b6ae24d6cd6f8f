// matmul and gemm: the candidates in order of speed, and what each is told.
#include "kernels/cuda/gemm.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {

namespace {

bool same(const char* a, const char* b) { return __builtin_strcmp(a, b) == 0; }

}  // namespace

Activation parse_activation(const char* name) {
  if (same(name, "relu")) return Activation::kRelu;
  if (same(name, "sigmoid")) return Activation::kSigmoid;
  if (same(name, "tanh")) return Activation::kTanh;
  return Activation::kNone;
}

const char* read_gemm(const OpView& op, Gemm* p) {
  const TensorView& a = op.in[0];
  const TensorView& b = op.in[1];
  p->transpose_a = attr_int(op, "transpose_a", 0) != 0;
  p->transpose_b = attr_int(op, "transpose_b", 0) != 0;
  p->dtype = a.dtype;
  p->precision = op.precision == Precision::kExact ? Precision::kFloat32 : op.precision;
  p->m = a.dims[p->transpose_a ? 1 : 0];
  p->k = a.dims[p->transpose_a ? 0 : 1];
  p->n = b.dims[p->transpose_b ? 0 : 1];
  p->activation = parse_activation(attr_string(op, "activation"));
  p->grad = parse_activation(attr_string(op, "grad"));
  p->rate = attr_float(op, "dropout", 0);
  p->column_sum = op.n_out == 2;
  int next = 2;
  p->bias = attr_int(op, "bias", 0) != 0 ? next++ : -1;
  p->out = p->grad != Activation::kNone ? next++ : -1;
  p->seed = p->rate > 0 ? next++ : -1;
  p->splits = 1;
  p->depth = p->k;
  return nullptr;
}

namespace {

// `fill`: (Gemm*, Bound*) -> nullptr or why not.
template <class Fill>
const char* bind(const OpView& op, Binder* binder, Bound* bound, Fill fill) {
  Gemm* p = static_cast<Gemm*>(bind_alloc(binder, sizeof(Gemm)));
  if (p == nullptr) return kOutOfMemory;
  if (const char* reason = read_gemm(op, p)) return reason;
  bound->params = p;
  if (p->n == 0 || (p->m == 0 && !p->column_sum)) return nullptr;
  return fill(p, bound);
}

const char* bind_vector(const OpView& op, Binder* binder, Bound* bound) {
  return bind(op, binder, bound, bind_gemm_vector);
}

const char* bind_simt(const OpView& op, Binder* binder, Bound* bound) {
  return bind(op, binder, bound, bind_gemm_simt);
}

#ifndef PYDL_EMULATED
const char* bind_mma(const OpView& op, Binder* binder, Bound* bound) {
  return bind(op, binder, bound, [&](Gemm* p, Bound* b) -> const char* {
    return op.device == nullptr ? "no device" : bind_gemm_mma(*op.device, p, b);
  });
}

const char* bind_wgmma(const OpView& op, Binder* binder, Bound* bound) {
  return bind(op, binder, bound, [&](Gemm* p, Bound* b) -> const char* {
    return op.device == nullptr ? "no device" : bind_gemm_wgmma(*op.device, p, binder, b);
  });
}
#endif

// The fastest first. Tensor cores are no part of the emulation.
constexpr Candidate kCandidates[] = {
    {Opcode::matmul, "gemm_vector", bind_vector}, {Opcode::gemm, "gemm_vector", bind_vector},
#ifndef PYDL_EMULATED
    {Opcode::matmul, "gemm_wgmma", bind_wgmma},   {Opcode::gemm, "gemm_wgmma", bind_wgmma},
    {Opcode::matmul, "gemm_mma", bind_mma},       {Opcode::gemm, "gemm_mma", bind_mma},
#endif
    {Opcode::matmul, "gemm_simt", bind_simt},     {Opcode::gemm, "gemm_simt", bind_simt},
};

}  // namespace

extern const Family kMatmulFamily = {kCandidates, sizeof(kCandidates) / sizeof(kCandidates[0])};

}  // namespace pydl::PYDL_GPU
