// batch_matmul: the pieces of the kernel that takes one of its products, for each of them.
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/pieces.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kPhases = 4;
constexpr double kPieceFlops = 600e3;               // about 5 us
constexpr int64_t kMostPieces = 64;
constexpr int64_t kMostScratch = 64 * 1024 * 1024;  // of all products

struct Batch {
  Bound one;
  int64_t a_bytes, b_bytes, c_bytes, scratch_bytes;  // from one product to the next
  int64_t parts[kPhases];                            // pieces of all products
  int64_t per_piece[kPhases];
};

template <int kPhase>
void run_batch(const Call& call, int64_t piece) {
  const Batch& p = *static_cast<const Batch*>(call.params);
  const Phase& phase = p.one.phases[kPhase];
  const int64_t begin = piece * p.per_piece[kPhase];
  const int64_t end = least(begin + p.per_piece[kPhase], p.parts[kPhase]);
  const unsigned char* a = static_cast<const unsigned char*>(call.in[0]);
  const unsigned char* b = static_cast<const unsigned char*>(call.in[1]);
  unsigned char* c = static_cast<unsigned char*>(call.out[0]);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t item = i / phase.pieces;
    const void* in[2] = {a + item * p.a_bytes, b + item * p.b_bytes};
    void* out[1] = {c + item * p.c_bytes};
    const Call one = {p.one.params, in,      out,    call.scratch + item * p.scratch_bytes,
                      call.worker,  nullptr, nullptr};
    phase.run(one, i % phase.pieces);
  }
}

constexpr PieceFn kRun[kPhases] = {run_batch<0>, run_batch<1>, run_batch<2>, run_batch<3>};

double work(const OpView& op) {
  const int k = attr_int(op, "transpose_a", 0) != 0 ? 1 : 2;
  return 2.0 * static_cast<double>(op.out[0].count) * static_cast<double>(op.in[0].dims[k]);
}

int64_t matrix_bytes(const TensorView& x) { return x.dims[1] * x.dims[2] * dtype_size(x.dtype); }

const char* repeat(const OpView& op, const Bound& one, Binder* binder, Bound* bound) {
  const int64_t batch = op.in[0].dims[0];
  const int64_t scratch = (one.scratch_bytes + 63) / 64 * 64;
  if (one.n_derived > 0) return "needs a constant operand";
  if (one.n_phases > kPhases) return "too many phases";
  if (scratch > 0 && batch > kMostScratch / scratch) return "too much scratch memory";
  Batch* p = alloc_params<Batch>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->one = one;
  p->a_bytes = matrix_bytes(op.in[0]);
  p->b_bytes = matrix_bytes(op.in[1]);
  p->c_bytes = matrix_bytes(op.out[0]);
  p->scratch_bytes = scratch;
  const double wanted = work(op) < kSerialFlops ? 1 : work(op) / kPieceFlops + 1.5;
  for (int i = 0; i < one.n_phases; ++i) {
    p->parts[i] = batch * one.phases[i].pieces;
    const int64_t pieces =
        wanted > static_cast<double>(kMostPieces) ? kMostPieces : static_cast<int64_t>(wanted);
    p->per_piece[i] = most<int64_t>(1, p->parts[i] / pieces);
    bound->phases[i] = {kRun[i], ceil_div(p->parts[i], p->per_piece[i])};
  }
  bound->params = p;
  bound->n_phases = one.n_phases;
  bound->scratch_bytes = scratch * batch;
  bound->worker_bytes = one.worker_bytes;
  return nullptr;
}

// The first kernel of `matmul` that takes one of the products and needs nothing that a batch lacks.
const char* bind_batch(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  TensorView in[2] = {op.in[0], op.in[1]};
  in[0].constant = in[1].constant = false;
  OpView view = op;
  view.in = in;
  const char* refusal = "no kernel takes one of the products";
  for (int i = 0; i < kMatmulFamily.count; ++i) {
    const Candidate& candidate = kMatmulFamily.candidates[i];
    Bound one;
    if (candidate.op != Opcode::matmul || candidate.bind(view, binder, &one) != nullptr) continue;
    refusal = repeat(op, one, binder, bound);
    if (refusal == nullptr) return nullptr;
  }
  return refusal;
}

}  // namespace

const Candidate kBatchMatmulCandidates[] = {
    {Opcode::batch_matmul, "batch_gemm", bind_batch},
};
extern const Family kBatchMatmulFamily = {kBatchMatmulCandidates, 1};

}  // namespace pydl::PYDL_ISA
