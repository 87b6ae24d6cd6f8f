#include "plan/sweep.h"

#include <algorithm>

#include "plan/text.h"

namespace pydl {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 46;

// The bytes between the first pass and the last.
Status distance(const Sweep::Step& step, int64_t* bytes) {
  const int64_t passes = std::max<int64_t>(step.most - 1, 0);
  if (__builtin_mul_overflow(step.step, passes, bytes) || *bytes > kMaxBytes ||
      *bytes < -kMaxBytes) {
    return invalid(cat("its steps of ", step.step, " bytes in ", step.most, " passes go too far"));
  }
  return {};
}

void add_distance(Sweep* sweep, const Sweep::Step& step) {
  int64_t bytes = 0;
  if (!distance(step, &bytes).ok()) return;  // `enter` has looked
  (bytes < 0 ? sweep->low : sweep->high) += bytes;
}

}  // namespace

Status Sweeps::enter(const Entry& entry, size_t loop) {
  const Attrs& attrs = entry.code[loop].attrs;
  const std::vector<int64_t> values = attrs.get_ints("values");
  const std::vector<int64_t> steps = attrs.get_ints("steps");
  entered_.emplace_back();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || static_cast<uint64_t>(values[i]) >= entry.values.size()) {
      return invalid(cat("moves value ", values[i], ", there are ", entry.values.size()));
    }
    const int value = static_cast<int>(values[i]);
    if (steps[i] % dtype_size(entry.values[static_cast<size_t>(value)].spec.dtype) != 0) {
      return invalid(cat("moves value ", value, " by ", steps[i], " bytes, no whole elements"));
    }
    Sweep& sweep = sweeps_[value];
    const Sweep::Step step = {loop, steps[i], attrs.get_int("most", 0)};
    if (!sweep.steps.empty() && sweep.steps.back().loop == loop) {
      return invalid(cat("moves value ", value, " twice"));
    }
    int64_t bytes = 0;
    PYDL_RETURN_IF_ERROR(distance(step, &bytes));
    sweep.steps.push_back(step);
    add_distance(&sweep, step);
    entered_.back().push_back(value);
  }
  return {};
}

void Sweeps::leave() {
  for (const int value : entered_.back()) {
    Sweep& sweep = sweeps_[value];
    sweep.steps.pop_back();
    if (sweep.steps.empty()) {
      sweeps_.erase(value);
      continue;
    }
    sweep.low = sweep.high = 0;
    for (const Sweep::Step& step : sweep.steps) add_distance(&sweep, step);
  }
  entered_.pop_back();
}

const Sweep* Sweeps::find(int value) const {
  const auto found = sweeps_.find(value);
  return found == sweeps_.end() ? nullptr : &found->second;
}

}  // namespace pydl
