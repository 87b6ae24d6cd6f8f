#include "runtime/device/run.h"

#include <cstdlib>
#include <utility>

namespace pydl {
namespace {

// The time between two places of a stream.
class Timer {
 public:
  explicit Timer(const Device& device) : device_(device) {}
  ~Timer() {
    for (void* event : {start_, end_}) {
      if (event != nullptr) static_cast<void>(device_.table().destroy_event(event));
    }
  }
  Status start(void* stream) {
    const DeviceTable& table = device_.table();
    PYDL_RETURN_IF_ERROR(device_.check(table.create_event(&start_, true), "make an event"));
    PYDL_RETURN_IF_ERROR(device_.check(table.create_event(&end_, true), "make an event"));
    return device_.check(table.record_event(start_, stream), "record an event");
  }
  Status stop(void* stream, double* seconds) {
    const DeviceTable& table = device_.table();
    PYDL_RETURN_IF_ERROR(device_.check(table.record_event(end_, stream), "record an event"));
    PYDL_RETURN_IF_ERROR(device_.check(table.synchronize_event(end_), "run an instruction"));
    double elapsed = 0;
    PYDL_RETURN_IF_ERROR(device_.check(table.elapsed(start_, end_, &elapsed), "read the time"));
    *seconds += elapsed;
    return {};
  }

