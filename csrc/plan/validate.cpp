// Point 6 of plan.h: what is checked before anything of a plan runs.
#include <algorithm>
#include <unordered_set>

#include "plan/overlap.h"
#include "plan/plan.h"
#include "plan/sweep.h"
#include "plan/text.h"

namespace pydl {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 46;  // of anything: sums of a few never overflow
constexpr int64_t kArenaAlignment = 64;
constexpr size_t kMaxName = 1024;

template <typename... Parts>
Status refuse(const Parts&... parts) {
  return Status(Code::kBadFile, cat("plan: ", parts...));
}

// "state 'dense/kernel'", "input 'x' of entry 'predict:1'"
std::string subject(const char* kind, const std::string& name, const std::string& where) {
  return cat(kind, " '", std::string_view(name).substr(0, 60), "'", where);
}

Status check_spec(const std::string& what, const Spec& spec) {
  if (spec.shape.size() > static_cast<size_t>(kMaxRank)) {
    return refuse(what, " may have at most ", kMaxRank, " dimensions, received ",
                  spec.shape.size());
  }
  int64_t bytes = dtype_size(spec.dtype);
  for (const int64_t dim : spec.shape) {
    if (dim < 0) return refuse(what, " has a negative dimension, received ", dim);
    if (dim > 1 && (__builtin_mul_overflow(bytes, dim, &bytes) || bytes > kMaxBytes)) {
      return refuse(what, " is too large, received ", spec);
    }
  }
  return Status();
}

// Names are what people and the C API find things by: present, short, each once.
template <typename Item>
Status check_names(const char* kind, const std::vector<Item>& items, const std::string& where) {
  std::unordered_set<std::string_view> seen;
  for (const Item& item : items) {
    if (item.name.empty() || item.name.size() > kMaxName) {
      return refuse("a name of ", kind, where, " must have 1 to ", kMaxName, " bytes, received ",
                    item.name.size());
    }
    if (item.name.find('\0') != std::string::npos) {
      return refuse(subject(kind, item.name, where), " has a zero byte in its name");
    }
    if (!seen.insert(item.name).second) {
      return refuse(subject(kind, item.name, where), " is there twice");
    }
  }
  return Status();
}

// The checks of one entry. `where` ends every message.
class EntryCheck {
 public:
  EntryCheck(const Plan& plan, const Entry& entry)
      : plan_(plan), entry_(entry), where_(subject(" of entry", entry.name, "")) {}

  Status run() {
    PYDL_RETURN_IF_ERROR(check_ports("input", entry_.inputs));
    PYDL_RETURN_IF_ERROR(check_ports("output", entry_.outputs));
    if (entry_.arena_bytes < 0 || entry_.arena_bytes > kMaxBytes) {
      return refuse("the arena", where_, " must have 0 to 2^46 bytes, received ",
                    entry_.arena_bytes);
    }
    note_moving();
    for (size_t i = 0; i < entry_.values.size(); ++i) PYDL_RETURN_IF_ERROR(check_value(i));
    for (size_t i = 0; i < entry_.code.size(); ++i) PYDL_RETURN_IF_ERROR(check_instruction(i));
    return Status();
  }

 private:
  Status check_ports(const char* kind, const std::vector<Port>& ports);
  void note_moving();
  Status check_value(size_t index);
  Status place_bytes(const Value& value, const std::string& what, int64_t* bytes) const;
  Status check_instruction(size_t index);
  Status check_operand_range(const std::vector<int>& operands) const;
  Status check_specs(const Instruction& instruction) const;
  Status check_writes(const Instruction& instruction) const;
  Status check_control(size_t index, const Instruction& instruction);
  Status check_loop(size_t index, const Instruction& instruction);
  Status check_sweep(int value) const;
  void end_ranges(size_t index);

  const Value& value(int index) const { return entry_.values[static_cast<size_t>(index)]; }

