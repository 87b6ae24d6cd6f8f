#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/buffers.h"
#include "bindings/convert.h"
#include "bindings/register.h"
#include "plan/plan.h"

namespace pydl {
namespace {

Opcode opcode_from(const std::string& name) {
  Opcode op = Opcode::copy;
  if (!find_opcode(name, &op)) throw py::value_error("unknown op '" + name + "'");
  return op;
}

// Called once per traced op: no copies beyond the specs.
py::list infer_specs(const std::string& name, py::handle inputs, const py::dict& attrs) {
  std::vector<Spec> outputs;
  throw_if_error(infer(opcode_from(name), specs_from(inputs), attrs_from_dict(attrs), &outputs));
  py::list results(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) results[i] = spec_to_python(outputs[i]);
  return results;
}

double count_flops(const std::string& name, py::handle inputs, py::handle outputs,
                   const py::dict& attrs) {
  const Opcode op = opcode_from(name);
  const std::vector<Spec> specs = specs_from(inputs);
  const Attrs native = attrs_from_dict(attrs);
  std::vector<Spec> results;
  throw_if_error(infer(op, specs, native, &results));
  if (results != specs_from(outputs)) {
    throw py::value_error(name + ": outputs are not what infer says");
  }
  return flops(op, specs, results, native);
}

std::vector<std::pair<std::string, std::string>> opcodes() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (int i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    rows.emplace_back(opcode_name(op), opcode_family(op));
  }
  return rows;
}

std::vector<std::string> dtypes() { return {kDTypeNames, kDTypeNames + kDTypeCount}; }

void check_plan(const std::string& text) {
  Plan plan;
  Status status;
  {
    const py::gil_scoped_release release;  // `text` is our copy
    status = parse_plan(text, &plan);
  }
  throw_if_error(status);
}

// An array over the model's own memory, which it keeps alive.
py::array array_over(const Spec& spec, const std::shared_ptr<void>& data) {
  if (spec.dtype == DType::kBFloat16) py::module_::import("ml_dtypes");  // names it to NumPy
  auto owner = std::make_unique<std::shared_ptr<void>>(data);
  const py::capsule base(owner.get(),
                         [](void* held) { delete static_cast<std::shared_ptr<void>*>(held); });
  owner.release();
  return py::array(py::dtype(dtype_name(spec.dtype)), spec.shape, data.get(), base);
}

// (plan text, arrays in the plan's state order)
py::tuple read_model_file(const std::string& path) {
  Model model;
  Status status;
  {
    const py::gil_scoped_release release;  // touches nothing of Python's
    status = read_model(path, &model);
  }
  throw_if_error(status);
  py::list state;
  for (size_t i = 0; i < model.state.size(); ++i) {
    state.append(array_over(model.plan.state[i].spec, model.state[i]));
  }
  return py::make_tuple(model.text, state);
}

void write_model_file(const std::string& path, const std::string& text,
                      const py::sequence& arrays) {
  Model model;
  model.text = text;
  throw_if_error(parse_plan(text, &model.plan));
  const BufferList list(arrays, false, "state");
  if (list.buffers().size() != model.plan.state.size()) {
    throw py::value_error("state: expected " + std::to_string(model.plan.state.size()) +
                          " arrays, received " + std::to_string(list.buffers().size()));
  }
  for (size_t i = 0; i < list.buffers().size(); ++i) {
    const StateSlot& slot = model.plan.state[i];
    const Buffer& buffer = list.buffers()[i];
    if (buffer.dtype != slot.spec.dtype || buffer.bytes != byte_size(slot.spec)) {
      throw py::value_error("state '" + slot.name + "': expected " + to_string(slot.spec) +
                            ", received " + dtype_name(buffer.dtype) + " of " +
                            std::to_string(buffer.bytes) + " bytes");
    }
    model.state.emplace_back(buffer.data, [](void*) {});  // `list` holds the memory
  }
  Status status;
  {
    const py::gil_scoped_release release;  // `list` holds the arrays' memory
    status = write_model(path, model);
  }
  throw_if_error(status);
}

}  // namespace

void register_plan(py::module_& m) {
  m.def("infer", &infer_specs, py::arg("op"), py::arg("inputs"), py::arg("attrs"),
        "Checks a call and returns the (dtype, shape) of each result; -1 is an unknown dimension.");
  m.def("flops", &count_flops, py::arg("op"), py::arg("inputs"), py::arg("outputs"),
        py::arg("attrs"), "Floating-point operations of one run.");
  m.def("opcodes", &opcodes, "(name, family) of every opcode.");
  m.def("dtypes", &dtypes, "The name of every dtype.");
  m.def("check_plan", &check_plan, py::arg("text"), "Raises ValueError unless this is a plan.");
  m.def("read_model", &read_model_file, py::arg("path"),
        "The plan text and the state's arrays of a .pydl file.");
  m.def("write_model", &write_model_file, py::arg("path"), py::arg("text"), py::arg("state"),
        "Writes a .pydl file atomically; `state` in the plan's order.");
}

}  // namespace pydl
