// Single ops and chains: bind turns the program into a list of inner loops over slots (operands,
// results, literals, temporaries); a piece runs the list block by block, so that temporaries stay
// in L1. A single op has no temporaries and runs over its whole piece at once.
//
// Registers that do not vary along the innermost loop ("scalars") are computed once per block.
#include "kernels/chain.h"
#include "kernels/cpu/elementwise_steps.h"
#include "kernels/cpu/pieces.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kMaxSlots = kMaxOperands + kMaxResults + kMaxSteps * kMaxStepArgs + kMaxRegisters;
constexpr int kMaxLoops = kMaxOperands + kMaxSteps + 2 * kMaxResults;
constexpr int64_t kBlock = 512;            // elements, with temporaries
constexpr int64_t kTemporaryBytes = 16384;  // of all temporaries together, half of L1
constexpr int64_t kChunk = 16384;           // elements of an innermost loop that stay together

struct Loop {
  StepFn run;
  uint16_t args[kMaxStepArgs];
  uint16_t out;
  bool scalar;  // one element
};

struct ChainParams {
  int n_in, n_out, n_literals, n_temporaries, n_loops;
  int element_size;
  int64_t block;
  int64_t row_length, chunk, chunks_per_row, units, units_per_piece;
  int64_t in_step[kMaxOperands];  // bytes per element of the innermost loop, 0 for scalars
  int in_size[kMaxOperands];
  int out_size;
  Nest nest;
  Loop loops[kMaxLoops];
  alignas(8) unsigned char literals[kMaxSteps * kMaxStepArgs * 8];
};

// --- running

void run_block(const ChainParams& p, void* const* slots, int64_t n) {
  for (int s = 0; s < p.n_loops; ++s) {
    const Loop& loop = p.loops[s];
    loop.run(slots[loop.args[0]], slots[loop.args[1]], slots[loop.args[2]], slots[loop.out],
             loop.scalar ? 1 : n);
  }
}

// Operand and result slots of the element `column` of `row`.
void place(const ChainParams& p, const Call& call, int64_t row, int64_t column, void** slots) {
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
  const int64_t index = row * p.row_length + column;
  for (int r = 0; r < p.n_out; ++r) {
    slots[p.n_in + r] = static_cast<unsigned char*>(call.out[r]) + index * p.out_size;
  }
}

void run_span(const ChainParams& p, void** slots, int64_t length) {
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
  void** slot = slots + p.n_in + p.n_out;
  for (int k = 0; k < p.n_literals; ++k) {
    *slot++ = const_cast<unsigned char*>(p.literals) + k * p.element_size;
  }
  for (int k = 0; k < p.n_temporaries; ++k) {
    *slot++ = call.worker + k * p.block * p.element_size;
  }
  const int64_t first = piece * p.units_per_piece;
  const int64_t end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    int64_t row = unit, column = 0;
    if (p.chunks_per_row > 1) {
      row = unit / p.chunks_per_row;
      column = unit % p.chunks_per_row * p.chunk;
    }
    place(p, call, row, column, slots);
    const int64_t rest = p.row_length - column;
    run_span(p, slots, rest < p.chunk ? rest : p.chunk);
  }
}

// --- binding

// Which slot holds each register while the program is compiled.
struct Compiler {
  const OpView& op;
  const ChainProgram& program;
  ChainParams* p;
  DType dtype;
  int slot[kMaxRegisters];
  bool scalar[kMaxRegisters];
  int last_use[kMaxRegisters];  // step; n_steps: read again at the end; -1: never
  bool free_temporary[kMaxRegisters];
  bool failed;
};

bool is_bool(const Compiler& c, int operand) { return c.op.in[operand].dtype == DType::kBool; }
bool in_bytes(const Compiler& c) { return c.op.out[0].dtype == DType::kBool; }

int literal_slot(const Compiler& c, int literal) { return c.p->n_in + c.p->n_out + literal; }

int take_temporary(Compiler* c) {
  int k = 0;
  while (k < c->p->n_temporaries && !c->free_temporary[k]) ++k;
  if (k == c->p->n_temporaries) ++c->p->n_temporaries;
  c->free_temporary[k] = false;
  return literal_slot(*c, c->p->n_literals) + k;
}

