// Before and after the code of a run: where its operands lie, and what goes to the device and back.
#include <algorithm>
#include <cstring>

#include "runtime/device/run.h"

namespace pydl {
namespace {

constexpr int64_t align_up(int64_t bytes) { return (bytes + 255) / 256 * 256; }
constexpr int64_t kManyBytes = 64 * 1024;  // a block of threads moves fewer in a microsecond or two

// Derived buffers of a program on a device.
class DeviceHome final : public DerivedSet::Home {
 public:
  DeviceHome(Device* device, const std::vector<std::shared_ptr<DeviceMemory>>& memory)
      : device_(device), memory_(memory) {}

  Status allocate(const char* kind, int64_t bytes, std::shared_ptr<void>* out) override {
    std::shared_ptr<DeviceMemory> made;
    PYDL_RETURN_IF_ERROR(device_->pool().allocate(bytes, kind, &made));
    *out = std::shared_ptr<void>(made, made->data());
    return {};
  }
  const unsigned char* content(int slot) const override {
    return memory_[static_cast<size_t>(slot)]->data();
  }
  void* stream() const override { return device_->stream(); }

 private:
  Device* device_;
  const std::vector<std::shared_ptr<DeviceMemory>>& memory_;
};

}  // namespace

Status DeviceRun::fetch_state() {
  PYDL_RETURN_IF_ERROR(device_.check_process());
  mirrors_.resize(static_cast<size_t>(state_.size()));
  memory_.resize(mirrors_.size());
  for (int i = 0; i < state_.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (!program_.used_state_[at]) continue;
    const Slot& slot = state_.slot(i);
    mirrors_[at] = state_.mirror(i);
    if (slot.mirror == nullptr) {
      mirrors_[at]->see_stamp(slot.stamp);
      if (host_.written_[at]) mirrors_[at]->host_written();  // who wrote it since did not say so
    }
    PYDL_RETURN_IF_ERROR(
        mirrors_[at]->on_device(&device_, "state '" + host_.state_[at].name + "'", &memory_[at]));
  }
  return {};
}

Status DeviceRun::return_state() {
  if (!started_) return {};
  Status status;
  for (size_t i = 0; i < mirrors_.size(); ++i) {
    if (mirrors_[i] == nullptr || !host_.written_[i]) continue;
    mirrors_[i]->device_written();
    if (state_.slot(static_cast<int>(i)).mirror != nullptr) continue;
    const Status returned = mirrors_[i]->to_host();
    if (status.ok()) status = returned;
  }
  return status;
}

int64_t DeviceRun::count_of(int loop) const {
  const Loop& l = program_.loops_[static_cast<size_t>(loop)];
  return counts_[static_cast<size_t>(l.count_input)];
}

int64_t DeviceRun::port_bytes(const Port& port, int64_t passes) const {
  return port.step == 0 || passes <= 1 ? port.bytes : port.bytes + (passes - 1) * port.step;
}

// Whether the run may leave some of the output as it is, so that the device needs the content.
bool DeviceRun::keeps_content(size_t output) const {
  const Port& port = program_.outputs_[output];
  return !port.written || (port.counted_by >= 0 && count_of(port.counted_by) == 0);
}

int64_t DeviceRun::place(const Port& port, int64_t passes) {
  const int64_t at = block_bytes_;
  block_bytes_ += align_up(port_bytes(port, passes));
  return at;
}

// Control first, then what is uploaded, then what is only downloaded.
void DeviceRun::place_ports() {
  int64_t passes = 1;
  for (size_t l = 0; l < program_.loops_.size(); ++l) {
    if (program_.loops_[l].inner) continue;
    passes = std::max(passes, count_of(static_cast<int>(l)));
  }
  most_passes_ = passes;
  block_bytes_ = program_.control_bytes_;
  input_at_.assign(inputs_.size(), -1);
  output_at_.assign(outputs_.size(), -1);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].device < 0) input_at_[i] = place(program_.inputs_[i], passes);
  }
  for (const bool uploaded : {true, false}) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].device >= 0 || keeps_content(i) != uploaded) continue;
      output_at_[i] = place(program_.outputs_[i], passes);
    }
  }
}

Status DeviceRun::connect() {
  place_ports();
  const std::string& name = host_.entry_.name;
  Status status =
      device_.workspace(program_.workspace_bytes_, "the values of '" + name + "'", &workspace_);
  if (status.ok() && block_bytes_ > 0) {
    status =
        device_.staging().next_block(block_bytes_, "inputs and outputs of '" + name + "'", &block_);
  }
  if (!status.ok()) return out_of_memory(std::move(status));
  PYDL_RETURN_IF_ERROR(upload_ports());
  PYDL_RETURN_IF_ERROR(order_after_producers());
  PYDL_RETURN_IF_ERROR(connect_derived());
  connect_operands();
  return {};
}

