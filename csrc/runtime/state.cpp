#include "runtime/state.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace pydl {
namespace {

uint64_t next_stamp() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

}  // namespace

void State::set(int index, void* data, int64_t bytes, DType dtype, std::shared_ptr<Mirror> mirror) {
  const auto at = static_cast<size_t>(index);
  slots_[at] = {data, bytes, dtype, next_stamp(), std::move(mirror)};
  own_[at] = nullptr;
}

void State::touch(int index) { slots_[static_cast<size_t>(index)].stamp = next_stamp(); }

std::shared_ptr<Mirror> State::mirror(int index) const {
  static std::mutex making;
  const Slot& slot = slots_[static_cast<size_t>(index)];
  if (slot.mirror != nullptr) return slot.mirror;
  const std::lock_guard<std::mutex> lock(making);
  std::shared_ptr<Mirror>& own = own_[static_cast<size_t>(index)];
  if (own == nullptr) own = std::make_shared<Mirror>(slot.data, slot.bytes);
  return own;
}

Status State::to_host() const {
  for (const Slot& slot : slots_) {
    if (slot.mirror != nullptr) PYDL_RETURN_IF_ERROR(slot.mirror->to_host());
  }
  return {};
}

}  // namespace pydl
