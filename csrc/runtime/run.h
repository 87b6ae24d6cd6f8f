// One call of a program: its arena, its operand pointers, its place in the code.
#pragma once

#include <chrono>
#include <vector>

#include "runtime/arena.h"
#include "runtime/crew.h"
#include "runtime/program.h"

namespace pydl {

class Run final : public Job {
 public:
  Run(const Program& program, void* const* derived, std::vector<double>* seconds);

  void connect(const State& state, const std::vector<Buffer>& inputs,
               const std::vector<Buffer>& outputs);
  void connect(void* const* operands);  // of a program of one op
  int64_t passes() const { return passes_; }

  Status prepare(int workers) override;
  void run_part(int part, int worker) override;
  int advance(int worker) override;

 private:
  using Clock = std::chrono::steady_clock;

  bool alone() const { return adapts_ && loop_end_ >= 0 && blocks_.alone(); }
  void begin_loop();
  void end_pass();
  void move_stepped(int64_t passes);
  void finish_instruction();
  Call call_for(int worker);
  const int64_t* read_operand(int operand) const;

  const Program& program_;
  void* const* derived_;
  std::vector<double>* seconds_;
  Arena arena_;
  std::vector<void*> pointers_;
  unsigned char* scratch_ = nullptr;
  unsigned char* workers_ = nullptr;

  // Moved on by one thread at a time; read by the holders of parts.
  int at_ = 0;           // instruction
  int phase_ = 0;        // next phase of it
  const Phase* open_ = nullptr;
  int64_t pieces_per_part_ = 1;
  int loop_end_ = -1;    // instruction where the running loop's pass ends, -1 outside loops
  int loop_begin_ = 0;
  int64_t pass_ = 0;
  int64_t count_ = 0;
  const int64_t* stop_ = nullptr;
  int64_t passes_ = 1;
  Blocks blocks_;
  bool adapts_ = false;  // may run passes alone
  Clock::time_point started_;
};

}  // namespace pydl
