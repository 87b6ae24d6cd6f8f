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

  struct Frame {  // a running loop
    int loop;     // into Program::loops_
    int begin;    // the first instruction of its body
    int end;
    int64_t pass;
    int64_t count;
    const int64_t* stop;
  };

  bool alone() const { return adapts_ && in_entry_loop_ && blocks_.alone(); }
  void begin_loop();
  void end_pass();
  void end_loop();
  void move_stepped(const Frame& frame, int64_t passes);
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
  int loop_end_ = -1;  // instruction where the innermost loop's pass ends, -1 outside loops
  std::vector<Frame> frames_;  // from the outermost loop
  bool in_entry_loop_ = false;
  int64_t passes_ = 1;
  Blocks blocks_;
  bool adapts_ = false;  // may run passes alone
  Clock::time_point started_;
};

}  // namespace pydl
