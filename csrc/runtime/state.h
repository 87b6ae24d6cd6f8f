// The slot table: where a plan's state lives. Shared memory, owned by whoever filled the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "plan/dtype.h"
#include "plan/export.h"
#include "plan/status.h"
#include "runtime/device/mirror.h"

namespace pydl {

struct Slot {
  void* data = nullptr;
  int64_t bytes = 0;
  DType dtype = DType::kFloat32;
  uint64_t stamp = 0;  // unique in the process; another stamp means another content
  std::shared_ptr<Mirror> mirror;  // where devices keep their copy; null: the state has one itself
};

class PYDL_EXPORT State {
 public:
  explicit State(int slots) : slots_(static_cast<size_t>(slots)), own_(slots_.size()) {}

  int size() const { return static_cast<int>(slots_.size()); }
  const Slot& slot(int index) const { return slots_[static_cast<size_t>(index)]; }
  // A mirror is one of `data`. Without it programs on devices take the host's content as the newest
  // and leave theirs there, at the price of copies.
  void set(int index, void* data, int64_t bytes, DType dtype,
           std::shared_ptr<Mirror> mirror = nullptr);
  // The content of the slot changed: what was derived from it is stale.
  void touch(int index);

  // The slot's mirror, or the one that the state keeps for it.
  std::shared_ptr<Mirror> mirror(int index) const;
  // Brings the content of slots that a device has written last to host memory.
  Status to_host() const;

 private:
  std::vector<Slot> slots_;
  mutable std::vector<std::shared_ptr<Mirror>> own_;
};

}  // namespace pydl
