// How far the values of an entry move with the passes of the inner loops around an instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "plan/plan.h"

namespace pydl {

// In all passes together the value occupies the bytes from `low` before to `high` behind its own.
struct Sweep {
  struct Step {
    size_t loop;  // its instruction
    int64_t step;
    int64_t most;  // passes
    bool operator==(const Step&) const = default;
  };
  std::vector<Step> steps;  // from the outermost loop
  int64_t low = 0;          // <= 0
  int64_t high = 0;
};

class Sweeps {
 public:
  // An inner loop begins. Refuses lists that do not fit the entry's values.
  Status enter(const Entry& entry, size_t loop);
  // The loop that was entered last ends.
  void leave();
  // Null for a value that stays where it is.
  const Sweep* find(int value) const;

 private:
  std::unordered_map<int, Sweep> sweeps_;
  std::vector<std::vector<int>> entered_;  // the values of each loop around
};

}  // namespace pydl
