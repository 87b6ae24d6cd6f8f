// The steps of a `chain` instruction, parsed and checked. A hostile string ends here: what passes
// holds only registers that exist and ops of the right arity. The one reader: kernels use it too.
#pragma once

#include <string_view>

#include "plan/op.h"

namespace pydl::ops {

constexpr int kChainOperands = 16;
constexpr int kChainResults = 8;
constexpr int kChainSteps = 64;

struct ChainArg {
  int16_t reg;  // -1: the literal
  double literal;
};

struct ChainStep {
  Opcode op;
  int16_t n_args;
  ChainArg args[3];
};

struct ChainProgram {
  int n_inputs;
  int n_steps;
  int n_results;
  ChainStep steps[kChainSteps];    // step k writes register n_inputs + k
  int16_t results[kChainResults];  // registers, each written by a step
  Opcode reduces[kChainResults];   // how each result is reduced; copy: not at all
};

// Reads "mul 0 #0.5;add 2 1;relu 3". `results` are checked to be registers that a step writes.
Status parse_chain(std::string_view steps, const std::vector<int64_t>& results, size_t n_inputs,
                   ChainProgram* program);

// Reads "reduce_sum;none", an entry for each of the program's results; "" is none for all.
Status parse_reduces(std::string_view text, ChainProgram* program);

// Operands of an elementwise op; 0 for cast, chain and the ops of other families.
int elementwise_arity(Opcode op);
// The same as a step; 0 when it may not be one (also the bitwise ops).
int chain_arity(Opcode op);

}  // namespace pydl::ops
