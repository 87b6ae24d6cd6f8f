// One call of a program on a device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/device/program.h"

namespace pydl {

class DeviceRun {
 public:
  // `counts`: the passes of the loop whose count is that input, 0 for other inputs. `counted`:
  // somebody asks for the passes, which may have to be waited for.
  DeviceRun(const DeviceProgram& program, const State& state, const std::vector<Buffer>& inputs,
            const std::vector<Buffer>& outputs, const std::vector<int64_t>& counts,
            std::vector<double>* seconds, bool counted);

  // The newest state on the device. Mirrors have locks of their own, so this is outside execute's.
  Status fetch_state();
  // Everything between, with the device's mutex held.
  Status execute();
  // Marks what was written; state without a mirror of the caller's goes back to the host.
  Status return_state();

  int64_t passes() const { return passes_; }

 private:
  using Step = DeviceProgram::Step;
  using StepKind = DeviceProgram::StepKind;
  using Loop = DeviceProgram::Loop;
  using Port = DeviceProgram::Port;

  // Where everything lies (run_connect.cpp).
  Status connect();
  void place_ports();
  int64_t place(const Port& port, int64_t passes);
  int64_t port_bytes(const Port& port, int64_t passes) const;
  bool keeps_content(size_t output) const;
  int64_t count_of(int loop) const;
  Status upload_ports();
  void fill_control(const Loop& loop);
  unsigned char* input_base(size_t i) const;
  unsigned char* output_base(size_t i) const;
  Status order_after_producers();
  Status order_before_consumers();
  Status connect_derived();
  unsigned char* place_of(size_t operand) const;
  unsigned char* window_source(const DeviceProgram::Window& window) const;
  void connect_operands();
  std::vector<const void*> key() const;
  LoopCall loop_call(int loop) const;
  const int64_t* flag_of(int instruction, int operand) const;
  Status count_passes();
  Status download_outputs();
  int64_t passes_of(const Port& port) const;
  Status out_of_memory(Status status) const;

  // The code (run.cpp).
  Status go();
  Status walk(int begin, int end);
  Status walk_loop(const Step& step, int begin);
  Status read_flag(const int64_t* flag, int64_t* value);
  Status run_part(int begin, int end);
  Status launch_graph(void* graph);
  Status capture_whole(void** graph);
  Status capture(int begin, int end, size_t depth);
  Status capture_covered(int at, size_t depth);
  Status end_capture(Status status, void* stream, void** graph);
  Status enqueue(int begin, int end, void* stream);
  Status enqueue_instruction(int instruction, void* stream);
  void launch(int instruction, void* stream) const;
  Status check_operands(int instruction) const;
  std::string label_of(int instruction) const;

  const DeviceProgram& program_;
  const Program& host_;  // what was bound
  Device& device_;
  const State& state_;
  const std::vector<Buffer>& inputs_;
  const std::vector<Buffer>& outputs_;
  const std::vector<int64_t>& counts_;
  std::vector<double>* seconds_;
  bool counted_;
  bool marks_;  // ranges for profilers

  std::vector<std::shared_ptr<Mirror>> mirrors_;       // per slot, null where unused
  std::vector<std::shared_ptr<DeviceMemory>> memory_;  // of the mirrors
  std::shared_ptr<const DerivedSet::Snapshot> derived_;

  // The block of this run's data: control, then inputs and outputs in host memory.
  unsigned char* block_ = nullptr;
  int64_t block_bytes_ = 0;
  int64_t most_passes_ = 1;
  std::vector<int64_t> input_at_;  // offsets in it, -1 for memory of the device's
  std::vector<int64_t> output_at_;
  std::vector<unsigned char> control_;

  unsigned char* workspace_ = nullptr;
  std::vector<void*> pointers_;  // per operand
  GraphSet* graphs_ = nullptr;   // null: kernels are launched directly
  uint64_t condition_ = 0;       // of the loop being captured, 0 where the host walks
  int64_t passes_ = 1;
  bool started_ = false;         // state may have been written
};

}  // namespace pydl
