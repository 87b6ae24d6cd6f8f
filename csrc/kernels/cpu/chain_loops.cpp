#include "kernels/cpu/chain_loops.h"

#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kBlock = 512;             // elements, with temporaries
constexpr int64_t kTemporaryBytes = 16384;  // of all temporaries together, half of L1

// Which slot holds each register while the program is compiled.
struct Compiler {
  const OpView& op;
  const ChainProgram& program;
  ChainLoops* p;
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

// Operands of a step that may be a link; 0 of others.
int ops_arity(Opcode op) {
  if (op >= Opcode::neg && op <= Opcode::isfinite) return 1;
  if (op >= Opcode::add && op <= Opcode::tanh_grad) return 2;
  return op == Opcode::copy ? 1 : 0;
}

void add_loop(Compiler* c, const StepKey& key, const int* args, int out, bool scalar) {
  Loop* loop = &c->p->loops[c->p->n_loops++];
  loop->run = float_step(key);
  if (loop->run == nullptr) loop->run = integer_step(key);
  if (loop->run == nullptr) c->failed = true;
  for (int a = 0; a < kMaxStepArgs; ++a) loop->args[a] = static_cast<uint16_t>(args[a]);
  loop->out = static_cast<uint16_t>(out);
  loop->scalar = scalar;
  loop->op = key.op;
  loop->n_args = static_cast<uint8_t>(ops_arity(key.op));
  for (int a = 0; a < kMaxStepArgs; ++a) loop->scalar_args[a] = key.scalar[a];
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

void describe_operands(const OpView& op, DType dtype, const TensorView& full, ChainLoops* p) {
  p->n_in = op.n_in;
  p->n_out = op.n_out;
  p->element_size = dtype_size(dtype);
  p->out_size = dtype_size(op.out[0].dtype);
  make_nest(op.in, op.n_in, full, &p->nest);
  p->row_length = p->nest.dims[p->nest.rank - 1];
  for (int k = 0; k < op.n_in; ++k) {
    p->in_size[k] = dtype_size(op.in[k].dtype);
    p->in_step[k] = p->nest.strides[k][p->nest.rank - 1] * p->in_size[k];
  }
}

// --- links

bool is_temporary(const ChainLoops& p, int slot) { return slot >= p.n_in + p.n_out + p.n_literals; }

bool reads(const Loop& loop, int slot) {
  for (int a = 0; a < kMaxStepArgs; ++a) {
    if (loop.args[a] == slot) return true;
  }
  return false;
}

// Whether loop s + 1 alone reads what loop s writes, as one of its operands.
bool hands_on(const ChainLoops& p, int s) {
  const int slot = p.loops[s].out;
  if (!is_temporary(p, slot) || s + 1 == p.n_loops) return false;
  const Loop& next = p.loops[s + 1];
  int times = 0;
  for (int a = 0; a < next.n_args; ++a) times += next.args[a] == slot;
  if (times != 1 || next.scalar) return false;
  for (int t = s + 2; t < p.n_loops && p.loops[t - 1].out != slot; ++t) {
    if (reads(p.loops[t], slot)) return false;
  }
  return true;
}

// Gives the loop a link with operand `held` in registers; false if it has none.
bool make_link(const ChainLoops& p, int held, Loop* loop) {
  if (loop->scalar || loop->n_args == 0 || loop->scalar_args[held]) return false;
  const bool binary = loop->n_args == 2;
  const LinkKey key = {loop->op, p.dtype, binary && held == 1,
                       binary && loop->scalar_args[1 - held]};
  loop->held = static_cast<uint8_t>(held);
  loop->link = float_link(key);
  return loop->link != nullptr;
}

bool start_link(const ChainLoops& p, Loop* loop) {
  return make_link(p, 0, loop) || (loop->n_args == 2 && make_link(p, 1, loop));
}

// Runs of loops that hand on their values are linked; a run of one is when it stores past caches.
void link_loops(ChainLoops* p) {
  for (int s = 0; s < p->n_loops;) {
    Loop* first = &p->loops[s];
    int count = start_link(*p, first) ? 1 : 0;
    while (count > 0 && hands_on(*p, s + count - 1)) {
      Loop* next = &p->loops[s + count];
      if (!make_link(*p, next->args[0] == p->loops[s + count - 1].out ? 0 : 1, next)) break;
      ++count;
    }
    const bool streams =
        p->stream && !is_temporary(*p, p->loops[s + (count > 0 ? count - 1 : 0)].out);
    first->links = count > 1 || (count == 1 && streams) ? count : 0;
    s += count > 0 ? count : 1;
  }
}

void choose_block(ChainLoops* p) {
  p->block = p->row_length < kChunk ? p->row_length : kChunk;
  if (p->n_temporaries == 0) return;
  p->block = kTemporaryBytes / (p->n_temporaries * p->element_size) / 64 * 64;
  if (p->block > kBlock) p->block = kBlock;
  if (p->block < 64) p->block = 64;
}

}  // namespace

double chain_flops(const ChainProgram& program) {
  double flops = 0.0;
  for (int s = 0; s < program.n_steps; ++s) {
    flops += is_transcendental(program.steps[s].op) ? 16.0 : 1.0;
  }
  return flops;
}

int64_t chain_bytes(const OpView& op, const TensorView& full) {
  int64_t bytes = 0;
  for (int r = 0; r < op.n_out; ++r) {
    if (op.out[r].count == full.count) bytes += dtype_size(op.out[r].dtype);
  }
  for (int k = 0; k < op.n_in; ++k) {
    if (op.in[k].count == full.count) bytes += dtype_size(op.in[k].dtype);
  }
  return bytes;
}

void place_fixed(const ChainLoops& p, unsigned char* temporaries, void** slots) {
  void** slot = slots + p.n_in + p.n_out;
  for (int k = 0; k < p.n_literals; ++k) {
    *slot++ = const_cast<unsigned char*>(p.literals) + k * p.element_size;
  }
  for (int k = 0; k < p.n_temporaries; ++k) {
    *slot++ = temporaries + k * p.block * p.element_size;
  }
}

const char* compile_chain(const OpView& op, const ChainProgram& program, const TensorView& full,
                          ChainLoops* p) {
  const DType dtype = loop_dtype(op);
  describe_operands(op, dtype, full, p);
  p->dtype = dtype;
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
  choose_block(p);
  if (c.failed) return "dtype not supported";
  const int64_t bytes = chain_bytes(op, full) * full.count;
  p->stream = bytes >= kStreamBytes;
  if (dtype == DType::kFloat32 || dtype == DType::kFloat64) link_loops(p);
  return nullptr;
}

// What is left behind whole groups of vectors: loop by loop.
static void run_rest(const ChainLoops& p, int first, void* const* slots, int64_t at, int64_t n) {
  for (int s = first; s < first + p.loops[first].links; ++s) {
    const Loop& loop = p.loops[s];
    const auto place = [&](int slot, bool scalar) {
      return static_cast<unsigned char*>(slots[slot]) + (scalar ? 0 : at * p.element_size);
    };
    loop.run(place(loop.args[0], loop.scalar_args[0]), place(loop.args[1], loop.scalar_args[1]),
             place(loop.args[2], loop.scalar_args[2]), place(loop.out, false), n);
  }
}

void run_linked(const ChainLoops& p, int first, void* const* slots, int64_t n) {
  Link links[kMaxLoops + 2];
  const int count = p.loops[first].links;
  links[0] = {load_link(p.dtype), slots[p.loops[first].args[p.loops[first].held]]};
  for (int k = 0; k < count; ++k) {
    const Loop& loop = p.loops[first + k];
    links[k + 1] = {loop.link, slots[loop.args[loop.n_args == 2 ? 1 - loop.held : 0]]};
  }
  const int out = p.loops[first + count - 1].out;
  const bool aligned = reinterpret_cast<uintptr_t>(slots[out]) % kVectorBytes == 0;
  bool in_place = false;  // then the lines are in the caches already
  for (int k = 0; k < p.n_in; ++k) in_place |= slots[k] == slots[out];
  const bool streams = p.stream && aligned && !in_place && !is_temporary(p, out);
  if (count == 1 && !streams) return run_rest(p, first, slots, 0, n);
  links[count + 1] = {store_link(p.dtype, streams), slots[out]};
  const int64_t group = kLinked * kVectorBytes / p.element_size;
  const int64_t whole = n / group * group;
  run_links(links, p.dtype, whole);
  if (whole < n) run_rest(p, first, slots, whole, n - whole);
}

}  // namespace pydl::PYDL_ISA
