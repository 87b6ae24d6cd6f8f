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
      window_(program.operands_.size(), -1),
      graphs_(device) {
  const Entry& entry = program.entry_;
  for (const pydl::Port& port : entry.inputs) {
    inputs_.push_back({.bytes = byte_size(port.spec), .step = port.step});
  }
  for (const pydl::Port& port : entry.outputs) {
    outputs_.push_back({.bytes = byte_size(port.spec), .step = port.step});
  }
  for (const Program::Loop& loop : program.loops_) {
    for (int i = loop.first_stepped; i < loop.last_stepped && !loop.inner; ++i) {
      stepped_[static_cast<size_t>(program.stepped_[static_cast<size_t>(i)].operand)] = true;
    }
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
      note_writes(i, loop, certain && around_.empty());
      add_windows(i, certain);
      ++i;
      continue;
    }
    controls_ = true;
    const int after = program_.control_[static_cast<size_t>(i)].end;
    if (op == Opcode::loop) {
      add_loop(i, after, loop, certain);
    } else {
      const size_t here = steps_.size();
      steps_.push_back({StepKind::kIf, i, 0});
      add_steps(i + 1, after, loop, false);
      steps_[here].end = static_cast<int>(steps_.size());
    }
    i = after;
  }
}

// Inside an inner loop `certain` is whether every pass of it runs the instruction.
void DeviceProgram::add_loop(int instruction, int end, int around, bool certain) {
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  if (code.attrs.find("most") != nullptr) {
    add_inner_loop(instruction, end, around);
    return;
  }
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

void DeviceProgram::add_inner_loop(int instruction, int end, int around) {
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  const auto number = static_cast<int>(loops_.size());
  Loop loop = {};
  loop.instruction = instruction;
  loop.stops = code.inputs.size() > 1;
  loop.inner = true;
  loop.most = code.attrs.get_int("most", 0);
  loops_.push_back(std::move(loop));
  Around inside = {number, {}};
  const std::vector<int64_t> values = code.attrs.get_ints("values");
  const std::vector<int64_t> steps = code.attrs.get_ints("steps");
  for (size_t k = 0; k < values.size(); ++k) {
    if (steps[k] != 0) inside.steps[static_cast<int>(values[k])] = steps[k];
  }
  around_.push_back(std::move(inside));
  const size_t here = steps_.size();
  steps_.push_back({StepKind::kLoop, number, 0});
  steps_.push_back({StepKind::kBeginPass, number, 0});
  add_steps(instruction + 1, end, around, true);
  steps_.push_back({StepKind::kEndPass, number, 0});
  steps_[here].end = static_cast<int>(steps_.size());
  around_.pop_back();
}

// The windows of the operands that inner loops move. `sure`: each pass runs the instruction.
void DeviceProgram::add_windows(int instruction, bool sure) {
  if (around_.empty()) return;
  const Instruction& code = program_.entry_.code[static_cast<size_t>(instruction)];
  int operand = program_.control_[static_cast<size_t>(instruction)].first_input;
  for (const std::vector<int>* list : {&code.inputs, &code.outputs}) {
    const bool writes = list == &code.outputs;
    for (int v : *list) {
      const int window = window_of(v, operand);
      window_[static_cast<size_t>(operand++)] = window;
      for (int w = window; w >= 0; w = windows_[static_cast<size_t>(w)].parent) {
        Window& one = windows_[static_cast<size_t>(w)];
        one.store |= writes;
        one.load |= !writes || !sure || w != window;
      }
    }
  }
}

// The innermost window of a value, -1 if no loop around moves it.
int DeviceProgram::window_of(int v, int operand) {
  const Value& value = program_.entry_.values[static_cast<size_t>(v)];
  int64_t low = 0;
  int64_t bytes = byte_size(value.spec);
  std::vector<Window> chain;  // from the innermost
  for (auto around = around_.rbegin(); around != around_.rend(); ++around) {
    const auto step = around->steps.find(v);
    if (step == around->steps.end()) continue;
    chain.push_back({-1, operand, around->loop, low, step->second, bytes});
    const int64_t most = loops_[static_cast<size_t>(around->loop)].most;
    const int64_t far = step->second * std::max<int64_t>(most - 1, 0);
    low += std::min<int64_t>(far, 0);
    bytes += far < 0 ? -far : far;
  }
  int parent = -1;
  int64_t origin = value.offset;  // the value in its first passes, from the parent's begin
  for (auto window = chain.rbegin(); window != chain.rend(); ++window) {
    const int64_t inside = window->begin;  // how far loops inside reach before the value
    window->parent = parent;
    window->begin = origin + inside;
    origin = -inside;
    parent = find_window(*window);
  }
  return parent;
}

// Values that move alike share a window.
int DeviceProgram::find_window(const Window& wanted) {
  const auto place = [&](const Window& window) -> const Program::Operand& {
    return program_.operands_[static_cast<size_t>(window.operand)];
  };
  Loop& loop = loops_[static_cast<size_t>(wanted.loop)];
  for (int known : loop.windows) {
    const Window& window = windows_[static_cast<size_t>(known)];
    if (window.parent == wanted.parent && window.begin == wanted.begin &&
        window.step == wanted.step && window.bytes == wanted.bytes &&
        place(window).place == place(wanted).place && place(window).index == place(wanted).index) {
      return known;
    }
  }
  loop.windows.push_back(static_cast<int>(windows_.size()));
  loop.most_bytes += wanted.bytes;
  windows_.push_back(wanted);
  return loop.windows.back();
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
  for (Window& window : windows_) {
    window.at = at;
    at += align_up(window.bytes);
  }
  workspace_bytes_ = at;
  for (Loop& loop : loops_) {
    loop.control = control_bytes_;
    const auto slices =
        static_cast<int64_t>(loop.inputs.size() + loop.outputs.size() + loop.windows.size());
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
