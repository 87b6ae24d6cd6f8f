#include "runtime/device/graphs.h"

#include "runtime/device/device.h"

namespace pydl {
namespace {

constexpr size_t kMostSets = 8;
// Sets captured at first sight: the blocks of a run's data take turns. The very first run launches
// its kernels directly, which loads them.
constexpr int kEagerSets = 4;

}  // namespace

GraphCache::~GraphCache() {
  if (sets_.empty() || !device_->check_process().ok()) return;
  const std::lock_guard<std::recursive_mutex> lock(device_->mutex());
  const DeviceScope scope(*device_);
  if (!scope.status().ok() || !device_->synchronize().ok()) return;  // the driver has ended
  for (const GraphSet& set : sets_) destroy(set);
}

Status GraphCache::find(const std::vector<const void*>& key, GraphSet** out) {
  for (auto set = sets_.begin(); set != sets_.end(); ++set) {
    if (set->key != key) continue;
    sets_.splice(sets_.begin(), sets_, set);
    *out = &sets_.front();
    return {};
  }
  if (sets_.size() == kMostSets) {
    PYDL_RETURN_IF_ERROR(device_->synchronize());  // it may be running
    destroy(sets_.back());
    sets_.pop_back();
  }
  sets_.emplace_front();
  sets_.front().key = key;
  sets_.front().seen = made_ > 0 && made_ < kEagerSets;
  ++made_;
  *out = &sets_.front();
  return {};
}

// An error here is one of the driver's that the next call meets too.
void GraphCache::destroy(const GraphSet& set) {
  const DeviceTable& table = device_->table();
  if (set.whole != nullptr) static_cast<void>(table.destroy_graph(set.whole));
  for (const auto& [step, graph] : set.parts) static_cast<void>(table.destroy_graph(graph));
}

}  // namespace pydl
