// A bound entry of a plan: kernels chosen, scratch sized. Immutable and shared between threads;
// every running call borrows an arena of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "runtime/bind.h"
#include "runtime/derived.h"
#include "runtime/state.h"
#include "runtime/tempo.h"

namespace pydl {

class Device;
class DeviceProgram;

// Memory of the caller for one input or output.
struct Buffer {
  void* data = nullptr;
  int64_t bytes = 0;
  DType dtype = DType::kFloat32;
  int device = -1;         // whose memory it is; -1: the host's
  void* stream = nullptr;  // of a device's: where others work on it; null: nowhere, or it is done
};

class PYDL_EXPORT Program {
 public:
  Program();
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // `entry` must be part of a validated plan. `isa` as in choose_bundle; kNotFound when unknown
  // here.
  static Status bind(const Entry& entry, const std::vector<StateSlot>& state, std::string_view isa,
                     std::unique_ptr<Program>* out, Precision precision = Precision::kFloat32);

  // One op by itself, for eager calls and tests. `kernel`: only this candidate, "" any.
  static Status bind_op(Opcode op, const std::vector<Spec>& inputs,
                        const std::vector<Spec>& outputs, const Attrs& attrs, std::string_view isa,
                        std::string_view kernel, std::unique_ptr<Program>* out,
                        Precision precision = Precision::kFloat32);

  // Checks the buffers, then runs to the end. `passes`: loop passes done. `seconds`: when given,
  // one entry per instruction, to which its time is added. Buffers may lie in host memory or, of a
  // program on a device, in the device's; it has been waited for when outputs in host memory are
  // written, and otherwise runs on.
  Status run(const State& state, const std::vector<Buffer>& inputs,
             const std::vector<Buffer>& outputs, int64_t* passes,
             std::vector<double>* seconds = nullptr) const;

  // Runs a program of bind_op on the host. `operands`: memory as its specs ask for, of the inputs,
  // then of the outputs; nothing is checked.
  Status run_op(void* const* operands) const;

  const Entry& entry() const { return entry_; }
  const std::vector<StateSlot>& state() const { return state_; }
  const std::vector<BoundInstruction>& instructions() const { return instructions_; }
  const char* isa() const { return bundle_->isa; }
  Device* device() const { return device_; }  // null on the CPU
  int64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  friend class Run;
  friend class DeviceProgram;
  friend class DeviceRun;

  // Where one operand comes from; the pointer is made at each run.
  struct Operand {
    Place place;
    int index;
    int64_t offset;
  };
  struct Stepped {  // an operand that moves on at each pass
    int operand;
    int64_t step;
  };
  struct Loop {
    int instruction;
    bool inner;  // not the entry's own: what moves is its `values`
    int64_t most;
    int first_stepped, last_stepped;  // into stepped_
  };
  struct Control {  // of instruction i: its operands, and where its range ends
    int first_input;
    int first_output;
    int end;  // if, loop: one past the last covered instruction
    int first_derived;
    int loop;  // into loops_, -1 for others
  };

  Status run_on_host(const State& state, const std::vector<Buffer>& inputs,
                     const std::vector<Buffer>& outputs, int64_t* passes,
                     std::vector<double>* seconds) const;
  Status bind_code(std::string_view kernel);
  Status bind_one(const Instruction& instruction, std::string_view kernel);
  void add_operands(const Instruction& instruction);
  void add_derived(const Instruction& instruction, const Bound& bound);
  void add_loops();
  void add_loop(int instruction);
  std::vector<bool> moving_values() const;
  std::vector<bool> written_state() const;
  Status check_buffers(const State& state, const std::vector<Buffer>& inputs,
                       const std::vector<Buffer>& outputs, std::vector<int64_t>* counts) const;
  Status check_place(const char* what, const Port& port, const Buffer& buffer) const;
  Status check_ports(const char* what, const std::vector<Port>& ports,
                     const std::vector<Buffer>& buffers, int64_t passes) const;
  Status count_passes(const std::vector<Buffer>& inputs, std::vector<int64_t>* counts) const;

  Entry entry_;
  std::vector<StateSlot> state_;
  const Bundle* bundle_ = nullptr;
  Device* device_ = nullptr;
  Precision precision_ = Precision::kFloat32;
  Binder binder_;
  std::vector<BoundInstruction> instructions_;
  std::vector<Control> control_;
  std::vector<Operand> operands_;
  std::vector<Stepped> stepped_;  // loop by loop
  std::vector<Loop> loops_;
  int deepest_ = 0;  // loops in loops
  std::vector<bool> moving_;  // per value: it moves with an inner loop
  std::vector<bool> written_;  // per state slot
  DerivedSet derived_;
  mutable Tempo tempo_;
  int64_t scratch_bytes_ = 0;
  int64_t worker_bytes_ = 0;
  std::unique_ptr<const DeviceProgram> on_device_;
};

}  // namespace pydl
