// Single ops and chains: bind turns the program into a list of inner loops (chain_loops.h); a piece
// runs the list block by block. A single op has no temporaries and runs over its whole piece at
// once. A chain whose results are reduced is bound by chain_reduce.cpp.
#include "kernels/cpu/chain_loops.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/vec_extra.h"

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
  if (p.loops.stream) stream_fence();
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

#define PYDL_STEP(op) {Opcode::op, #op "_vector", bind_chain},
const Candidate kCandidates[] = {
#include "kernels/steps.def"
    {Opcode::chain, "chain_vector", bind_chain},
    {Opcode::chain, "chain_reduce_panels", bind_chain_reduce},
    {Opcode::copy, "copy_bytes", bind_copy},
    {Opcode::cast, "cast_vector", bind_cast},
};

}  // namespace

const Family kElementwiseFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