Status DeviceRun::upload_ports() {
  if (block_bytes_ == 0) return {};
  control_.assign(static_cast<size_t>(program_.control_bytes_), 0);
  for (const Loop& loop : program_.loops_) fill_control(loop);
  std::vector<HostPart> parts;
  if (!control_.empty()) {
    parts.push_back({0, control_.data(), static_cast<int64_t>(control_.size())});
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (input_at_[i] < 0) continue;
    const int64_t bytes = port_bytes(program_.inputs_[i], most_passes_);
    parts.push_back({input_at_[i], inputs_[i].data, std::min(bytes, inputs_[i].bytes)});
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (output_at_[i] < 0 || !keeps_content(i)) continue;
    const int64_t bytes = port_bytes(program_.outputs_[i], most_passes_);
    parts.push_back({output_at_[i], outputs_[i].data, std::min(bytes, outputs_[i].bytes)});
  }
  return parts.empty() ? Status() : device_.staging().upload_block(parts);
}

void DeviceRun::fill_control(const Loop& loop) {
  unsigned char* target = control_.data() + loop.control;
  const int64_t count = loop.inner ? 0 : counts_[static_cast<size_t>(loop.count_input)];
  const LoopControl control = {0, count, 0};
  std::memcpy(target, &control, sizeof(control));
  target += sizeof(control);
  const auto add = [&](const Port& port, unsigned char* base, bool load, bool store) {
    const Slice slice = {
        base, workspace_ + port.window, port.step, port.bytes, load ? 1 : 0, store ? 1 : 0};
    std::memcpy(target, &slice, sizeof(slice));
    target += sizeof(slice);
  };
  for (int i : loop.inputs) {
    add(program_.inputs_[static_cast<size_t>(i)], input_base(static_cast<size_t>(i)), true, false);
  }
  for (int i : loop.outputs) {
    const Port& port = program_.outputs_[static_cast<size_t>(i)];
    add(port, output_base(static_cast<size_t>(i)), !port.written, true);
  }
  for (int w : loop.windows) {
    const DeviceProgram::Window& window = program_.windows_[static_cast<size_t>(w)];
    const Slice slice = {window_source(window) + window.begin,
                         workspace_ + window.at,
                         window.step,
                         window.bytes,
                         window.load ? 1 : 0,
                         window.store ? 1 : 0};
    std::memcpy(target, &slice, sizeof(slice));
    target += sizeof(slice);
  }
}

// What the bytes of a window are part of.
unsigned char* DeviceRun::window_source(const DeviceProgram::Window& window) const {
  if (window.parent < 0) return place_of(static_cast<size_t>(window.operand));
  return workspace_ + program_.windows_[static_cast<size_t>(window.parent)].at;
}

LoopCall DeviceRun::loop_call(int number) const {
  const Loop& loop = program_.loops_[static_cast<size_t>(number)];
  unsigned char* control = block_ + loop.control;
  const size_t slices = loop.inputs.size() + loop.outputs.size() + loop.windows.size();
  return {reinterpret_cast<LoopControl*>(control),
          reinterpret_cast<const Slice*>(control + sizeof(LoopControl)),
          static_cast<int>(slices),
          loop.most_bytes > kManyBytes,
          loop.stops ? flag_of(loop.instruction, 1) : nullptr,
          loop.inner ? flag_of(loop.instruction, 0) : nullptr,
          loop.most};
}

unsigned char* DeviceRun::input_base(size_t i) const {
  return input_at_[i] >= 0 ? block_ + input_at_[i] : static_cast<unsigned char*>(inputs_[i].data);
}

unsigned char* DeviceRun::output_base(size_t i) const {
  return output_at_[i] >= 0 ? block_ + output_at_[i]
                            : static_cast<unsigned char*>(outputs_[i].data);
}

// Memory that others work on: their streams first.
Status DeviceRun::order_after_producers() {
  for (const std::vector<Buffer>* buffers : {&inputs_, &outputs_}) {
    for (const Buffer& buffer : *buffers) {
      if (buffer.device < 0 || buffer.stream == nullptr) continue;
      PYDL_RETURN_IF_ERROR(device_.wait_for(buffer.stream));
    }
  }
  return {};
}

