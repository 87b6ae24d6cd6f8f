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
  Opcode reduces[kMaxResults];  // how each result is reduced; copy: not at all
};

bool reduces_results(const OpView& op);
// The shape that the operands of `op` broadcast to.
TensorView broadcast_view(const OpView& op);
// Sees `x` as [outer, length, inner]; false when the reduced axes are not neighbours.
bool fold_axes(const TensorView& x, const int64_t* axes, int n_axes, int64_t* outer,
               int64_t* length, int64_t* inner);

// The program of a `chain` or of a single op as one step.
const char* chain_program(const OpView& op, ChainProgram* out);

}  // namespace pydl
