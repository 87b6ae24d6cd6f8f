// Single ops and chains: bind turns the program into a list of inner loops (chain_loops.h); a piece
// runs the list block by block. A single op has no temporaries and runs over its whole piece at
// once. A chain whose results are reduced is bound by chain_reduce.cpp.
#include "kernels/cpu/chain_loops.h"
#include "kernels/cpu/pieces.h"

namespace pydl::PYDL_ISA {
namespace {

struct ChainParams {
  ChainLoops loops;
  int64_t chunk, chunks_per_row, units, units_per_piece;
};

// Operand and result slots of the element `column` of `row`.
void place(const ChainLoops& p, const Call& call, int64_t row, int64_t column, void** slots) {
  place_operands(p, call, row, column, slots);
  const int64_t index = row * p.row_length + column;
  for (int r = 0; r < p.n_out; ++r) {
    slots[p.n_in + r] = static_cast<unsigned char*>(call.out[r]) + index * p.out_size;
  }
}

void run_span(const ChainLoops& p, void** slots, int64_t length) {
  while (length > p.block) {
    run_block(p, slots, p.block);
    length -= p.block;
    for (int k = 0; k < p.n_in; ++k) {
      slots[k] = static_cast<unsigned char*>(slots[k]) + p.block * p.in_step[k];
    }
    for (int r = p.n_in; r < p.n_in + p.n_out; ++r) {
      slots[r] = static_cast<unsigned char*>(slots[r]) + p.block * p.out_size;
    }
  }
  run_block(p, slots, length);
}

void run_chain(const Call& call, int64_t piece) {
  const ChainParams& p = *static_cast<const ChainParams*>(call.params);
  void* slots[kMaxSlots];
  place_fixed(p.loops, call.worker, slots);
  const int64_t first = piece * p.units_per_piece;
  const int64_t end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    int64_t row = unit, column = 0;
    if (p.chunks_per_row > 1) {
      row = unit / p.chunks_per_row;
      column = unit % p.chunks_per_row * p.chunk;
    }
    place(p.loops, call, row, column, slots);
    const int64_t rest = p.loops.row_length - column;
    run_span(p.loops, slots, rest < p.chunk ? rest : p.chunk);
  }
}

void cut(const OpView& op, const ChainProgram& program, ChainParams* p) {
  const int64_t row_length = p->loops.row_length;
  p->chunk = row_length < kChunk ? row_length : kChunk;
  p->chunks_per_row = piece_count(row_length, p->chunk);
  p->units = nest_rows(p->loops.nest) * p->chunks_per_row;
  p->units_per_piece = cut_pieces(p->units, chain_bytes(op, op.out[0]) * p->chunk,
                                  chain_flops(program) * static_cast<double>(p->chunk), 1);
}

const char* bind_chain(const OpView& op, Binder* binder, Bound* bound) {
  if (reduces_results(op)) return "results are reduced";
  if (op.out[0].count == 0) return nullptr;
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  ChainParams* p = alloc_params<ChainParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  error = compile_chain(op, program, op.out[0], &p->loops);
  if (error != nullptr) return error;
  cut(op, program, p);
  bound->params = p;
  bound->phases[0] = {run_chain, piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  bound->worker_bytes = temporary_bytes(p->loops);
  return nullptr;
}

#define PYDL_STEP(op) {Opcode::op, #op "_vector", bind_chain}
const Candidate kCandidates[] = {
    PYDL_STEP(neg),
    PYDL_STEP(abs),
    PYDL_STEP(sign),
    PYDL_STEP(square),
    PYDL_STEP(sqrt),
    PYDL_STEP(rsqrt),
    PYDL_STEP(reciprocal),
    PYDL_STEP(exp),
    PYDL_STEP(expm1),
    PYDL_STEP(log),
    PYDL_STEP(log1p),
    PYDL_STEP(tanh),
    PYDL_STEP(sigmoid),
    PYDL_STEP(softplus),
    PYDL_STEP(erf),
    PYDL_STEP(relu),
    PYDL_STEP(floor),
    PYDL_STEP(sin),
    PYDL_STEP(cos),
    PYDL_STEP(ceil),
    PYDL_STEP(round),
    PYDL_STEP(trunc),
    PYDL_STEP(tan),
    PYDL_STEP(asin),
    PYDL_STEP(acos),
    PYDL_STEP(atan),
    PYDL_STEP(sinh),
    PYDL_STEP(cosh),
    PYDL_STEP(asinh),
    PYDL_STEP(acosh),
    PYDL_STEP(atanh),
    PYDL_STEP(exp2),
    PYDL_STEP(log2),
    PYDL_STEP(log10),
    PYDL_STEP(erfinv),
    PYDL_STEP(lgamma),
    PYDL_STEP(digamma),
    PYDL_STEP(logical_not),
    PYDL_STEP(isfinite),
    PYDL_STEP(add),
    PYDL_STEP(sub),
    PYDL_STEP(mul),
    PYDL_STEP(div),
    PYDL_STEP(pow),
    PYDL_STEP(mod),
    PYDL_STEP(floor_div),
    PYDL_STEP(atan2),
    PYDL_STEP(maximum),
    PYDL_STEP(minimum),
    PYDL_STEP(equal),
    PYDL_STEP(not_equal),
    PYDL_STEP(less),
    PYDL_STEP(less_equal),
    PYDL_STEP(greater),
    PYDL_STEP(greater_equal),
    PYDL_STEP(logical_and),
    PYDL_STEP(logical_or),
    PYDL_STEP(relu_grad),
    PYDL_STEP(sigmoid_grad),
    PYDL_STEP(tanh_grad),
    PYDL_STEP(bitwise_and),
    PYDL_STEP(bitwise_or),
    PYDL_STEP(bitwise_xor),
    PYDL_STEP(left_shift),
    PYDL_STEP(right_shift),
    PYDL_STEP(bitwise_not),
    PYDL_STEP(where),
    PYDL_STEP(chain),
    {Opcode::chain, "chain_reduce_panels", bind_chain_reduce},
    {Opcode::copy, "copy_bytes", bind_copy},
    {Opcode::cast, "cast_vector", bind_cast},
};
#undef PYDL_STEP

}  // namespace

const Family kElementwiseFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
