// Ops on 16-bit floats by kernels for float32: operands are widened into scratch memory, the kernel
// runs there, results are rounded to the nearest 16-bit floats.
#pragma once

#include "runtime/bind.h"

namespace pydl {

bool is_half(DType dtype);  // float16 or bfloat16
bool any_half(const OpView& op);

// Tries every candidate of `bundle` on float32 operands in place of `op`'s 16-bit ones. The
// candidate taken, or null; refusals are added to `refused`. Fails only when memory is exhausted.
Status bind_widened(const OpView& op, const Bundle& bundle, std::string_view kernel, Binder* binder,
                    BoundInstruction* out, const Candidate** taken);

}  // namespace pydl