  const Plan& plan_;
  const Entry& entry_;
  std::string where_;
  struct Range {
    size_t end;
    bool loop, inner;
  };
  std::vector<Range> open_;  // the `if` and `loop` ranges around the instruction
  Sweeps sweeps_;
  std::vector<bool> moving_;  // per value: by an inner loop
};

Status EntryCheck::check_ports(const char* kind, const std::vector<Port>& ports) {
  PYDL_RETURN_IF_ERROR(check_names(kind, ports, where_));
  for (const Port& port : ports) {
    const std::string what = subject(kind, port.name, where_);
    PYDL_RETURN_IF_ERROR(check_spec(what, port.spec));
    if (port.step < 0 || port.step > kMaxBytes || port.step % dtype_size(port.spec.dtype) != 0) {
      return refuse(what, " needs a step that is a multiple of its element size, received ",
                    port.step);
    }
  }
  return Status();
}

// The size of the memory a value lies in; refuses an index out of range and another dtype.
Status EntryCheck::place_bytes(const Value& value, const std::string& what, int64_t* bytes) const {
  const auto index = static_cast<size_t>(value.index);
  const Spec* spec = nullptr;
  size_t count = 1;
  if (value.place == Place::kState) {
    count = plan_.state.size();
    if (index < count) spec = &plan_.state[index].spec;
  } else if (value.place != Place::kArena) {
    const std::vector<Port>& ports = value.place == Place::kInput ? entry_.inputs : entry_.outputs;
    count = ports.size();
    if (index < count) spec = &ports[index].spec;
  }
  if (index >= count) {
    return refuse(what, " lies at index ", value.index, " of a place with ", count);
  }
  if (spec != nullptr && spec->dtype != value.spec.dtype) {
    return refuse(what, " is ", dtype_name(value.spec.dtype), " in memory of ",
                  dtype_name(spec->dtype));
  }
  *bytes = spec == nullptr ? entry_.arena_bytes : byte_size(*spec);
  return Status();
}

void EntryCheck::note_moving() {
  moving_.assign(entry_.values.size(), false);
  for (const Instruction& instruction : entry_.code) {
    if (instruction.op != Opcode::loop) continue;
    for (const int64_t moved : instruction.attrs.get_ints("values")) {
      if (moved < 0 || static_cast<uint64_t>(moved) >= moving_.size()) continue;
      moving_[static_cast<size_t>(moved)] = true;
    }
  }
}

Status EntryCheck::check_value(size_t index) {
  const Value& value = entry_.values[index];
  const std::string what = cat("value ", index, where_);
  PYDL_RETURN_IF_ERROR(check_spec(what, value.spec));
  int64_t room = 0;
  PYDL_RETURN_IF_ERROR(place_bytes(value, what, &room));
  const bool whole = value.place != Place::kArena || moving_[index];
  const int64_t alignment = whole ? dtype_size(value.spec.dtype) : kArenaAlignment;
  if (value.offset < 0 || value.offset % alignment != 0) {
    return refuse(what, " needs an offset that is a multiple of ", alignment, ", received ",
                  value.offset);
  }
  const int64_t bytes = byte_size(value.spec);
  if (bytes > room || value.offset > room - bytes) {
    return refuse(what, " with ", bytes, " bytes at offset ", value.offset,
                  " does not fit in its place of ", room, " bytes");
  }
  return Status();
}

Status EntryCheck::check_operand_range(const std::vector<int>& operands) const {
  for (const int operand : operands) {
    if (operand >= 0 && static_cast<size_t>(operand) < entry_.values.size()) continue;
    return invalid(
        cat("operand ", operand, " is not one of the ", entry_.values.size(), " values"));
  }
  return Status();
}

Status EntryCheck::check_specs(const Instruction& instruction) const {
  std::vector<Spec> inputs;
  inputs.reserve(instruction.inputs.size());
  for (const int operand : instruction.inputs) inputs.push_back(value(operand).spec);
  std::vector<Spec> outputs;
  PYDL_RETURN_IF_ERROR(infer(instruction.op, inputs, instruction.attrs, &outputs));
  if (outputs.size() != instruction.outputs.size()) {
    return invalid(cat("has ", outputs.size(), " results, received ", instruction.outputs.size()));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Spec& given = value(instruction.outputs[i]).spec;
    if (given == outputs[i]) continue;
    return invalid(cat("result ", i, " is ", outputs[i], ", received ", given));
  }
  return Status();
}

Status EntryCheck::check_writes(const Instruction& instruction) const {
  for (const int operand : instruction.outputs) {
    if (value(operand).place != Place::kInput) continue;
    return invalid("writes to an input");
  }
  return check_overlap(entry_.values, instruction, sweeps_);
}

// `if` and `loop`: their range ends inside the code and inside the ranges around it.
Status EntryCheck::check_control(size_t index, const Instruction& instruction) {
  const bool is_loop = instruction.op == Opcode::loop;
  const int64_t length = instruction.attrs.get_int(is_loop ? "body" : "skip", 0);
  const size_t limit = open_.empty() ? entry_.code.size() : open_.back().end;
  if (length < 1 || static_cast<uint64_t>(length) > limit - index - 1) {
    return invalid(cat("covers ", length, " instructions, but only ", limit - index - 1,
                       " follow in its range"));
  }
  const bool inner = is_loop && instruction.attrs.find("most") != nullptr;
  if (is_loop) PYDL_RETURN_IF_ERROR(check_loop(index, instruction));
  open_.push_back({index + 1 + static_cast<size_t>(length), is_loop, inner});
  return Status();
}

Status EntryCheck::check_loop(size_t index, const Instruction& instruction) {
  if (instruction.attrs.find("most") != nullptr) {
    PYDL_RETURN_IF_ERROR(sweeps_.enter(entry_, index));
    for (const int64_t moved : instruction.attrs.get_ints("values")) {
      PYDL_RETURN_IF_ERROR(check_sweep(static_cast<int>(moved)));
    }
    return Status();
  }
  for (const Range& range : open_) {
    if (range.loop) return invalid("a loop without the attribute 'most' is in no other");
  }
  const Value& count = value(instruction.inputs[0]);
  if (count.place != Place::kInput || entry_.inputs[static_cast<size_t>(count.index)].step != 0) {
    return invalid("its count must be an input with step 0");
  }
  return Status();
}

// A value that moves stays in its place in all passes.
Status EntryCheck::check_sweep(int index) const {
  const Value& moved = value(index);
  const Sweep* sweep = sweeps_.find(index);
  int64_t room = 0;
  PYDL_RETURN_IF_ERROR(place_bytes(moved, cat("value ", index), &room));
  const int64_t begin = moved.offset + sweep->low;
  const int64_t end = moved.offset + byte_size(moved.spec) + sweep->high;
  if (begin >= 0 && end <= room) return Status();
  return invalid(
      cat("moves value ", index, " to bytes ", begin, " to ", end, " of a place with ", room));
}

void EntryCheck::end_ranges(size_t index) {
  while (!open_.empty() && open_.back().end <= index) {
    if (open_.back().inner) sweeps_.leave();
    open_.pop_back();
  }
}

Status EntryCheck::check_instruction(size_t index) {
  const Instruction& instruction = entry_.code[index];
  end_ranges(index);
  const auto check = [&]() -> Status {
    if (instruction.op == Opcode::reshape) return invalid("reshape is not an instruction");
    PYDL_RETURN_IF_ERROR(check_operand_range(instruction.inputs));
    PYDL_RETURN_IF_ERROR(check_operand_range(instruction.outputs));
    PYDL_RETURN_IF_ERROR(check_specs(instruction));
    PYDL_RETURN_IF_ERROR(check_writes(instruction));
    const bool is_control = instruction.op == Opcode::loop || instruction.op == Opcode::if_;
    return is_control ? check_control(index, instruction) : Status();
  };
  const Status status = check();
  if (status.ok()) return status;
  const std::string_view label = std::string_view(instruction.label).substr(0, 80);
  return refuse("instruction ", index, " '", opcode_name(instruction.op), "'",
                label.empty() ? "" : cat(" (", label, ")"), where_, ": ", status.message());
}

}  // namespace

const Entry* Plan::find(std::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

int64_t byte_size(const Spec& spec) { return element_count(spec.shape) * dtype_size(spec.dtype); }

Status validate(const Plan& plan) {
  PYDL_RETURN_IF_ERROR(check_names("state", plan.state, ""));
  for (const StateSlot& slot : plan.state) {
    PYDL_RETURN_IF_ERROR(check_spec(subject("state", slot.name, ""), slot.spec));
    if (slot.name.starts_with("__")) {
      return refuse(subject("state", slot.name, ""),
                    ": names that begin with '__' belong to the file format");
    }
  }
  PYDL_RETURN_IF_ERROR(check_names("entry", plan.entries, ""));
  std::unordered_set<std::string_view> notes;
  for (const auto& note : plan.notes) {
    if (!notes.insert(note.first).second) {
      return refuse(subject("note", note.first, ""), " is there twice");
    }
  }
  for (const Entry& entry : plan.entries) PYDL_RETURN_IF_ERROR(EntryCheck(plan, entry).run());
  return Status();
}

}  // namespace pydl