void release(Compiler* c, int reg) {
  const int first = literal_slot(*c, c->p->n_literals);
  if (c->slot[reg] >= first) c->free_temporary[c->slot[reg] - first] = true;
}

void add_loop(Compiler* c, const StepKey& key, const int* args, int out, bool scalar) {
  Loop* loop = &c->p->loops[c->p->n_loops++];
  loop->run = float_step(key);
  if (loop->run == nullptr) loop->run = integer_step(key);
  if (loop->run == nullptr) c->failed = true;
  for (int a = 0; a < kMaxStepArgs; ++a) loop->args[a] = static_cast<uint16_t>(args[a]);
  loop->out = static_cast<uint16_t>(out);
  loop->scalar = scalar;
}

void find_last_uses(Compiler* c) {
  for (int r = 0; r < kMaxRegisters; ++r) c->last_use[r] = -1;
  for (int s = 0; s < c->program.n_steps; ++s) {
    for (int a = 0; a < c->program.steps[s].n_args; ++a) {
      const int reg = c->program.steps[s].args[a];
      if (reg >= 0) c->last_use[reg] = s;
    }
  }
  for (int r = 0; r < c->program.n_results; ++r) {
    c->last_use[c->program.results[r]] = c->program.n_steps;
  }
}

// Bool operands of a chain become 0 and 1 first.
void load_operands(Compiler* c) {
  const bool chain = c->op.op == Opcode::chain;
  for (int k = 0; k < c->op.n_in; ++k) {
    c->slot[k] = k;
    c->scalar[k] = c->p->in_step[k] == 0;
    if (!chain || !is_bool(*c, k) || c->last_use[k] < 0) continue;
    c->slot[k] = take_temporary(c);
    Loop* loop = &c->p->loops[c->p->n_loops++];
    loop->run = load_bools(c->dtype);
    loop->args[0] = loop->args[1] = loop->args[2] = static_cast<uint16_t>(k);
    loop->out = static_cast<uint16_t>(c->slot[k]);
    loop->scalar = c->scalar[k];
  }
}

// A result may be one of the operands in memory, so it must not be written while a later step, or
// a result that is itself an operand, still reads an operand of the same size.
bool reads_later(const Compiler& c, int step) {
  for (int k = 0; k < c.op.n_in; ++k) {
    if (c.op.in[k].count == c.op.out[0].count && c.slot[k] == k && c.last_use[k] > step) {
      return true;
    }
  }
  return false;
}

// Where step `s` writes: straight into a result if that is safe.
int output_slot(Compiler* c, int s, bool scalar) {
  const int reg = c->program.n_inputs + s;
  const bool spread = scalar && c->p->row_length > 1;
  if (!spread && !reads_later(*c, s)) {
    for (int r = 0; r < c->program.n_results; ++r) {
      if (c->program.results[r] == reg) return c->p->n_in + r;
    }
  }
  return take_temporary(c);
}

void compile_step(Compiler* c, int s) {
  const ChainStep& step = c->program.steps[s];
  const int reg = c->program.n_inputs + s;
  if (c->last_use[reg] < 0) return;  // nobody reads it
  StepKey key = {step.op, c->dtype, in_bytes(*c), false, {true, true, true}};
  key.byte_operand = step.op == Opcode::where && c->op.op == Opcode::where;
  int args[kMaxStepArgs] = {};
  bool scalar = true;
  for (int a = 0; a < step.n_args; ++a) {
    const int source = step.args[a];
    args[a] = source >= 0 ? c->slot[source] : literal_slot(*c, -1 - source);
    key.scalar[a] = source < 0 || c->scalar[source];
    scalar = scalar && key.scalar[a];
  }
  if (scalar) key.scalar[0] = key.scalar[1] = key.scalar[2] = false;  // a loop of one element
  c->scalar[reg] = scalar;
  c->slot[reg] = output_slot(c, s, scalar);
  add_loop(c, key, args, c->slot[reg], scalar);
  for (int a = 0; a < step.n_args; ++a) {
    const int source = step.args[a];
    if (source >= 0 && c->last_use[source] == s) release(c, source);
  }
}

