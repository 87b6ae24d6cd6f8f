#include "kernels/update_rule.h"

namespace pydl {
namespace {

int count_slots(const UpdateRule& rule) {
  switch (rule.op) {
    case Opcode::sgd_update: return rule.momentum != 0.0 ? 1 : 0;
    case Opcode::adam_update: return rule.amsgrad ? 3 : 2;
    case Opcode::rmsprop_update: return 1 + rule.centered + (rule.momentum > 0.0);
    default: return 1;
  }
}

void read_constants(const OpView& op, UpdateRule* rule) {
  *rule = {};
  rule->nesterov = attr_int(op, "nesterov", 0) != 0;
  rule->amsgrad = attr_int(op, "amsgrad", 0) != 0;
  rule->centered = attr_int(op, "centered", 0) != 0;
  rule->clip = attr_float(op, "clip_value", 0.0);
  rule->momentum = attr_float(op, "momentum", 0.0);
  rule->beta1 = attr_float(op, "beta1", 0.9);
  rule->beta2 = attr_float(op, "beta2", 0.999);
  rule->rho = attr_float(op, "rho", 0.9);
  rule->epsilon = attr_float(op, "epsilon", 1e-7);
  rule->first = 1;
  rule->scale = attr_int(op, "has_scale", 0) != 0 ? rule->first++ : -1;
  rule->decay = attr_int(op, "has_decay", 0) != 0 ? rule->first++ : -1;
}

Opcode rule_of_rows(Opcode op) {
  switch (op) {
    case Opcode::sgd_row_update: return Opcode::sgd_update;
    case Opcode::adam_row_update: return Opcode::adam_update;
    default: return Opcode::adagrad_update;
  }
}

}  // namespace

const char* read_update_rule(const OpView& op, UpdateRule* rule) {
  read_constants(op, rule);
  rule->op = op.op;
  rule->n = static_cast<int>(attr_int(op, "n", 0));
  rule->n_slots = count_slots(*rule);
  if (op.n_in != input_group(*rule, rule->n) || op.n_out != output_group(*rule, rule->n)) {
    return "operands do not match the attributes";
  }
  return nullptr;
}

const char* read_row_rule(const OpView& op, UpdateRule* rule) {
  read_constants(op, rule);
  rule->op = rule_of_rows(op.op);
  rule->n = 1;
  rule->n_slots = count_slots(*rule);
  if (op.n_in != rule->first + 3 + rule->n_slots || op.n_out != 1 + rule->n_slots) {
    return "operands do not match the attributes";
  }
  return nullptr;
}

}  // namespace pydl