Status DeviceRun::order_before_consumers() {
  for (const std::vector<Buffer>* buffers : {&inputs_, &outputs_}) {
    for (const Buffer& buffer : *buffers) {
      if (buffer.device < 0 || buffer.stream == nullptr) continue;
      PYDL_RETURN_IF_ERROR(device_.make_wait(buffer.stream));
    }
  }
  return {};
}

Status DeviceRun::connect_derived() {
  if (host_.derived_.empty()) return {};
  DeviceHome home(&device_, memory_);
  PYDL_RETURN_IF_ERROR(host_.derived_.current(state_, home, &derived_));
  return device_.check_launches("derived buffers of '" + host_.entry_.name + "'");
}

// Where the memory begins that an operand lies in.
unsigned char* DeviceRun::place_of(size_t operand) const {
  const auto index = static_cast<size_t>(host_.operands_[operand].index);
  const bool stepped = program_.stepped_[operand];
  switch (host_.operands_[operand].place) {
    case Place::kArena: return workspace_;
    case Place::kState: return memory_[index]->data();
    case Place::kInput:
      return stepped ? workspace_ + program_.inputs_[index].window : input_base(index);
    case Place::kOutput:
      return stepped ? workspace_ + program_.outputs_[index].window : output_base(index);
  }
  return nullptr;
}

void DeviceRun::connect_operands() {
  pointers_.resize(host_.operands_.size());
  for (size_t i = 0; i < pointers_.size(); ++i) {
    const int window = program_.window_[i];
    pointers_[i] = window < 0 ? place_of(i) + host_.operands_[i].offset
                              : workspace_ + program_.windows_[static_cast<size_t>(window)].at;
  }
}

// What graphs of this run depend on.
std::vector<const void*> DeviceRun::key() const {
  std::vector<const void*> addresses(pointers_.begin(), pointers_.end());
  addresses.push_back(workspace_);
  if (program_.control_bytes_ > 0) addresses.push_back(block_);
  if (derived_ != nullptr) {
    addresses.insert(addresses.end(), derived_->pointers.begin(), derived_->pointers.end());
  }
  return addresses;
}

// The passes made, where only the device knows: those of the last loop that ran.
Status DeviceRun::count_passes() {
  bool known = true;
  for (const Loop& loop : program_.loops_) known &= loop.inner || (loop.certain && !loop.stops);
  if (!known) {
    const int64_t bytes = program_.control_bytes_;
    PYDL_RETURN_IF_ERROR(device_.staging().download(block_, {{0, control_.data(), bytes}}));
  }
  for (const Loop& loop : program_.loops_) {
    if (loop.inner) continue;
    LoopControl control;
    std::memcpy(&control, control_.data() + loop.control, sizeof(control));
    if (known) control.pass = control.count;
    const bool ran = loop.certain || control.pass > 0;
    if (ran) passes_ = control.pass;
  }
  return {};
}

Status DeviceRun::download_outputs() {
  std::vector<HostPart> parts;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (output_at_[i] < 0) continue;
    const Port& port = program_.outputs_[i];
    const bool whole = keeps_content(i) || port.step == 0;
    const int64_t bytes = port_bytes(port, whole ? most_passes_ : passes_of(port));
    parts.push_back({output_at_[i], outputs_[i].data, std::min(bytes, outputs_[i].bytes)});
  }
  std::sort(parts.begin(), parts.end(),
            [](const HostPart& a, const HostPart& b) { return a.offset < b.offset; });
  return parts.empty() ? Status() : device_.staging().download(block_, parts);
}

int64_t DeviceRun::passes_of(const Port& port) const {
  const Loop& loop = program_.loops_[static_cast<size_t>(port.counted_by)];
  LoopControl control;
  std::memcpy(&control, control_.data() + loop.control, sizeof(control));
  return loop.stops ? control.pass : control.count;
}

Status DeviceRun::out_of_memory(Status status) const {
  if (status.code() != Code::kOutOfMemory) return status;
  std::vector<const Value*> values;
  for (const Value& value : host_.entry_.values) {
    if (value.place == Place::kArena) values.push_back(&value);
  }
  std::sort(values.begin(), values.end(),
            [](const Value* a, const Value* b) { return byte_size(a->spec) > byte_size(b->spec); });
  std::string message = status.message() + ". '" + host_.entry_.name + "' needs " +
                        bytes_text(program_.workspace_bytes_) + " for values and " +
                        bytes_text(block_bytes_) + " for inputs and outputs";
  for (size_t i = 0; i < std::min<size_t>(values.size(), 3); ++i) {
    message += (i == 0 ? "; its largest values: " : ", ") + to_string(values[i]->spec);
  }
  return Status(Code::kOutOfMemory, std::move(message) + ". A smaller batch needs less");
}

}  // namespace pydl
