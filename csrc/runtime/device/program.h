// A program on a device: what does not change from run to run. Where its values lie, its code with
// the passes of loops made explicit, its graphs.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/device/graphs.h"
#include "runtime/program.h"

namespace pydl {

class Device;

class DeviceProgram {
 public:
  // `program` is bound but for this; it outlives what is made here.
  static std::unique_ptr<DeviceProgram> make(const Program& program, Device* device);

  // `counts`: the passes of the loop whose count is that input, 0 for other inputs.
  Status run(const State& state, const std::vector<Buffer>& inputs,
             const std::vector<Buffer>& outputs, const std::vector<int64_t>& counts,
             int64_t* passes, std::vector<double>* seconds) const;

  Device& device() const { return *device_; }
  bool conditional() const { return conditional_; }

 private:
  friend class DeviceRun;

  enum class StepKind { kInstruction, kIf, kLoop, kBeginPass, kEndPass };
  struct Step {
    StepKind kind;
    int index;  // instruction; of passes: loop
    int end;    // if, loop: one past the last covered step
  };
  struct Port {
    bool stepped = false;     // moves with the passes of some loop
    int64_t bytes = 0;        // of one pass
    int64_t step = 0;
    int64_t window = 0;       // in the workspace, where stepped
    bool written = false;     // outputs: all of it, by every run with a pass,
    bool read = false;        // unless read before
    int64_t counted_by = -1;  // the loop whose passes write it
  };
  struct Loop {
    int instruction;
    std::vector<int> inputs;  // stepped ports
    std::vector<int> outputs;
    int64_t most_bytes = 0;   // of all slices together
    bool stops = false;       // has a stop flag
    bool certain = true;      // not inside an `if`
    bool inner = false;       // not the entry's: its count is a value, it moves windows
    int64_t most = 0;
    int count_input = 0;      // of the entry's
    std::vector<int> windows;
    int64_t control = 0;      // in the block of the run's data: LoopControl, then slices
  };

  // Where a value stands that an inner loop moves: in the workspace, the bytes that it has in one
  // pass, with those that loops inside move it to.
  struct Window {
    int parent;     // the window of the loop around that they are part of, -1: the value's place
    int operand;    // one of those that stand here
    int loop;
    int64_t begin;  // in the first pass, from the parent's or the place's begin
    int64_t step;
    int64_t bytes;
    bool load = false;
    bool store = false;
    int64_t at = 0;  // in the workspace
  };
  struct Around {  // an inner loop around the instruction
    int loop;
    std::unordered_map<int, int64_t> steps;  // by value
  };

  DeviceProgram(const Program& program, Device* device);
  void add_steps(int begin, int end, int loop, bool certain);
  void add_loop(int instruction, int end, int around, bool certain);
  void add_inner_loop(int instruction, int end, int around);
  void add_windows(int instruction, bool sure);
  int window_of(int value, int operand);
  int find_window(const Window& wanted);
  void add_slices(int instruction);
  void note_writes(int instruction, int loop, bool certain);
  void place();

  const Program& program_;
  Device* device_;
  bool conditional_ = false;  // graphs hold IF and WHILE nodes
  bool uses_graphs_ = true;
  std::vector<Step> steps_;
  std::vector<Loop> loops_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<bool> used_state_;
  std::vector<bool> stepped_;  // per operand
  std::vector<Window> windows_;
  std::vector<int> window_;    // per operand, -1: none
  std::vector<Around> around_;  // while steps are added
  bool controls_ = false;      // has `if` or `loop`
  int64_t control_bytes_ = 0;
  int64_t scratch_ = 0;        // offsets in the workspace
  int64_t worker_ = 0;
  int64_t workspace_bytes_ = 0;
  mutable GraphCache graphs_;
};

// Whether programs bound now let graphs decide about `if` and `loop`: the driver can, and
// PYDL_CUDA_CONDITIONAL is not 0.
bool uses_conditional_nodes(const Device& device);

}  // namespace pydl
