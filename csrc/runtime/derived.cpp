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

class HostHome final : public DerivedSet::Home {
 public:
  explicit HostHome(const State& state) : state_(state) {}

  Status allocate(const char* kind, int64_t bytes, std::shared_ptr<void>* out) override {
    *out = pydl::allocate(static_cast<size_t>(bytes));
    if (*out != nullptr) return {};
    return Status(Code::kOutOfMemory, std::string("out of memory: ") + kind + " needs " +
                                          std::to_string(bytes) + " bytes");
  }
  const unsigned char* content(int slot) const override {
    return static_cast<const unsigned char*>(state_.slot(slot).data);
  }
  void* stream() const override { return nullptr; }

 private:
  const State& state_;
};

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

Status DerivedSet::make(const Item& item, Home& home, std::shared_ptr<void>* out) const {
  PYDL_RETURN_IF_ERROR(home.allocate(item.derived.kind, item.derived.bytes, out));
  const unsigned char* source = home.content(item.slot) + item.offset;
  item.derived.build(item.params, source, out->get(), home.stream());
  return {};
}

Status DerivedSet::current(const State& state, std::shared_ptr<const Snapshot>* out) const {
  HostHome home(state);
  return current(state, home, out);
}

Status DerivedSet::current(const State& state, Home& home,
                           std::shared_ptr<const Snapshot>* out) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_current(state)) {
    auto made = std::make_shared<Snapshot>();
    for (size_t i = 0; i < items_.size(); ++i) {
      const uint64_t stamp = state.slot(items_[i].slot).stamp;
      const bool reusable = snapshot_ != nullptr && snapshot_->stamps[i] == stamp;
      std::shared_ptr<void> buffer = reusable ? snapshot_->buffers[i] : nullptr;
      if (!reusable) PYDL_RETURN_IF_ERROR(make(items_[i], home, &buffer));
      made->pointers.push_back(buffer.get());
      made->stamps.push_back(stamp);
      made->buffers.push_back(std::move(buffer));
    }
    snapshot_ = std::move(made);
  }
  *out = snapshot_;
  return {};
}

}  // namespace pydl
