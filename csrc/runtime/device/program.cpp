#include "runtime/device/program.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/device/device.h"
#include "runtime/device/run.h"

namespace pydl {
namespace {

constexpr int64_t align_up(int64_t bytes) { return (bytes + 255) / 256 * 256; }

bool is_off(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::strcmp(value, "0") == 0;
}

}  // namespace

bool uses_conditional_nodes(const Device& device) {
  return device.properties().conditional_nodes && !is_off("PYDL_CUDA_CONDITIONAL");
}

std::unique_ptr<DeviceProgram> DeviceProgram::make(const Program& program, Device* device) {
  return std::unique_ptr<DeviceProgram>(new DeviceProgram(program, device));
}

DeviceProgram::DeviceProgram(const Program& program, Device* device)
    : program_(program),
      device_(device),
      conditional_(uses_conditional_nodes(*device)),
      uses_graphs_(!is_off("PYDL_CUDA_GRAPHS")),
      used_state_(program.state_.size(), false),
      stepped_(program.operands_.size(), false),
      graphs_(device) {
  const Entry& entry = program.entry_;
  for (const pydl::Port& port : entry.inputs) {
    inputs_.push_back({.bytes = byte_size(port.spec), .step = port.step});
  }
  for (const pydl::Port& port : entry.outputs) {
    outputs_.push_back({.bytes = byte_size(port.spec), .step = port.step});
  }
  for (const Program::Stepped& stepped : program.stepped_) {
    stepped_[static_cast<size_t>(stepped.operand)] = true;
  }
  for (const Program::Operand& operand : program.operands_) {
    if (operand.place == Place::kState) used_state_[static_cast<size_t>(operand.index)] = true;
  }
  add_steps(0, static_cast<int>(entry.code.size()), -1, true);
  place();
}

void DeviceProgram::add_steps(int begin, int end, int loop, bool certain) {
  for (int i = begin; i < end;) {
    const Opcode op = program_.entry_.code[static_cast<size_t>(i)].op;
    if (op != Opcode::if_ && op != Opcode::loop) {
      steps_.push_back({StepKind::kInstruction, i, 0});
      note_writes(i, loop, certain);
      ++i;
      continue;
    }
    controls_ = true;
    const int after = program_.control_[static_cast<size_t>(i)].end;
    if (op == Opcode::loop) {
      add_loop(i, after, certain);
    } else {
      const size_t here = steps_.size();
      steps_.push_back({StepKind::kIf, i, 0});
      add_steps(i + 1, after, loop, false);
      steps_[here].end = static_cast<int>(steps_.size());
    }
    i = after;
  }
}

void DeviceProgram::add_loop(int instruction, int end, bool certain) {
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  const auto number = static_cast<int>(loops_.size());
  Loop loop = {};
  loop.instruction = instruction;
  loop.stops = code.inputs.size() > 1;
  loop.certain = certain;
  loop.count_input = program_.entry_.values[static_cast<size_t>(code.inputs[0])].index;
  loops_.push_back(std::move(loop));
  for (int i = instruction + 1; i < end; ++i) add_slices(i);
  const size_t here = steps_.size();
  steps_.push_back({StepKind::kLoop, number, 0});
  steps_.push_back({StepKind::kBeginPass, number, 0});
  add_steps(instruction + 1, end, number, certain);
  steps_.push_back({StepKind::kEndPass, number, 0});
  steps_[here].end = static_cast<int>(steps_.size());
}

// The stepped ports that an instruction of the last loop touches.
void DeviceProgram::add_slices(int instruction) {
  Loop& loop = loops_.back();
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  for (const std::vector<int>* list : {&code.inputs, &code.outputs}) {
    for (int v : *list) {
      const Value& value = program_.entry_.values[static_cast<size_t>(v)];
      const bool input = value.place == Place::kInput;
      if (!input && value.place != Place::kOutput) continue;
      Port& port = (input ? inputs_ : outputs_)[static_cast<size_t>(value.index)];
      std::vector<int>& known = input ? loop.inputs : loop.outputs;
      const bool listed = std::find(known.begin(), known.end(), value.index) != known.end();
      if (port.step == 0 || listed) continue;
      port.stepped = true;
      known.push_back(value.index);
      loop.most_bytes += port.bytes;
    }
  }
}

// Outputs that a run always writes as a whole need not be uploaded before it.
void DeviceProgram::note_writes(int instruction, int loop, bool certain) {
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  for (int v : code.inputs) {
    const Value& value = program_.entry_.values[static_cast<size_t>(v)];
    if (value.place != Place::kOutput) continue;
    Port& port = outputs_[static_cast<size_t>(value.index)];
    port.read |= !port.written;
  }
  if (!certain) return;
  for (int v : code.outputs) {
    const Value& value = program_.entry_.values[static_cast<size_t>(v)];
    if (value.place != Place::kOutput) continue;
    Port& port = outputs_[static_cast<size_t>(value.index)];
    const bool all = value.offset == 0 && byte_size(value.spec) == port.bytes;
    // Of a stepped output every pass writes its own part, without gaps.
    const bool passes = port.step == 0 || (loop >= 0 && port.step == port.bytes);
    if (!all || !passes || port.written || port.read) continue;
    port.written = true;
    port.counted_by = loop;
  }
}

// Offsets in the workspace: values, scratch, the worker's memory, windows of stepped ports.
void DeviceProgram::place() {
  int64_t at = align_up(program_.entry_.arena_bytes);
  scratch_ = at;
  at += align_up(program_.scratch_bytes_);
  worker_ = at;
  at += align_up(program_.worker_bytes_);
  for (std::vector<Port>* ports : {&inputs_, &outputs_}) {
    for (Port& port : *ports) {
      if (!port.stepped) continue;
      port.window = at;
      at += align_up(port.bytes);
    }
  }
  workspace_bytes_ = at;
  for (Loop& loop : loops_) {
    loop.control = control_bytes_;
    const auto slices = static_cast<int64_t>(loop.inputs.size() + loop.outputs.size());
    control_bytes_ += align_up(static_cast<int64_t>(sizeof(LoopControl)) +
                               slices * static_cast<int64_t>(sizeof(Slice)));
  }
}

Status DeviceProgram::run(const State& state, const std::vector<Buffer>& inputs,
                          const std::vector<Buffer>& outputs, const std::vector<int64_t>& counts,
                          int64_t* passes, std::vector<double>* seconds) const {
  DeviceRun run(*this, state, inputs, outputs, counts, seconds, passes != nullptr);
  PYDL_RETURN_IF_ERROR(run.fetch_state());
  Status status = run.execute();
  const Status returned = run.return_state();
  if (passes != nullptr) *passes = run.passes();
  return status.ok() ? returned : status;
}

}  // namespace pydl