// Results not yet in place.
void store_results(Compiler* c) {
  for (int r = 0; r < c->program.n_results; ++r) {
    const int reg = c->program.results[r], out = c->p->n_in + r;
    if (c->slot[reg] == out) continue;
    const StepKey key = {Opcode::copy, c->dtype, false, false, {c->scalar[reg], false, false}};
    const int args[kMaxStepArgs] = {c->slot[reg], c->slot[reg], c->slot[reg]};
    add_loop(c, key, args, out, false);
  }
}

// Operands that are results must all be read before the first result that might be one of them
// is written: through temporaries.
void protect_operands(Compiler* c) {
  for (int r = 0; r < c->program.n_results; ++r) {
    const int reg = c->program.results[r];
    if (reg >= c->program.n_inputs || c->slot[reg] != reg) continue;
    const int temporary = take_temporary(c);
    const bool scalar = c->scalar[reg];
    const StepKey key = {Opcode::copy, c->dtype, false, false, {false, false, false}};
    const int args[kMaxStepArgs] = {reg, reg, reg};
    add_loop(c, key, args, temporary, scalar);
    c->slot[reg] = temporary;
  }
}

void store_literals(Compiler* c) {
  for (int k = 0; k < c->program.n_literals; ++k) {
    unsigned char* target = c->p->literals + k * c->p->element_size;
    if (c->dtype == DType::kFloat32) {
      const float value = static_cast<float>(c->program.literals[k]);
      __builtin_memcpy(target, &value, sizeof value);
    } else {
      __builtin_memcpy(target, &c->program.literals[k], sizeof(double));
    }
  }
}

// The type the loops work on; `where` only moves values.
DType loop_dtype(const OpView& op) {
  if (op.op == Opcode::chain) return op.out[0].dtype;
  if (op.op != Opcode::where) return op.in[0].dtype;
  switch (dtype_size(op.in[1].dtype)) {
    case 1: return DType::kUInt8;
    case 4: return op.in[1].dtype == DType::kFloat32 ? DType::kFloat32 : DType::kInt32;
    case 8: return op.in[1].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kInt64;
    default: return op.in[1].dtype;
  }
}

bool is_transcendental(Opcode op) {
  return (op >= Opcode::exp && op <= Opcode::erf) || (op >= Opcode::sin && op <= Opcode::digamma) ||
         (op >= Opcode::pow && op <= Opcode::atan2);
}

void cut(const OpView& op, const ChainProgram& program, ChainParams* p) {
  double flops = 0.0;
  for (int s = 0; s < program.n_steps; ++s) {
    flops += is_transcendental(program.steps[s].op) ? 16.0 : 1.0;
  }
  int64_t bytes = p->out_size * p->n_out;
  for (int k = 0; k < p->n_in; ++k) {
    if (op.in[k].count == op.out[0].count) bytes += p->in_size[k];
  }
  p->row_length = p->nest.dims[p->nest.rank - 1];
  p->chunk = p->row_length < kChunk ? p->row_length : kChunk;
  p->chunks_per_row = piece_count(p->row_length, p->chunk);
  p->units = nest_rows(p->nest) * p->chunks_per_row;
  p->units_per_piece =
      cut_pieces(p->units, bytes * p->chunk, flops * static_cast<double>(p->chunk), 1);
}

void describe_operands(const OpView& op, DType dtype, ChainParams* p) {
  p->n_in = op.n_in;
  p->n_out = op.n_out;
  p->element_size = dtype_size(dtype);
  p->out_size = dtype_size(op.out[0].dtype);
  make_nest(op.in, op.n_in, op.out[0], &p->nest);
  for (int k = 0; k < op.n_in; ++k) {
    p->in_size[k] = dtype_size(op.in[k].dtype);
    p->in_step[k] = p->nest.strides[k][p->nest.rank - 1] * p->in_size[k];
  }
}

