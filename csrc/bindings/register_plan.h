// The gate and the plan reader, for Python.
#pragma once

#include <pybind11/pybind11.h>

namespace pydl {

// check_plan, read_model, infer, flops, opcodes, dtypes.
void register_plan(pybind11::module_& m);

}  // namespace pydl
