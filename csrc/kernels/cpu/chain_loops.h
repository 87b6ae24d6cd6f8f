// A chain as a list of inner loops over slots (operands, results, literals, temporaries): what
// elementwise.cpp runs block by block, so that temporaries stay in L1.
//
// Registers that do not vary along the innermost loop ("scalars") are computed once per block.
#pragma once

#include "kernels/chain.h"
#include "kernels/cpu/elementwise_steps.h"

namespace pydl::PYDL_ISA {

constexpr int kMaxSlots = kMaxOperands + kMaxResults + kMaxSteps * kMaxStepArgs + kMaxRegisters;
constexpr int kMaxLoops = kMaxOperands + kMaxSteps + 2 * kMaxResults;
constexpr int64_t kChunk = 16384;  // elements of an innermost loop that stay together

struct Loop {
  StepFn run;
  uint16_t args[kMaxStepArgs];
  uint16_t out;
  bool scalar;  // one element
  Opcode op;
  uint8_t n_args;
  bool scalar_args[kMaxStepArgs];  // of which only the first element is read
  // As a link: this one and the next `links` - 1 loops hand their values on in registers. The first
  // loads args[held]; the others find it there.
  int links;
  uint8_t held;
  void (*link)();
};

struct ChainLoops {
  int n_in, n_out, n_literals, n_temporaries, n_loops;
  int element_size;
  DType dtype;
  bool stream;  // results go past the caches
  int64_t block;  // elements, at most, that the loops run over
  int64_t row_length;  // of an innermost loop
  int64_t in_step[kMaxOperands];  // bytes per element of the innermost loop, 0 for scalars
  int in_size[kMaxOperands];
  int out_size;
  Nest nest;
  Loop loops[kMaxLoops];
  alignas(8) unsigned char literals[kMaxSteps * kMaxStepArgs * 8];
};

// `full`: the shape that the operands broadcast to. Refuses steps that have no loop.
const char* compile_chain(const OpView& op, const ChainProgram& program, const TensorView& full,
                          ChainLoops* p);

// What one element of the chain costs, as cut_pieces counts.
double chain_flops(const ChainProgram& program);
int64_t chain_bytes(const OpView& op, const TensorView& full);

static inline int64_t temporary_bytes(const ChainLoops& p) {
  return p.n_temporaries * p.block * p.element_size;
}

// Slots of literals and temporaries, once for a piece.
void place_fixed(const ChainLoops& p, unsigned char* temporaries, void** slots);

// Operand slots of the element `column` of innermost loop `row`.
static inline void place_operands(const ChainLoops& p, const Call& call, int64_t row,
                                  int64_t column, void** slots) {
  for (int k = 0; k < p.n_in; ++k) {
    int64_t offset = 0;
    if (p.nest.rank == 2) {
      offset = row * p.nest.strides[k][0];
    } else if (p.nest.rank > 2) {
      offset = nest_offset(p.nest, k, row);
    }
    const unsigned char* base = static_cast<const unsigned char*>(call.in[k]);
    slots[k] = const_cast<unsigned char*>(base + offset * p.in_size[k] + column * p.in_step[k]);
  }
}

void run_linked(const ChainLoops& p, int first, void* const* slots, int64_t n);

static inline void run_block(const ChainLoops& p, void* const* slots, int64_t n) {
  for (int s = 0; s < p.n_loops; ++s) {
    const Loop& loop = p.loops[s];
    if (loop.links > 0) {
      run_linked(p, s, slots, n);
      s += loop.links - 1;
      continue;
    }
    loop.run(slots[loop.args[0]], slots[loop.args[1]], slots[loop.args[2]], slots[loop.out],
             loop.scalar ? 1 : n);
  }
}

}  // namespace pydl::PYDL_ISA