const char* compile(const OpView& op, DType dtype, const ChainProgram& program, ChainParams* p) {
  Compiler c = {op, program, p, dtype, {}, {}, {}, {}, false};
  p->n_literals = program.n_literals;
  store_literals(&c);
  find_last_uses(&c);
  load_operands(&c);
  for (int s = 0; s < program.n_steps; ++s) compile_step(&c, s);
  if (op.op == Opcode::chain) {
    protect_operands(&c);
    store_results(&c);
  }
  return c.failed ? "dtype not supported" : nullptr;
}

const char* bind_chain(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = loop_dtype(op);
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  ChainParams* p = alloc_params<ChainParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  describe_operands(op, dtype, p);
  cut(op, program, p);
  error = compile(op, dtype, program, p);
  if (error != nullptr) return error;
  p->block = p->chunk;
  if (p->n_temporaries > 0) {
    p->block = kTemporaryBytes / (p->n_temporaries * p->element_size) / 64 * 64;
    if (p->block > kBlock) p->block = kBlock;
    if (p->block < 64) p->block = 64;
  }
  bound->params = p;
  bound->phases[0] = {run_chain, piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  bound->worker_bytes = p->n_temporaries * p->block * p->element_size;
  return nullptr;
}

#define PYDL_STEP(op) {Opcode::op, #op "_vector", bind_chain}
const Candidate kCandidates[] = {
    PYDL_STEP(neg),
    PYDL_STEP(abs),
    PYDL_STEP(sign),
    PYDL_STEP(square),
    PYDL_STEP(sqrt),
    PYDL_STEP(rsqrt),
    PYDL_STEP(reciprocal),
    PYDL_STEP(exp),
    PYDL_STEP(expm1),
    PYDL_STEP(log),
    PYDL_STEP(log1p),
    PYDL_STEP(tanh),
    PYDL_STEP(sigmoid),
    PYDL_STEP(softplus),
    PYDL_STEP(erf),
    PYDL_STEP(relu),
    PYDL_STEP(floor),
    PYDL_STEP(sin),
    PYDL_STEP(cos),
    PYDL_STEP(ceil),
    PYDL_STEP(round),
    PYDL_STEP(trunc),
    PYDL_STEP(tan),
    PYDL_STEP(asin),
    PYDL_STEP(acos),
    PYDL_STEP(atan),
    PYDL_STEP(sinh),
    PYDL_STEP(cosh),
    PYDL_STEP(asinh),
    PYDL_STEP(acosh),
    PYDL_STEP(atanh),
    PYDL_STEP(exp2),
    PYDL_STEP(log2),
    PYDL_STEP(log10),
    PYDL_STEP(erfinv),
    PYDL_STEP(lgamma),
    PYDL_STEP(digamma),
    PYDL_STEP(logical_not),
    PYDL_STEP(isfinite),
    PYDL_STEP(add),
    PYDL_STEP(sub),
    PYDL_STEP(mul),
    PYDL_STEP(div),
    PYDL_STEP(pow),
    PYDL_STEP(mod),
    PYDL_STEP(floor_div),
    PYDL_STEP(atan2),
    PYDL_STEP(maximum),
    PYDL_STEP(minimum),
    PYDL_STEP(equal),
    PYDL_STEP(not_equal),
    PYDL_STEP(less),
    PYDL_STEP(less_equal),
    PYDL_STEP(greater),
    PYDL_STEP(greater_equal),
    PYDL_STEP(logical_and),
    PYDL_STEP(logical_or),
    PYDL_STEP(relu_grad),
    PYDL_STEP(sigmoid_grad),
    PYDL_STEP(tanh_grad),
    PYDL_STEP(bitwise_and),
    PYDL_STEP(bitwise_or),
    PYDL_STEP(bitwise_xor),
    PYDL_STEP(left_shift),
    PYDL_STEP(right_shift),
    PYDL_STEP(bitwise_not),
    PYDL_STEP(where),
    PYDL_STEP(chain),
    {Opcode::copy, "copy_bytes", bind_copy},
    {Opcode::cast, "cast_vector", bind_cast},
};
#undef PYDL_STEP

}  // namespace

const Family kElementwiseFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
