// May an instruction write where it reads? Pieces of it run at the same time.
#pragma once

#include <vector>

#include "plan/plan.h"
#include "plan/sweep.h"

namespace pydl {

// Results must not overlap each other. A result overlaps no operand, except that it may have
// exactly an operand's bytes: any operand of the same shape for elementwise ops, the tensor it
// replaces for optimizer updates. Values that the loops around move alike are compared in one pass,
// others with all the bytes they have in any pass.
Status check_overlap(const std::vector<Value>& values, const Instruction& instruction,
                     const Sweeps& sweeps);

}  // namespace pydl
