// Problems for the native comparison of kernels: an op, its operands' specs, attributes.
#pragma once

#include <string>
#include <vector>

#include "plan/op.h"

namespace pydl::test {

struct Problem {
  Opcode op = Opcode::copy;
  std::vector<Spec> inputs;
  Attrs attrs;
  bool positive = false;  // float operands are drawn from (0.1, 2), else from (-2, 2)
  int64_t range = 4;      // integer operands are drawn from [0, range)
  int64_t length = 1;     // terms summed into one result: the tolerance grows with it
};

std::string to_string(const Problem& problem);

// The same problems on every machine: all families, lengths around 0, 1 and a vector's.
std::vector<Problem> all_problems();

}  // namespace pydl::test
