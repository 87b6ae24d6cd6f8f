#include <pybind11/pybind11.h>

#include "bindings/register.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "pydl's native library: the op gate, plans, programs and kernels.";
  pydl::register_plan(m);
  pydl::register_device(m);
  pydl::register_program(m);
  pydl::register_eager(m);
  pydl::register_info(m);
}
