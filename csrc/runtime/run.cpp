#include "runtime/run.h"

#include <algorithm>

namespace pydl {
namespace {

constexpr int64_t align_up(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

Run::Run(const Program& program, void* const* derived, std::vector<double>* seconds)
    : program_(program),
      derived_(derived),
      seconds_(seconds),
      pointers_(program.operands_.size()),
      blocks_(&program.tempo_) {}

// Everything but arena pointers, which wait for `prepare`.
void Run::connect(const State& state, const std::vector<Buffer>& inputs,
                  const std::vector<Buffer>& outputs) {
  for (size_t i = 0; i < pointers_.size(); ++i) {
    const Program::Operand& operand = program_.operands_[i];
    const auto index = static_cast<size_t>(operand.index);
    void* base = nullptr;
    switch (operand.place) {
      case Place::kArena: continue;
      case Place::kState: base = state.slot(operand.index).data; break;
      case Place::kInput: base = inputs[index].data; break;
      case Place::kOutput: base = outputs[index].data; break;
    }
    pointers_[i] = static_cast<unsigned char*>(base) + operand.offset;
  }
}

void Run::connect(void* const* operands) {
  std::copy_n(operands, pointers_.size(), pointers_.begin());
}

Status Run::prepare(int workers) {
  adapts_ = workers > 1 && seconds_ == nullptr;
  const int64_t values = align_up(program_.entry_.arena_bytes);
  const int64_t scratch = align_up(program_.scratch_bytes_);
  const int64_t worker = align_up(program_.worker_bytes_);
  PYDL_RETURN_IF_ERROR(arena_.reserve(values + scratch + worker * workers));
  scratch_ = arena_.data() + values;
  workers_ = scratch_ + scratch;
  for (size_t i = 0; i < pointers_.size(); ++i) {
    const Program::Operand& operand = program_.operands_[i];
    if (operand.place == Place::kArena) pointers_[i] = arena_.data() + operand.offset;
  }
  return {};
}

Call Run::call_for(int worker) {
  const Program::Control& control = program_.control_[static_cast<size_t>(at_)];
  void* const* operands = pointers_.data();
  return {program_.instructions_[static_cast<size_t>(at_)].bound.params,
          const_cast<const void* const*>(operands + control.first_input),
          operands + control.first_output,
          scratch_,
          workers_ + align_up(program_.worker_bytes_) * worker,
          derived_ == nullptr ? nullptr : derived_ + control.first_derived,
          nullptr};
}

void Run::run_part(int part, int worker) {
  const Call call = call_for(worker);
  const int64_t first = part * pieces_per_part_;
  const int64_t last = std::min(first + pieces_per_part_, open_->pieces);
  for (int64_t piece = first; piece < last; ++piece) open_->run(call, piece);
}

int Run::advance(int worker) {
  const int end = static_cast<int>(program_.instructions_.size());
  for (;;) {
    if (at_ == loop_end_) {
      end_pass();
      continue;
    }
    if (at_ >= end) return 0;
    const BoundInstruction& instruction = program_.instructions_[static_cast<size_t>(at_)];
    const Program::Control& control = program_.control_[static_cast<size_t>(at_)];
    if (instruction.op == Opcode::if_) {
      at_ = *read_operand(control.first_input) != 0 ? control.end : at_ + 1;
      continue;
    }
    if (instruction.op == Opcode::loop) {
      begin_loop();
      continue;
    }
    if (seconds_ != nullptr && phase_ == 0) started_ = Clock::now();
    if (phase_ == instruction.bound.n_phases) {
      finish_instruction();
      continue;
    }
    open_ = &instruction.bound.phases[phase_++];
    pieces_per_part_ = (open_->pieces + kMostParts - 1) / kMostParts;
    if (open_->pieces > 1 && !alone()) {
      return static_cast<int>((open_->pieces + pieces_per_part_ - 1) / pieces_per_part_);
    }
    const Call call = call_for(worker);
    for (int64_t piece = 0; piece < open_->pieces; ++piece) open_->run(call, piece);
  }
}

void Run::finish_instruction() {
  if (seconds_ != nullptr) {
    (*seconds_)[static_cast<size_t>(at_)] +=
        std::chrono::duration<double>(Clock::now() - started_).count();
  }
  ++at_;
  phase_ = 0;
}

const int64_t* Run::read_operand(int operand) const {
  return static_cast<const int64_t*>(pointers_[static_cast<size_t>(operand)]);
}

void Run::begin_loop() {
  const Program::Control& control = program_.control_[static_cast<size_t>(at_)];
  const bool stops = control.first_output - control.first_input > 1;
  count_ = *read_operand(control.first_input);
  stop_ = stops ? read_operand(control.first_input + 1) : nullptr;
  pass_ = 0;
  passes_ = 0;
  blocks_.begin();
  loop_begin_ = at_ + 1;
  loop_end_ = count_ > 0 ? control.end : -1;
  at_ = count_ > 0 ? loop_begin_ : control.end;
}

void Run::end_pass() {
  ++pass_;
  passes_ = pass_;
  if (adapts_) blocks_.pass_done();
  if (pass_ < count_ && (stop_ == nullptr || *stop_ == 0)) {
    move_stepped(1);
    at_ = loop_begin_;
    return;
  }
  move_stepped(-(pass_ - 1));
  at_ = loop_end_;
  loop_end_ = -1;
}

// Stepped operands of other loops move too and come back before those run: loops do not nest.
void Run::move_stepped(int64_t passes) {
  for (const Program::Stepped& stepped : program_.stepped_) {
    auto& pointer = pointers_[static_cast<size_t>(stepped.operand)];
    pointer = static_cast<unsigned char*>(pointer) + stepped.step * passes;
  }
}

}  // namespace pydl
