// The operands and constants of an optimizer instruction, read once at bind. POD.
#pragma once

#include "kernels/kernel.h"
#include "plan/opcode.h"

namespace pydl {

// Operands: lr, [scale], [decay], then `n` groups of var, grad, slots. Results: groups of var,
// slots.
struct UpdateRule {
  Opcode op;
  bool nesterov, amsgrad, centered;
  int n;        // variables
  int n_slots;  // of each
  int scale;    // operand number, -1 when absent
  int decay;    // operand number, -1 when absent
  int first;    // operand number of the first variable
  double clip;  // 0: none
  double momentum, beta1, beta2, rho, epsilon;
};

// Operand and result numbers of variable `i`; its gradient and slots follow.
static inline int input_group(const UpdateRule& rule, int i) {
  return rule.first + i * (2 + rule.n_slots);
}
static inline int output_group(const UpdateRule& rule, int i) { return i * (1 + rule.n_slots); }

// An update of rows: lr, [scale], then from operand `first` on grad, indices, var, slots. Results:
// var, slots. The rule's `op` is that of the update of whole variables.
static inline int row_grad(const UpdateRule& rule) { return rule.first; }
static inline int row_indices(const UpdateRule& rule) { return rule.first + 1; }
static inline int row_var(const UpdateRule& rule) { return rule.first + 2; }

// nullptr, or why the operands do not fit the attributes.
const char* read_update_rule(const OpView& op, UpdateRule* rule);
const char* read_row_rule(const OpView& op, UpdateRule* rule);

}  // namespace pydl
