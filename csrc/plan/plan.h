// The plan: what a compiled model is, in memory and in a file. Format version 1.
//
// 1. A plan is JSON text. In a file it is the string "plan" of `__metadata__` in a safetensors
//    container whose tensors are the state (container.h); Python hands the same text over without
//    a file. Nothing else describes a program, so nothing passes the checks unseen.
// 2. {"format": "pydl-plan", "version": 1, "producer": "pydl 0.1.0",
//     "state":   [{"name", "dtype", "shape", "trainable": 0|1}, ...],
//     "entries": [entry, ...], "notes": {string: string}}
//    "producer" and "notes" may be left out; no other key may, and none is added. Names are 1 to
//    1024 bytes, each once in its list; state names do not begin with "__".
// 3. entry: {"name", "inputs": [{"name", "dtype", "shape", "step"}, ...],
//            "outputs": [{"name", "dtype", "shape", "step"}, ...],
//            "arena": bytes, "values": [value, ...], "code": [instruction, ...]}
//    `step`: bytes from one loop pass to the next, a multiple of the element size, 0 when every
//    pass sees the same memory.
// 4. value: [dtype, shape, place, index, offset], place one of "arena" (index 0, offset a multiple
//    of 64, of a moving value of its element size), "state", "input", "output" (index into that
//    list; offset in bytes, element-aligned; the dtype is that of the slot or port). A value inside
//    a stepped input or output moves with it.
// 5. instruction: [opcode name, [input values], [output values], {attributes}, label?]; label is
//    the layer path and source line, for people. Infinite and NaN attributes are the strings "inf",
//    "-inf", "nan". Instructions run in order. `if` and `loop` cover the instructions that follow
//    them; ranges nest and end inside the code. A loop is one of two kinds. Without attr "most" it
//    is the entry's: its count is an input with step 0, no loop is around it, and stepped inputs
//    and outputs move with its passes. With "most" it is an inner loop: its count is any value,
//    taken as 0 to "most", and its "values" move: in pass i, value "values"[k] stands i *
//    "steps"[k] bytes further than before the loop ("steps" may be negative; whole elements). Bytes
//    that a moving value has in some pass are read and written inside the loop by it alone, or by
//    values that move alike. The stop flag of a loop is any value, read after each pass.
// 6. Checked before anything runs: every name, dtype, dimension, index, count and range above;
//    every value inside its place, in all passes; every instruction through `infer`, its results'
//    dtypes and shapes those of its output values; arena and tensors at most 2^46 bytes. `reshape`
//    is no instruction. No instruction writes to an input. Results of an instruction are disjoint,
//    from each other and from its operands, except that a result may have exactly the bytes of an
//    operand of its own shape and element size (elementwise) or of the tensor it replaces
//    (updates).
// 7. A plan holds no kernel name, instruction set, packed layout, thread count or code.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plan/op.h"

namespace pydl {

enum class Place : uint8_t { kArena, kState, kInput, kOutput };

struct Value {
  Spec spec;
  Place place = Place::kArena;
  int index = 0;
  int64_t offset = 0;
};

struct Instruction {
  Opcode op = Opcode::copy;
  std::vector<int> inputs;  // into Entry::values
  std::vector<int> outputs;
  Attrs attrs;
  std::string label;
};

struct Port {  // a named input or output of an entry
  std::string name;
  Spec spec;
  int64_t step = 0;
};

struct Entry {
  std::string name;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  int64_t arena_bytes = 0;
  std::vector<Value> values;
  std::vector<Instruction> code;
};

struct StateSlot {
  std::string name;
  Spec spec;
  bool trainable = false;
};

struct Plan {
  std::string producer;
  std::vector<StateSlot> state;
  std::vector<Entry> entries;
  std::vector<std::pair<std::string, std::string>> notes;

  PYDL_EXPORT const Entry* find(std::string_view name) const;  // nullptr when there is none
};

PYDL_EXPORT int64_t byte_size(const Spec& spec);  // of a known shape

// Reads and checks plan text. On error `plan` is unspecified; nothing was allocated beyond a small
// multiple of the text.
PYDL_EXPORT Status parse_plan(std::string_view text, Plan* plan);

// Everything of point 6. parse_plan calls it.
PYDL_EXPORT Status validate(const Plan& plan);

// A plan with its weights, as stored in a .pydl file.
struct Model {
  Plan plan;
  std::string text;  // the plan's JSON, written back unchanged
  std::vector<std::shared_ptr<void>> state;  // 64-byte aligned, in Plan::state order
};

PYDL_EXPORT Status read_model(const std::string& path, Model* model);
// Atomic: temporary file in the same folder, flushed, fsynced, renamed.
PYDL_EXPORT Status write_model(const std::string& path, const Model& model);

}  // namespace pydl
