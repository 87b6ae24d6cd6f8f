#include "kernels/chain.h"

#include <vector>

#include "plan/ops/chain.h"

namespace pydl {
namespace {

// Literals go to a table of their own: a kernel fills a vector from each once.
int16_t place_argument(const ops::ChainArg& arg, ChainProgram* out) {
  if (arg.reg >= 0) return arg.reg;
  out->literals[out->n_literals] = arg.literal;
  return static_cast<int16_t>(-1 - out->n_literals++);
}

void place_step(const ops::ChainStep& step, ChainProgram* out) {
  ChainStep& placed = out->steps[out->n_steps++];
  placed.op = step.op;
  placed.n_args = step.n_args;
  for (int i = 0; i < step.n_args; ++i) placed.args[i] = place_argument(step.args[i], out);
}

// The reader is the gate's own: what reaches a kernel has passed it.
const char* read_chain(const OpView& op, ChainProgram* out) {
  const int64_t* registers = nullptr;
  const int count = attr_ints(op, "results", &registers);
  const std::vector<int64_t> results(registers, registers + count);
  ops::ChainProgram read;
  const Status status =
      ops::parse_chain(attr_string(op, "steps"), results, static_cast<size_t>(op.n_in), &read);
  if (!status.ok()) return "attributes that the gate refuses";
  out->n_inputs = read.n_inputs;
  for (int k = 0; k < read.n_steps; ++k) place_step(read.steps[k], out);
  out->n_results = read.n_results;
  for (int i = 0; i < read.n_results; ++i) out->results[i] = read.results[i];
  return nullptr;
}

}  // namespace

const char* chain_program(const OpView& op, ChainProgram* out) {
  *out = {};
  if (op.op == Opcode::chain) return read_chain(op, out);
  const int arity = ops::elementwise_arity(op.op);
  if (arity == 0 || arity != op.n_in) return "not an elementwise step";
  out->n_inputs = arity;
  out->n_steps = 1;
  out->steps[0] = {op.op, static_cast<int16_t>(arity), {0, 1, 2}};
  out->n_results = 1;
  out->results[0] = arity;
  return nullptr;
}

}  // namespace pydl
