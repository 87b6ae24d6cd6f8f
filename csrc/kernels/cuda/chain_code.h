// A chain as a device interprets it: the value of the step before stays in registers, values used
// later than by the next step go to slots of shared memory, operands are read where they are used;
// those used several times are copied to slots first.
#pragma once

#include "kernels/chain.h"
#include "kernels/cuda/bundle.h"

namespace pydl::PYDL_GPU {

// Where an argument comes from: literal k is -1 - k, operand k is kFirstOperand + k, slot k is
// kFirstSlot + k.
using Source = int16_t;
constexpr Source kLast = 0;  // the result of the step before
constexpr Source kFirstOperand = 1;
constexpr Source kFirstSlot = 1 + kMaxOperands;

constexpr int kMaxCodeSteps = kMaxOperands + kMaxSteps;

struct CodeStep {
  uint8_t op;  // an Opcode
  uint8_t n_args;
  int8_t save;  // the slot that keeps the result; -1: none
  Source args[kMaxStepArgs];
};

struct ChainCode {
  int n_steps;
  int n_results;
  int n_slots;
  CodeStep steps[kMaxCodeSteps];
  Source results[kMaxResults];  // kLast or a slot; those of kLast come first
  uint8_t outputs[kMaxResults];
};

// With at most `wanted_slots` slots if that can be had by reading operands again.
void make_chain_code(const ChainProgram& program, int wanted_slots, ChainCode* code);

// The chain, or single op, with results that are not reduced.
const char* bind_steps_of(const OpView& op, Binder* binder, Bound* bound);
// Results that are reduced: in the chain's own kernel, or by a second one.
const char* bind_chain_reduce(const OpView& op, Binder* binder, Bound* bound);
const char* bind_chain_then_reduce(const OpView& op, Binder* binder, Bound* bound);

}  // namespace pydl::PYDL_GPU
