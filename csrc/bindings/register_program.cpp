#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "bindings/buffers.h"
#include "bindings/convert.h"
#include "bindings/device_array.h"
#include "bindings/register.h"
#include "kernels/shuffle.h"
#include "runtime/program.h"

namespace pydl {
namespace {

// A slot table that keeps its arrays alive.
class PyState {
 public:
  explicit PyState(int slots) : state_(slots), arrays_(static_cast<size_t>(slots)) {}

  void set(int index, py::object array, const PyMirror* mirror) {
    check(index);
    const BufferList list(py::make_tuple(array), true, "state");
    const Buffer& buffer = list.buffers()[0];
    std::shared_ptr<Mirror> shared = mirror == nullptr ? nullptr : mirror->mirror();
    if (shared != nullptr && (shared->host() != buffer.data || shared->bytes() != buffer.bytes)) {
      throw py::value_error("state " + std::to_string(index) +
                            ": the mirror is one of another array");
    }
    state_.set(index, buffer.data, buffer.bytes, buffer.dtype, std::move(shared));
    arrays_[static_cast<size_t>(index)] = std::move(array);
  }

  void touch(int index) {
    check(index);
    state_.touch(index);
  }

  const State& state() const { return state_; }

 private:
  void check(int index) const {
    if (index < 0 || index >= state_.size()) {
      throw py::index_error("state slot " + std::to_string(index) + " of " +
                            std::to_string(state_.size()));
    }
  }

