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
  Status status =
      ops::parse_chain(attr_string(op, "steps"), results, static_cast<size_t>(op.n_in), &read);
  if (status.ok()) status = ops::parse_reduces(attr_string(op, "reduce"), &read);
  if (!status.ok()) return "attributes that the gate refuses";
  out->n_inputs = read.n_inputs;
  for (int k = 0; k < read.n_steps; ++k) place_step(read.steps[k], out);
  out->n_results = read.n_results;
  for (int i = 0; i < read.n_results; ++i) {
    out->results[i] = read.results[i];
    out->reduces[i] = read.reduces[i];
  }
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
  out->reduces[0] = Opcode::copy;
  return nullptr;
}

bool reduces_results(const OpView& op) {
  return op.op == Opcode::chain && attr_string(op, "reduce")[0] != '\0';
}

TensorView broadcast_view(const OpView& op) {
  TensorView full = {op.out[0].dtype, 0, {}, 1, false};
  for (int k = 0; k < op.n_in; ++k) {
    if (op.in[k].rank > full.rank) full.rank = op.in[k].rank;
  }
  for (int d = 0; d < full.rank; ++d) {
    full.dims[d] = 1;
    for (int k = 0; k < op.n_in; ++k) {
      const int at = d - (full.rank - op.in[k].rank);
      if (at >= 0 && op.in[k].dims[at] != 1) full.dims[d] = op.in[k].dims[at];
    }
    full.count *= full.dims[d];
  }
  return full;
}

bool fold_axes(const TensorView& x, const int64_t* axes, int n_axes, int64_t* outer,
               int64_t* length, int64_t* inner) {
  *outer = *length = *inner = 1;
  int next = 0, last = -1;  // axis number last reduced
  for (int d = 0; d < x.rank; ++d) {
    const bool reduced = next < n_axes && axes[next] == d;
    if (reduced) ++next;
    if (x.dims[d] == 1) continue;
    if (reduced) {
      if (*inner > 1) return false;
      *length *= x.dims[d];
      last = d;
    } else if (last < 0) {
      *outer *= x.dims[d];
    } else {
      *inner *= x.dims[d];
    }
  }
  return true;
}

}  // namespace pydl
