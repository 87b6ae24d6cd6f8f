// One function per topic; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

namespace pydl {

void register_plan(pybind11::module_& m);
void register_program(pybind11::module_& m);
void register_eager(pybind11::module_& m);
void register_info(pybind11::module_& m);
void register_device(pybind11::module_& m);

}  // namespace pydl
