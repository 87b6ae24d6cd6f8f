// The slot table: where a plan's state lives. Shared memory, owned by whoever filled the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/dtype.h"
#include "plan/export.h"

namespace pydl {

struct Slot {
  void* data = nullptr;
  int64_t bytes = 0;
  DType dtype = DType::kFloat32;
  uint64_t stamp = 0;  // unique in the process; another stamp means another content
};

class PYDL_EXPORT State {
 public:
  explicit State(int slots) : slots_(static_cast<size_t>(slots)) {}

  int size() const { return static_cast<int>(slots_.size()); }
  const Slot& slot(int index) const { return slots_[static_cast<size_t>(index)]; }
  void set(int index, void* data, int64_t bytes, DType dtype);
  // The content of the slot changed: what was derived from it is stale.
  void touch(int index);

 private:
  std::vector<Slot> slots_;
};

}  // namespace pydl
