// A fused run of elementwise ops as a list of steps over registers. POD; docs/opcodes.md, `chain`.
#pragma once

#include "kernels/broadcast.h"
#include "plan/opcode.h"

namespace pydl {

constexpr int kMaxSteps = 64;
constexpr int kMaxResults = 8;
constexpr int kMaxStepArgs = 3;
constexpr int kMaxRegisters = kMaxOperands + kMaxSteps;

// Arguments >= 0 are registers: operands first, then one per step. Argument -1 - k is literal k.
struct ChainStep {
  Opcode op;
  int16_t n_args;
  int16_t args[kMaxStepArgs];
};

struct ChainProgram {
  int n_inputs;
  int n_steps;
  int n_literals;
  int n_results;
  ChainStep steps[kMaxSteps];
  double literals[kMaxSteps * kMaxStepArgs];
  int results[kMaxResults];  // registers
};

// The program of a `chain` or of a single op as one step.
const char* chain_program(const OpView& op, ChainProgram* out);

}  // namespace pydl
