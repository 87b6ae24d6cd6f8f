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

// Of an instruction with operands that loops move.
class MovingCheck {
 public:
  MovingCheck(const std::vector<Value>& values, const Instruction& instruction,
              const Sweeps& sweeps)
      : values_(values), instruction_(instruction), sweeps_(sweeps) {}

  Status run() const {
    for (size_t i = 0; i < instruction_.outputs.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (!overlap(instruction_.outputs[i], instruction_.outputs[j])) continue;
        return invalid(cat("results ", j, " and ", i, " overlap"));
      }
      for (size_t j = 0; j < instruction_.inputs.size(); ++j) {
        if (!overlap(instruction_.outputs[i], instruction_.inputs[j])) continue;
        if (same_bytes(instruction_.outputs[i], instruction_.inputs[j]) &&
            may_share(values_, instruction_, j, i)) {
          continue;
        }
        return invalid(cat("result ", i, " overlaps operand ", j));
      }
    }
    return {};
  }

 private:
  const Value& value(int index) const { return values_[static_cast<size_t>(index)]; }

  // Whether two values keep their distance in all passes.
  bool alike(int a, int b) const {
    const Sweep* one = sweeps_.find(a);
    const Sweep* other = sweeps_.find(b);
    if (one == nullptr || other == nullptr) return one == other;
    return one->steps == other->steps;
  }

  bool same_bytes(int a, int b) const {
    return alike(a, b) && value(a).offset == value(b).offset &&
           byte_size(value(a).spec) == byte_size(value(b).spec);
  }

  bool overlap(int a, int b) const {
    const Value& x = value(a);
    const Value& y = value(b);
    const int64_t bytes[] = {byte_size(x.spec), byte_size(y.spec)};
    if (x.place != y.place || x.index != y.index || bytes[0] == 0 || bytes[1] == 0) return false;
    int64_t begin[] = {x.offset, y.offset};
    int64_t end[] = {x.offset + bytes[0], y.offset + bytes[1]};
    if (!alike(a, b)) {
      const int both[] = {a, b};
      for (int i = 0; i < 2; ++i) {
        const Sweep* sweep = sweeps_.find(both[i]);
        begin[i] += sweep == nullptr ? 0 : sweep->low;
        end[i] += sweep == nullptr ? 0 : sweep->high;
      }
    }
    return begin[0] < end[1] && begin[1] < end[0];
  }

  const std::vector<Value>& values_;
  const Instruction& instruction_;
  const Sweeps& sweeps_;
};

bool moves(const Instruction& instruction, const Sweeps& sweeps) {
  const auto moved = [&](int value) { return sweeps.find(value) != nullptr; };
  return std::any_of(instruction.inputs.begin(), instruction.inputs.end(), moved) ||
         std::any_of(instruction.outputs.begin(), instruction.outputs.end(), moved);
}

}  // namespace

Status check_overlap(const std::vector<Value>& values, const Instruction& instruction,
                     const Sweeps& sweeps) {
  if (moves(instruction, sweeps)) return MovingCheck(values, instruction, sweeps).run();
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
