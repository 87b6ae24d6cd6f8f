#include "plan/overlap.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "plan/text.h"

namespace pydl {
namespace {

struct Range {
  Place place;
  int index;
  int64_t begin, end;
  size_t operand;  // its position among the instruction's inputs or outputs

  auto buffer() const { return std::tuple(place, index); }
};

// The operands that occupy bytes.
std::vector<Range> ranges_of(const std::vector<Value>& values, const std::vector<int>& operands) {
  std::vector<Range> ranges;
  ranges.reserve(operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    const Value& value = values[static_cast<size_t>(operands[i])];
    const int64_t bytes = byte_size(value.spec);
    if (bytes == 0) continue;
    ranges.push_back({value.place, value.index, value.offset, value.offset + bytes, i});
  }
  return ranges;
}

// The operand that result `output` of an update replaces: groups of variable, gradient, slots give
// groups of variable, slots.
size_t updated_operand(const Instruction& instruction, size_t output) {
  const auto n = static_cast<size_t>(instruction.attrs.get_int("n", 1));
  const size_t results = instruction.outputs.size() / n;
  const size_t scalars = instruction.inputs.size() - n * (results + 1);
  const size_t member = output % results;
  return scalars + output / results * (results + 1) + (member == 0 ? 0 : member + 1);
}

// Updates of rows: variable and slots are the last operands, their new values the results.
bool is_updated_rows(const Instruction& instruction, size_t input, size_t output) {
  return instruction.op != Opcode::row_sums &&
         input + instruction.outputs.size() == instruction.inputs.size() + output;
}

bool may_share(const std::vector<Value>& values, const Instruction& instruction, size_t input,
               size_t output) {
  const std::string_view family = opcode_family(instruction.op);
  const Spec& read = values[static_cast<size_t>(instruction.inputs[input])].spec;
  const Spec& written = values[static_cast<size_t>(instruction.outputs[output])].spec;
  if (family == "elementwise") {
    // Where results are reduced, an operand is read after some of them have been written.
    if (!instruction.attrs.get_string("reduce", "").empty()) return false;
    // The same bytes could still hold one double or eight bools.
    return read.shape == written.shape && dtype_size(read.dtype) == dtype_size(written.dtype);
  }
  if (family == "rows") return is_updated_rows(instruction, input, output);
  return family == "optimizer" && instruction.op != Opcode::square_norms &&
         input == updated_operand(instruction, output);
}

}  // namespace

Status check_overlap(const std::vector<Value>& values, const Instruction& instruction) {
  std::vector<Range> written = ranges_of(values, instruction.outputs);
  std::sort(written.begin(), written.end(), [](const Range& a, const Range& b) {
    return std::tuple(a.buffer(), a.begin) < std::tuple(b.buffer(), b.begin);
  });
  for (size_t i = 1; i < written.size(); ++i) {
    const Range& before = written[i - 1];
    const Range& here = written[i];
    if (before.buffer() != here.buffer() || before.end <= here.begin) continue;
    return invalid(cat("results ", std::min(before.operand, here.operand), " and ",
                       std::max(before.operand, here.operand), " overlap"));
  }
  for (const Range& read : ranges_of(values, instruction.inputs)) {
    // Results are disjoint, so in order of begin they are in order of end too.
    auto next = std::partition_point(written.begin(), written.end(), [&](const Range& range) {
      return std::tuple(range.buffer(), range.end) <= std::tuple(read.buffer(), read.begin);
    });
    for (; next != written.end(); ++next) {
      if (next->buffer() != read.buffer() || next->begin >= read.end) break;
      const bool same = next->begin == read.begin && next->end == read.end;
      if (same && may_share(values, instruction, read.operand, next->operand)) continue;
      return invalid(cat("result ", next->operand, " overlaps operand ", read.operand));
    }
  }
  return Status();
}

}  // namespace pydl
