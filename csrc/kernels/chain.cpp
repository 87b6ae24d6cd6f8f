#include "kernels/chain.h"

#include <charconv>
#include <string_view>

namespace pydl {
namespace {

struct NamedOpcode {
  std::string_view name;
  std::string_view family;
  Opcode op;
};

constexpr NamedOpcode kNames[] = {
#define PYDL_OPCODE(name, family) {#name, #family, Opcode::name},
#include "plan/opcodes.def"
#undef PYDL_OPCODE
};

bool find_step(std::string_view name, Opcode* op) {
  for (const NamedOpcode& entry : kNames) {
    if (entry.name != name) continue;
    *op = entry.op;
    return step_arity(entry.op) > 0;
  }
  return false;
}

// Cuts the text before the next `separator` off the front of `rest`.
std::string_view cut(std::string_view* rest, char separator) {
  const size_t end = rest->find(separator);
  const std::string_view head = rest->substr(0, end);
  *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
  return head;
}

template <class T>
bool parse_number(std::string_view text, T* value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value);
  return result.ec == std::errc() && result.ptr == end;
}

const char* parse_argument(std::string_view text, ChainProgram* out, int16_t* argument) {
  if (text.starts_with('#')) {
    if (!parse_number(text.substr(1), &out->literals[out->n_literals])) {
      return "chain: a literal is not a number";
    }
    *argument = static_cast<int16_t>(-1 - out->n_literals++);
    return nullptr;
  }
  int value = -1;
  if (!parse_number(text, &value)) return "chain: an argument is neither a register nor a literal";
  if (value < 0 || value >= out->n_inputs + out->n_steps) {
    return "chain: an argument names a register not written yet";
  }
  *argument = static_cast<int16_t>(value);
  return nullptr;
}

const char* parse_step(std::string_view text, ChainProgram* out) {
  ChainStep step = {};
  if (!find_step(cut(&text, ' '), &step.op)) return "chain: unknown step";
  while (!text.empty()) {
    if (step.n_args == kMaxStepArgs) return "chain: a step has too many arguments";
    const char* error = parse_argument(cut(&text, ' '), out, &step.args[step.n_args]);
    if (error != nullptr) return error;
    ++step.n_args;
  }
  if (step.n_args != step_arity(step.op)) return "chain: a step has the wrong number of arguments";
  out->steps[out->n_steps++] = step;
  return nullptr;
}

}  // namespace

int step_arity(Opcode op) {
  if (op == Opcode::where) return 3;
  if (op == Opcode::copy) return 1;
  if (op >= Opcode::neg && op <= Opcode::isfinite) return 1;
  if (op >= Opcode::add && op <= Opcode::tanh_grad) return 2;
  return 0;
}

const char* parse_chain(const char* steps, int n_inputs, ChainProgram* out) {
  if (n_inputs < 0 || n_inputs > kMaxOperands) return "chain: more than 16 operands";
  *out = {};
  out->n_inputs = n_inputs;
  std::string_view rest(steps);
  if (rest.empty()) return "chain: no steps";
  while (!rest.empty()) {
    if (out->n_steps == kMaxSteps) return "chain: more than 64 steps";
    const char* error = parse_step(cut(&rest, ';'), out);
    if (error != nullptr) return error;
  }
  return nullptr;
}

const char* set_results(const int64_t* registers, int count, ChainProgram* program) {
  if (count < 1 || count > kMaxResults) return "chain: expected 1 to 8 results";
  for (int i = 0; i < count; ++i) {
    if (registers[i] < 0 || registers[i] >= program->n_inputs + program->n_steps) {
      return "chain: a result is not a register";
    }
    program->results[i] = static_cast<int>(registers[i]);
  }
  program->n_results = count;
  return nullptr;
}

const char* chain_program(const OpView& op, ChainProgram* out) {
  if (op.op == Opcode::chain) {
    const char* error = parse_chain(attr_string(op, "steps"), op.n_in, out);
    if (error != nullptr) return error;
    const int64_t* results = nullptr;
    const int count = attr_ints(op, "results", &results);
    return set_results(results, count, out);
  }
  const int arity = step_arity(op.op);
  if (arity == 0 || arity != op.n_in) return "not an elementwise step";
  *out = {};
  out->n_inputs = arity;
  out->n_steps = 1;
  out->steps[0] = {op.op, static_cast<int16_t>(arity), {0, 1, 2}};
  out->n_results = 1;
  out->results[0] = arity;
  return nullptr;
}

}  // namespace pydl