  State state_;
  std::vector<py::object> arrays_;
};

std::unique_ptr<Program> bind_entry(const std::string& text, const std::string& name,
                                    const std::string& isa, const std::string& precision) {
  const Precision wanted = precision_from(precision);
  std::unique_ptr<Program> program;
  {
    const py::gil_scoped_release release;  // works on copies of its arguments only
    Plan plan;
    Status status = parse_plan(text, &plan);
    if (status.ok()) {
      const Entry* entry = plan.find(name);
      status = entry == nullptr ? Status(Code::kNotFound, "the plan has no entry '" + name + "'")
                                : Program::bind(*entry, plan.state, isa, &program, wanted);
    }
    const py::gil_scoped_acquire acquire;
    throw_if_error(status);
  }
  return program;
}

int64_t run_program(const Program& program, const PyState& state, const py::sequence& inputs,
                    const py::sequence& outputs, bool wait, std::vector<double>* seconds) {
  const BufferList in(inputs, false, "input", Memory::kAny);
  const BufferList out(outputs, true, "output", Memory::kAny);
  int64_t passes = -1;
  Status status;
  {
    // The buffers are held by `in` and `out`, the state's arrays by `state`, for the whole call.
    const py::gil_scoped_release release;
    int64_t* told = wait ? &passes : nullptr;
    status = program.run(state.state(), in.buffers(), out.buffers(), told, seconds);
  }
  throw_if_error(status);
  return passes;
}

py::dict explain_one(const BoundInstruction& bound, const Instruction& instruction) {
  py::dict row;
  int64_t pieces = 0;
  for (int p = 0; p < bound.bound.n_phases; ++p) pieces += bound.bound.phases[p].pieces;
  row["op"] = opcode_name(bound.op);
  row["label"] = instruction.label;
  row["kernel"] = bound.kernel;
  row["isa"] = bound.isa;
  row["through"] = bound.through_float32 ? "float32" : "";
  row["pieces"] = pieces;
  row["flops"] = bound.flops;
  row["bytes"] = bound.bytes;
  row["refused"] = bound.refused;
  return row;
}

py::list explain(const Program& program) {
  py::list rows;
  for (size_t i = 0; i < program.instructions().size(); ++i) {
    rows.append(explain_one(program.instructions()[i], program.entry().code[i]));
  }
  return rows;
}

std::vector<double> profile(const Program& program, const PyState& state,
                            const py::sequence& inputs, const py::sequence& outputs) {
  std::vector<double> seconds(program.instructions().size(), 0.0);
  run_program(program, state, inputs, outputs, true, &seconds);
  return seconds;
}

py::list new_arrays(const std::vector<Spec>& specs) {
  py::list arrays;
  for (const Spec& spec : specs) {
    if (spec.dtype == DType::kBFloat16) py::module_::import("ml_dtypes");  // names it to NumPy
    arrays.append(py::array(py::dtype(dtype_name(spec.dtype)), spec.shape));
  }
  return arrays;
}

py::list run_op(const std::string& name, const py::sequence& inputs, const py::dict& attrs,
                const py::object& outputs, const std::string& isa, const std::string& kernel,
                const std::string& precision) {
  Opcode op;
  if (!find_opcode(name, &op)) throw py::value_error("unknown op '" + name + "'");
  const Attrs native = attrs_from_dict(attrs);
  const Precision wanted = precision_from(precision);
  const BufferList in(inputs, false, "input", Memory::kAny);
  std::vector<Spec> specs;
  for (size_t i = 0; i < in.buffers().size(); ++i) specs.push_back(in.spec(i));
  std::vector<Spec> results;
  throw_if_error(infer(op, specs, native, &results));
  std::unique_ptr<Program> program;
  throw_if_error(Program::bind_op(op, specs, results, native, isa, kernel, &program, wanted));
  const py::list arrays = outputs.is_none() ? new_arrays(results) : py::list(outputs);
  const BufferList out(arrays, true, "output", Memory::kAny);
  Status status;
  {
    const py::gil_scoped_release release;  // `in` and `out` hold the memory
    status = program->run(State(0), in.buffers(), out.buffers(), nullptr);
  }
  throw_if_error(status);
  return arrays;
}

std::vector<std::string> kernel_names(const std::string& name, const std::string& isa) {
  Opcode op;
  if (!find_opcode(name, &op)) throw py::value_error("unknown op '" + name + "'");
  const Bundle* bundle = nullptr;
  throw_if_error(choose_bundle(isa, &bundle));
  std::vector<std::string> names;
  for (const Candidate* candidate : candidates(*bundle, op)) names.emplace_back(candidate->name);
  return names;
}

void shuffle_array(const py::object& order, uint64_t seed) {
  const BufferList list(py::make_tuple(order), true, "order");
  const Buffer& buffer = list.buffers()[0];
  if (buffer.dtype != DType::kInt64) throw py::value_error("order: expected dtype int64");
  shuffle(static_cast<int64_t*>(buffer.data), buffer.bytes / 8, seed);
}

}  // namespace

void register_program(py::module_& m) {
  py::class_<PyState>(m, "State")
      .def(py::init<int>(), py::arg("slots"))
      .def("set", &PyState::set, py::arg("index"), py::arg("array"), py::arg("mirror") = py::none())
      .def("touch", &PyState::touch, py::arg("index"));

  py::class_<Program>(m, "Program")
      .def(py::init(&bind_entry), py::arg("text"), py::arg("entry"), py::arg("isa") = "",
           py::arg("precision") = "float32")
      .def_property_readonly("isa", [](const Program& p) { return p.isa(); })
      .def_property_readonly(
          "device",
          [](const Program& p) { return p.device() == nullptr ? "" : p.device()->name(); })
      .def_property_readonly("arena_bytes", [](const Program& p) { return p.entry().arena_bytes; })
      .def_property_readonly("scratch_bytes", &Program::scratch_bytes)
      .def_property_readonly("instructions",
                             [](const Program& p) { return p.instructions().size(); })
      .def(
          "run",
          [](const Program& program, const PyState& state, const py::sequence& inputs,
             const py::sequence& outputs,
             bool wait) { return run_program(program, state, inputs, outputs, wait, nullptr); },
          py::arg("state"), py::arg("inputs"), py::arg("outputs"), py::arg("wait") = true)
      .def("profile", &profile, py::arg("state"), py::arg("inputs"), py::arg("outputs"))
      .def("explain", &explain);

  m.def("run_op", &run_op, py::arg("op"), py::arg("inputs"), py::arg("attrs"),
        py::arg("outputs") = py::none(), py::arg("isa") = "", py::arg("kernel") = "",
        py::arg("precision") = "float32");
  m.def("kernels", &kernel_names, py::arg("op"), py::arg("isa") = "");
  m.def("shuffle", &shuffle_array, py::arg("order"), py::arg("seed"));
}

}  // namespace pydl
