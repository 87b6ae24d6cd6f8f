#include "plan/ops/chain.h"

#include <charconv>

#include "plan/text.h"

namespace pydl::ops {
namespace {

// The part before `separator`; `rest` moves behind it. False at the end of the text.
bool next_part(std::string_view* rest, char separator, std::string_view* part) {
  if (rest->data() == nullptr) return false;
  const size_t end = rest->find(separator);
  *part = rest->substr(0, end);
  *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
  return true;
}

template <typename Number>
bool read_number(std::string_view text, Number* value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value);
  return !text.empty() && result.ec == std::errc() && result.ptr == end;
}

std::string_view excerpt(std::string_view text) { return text.substr(0, 60); }

Status wrong_step(int step, std::string_view text, std::string_view why) {
  return invalid(cat("chain: step ", step, " '", excerpt(text), "' ", why));
}

Status read_arg(std::string_view text, std::string_view token, int step, int registers,
                ChainArg* arg) {
  if (!token.empty() && token[0] == '#') {
    arg->reg = -1;
    if (read_number(token.substr(1), &arg->literal)) return Status();
    return wrong_step(step, text, cat("has a bad literal '", excerpt(token), "'"));
  }
  arg->literal = 0.0;
  if (!read_number(token, &arg->reg) || arg->reg < 0) {
    return wrong_step(step, text,
                      cat("has a bad argument '", excerpt(token),
                          "'; expected a register or a literal such as #0.5"));
  }
  if (arg->reg < registers) return Status();
  return wrong_step(step, text,
                    cat("reads register ", arg->reg, ", but only 0 to ", registers - 1,
                        " are written before it"));
}

Status read_step(std::string_view text, int index, int registers, ChainStep* step) {
  std::string_view rest = text;
  std::string_view token;
  next_part(&rest, ' ', &token);
  if (!find_opcode(token, &step->op)) {
    return wrong_step(index, text, cat("names no op: '", excerpt(token), "'"));
  }
  const int arity = chain_arity(step->op);
  if (arity == 0) return wrong_step(index, text, "is not an elementwise op that may be fused");
  step->n_args = 0;
  while (next_part(&rest, ' ', &token)) {
    if (step->n_args == arity) {
      return wrong_step(index, text, cat("has too many arguments, expected ", arity));
    }
    ChainArg* arg = &step->args[step->n_args++];
    PYDL_RETURN_IF_ERROR(read_arg(text, token, index, registers, arg));
  }
  if (step->n_args == arity) return Status();
  return wrong_step(index, text, cat("has ", step->n_args, " arguments, expected ", arity));
}

Status read_results(const std::vector<int64_t>& results, ChainProgram* program) {
  if (results.empty() || results.size() > static_cast<size_t>(kChainResults)) {
    return invalid(cat("chain: attribute 'results' must have 1 to ", kChainResults,
                       " registers, received ", results.size()));
  }
  const int64_t first = program->n_inputs;
  const int64_t end = first + program->n_steps;
  for (const int64_t reg : results) {
    if (reg < first || reg >= end) {
      return invalid(cat("chain: attribute 'results' must name registers written by a step, in [",
                         first, ", ", end, "), received ", reg));
    }
    program->results[program->n_results++] = static_cast<int16_t>(reg);
  }
  return Status();
}

}  // namespace

int elementwise_arity(Opcode op) {
  if (op >= Opcode::neg && op <= Opcode::isfinite) return 1;
  if (op >= Opcode::add && op <= Opcode::right_shift) return 2;
  if (op == Opcode::where) return 3;
  return op == Opcode::copy || op == Opcode::bitwise_not ? 1 : 0;
}

int chain_arity(Opcode op) {
  const bool bitwise = op >= Opcode::bitwise_and && op <= Opcode::bitwise_not;
  return bitwise ? 0 : elementwise_arity(op);
}

Status parse_chain(std::string_view steps, const std::vector<int64_t>& results, size_t n_inputs,
                   ChainProgram* program) {
  if (n_inputs < 1 || n_inputs > static_cast<size_t>(kChainOperands)) {
    return invalid(cat("chain: expected 1 to ", kChainOperands, " operands, received ", n_inputs));
  }
  program->n_inputs = static_cast<int>(n_inputs);
  program->n_steps = 0;
  program->n_results = 0;
  std::string_view rest = steps;
  std::string_view text;
  while (next_part(&rest, ';', &text)) {
    if (program->n_steps == kChainSteps) {
      return invalid(cat("chain: attribute 'steps' may have at most ", kChainSteps, " steps"));
    }
    const int registers = program->n_inputs + program->n_steps;
    ChainStep* step = &program->steps[program->n_steps];
    PYDL_RETURN_IF_ERROR(read_step(text, program->n_steps, registers, step));
    ++program->n_steps;
  }
  return read_results(results, program);
}

Status parse_reduces(std::string_view text, ChainProgram* program) {
  for (Opcode& op : program->reduces) op = Opcode::copy;
  if (text.empty()) return Status();
  std::string_view rest = text;
  std::string_view name;
  int count = 0;
  bool any = false;
  while (next_part(&rest, ';', &name)) {
    Opcode op = Opcode::copy;
    const bool known =
        find_opcode(name, &op) && (op == Opcode::reduce_sum || op == Opcode::reduce_mean ||
                                   op == Opcode::reduce_max || op == Opcode::reduce_min);
    if (!known && name != "none") {
      return invalid(
          cat("chain: attribute 'reduce' must name 'reduce_sum', 'reduce_mean', "
              "'reduce_max', 'reduce_min' or 'none', received '",
              excerpt(name), "'"));
    }
    if (count < program->n_results) program->reduces[count] = known ? op : Opcode::copy;
    any = any || known;
    ++count;
  }
  if (!any) return invalid("chain: attribute 'reduce' must name a reduction, received only 'none'");
  if (count == program->n_results) return Status();
  return invalid(cat("chain: attribute 'reduce' must have an entry for each of ",
                     program->n_results, " results, received ", count));
}

}  // namespace pydl::ops
