// The inner loops of elementwise ops: one function per op, dtype and pattern of scalar operands.
#pragma once

#include "kernels/cpu/bundle.h"
#include "kernels/kernel.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {

// out[i] = op(a[i], b[i], c[i]), i < n. `out` may be one of the operands.
using StepFn = void (*)(const void* a, const void* b, const void* c, void* out, int64_t n);

struct StepKey {
  Opcode op;
  DType dtype;        // of the values
  bool to_bytes;      // the result is bool in memory, else 0 and 1 in `dtype`
  bool byte_operand;  // where: the condition is bool in memory
  bool scalar[3];     // operands of which only the first element is read
};

// nullptr: no such loop.
StepFn float_step(const StepKey& key);
StepFn integer_step(const StepKey& key);  // also bool

// Steps that follow each other with their values in registers: kLinked vectors at a time go through
// a row of links, each of which computes one step and jumps to the next. The first loads, the last
// stores. A link's other operand is memory, or one element for all.
constexpr int kLinked = 8;

struct Link {
  void (*run)();  // of the signature that elementwise_links.h gives it
  const void* operand;
};

struct LinkKey {
  Opcode op;
  DType dtype;
  bool held_is_second;  // the value in registers is operand b
  bool scalar;  // the other one is one element
};

// nullptr: the step has no such form.
void (*float_link(const LinkKey& key))();
void (*load_link(DType dtype))();
void (*store_link(DType dtype, bool past_caches))();
// Elements [0, n) by links[0], ...; n is a multiple of kLinked vectors.
void run_links(const Link* links, DType dtype, int64_t n);

// Bool in memory to 0 and 1.
StepFn load_bools(DType dtype);

const char* bind_chain_reduce(const OpView& op, Binder* binder, Bound* bound);
const char* bind_cast(const OpView& op, Binder* binder, Bound* bound);
const char* bind_copy(const OpView& op, Binder* binder, Bound* bound);

}  // namespace pydl::PYDL_ISA
