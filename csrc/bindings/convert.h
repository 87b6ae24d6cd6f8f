// What crosses between Python and C++: attributes, specs and errors. Arrays cross as buffers, and
// flexible arguments (int or pair, axis None) are normalised in Python before they come here.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "kernels/kernel.h"
#include "plan/op.h"
#include "plan/status.h"

namespace pydl {

namespace py = pybind11;

// {"axes": (0, 1), "keepdims": True, "value": 0.5, "dtype": "float32"}. Values are integers (bool
// too), floats, str, or a list or tuple of numbers. Raises TypeError for anything else and
// OverflowError for an integer outside int64.
Attrs attrs_from_dict(const py::dict& attrs);

// "float32" -> DType. Raises ValueError naming the dtypes there are.
DType dtype_from(py::handle name);

// "float32", "exact", "tensorfloat32" or "bfloat16"; raises ValueError for another name.
Precision precision_from(const std::string& name);

// ("float32", (32, None)); a dimension is an int >= 0, -1 or None (unknown).
Spec spec_from(py::handle dtype_name, py::handle shape);

// A list or tuple of (dtype name, shape) pairs.
std::vector<Spec> specs_from(py::handle pairs);

// (dtype name, shape tuple), unknown dimensions as -1.
py::tuple spec_to_python(const Spec& spec);
py::tuple shape_to_python(const Spec& spec);

// Raises the exception that fits the code: ValueError for wrong arguments, files and data, OSError,
// MemoryError, RuntimeError.
void throw_if_error(const Status& status);

}  // namespace pydl
