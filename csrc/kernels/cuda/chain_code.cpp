#include "kernels/cuda/chain_code.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kNever = -1;
constexpr int kAtTheEnd = kMaxSteps;  // after all steps: a result

class Translation {
 public:
  Translation(const ChainProgram& program, ChainCode* code) : program_(program), code_(*code) {}

  void run(bool copy_operands_once) {
    code_ = {};
    find_uses();
    if (copy_operands_once) copy_operands();
    for (int s = 0; s < program_.n_steps; ++s) place_step(s);
    place_results(true);
    place_results(false);
  }

 private:
  int produced(int step) const { return program_.n_inputs + step; }
  int last_step() const { return program_.n_steps - 1; }

  void find_uses() {
    for (int r = 0; r < kMaxRegisters; ++r) {
      uses_[r] = 0;
      last_use_[r] = kNever;
      slots_[r] = -1;
    }
    for (int s = 0; s < program_.n_steps; ++s) {
      for (int a = 0; a < program_.steps[s].n_args; ++a) {
        const int reg = program_.steps[s].args[a];
        if (reg >= 0) use(reg, s);
      }
    }
    for (int i = 0; i < program_.n_results; ++i) use(program_.results[i], kAtTheEnd);
  }

  void use(int reg, int step) {
    ++uses_[reg];
    last_use_[reg] = step;
  }

  void copy_operands() {
    for (int k = 0; k < program_.n_inputs; ++k) {
      if (uses_[k] < 2) continue;
      slots_[k] = code_.n_slots++;
      owners_[slots_[k]] = k;
      CodeStep& copied = code_.steps[code_.n_steps++];
      copied.op = static_cast<uint8_t>(Opcode::copy);
      copied.n_args = 1;
      copied.args[0] = static_cast<Source>(kFirstOperand + k);
      copied.save = static_cast<int8_t>(slots_[k]);
    }
  }

  Source source(int reg, int step) const {
    if (reg < 0) return static_cast<Source>(reg);
    if (step > 0 && reg == produced(step - 1)) return kLast;
    if (slots_[reg] >= 0) return static_cast<Source>(kFirstSlot + slots_[reg]);
    return static_cast<Source>(kFirstOperand + reg);
  }

  void place_step(int s) {
    const ChainStep& step = program_.steps[s];
    CodeStep& placed = code_.steps[code_.n_steps++];
    placed.op = static_cast<uint8_t>(step.op);
    placed.n_args = static_cast<uint8_t>(step.n_args);
    for (int a = 0; a < step.n_args; ++a) placed.args[a] = source(step.args[a], s);
    const int reg = produced(s);
    const bool held = last_use_[reg] == kNever || last_use_[reg] == s + 1 ||
                      (s == last_step() && last_use_[reg] == kAtTheEnd);
    if (!held) slots_[reg] = free_slot(s);
    if (!held) owners_[slots_[reg]] = reg;
    placed.save = static_cast<int8_t>(held ? -1 : slots_[reg]);
  }

  // A slot whose value is not read after step `s`.
  int free_slot(int s) {
    for (int k = 0; k < code_.n_slots; ++k) {
      if (last_use_[owners_[k]] <= s) return k;
    }
    return code_.n_slots++;
  }

  void place_results(bool last) {
    for (int i = 0; i < program_.n_results; ++i) {
      const int reg = program_.results[i];
      if ((reg == produced(last_step())) != last) continue;
      code_.outputs[code_.n_results] = static_cast<uint8_t>(i);
      code_.results[code_.n_results++] = source(reg, program_.n_steps);
    }
  }

  const ChainProgram& program_;
  ChainCode& code_;
  int uses_[kMaxRegisters];
  int last_use_[kMaxRegisters];  // a step, kAtTheEnd or kNever
  int slots_[kMaxRegisters];     // -1: in none
  int owners_[kMaxRegisters];    // of each slot, the register it holds
};

}  // namespace

void make_chain_code(const ChainProgram& program, int wanted_slots, ChainCode* code) {
  Translation translation(program, code);
  translation.run(true);
  if (code->n_slots > wanted_slots) translation.run(false);
}

}  // namespace pydl::PYDL_GPU