 private:
  const Device& device_;
  void* start_ = nullptr;
  void* end_ = nullptr;
};

bool marks_ranges() {
  const char* level = std::getenv("PYDL_DEBUG");
  return level != nullptr && *level != '\0' && *level != '0';
}

}  // namespace

DeviceRun::DeviceRun(const DeviceProgram& program, const State& state,
                     const std::vector<Buffer>& inputs, const std::vector<Buffer>& outputs,
                     const std::vector<int64_t>& counts, std::vector<double>* seconds, bool counted)
    : program_(program),
      host_(program.program_),
      device_(*program.device_),
      state_(state),
      inputs_(inputs),
      outputs_(outputs),
      counts_(counts),
      seconds_(seconds),
      counted_(counted || !outputs.empty()),
      marks_(device_.table().push_range != nullptr && marks_ranges()) {}

Status DeviceRun::execute() {
  const std::lock_guard<std::recursive_mutex> lock(device_.mutex());
  const DeviceScope scope(device_);
  PYDL_RETURN_IF_ERROR(scope.status());
  PYDL_RETURN_IF_ERROR(connect());
  started_ = true;
  Status status = go();
  if (status.ok() && counted_) status = count_passes();
  if (status.ok()) status = download_outputs();
  if (status.ok()) status = order_before_consumers();
  const Status used = block_ == nullptr ? Status() : device_.staging().block_used();
  return status.ok() ? used : status;
}

Status DeviceRun::go() {
  const auto end = static_cast<int>(program_.steps_.size());
  if (!program_.uses_graphs_ || seconds_ != nullptr) return walk(0, end);
  GraphSet* set = nullptr;
  PYDL_RETURN_IF_ERROR(program_.graphs_.find(key(), &set));
  if (!std::exchange(set->seen, true)) return walk(0, end);
  graphs_ = set;
  if (program_.controls_ && !program_.conditional_) return walk(0, end);
  if (set->whole == nullptr) PYDL_RETURN_IF_ERROR(capture_whole(&set->whole));
  return launch_graph(set->whole);
}

Status DeviceRun::launch_graph(void* graph) {
  const std::string name = "graph of '" + host_.entry_.name + "'";
  PYDL_RETURN_IF_ERROR(
      device_.check(device_.table().launch_graph(graph, device_.stream()), "launch the " + name));
  return device_.check_launches(name);
}

const int64_t* DeviceRun::flag_of(int instruction, int operand) const {
  const Program::Control& control = host_.control_[static_cast<size_t>(instruction)];
  return static_cast<const int64_t*>(pointers_[static_cast<size_t>(control.first_input + operand)]);
}

// The host walks the code: it reads flags and counts passes.
Status DeviceRun::walk(int begin, int end) {
  for (int at = begin; at < end;) {
    const Step& step = program_.steps_[static_cast<size_t>(at)];
    if (step.kind == StepKind::kLoop) {
      PYDL_RETURN_IF_ERROR(walk_loop(step, at + 1));
      at = step.end;
    } else if (step.kind == StepKind::kIf) {
      int64_t flag = 0;
      PYDL_RETURN_IF_ERROR(read_flag(flag_of(step.index, 0), &flag));
      at = flag != 0 ? step.end : at + 1;
    } else {
      const int begin_part = at;
      while (at < end && program_.steps_[static_cast<size_t>(at)].kind != StepKind::kLoop &&
             program_.steps_[static_cast<size_t>(at)].kind != StepKind::kIf) {
        ++at;
      }
      PYDL_RETURN_IF_ERROR(run_part(begin_part, at));
    }
  }
  return {};
}

Status DeviceRun::read_flag(const int64_t* flag, int64_t* value) {
  const auto* from = reinterpret_cast<const unsigned char*>(flag);
  return device_.staging().download(from, {{0, value, sizeof(*value)}});
}

Status DeviceRun::walk_loop(const Step& step, int begin) {
  const LoopCall call = loop_call(step.index);
  const bool inner = program_.loops_[static_cast<size_t>(step.index)].inner;
  int64_t count = inner ? 0 : count_of(step.index);
  device_.table().begin_loop(call, 0, device_.stream());
  PYDL_RETURN_IF_ERROR(device_.check_launches("begin a loop"));
  if (inner) PYDL_RETURN_IF_ERROR(read_flag(&call.control->count, &count));
  int64_t running = 1;
  for (int64_t pass = 0; pass < count && running != 0; ++pass) {
    PYDL_RETURN_IF_ERROR(walk(begin, step.end));
    if (call.stop != nullptr) PYDL_RETURN_IF_ERROR(read_flag(&call.control->running, &running));
  }
  return {};
}

// Steps without `if` or `loop` among them.
Status DeviceRun::run_part(int begin, int end) {
  if (graphs_ == nullptr) return enqueue(begin, end, device_.stream());
  void*& graph = graphs_->parts[begin];
  if (graph == nullptr) {
    void* stream = nullptr;
    PYDL_RETURN_IF_ERROR(device_.capture_stream(0, &stream));
    PYDL_RETURN_IF_ERROR(device_.check(device_.table().begin_capture(stream), "begin a graph"));
    PYDL_RETURN_IF_ERROR(end_capture(enqueue(begin, end, stream), stream, &graph));
  }
  return launch_graph(graph);
}

// Ends a capture that went so far; what was captured is dropped after an error.
Status DeviceRun::end_capture(Status status, void* stream, void** graph) {
  const DeviceTable& table = device_.table();
  const int error = table.end_capture(stream, status.ok() ? graph : nullptr);
  if (!status.ok()) return status;
  return device_.check(error, "make the graph of '" + host_.entry_.name + "'");
}

Status DeviceRun::capture_whole(void** graph) {
  void* stream = nullptr;
  PYDL_RETURN_IF_ERROR(device_.capture_stream(0, &stream));
  PYDL_RETURN_IF_ERROR(device_.check(device_.table().begin_capture(stream), "begin a graph"));
  const auto end = static_cast<int>(program_.steps_.size());
  return end_capture(capture(0, end, 0), stream, graph);
}

Status DeviceRun::capture(int begin, int end, size_t depth) {
  void* stream = nullptr;
  PYDL_RETURN_IF_ERROR(device_.capture_stream(depth, &stream));
  for (int at = begin; at < end;) {
    const Step& step = program_.steps_[static_cast<size_t>(at)];
    const bool covers = step.kind == StepKind::kIf || step.kind == StepKind::kLoop;
    PYDL_RETURN_IF_ERROR(covers ? capture_covered(at, depth) : enqueue(at, at + 1, stream));
    at = covers ? step.end : at + 1;
  }
  return {};
}

// An `if` or a `loop` as a conditional node.
Status DeviceRun::capture_covered(int at, size_t depth) {
  const DeviceTable& table = device_.table();
  const Step& step = program_.steps_[static_cast<size_t>(at)];
  const bool loop = step.kind == StepKind::kLoop;
  void* stream = nullptr;
  void* body = nullptr;
  PYDL_RETURN_IF_ERROR(device_.capture_stream(depth, &stream));
  PYDL_RETURN_IF_ERROR(device_.capture_stream(depth + 1, &body));
  const uint64_t around = condition_;
  uint64_t condition = 0;
  PYDL_RETURN_IF_ERROR(
      device_.check(table.create_condition(stream, &condition), "make a condition"));
  if (loop) {
    condition_ = condition;
    table.begin_loop(loop_call(step.index), condition, stream);
  } else {
    table.set_if(flag_of(step.index, 0), condition, stream);
  }
  PYDL_RETURN_IF_ERROR(device_.check_launches("set a condition"));
  PYDL_RETURN_IF_ERROR(device_.check(table.begin_conditional(stream, condition, loop, body),
                                     loop ? "make a WHILE node" : "make an IF node"));
  const Status status = capture(at + 1, step.end, depth + 1);
  condition_ = around;
  const int error = table.end_conditional(body);
  return status.ok() ? device_.check(error, "end a conditional node") : status;
}

Status DeviceRun::enqueue(int begin, int end, void* stream) {
  const DeviceTable& table = device_.table();
  for (int at = begin; at < end; ++at) {
    const Step& step = program_.steps_[static_cast<size_t>(at)];
    if (step.kind == StepKind::kInstruction) {
      PYDL_RETURN_IF_ERROR(enqueue_instruction(step.index, stream));
      continue;
    }
    if (step.kind == StepKind::kBeginPass) table.begin_pass(loop_call(step.index), stream);
    if (step.kind == StepKind::kEndPass) {
      table.end_pass(loop_call(step.index), condition_, stream);
    }
    PYDL_RETURN_IF_ERROR(device_.check_launches("move a loop on"));
  }
  return {};
}

Status DeviceRun::enqueue_instruction(int instruction, void* stream) {
  const auto at = static_cast<size_t>(instruction);
  if (device_.table().check_memory != nullptr) PYDL_RETURN_IF_ERROR(check_operands(instruction));
  Timer timer(device_);
  if (seconds_ != nullptr) PYDL_RETURN_IF_ERROR(timer.start(stream));
  if (marks_) device_.table().push_range(label_of(instruction).c_str());
  launch(instruction, stream);
  if (marks_) device_.table().pop_range();
  const int error = device_.table().take_launch_error();
  if (error != kDeviceOk) return device_.check(error, label_of(instruction));
  return seconds_ == nullptr ? Status() : timer.stop(stream, &(*seconds_)[at]);
}

void DeviceRun::launch(int instruction, void* stream) const {
  const BoundInstruction& bound = host_.instructions_[static_cast<size_t>(instruction)];
  const Program::Control& control = host_.control_[static_cast<size_t>(instruction)];
  void* const* operands = pointers_.data();
  void* const* derived = derived_ == nullptr ? nullptr : derived_->pointers.data();
  const Call call = {bound.bound.params,
                     const_cast<const void* const*>(operands + control.first_input),
                     operands + control.first_output,
                     workspace_ + program_.scratch_,
                     workspace_ + program_.worker_,
                     derived == nullptr ? nullptr : derived + control.first_derived,
                     stream};
  for (int p = 0; p < bound.bound.n_phases; ++p) {
    const Phase& phase = bound.bound.phases[p];
    for (int64_t piece = 0; piece < phase.pieces; ++piece) phase.run(call, piece);
  }
}

// Where somebody can tell, that no operand lies in memory of another kind.
Status DeviceRun::check_operands(int instruction) const {
  const Instruction& code = host_.entry_.code[static_cast<size_t>(instruction)];
  auto operand = static_cast<size_t>(host_.control_[static_cast<size_t>(instruction)].first_input);
  for (const std::vector<int>* list : {&code.inputs, &code.outputs}) {
    for (int v : *list) {
      const Spec& spec = host_.entry_.values[static_cast<size_t>(v)].spec;
      const void* data = pointers_[operand++];
      const int64_t bytes = byte_size(spec);
      if (bytes == 0) continue;
      const int error = device_.table().check_memory(data, bytes);
      if (error == kDeviceOk) continue;
      return device_.check(error, label_of(instruction) + ": operand " + to_string(spec));
    }
  }
  return {};
}

std::string DeviceRun::label_of(int instruction) const {
  const Instruction& code = host_.entry_.code[static_cast<size_t>(instruction)];
  const std::string name = opcode_name(code.op);
  return code.label.empty() ? name : name + " (" + code.label + ")";
}

}  // namespace pydl
