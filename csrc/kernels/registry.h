// Which bundles this build and this machine have, and the candidates of an opcode in order.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/kernel.h"
#include "plan/export.h"

namespace pydl {

// Bundles this CPU can run, widest first; "ref" is always last.
PYDL_EXPORT const std::vector<const Bundle*>& available_bundles();

// `isa` itself, or when that is "" what PYDL_ISA says; "" when neither asks for one.
PYDL_EXPORT std::string_view requested_isa(std::string_view isa);

// The bundle that `requested_isa(isa)` names, the widest for "". nullptr when it is unknown here or
// this CPU lacks it.
PYDL_EXPORT const Bundle* find_bundle(std::string_view isa);

// Candidates for `op`: those of `bundle` in order, then those of "ref".
PYDL_EXPORT std::vector<const Candidate*> candidates(const Bundle& bundle, Opcode op);

}  // namespace pydl
