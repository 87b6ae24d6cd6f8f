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
      blocks_(&program.tempo_) {
  frames_.reserve(static_cast<size_t>(program.deepest_));
}

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
  const Program::Loop& loop = program_.loops_[static_cast<size_t>(control.loop)];
  const bool stops = control.first_output - control.first_input > 1;
  const int64_t count = std::min(*read_operand(control.first_input), loop.most);
  if (!loop.inner) {
    passes_ = 0;
    blocks_.begin();
    in_entry_loop_ = true;
  }
  frames_.push_back({control.loop, at_ + 1, control.end, 0, count,
                     stops ? read_operand(control.first_input + 1) : nullptr});
  loop_end_ = control.end;
  ++at_;
  if (count <= 0) end_loop();
}

void Run::end_pass() {
  Frame& frame = frames_.back();
  ++frame.pass;
  if (in_entry_loop_ && frames_.size() == 1) {
    passes_ = frame.pass;
    if (adapts_) blocks_.pass_done();
  }
  if (frame.pass < frame.count && (frame.stop == nullptr || *frame.stop == 0)) {
    move_stepped(frame, 1);
    at_ = frame.begin;
    return;
  }
  move_stepped(frame, -(frame.pass - 1));
  end_loop();
}

void Run::end_loop() {
  at_ = frames_.back().end;
  in_entry_loop_ &= frames_.size() > 1;
  frames_.pop_back();
  loop_end_ = frames_.empty() ? -1 : frames_.back().end;
}

void Run::move_stepped(const Frame& frame, int64_t passes) {
  const Program::Loop& loop = program_.loops_[static_cast<size_t>(frame.loop)];
  for (int i = loop.first_stepped; i < loop.last_stepped; ++i) {
    const Program::Stepped& stepped = program_.stepped_[static_cast<size_t>(i)];
    auto& pointer = pointers_[static_cast<size_t>(stepped.operand)];
    pointer = static_cast<unsigned char*>(pointer) + stepped.step * passes;
  }
}

}  // namespace pydl
