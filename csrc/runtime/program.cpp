#include "runtime/program.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "runtime/device/device.h"
#include "runtime/device/program.h"
#include "runtime/device/transfer.h"
#include "runtime/run.h"

namespace pydl {
namespace {

std::vector<Spec> specs_of(const Entry& entry, const std::vector<int>& values) {
  std::vector<Spec> specs;
  specs.reserve(values.size());
  for (int v : values) specs.push_back(entry.values[static_cast<size_t>(v)].spec);
  return specs;
}

// Values of a one-op entry: caller memory on both sides.
void add_port(Entry* entry, Place place, const Spec& spec, std::vector<Port>* ports,
              std::vector<int>* operands) {
  const int index = static_cast<int>(ports->size());
  ports->push_back({std::to_string(index), spec, 0});
  operands->push_back(static_cast<int>(entry->values.size()));
  entry->values.push_back({spec, place, index, 0});
}

std::string port_name(const char* what, const Port& port) {
  return std::string(what) + " '" + port.name + "'";
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

Status Program::bind(const Entry& entry, const std::vector<StateSlot>& state, std::string_view isa,
                     std::unique_ptr<Program>* out, Precision precision) {
  auto program = std::make_unique<Program>();
  program->entry_ = entry;
  program->state_ = state;
  program->precision_ = precision;
  PYDL_RETURN_IF_ERROR(choose_bundle(isa, &program->bundle_, &program->device_));
  PYDL_RETURN_IF_ERROR(program->bind_code({}));
  *out = std::move(program);
  return {};
}

Status Program::bind_op(Opcode op, const std::vector<Spec>& inputs,
                        const std::vector<Spec>& outputs, const Attrs& attrs, std::string_view isa,
                        std::string_view kernel, std::unique_ptr<Program>* out,
                        Precision precision) {
  auto program = std::make_unique<Program>();
  program->precision_ = precision;
  PYDL_RETURN_IF_ERROR(choose_bundle(isa, &program->bundle_, &program->device_));
  Entry& entry = program->entry_;
  Instruction instruction;
  instruction.op = op;
  instruction.attrs = attrs;
  for (const Spec& spec : inputs) {
    add_port(&entry, Place::kInput, spec, &entry.inputs, &instruction.inputs);
  }
  for (const Spec& spec : outputs) {
    add_port(&entry, Place::kOutput, spec, &entry.outputs, &instruction.outputs);
  }
  entry.code.push_back(std::move(instruction));
  PYDL_RETURN_IF_ERROR(program->bind_code(kernel));
  *out = std::move(program);
  return {};
}

std::vector<bool> Program::written_state() const {
  std::vector<bool> written(state_.size(), false);
  for (const Instruction& instruction : entry_.code) {
    for (int v : instruction.outputs) {
      const Value& value = entry_.values[static_cast<size_t>(v)];
      if (value.place == Place::kState) written[static_cast<size_t>(value.index)] = true;
    }
  }
  return written;
}

Status Program::bind_code(std::string_view kernel) {
  written_ = written_state();
  moving_ = moving_values();
  instructions_.reserve(entry_.code.size());
  control_.reserve(entry_.code.size());
  for (const Instruction& instruction : entry_.code) {
    PYDL_RETURN_IF_ERROR(bind_one(instruction, kernel));
  }
  add_loops();
  if (device_ != nullptr) on_device_ = DeviceProgram::make(*this, device_);
  return {};
}

// The values that inner loops move: they are not constant, whatever they stand in.
std::vector<bool> Program::moving_values() const {
  std::vector<bool> moving(entry_.values.size(), false);
  for (const Instruction& instruction : entry_.code) {
    if (instruction.op != Opcode::loop) continue;
    for (int64_t v : instruction.attrs.get_ints("values")) moving[static_cast<size_t>(v)] = true;
  }
  return moving;
}

void Program::add_loops() {
  std::vector<int> ends;
  for (size_t i = 0; i < entry_.code.size(); ++i) {
    if (entry_.code[i].op != Opcode::loop) continue;
    const int here = static_cast<int>(i);
    while (!ends.empty() && ends.back() <= here) ends.pop_back();
    ends.push_back(control_[i].end);
    deepest_ = std::max(deepest_, static_cast<int>(ends.size()));
    add_loop(here);
  }
}

// The operands that move with a loop: those that lie in a stepped input or output with the entry's,
// its `values` with an inner one.
void Program::add_loop(int instruction) {
  const Instruction& code = entry_.code[static_cast<size_t>(instruction)];
  Control& control = control_[static_cast<size_t>(instruction)];
  control.loop = static_cast<int>(loops_.size());
  const bool inner = code.attrs.find("most") != nullptr;
  std::unordered_map<int, int64_t> steps;
  const std::vector<int64_t> values = code.attrs.get_ints("values");
  const std::vector<int64_t> each = code.attrs.get_ints("steps");
  for (size_t k = 0; k < values.size(); ++k) steps[static_cast<int>(values[k])] = each[k];
  const auto step_of = [&](int v) -> int64_t {
    const Value& value = entry_.values[static_cast<size_t>(v)];
    const auto index = static_cast<size_t>(value.index);
    const auto found = steps.find(v);
    if (inner) return found == steps.end() ? 0 : found->second;
    if (value.place == Place::kInput) return entry_.inputs[index].step;
    return value.place == Place::kOutput ? entry_.outputs[index].step : 0;
  };
  const int first = static_cast<int>(stepped_.size());
  int operand = control.first_input + static_cast<int>(code.inputs.size());
  for (int i = instruction + 1; i < control.end; ++i) {
    const Instruction& covered = entry_.code[static_cast<size_t>(i)];
    for (const std::vector<int>* list : {&covered.inputs, &covered.outputs}) {
      for (int v : *list) {
        if (const int64_t step = step_of(v); step != 0) stepped_.push_back({operand, step});
        ++operand;
      }
    }
  }
  const int64_t most = code.attrs.get_int("most", std::numeric_limits<int64_t>::max());
  loops_.push_back({instruction, inner, most, first, static_cast<int>(stepped_.size())});
}

void Program::add_operands(const Instruction& instruction) {
  for (const std::vector<int>* list : {&instruction.inputs, &instruction.outputs}) {
    for (int v : *list) {
      const Value& value = entry_.values[static_cast<size_t>(v)];
      operands_.push_back({value.place, value.index, value.offset});
    }
  }
}

void Program::add_derived(const Instruction& instruction, const Bound& bound) {
  for (int d = 0; d < bound.n_derived; ++d) {
    const auto operand = static_cast<size_t>(bound.derived[d].operand);
    const Value& value = entry_.values[static_cast<size_t>(instruction.inputs[operand])];
    derived_.add(bound.derived[d], bound.params, value.index, value.offset);
  }
}

Status Program::bind_one(const Instruction& instruction, std::string_view kernel) {
  const int here = static_cast<int>(instructions_.size());
  const int first_input = static_cast<int>(operands_.size());
  control_.push_back({first_input, first_input + static_cast<int>(instruction.inputs.size()),
                      here + 1, derived_.size(), -1});
  instructions_.emplace_back();
  BoundInstruction& bound = instructions_.back();
  bound.op = instruction.op;
  add_operands(instruction);
  if (instruction.op == Opcode::loop || instruction.op == Opcode::if_) {
    const char* range = instruction.op == Opcode::loop ? "body" : "skip";
    control_.back().end = here + 1 + static_cast<int>(instruction.attrs.get_int(range, 0));
    if (device_ != nullptr) {
      bound.kernel = uses_conditional_nodes(*device_) ? "graph_node" : "host_walk";
      bound.isa = bundle_->isa;
    }
    return {};
  }
  const std::vector<Spec> inputs = specs_of(entry_, instruction.inputs);
  const std::vector<Spec> outputs = specs_of(entry_, instruction.outputs);
  std::vector<bool> constant;
  for (int v : instruction.inputs) {
    const Value& value = entry_.values[static_cast<size_t>(v)];
    constant.push_back(value.place == Place::kState &&
                       !written_[static_cast<size_t>(value.index)] &&
                       !moving_[static_cast<size_t>(v)]);
  }
  const BindRequest request = {
      instruction.op,     &inputs,
      &outputs,           &constant,
      &instruction.attrs, kernel,
      precision_,         device_ == nullptr ? nullptr : &device_->properties().limits};
  PYDL_RETURN_IF_ERROR(bind_instruction(request, *bundle_, &binder_, &bound));
  scratch_bytes_ = std::max(scratch_bytes_, bound.bound.scratch_bytes);
  worker_bytes_ = std::max(worker_bytes_, bound.bound.worker_bytes);
  add_derived(instruction, bound.bound);
  return {};
}

namespace {

// Kernels read whole elements: the least alignment they may count on.
bool on_element_boundary(const void* data, DType dtype) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<size_t>(dtype_size(dtype)) == 0;
}

Status off_boundary(const std::string& name, DType dtype) {
  return invalid(name + ": expected memory aligned to an element of " + dtype_name(dtype) +
                 ", received an address off that boundary; copy the array");
}

}  // namespace

// Of each input that is the count of the entry's loop.
Status Program::count_passes(const std::vector<Buffer>& inputs,
                             std::vector<int64_t>* counts) const {
  counts->assign(inputs.size(), 0);
  for (const Instruction& instruction : entry_.code) {
    if (instruction.op != Opcode::loop || instruction.attrs.find("most") != nullptr) continue;
    const Value& value = entry_.values[static_cast<size_t>(instruction.inputs[0])];
    const auto index = static_cast<size_t>(value.index);
    const char* data = static_cast<const char*>(inputs[index].data) + value.offset;
    int64_t count = 0;
    if (inputs[index].device < 0) {
      std::memcpy(&count, data, sizeof(count));
    } else {
      PYDL_RETURN_IF_ERROR(download(device_, data, &count, sizeof(count)));
    }
    if (count < 0) return invalid("loop: count must be >= 0, received " + std::to_string(count));
    (*counts)[index] = count;
  }
  return {};
}

Status Program::check_place(const char* what, const Port& port, const Buffer& buffer) const {
  const int here = device_ == nullptr ? -1 : device_->index();
  if (buffer.device < 0 || buffer.device == here) return {};
  return invalid(port_name(what, port) + ": expected memory of the host" +
                 (device_ == nullptr ? "" : " or of " + device_->name()) +
                 ", received memory of cuda:" + std::to_string(buffer.device));
}

Status Program::check_ports(const char* what, const std::vector<Port>& ports,
                            const std::vector<Buffer>& buffers, int64_t passes) const {
  for (size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const Buffer& buffer = buffers[i];
    if (buffer.dtype != port.spec.dtype) {
      return invalid(port_name(what, port) + ": expected dtype " + dtype_name(port.spec.dtype) +
                     ", received " + dtype_name(buffer.dtype));
    }
    PYDL_RETURN_IF_ERROR(check_place(what, port, buffer));
    if (!on_element_boundary(buffer.data, buffer.dtype)) {
      return off_boundary(port_name(what, port), buffer.dtype);
    }
    const int64_t once = byte_size(port.spec);
    const bool enough = buffer.bytes >= once && (port.step == 0 || passes <= 1 ||
                                                 (buffer.bytes - once) / port.step >= passes - 1);
    if (enough) continue;
    return invalid(port_name(what, port) + ": expected " + to_string(port.spec) +
                   (port.step == 0 ? "" : " for each of " + std::to_string(passes) + " passes") +
                   ", received " + std::to_string(buffer.bytes) + " bytes");
  }
  return {};
}

Status Program::check_buffers(const State& state, const std::vector<Buffer>& inputs,
                              const std::vector<Buffer>& outputs,
                              std::vector<int64_t>* counts) const {
  if (inputs.size() != entry_.inputs.size() || outputs.size() != entry_.outputs.size()) {
    return invalid("'" + entry_.name + "' takes " + std::to_string(entry_.inputs.size()) +
                   " inputs and " + std::to_string(entry_.outputs.size()) + " outputs, received " +
                   std::to_string(inputs.size()) + " and " + std::to_string(outputs.size()));
  }
  if (state.size() != static_cast<int>(state_.size())) {
    return invalid("expected a state of " + std::to_string(state_.size()) + " slots, received " +
                   std::to_string(state.size()));
  }
  for (int i = 0; i < state.size(); ++i) {
    const StateSlot& slot = state_[static_cast<size_t>(i)];
    const Slot& given = state.slot(i);
    if (given.bytes != byte_size(slot.spec) || given.dtype != slot.spec.dtype) {
      return invalid("state '" + slot.name + "': expected " + to_string(slot.spec) + ", received " +
                     dtype_name(given.dtype) + " of " + std::to_string(given.bytes) + " bytes");
    }
    if (!on_element_boundary(given.data, given.dtype)) {
      return off_boundary("state '" + slot.name + "'", given.dtype);
    }
  }
  PYDL_RETURN_IF_ERROR(check_ports("input", entry_.inputs, inputs, 1));
  PYDL_RETURN_IF_ERROR(count_passes(inputs, counts));
  int64_t passes = 1;
  for (const int64_t count : *counts) passes = std::max(passes, count);
  PYDL_RETURN_IF_ERROR(check_ports("input", entry_.inputs, inputs, passes));
  return check_ports("output", entry_.outputs, outputs, passes);
}

Status Program::run(const State& state, const std::vector<Buffer>& inputs,
                    const std::vector<Buffer>& outputs, int64_t* passes,
                    std::vector<double>* seconds) const {
  std::vector<int64_t> counts;
  PYDL_RETURN_IF_ERROR(check_buffers(state, inputs, outputs, &counts));
  if (on_device_ != nullptr) {
    return on_device_->run(state, inputs, outputs, counts, passes, seconds);
  }
  PYDL_RETURN_IF_ERROR(state.to_host());
  const Status status = run_on_host(state, inputs, outputs, passes, seconds);
  for (size_t i = 0; i < written_.size(); ++i) {
    const Slot& slot = state.slot(static_cast<int>(i));
    if (written_[i] && slot.mirror != nullptr) slot.mirror->host_written();
  }
  return status;
}

Status Program::run_on_host(const State& state, const std::vector<Buffer>& inputs,
                            const std::vector<Buffer>& outputs, int64_t* passes,
                            std::vector<double>* seconds) const {
  std::shared_ptr<const DerivedSet::Snapshot> derived;
  if (!derived_.empty()) PYDL_RETURN_IF_ERROR(derived_.current(state, &derived));
  Run run(*this, derived == nullptr ? nullptr : derived->pointers.data(), seconds);
  run.connect(state, inputs, outputs);
  PYDL_RETURN_IF_ERROR(run_job(run));
  if (passes != nullptr) *passes = run.passes();
  return {};
}

Status Program::run_op(void* const* operands) const {
  const Bound& bound = instructions_[0].bound;
  bool whole = true;
  for (int p = 0; p < bound.n_phases; ++p) whole = whole && bound.phases[p].pieces == 1;
  if (!whole) {
    Run run(*this, nullptr, nullptr);
    run.connect(operands);
    return run_job(run);
  }
  // Nothing to share: no crew, and mostly no memory beside the operands.
  Arena arena;
  const int64_t scratch = (scratch_bytes_ + 63) / 64 * 64;
  if (scratch + worker_bytes_ > 0) PYDL_RETURN_IF_ERROR(arena.reserve(scratch + worker_bytes_));
  const Call call = {bound.params,
                     const_cast<const void* const*>(operands),
                     operands + entry_.inputs.size(),
                     arena.data(),
                     arena.data() + scratch,
                     nullptr,
                     nullptr};
  for (int p = 0; p < bound.n_phases; ++p) bound.phases[p].run(call, 0);
  return {};
}

}  // namespace pydl
