#include "runtime/derived.h"

#include <sys/mman.h>

#include <cstdlib>
#include <string>

namespace pydl {
namespace {

constexpr size_t kHuge = size_t{2} << 20;

// Null when memory is exhausted. Large buffers ask for huge pages: packing touches each page once
// for the first time, which otherwise costs as much as the packing.
std::shared_ptr<void> allocate(size_t bytes) {
  const size_t unit = bytes >= 2 * kHuge ? kHuge : 64;
  const size_t size = (bytes + 63 + unit) / unit * unit;  // kernels may read a vector too far
  if (size < bytes) return nullptr;
  void* data = std::aligned_alloc(unit, size);
  if (data == nullptr) return nullptr;
  if (unit == kHuge) madvise(data, size, MADV_HUGEPAGE);  // a hint: its failure changes nothing
  return {data, std::free};
}

}  // namespace

void DerivedSet::add(const Derived& derived, const void* params, int slot, int64_t offset) {
  items_.push_back({derived, params, slot, offset});
}

bool DerivedSet::is_current(const State& state) const {
  if (snapshot_ == nullptr) return false;
  for (size_t i = 0; i < items_.size(); ++i) {
    if (snapshot_->stamps[i] != state.slot(items_[i].slot).stamp) return false;
  }
  return true;
}

Status DerivedSet::current(const State& state, std::shared_ptr<const Snapshot>* out) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_current(state)) {
    auto made = std::make_shared<Snapshot>();
    for (size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      const Slot& slot = state.slot(item.slot);
      const bool reusable = snapshot_ != nullptr && snapshot_->stamps[i] == slot.stamp;
      std::shared_ptr<void> buffer = reusable ? snapshot_->buffers[i] : nullptr;
      if (!reusable) {
        const auto bytes = static_cast<size_t>(item.derived.bytes);
        buffer = allocate(bytes);
        if (buffer == nullptr) {
          return Status(Code::kOutOfMemory, std::string("out of memory: ") + item.derived.kind +
                                                " needs " + std::to_string(bytes) + " bytes");
        }
        const auto* source = static_cast<const unsigned char*>(slot.data) + item.offset;
        item.derived.build(item.params, source, buffer.get());
      }
      made->pointers.push_back(buffer.get());
      made->stamps.push_back(slot.stamp);
      made->buffers.push_back(std::move(buffer));
    }
    snapshot_ = std::move(made);
  }
  *out = snapshot_;
  return {};
}

}  // namespace pydl
