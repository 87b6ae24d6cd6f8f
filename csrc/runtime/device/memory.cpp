#include "runtime/device/memory.h"

#include <algorithm>
#include <cstdio>

#include "runtime/device/device.h"

namespace pydl {
namespace {

constexpr int64_t kSmall = int64_t{1} << 20;
constexpr int64_t kHuge = int64_t{2} << 20;  // what drivers map at once

int64_t round_up(int64_t bytes) {
  const int64_t unit = bytes > kSmall ? kHuge : 512;
  return std::max<int64_t>((bytes + unit - 1) / unit * unit, unit);
}

}  // namespace

std::string bytes_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB"};
  if (bytes < 10000) return std::to_string(bytes) + " bytes";
  double value = static_cast<double>(bytes) / 1e3;
  int unit = 0;
  for (; value >= 1000 && unit < 3; ++unit) value /= 1e3;
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g %s", value, kUnits[unit]);
  return text;
}

DeviceMemory::~DeviceMemory() {
  if (shared_) {
    const DeviceScope scope(*device_);
    static_cast<void>(device_->table().synchronize_device());  // an error shows at the next call
  }
  device_->pool().give_back(data_, bytes_);
}

// The smallest waiting block that fits and is not far too large; data null when there is none.
DevicePool::Block DevicePool::take_waiting(int64_t bytes) {
  size_t best = waiting_.size();
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const int64_t size = waiting_[i].bytes;
    if (size < bytes || size > 2 * bytes + kSmall) continue;
    if (best == waiting_.size() || size < waiting_[best].bytes) best = i;
  }
  if (best == waiting_.size()) return {nullptr, 0};
  const Block block = waiting_[best];
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(best));
  statistics_.pooled -= block.bytes;
  return block;
}

Status DevicePool::allocate(int64_t bytes, const std::string& purpose,
                            std::shared_ptr<DeviceMemory>* out) {
  if (bytes < 0 || bytes > (int64_t{1} << 46)) {
    return invalid(purpose + ": " + std::to_string(bytes) + " bytes are no size of a device's");
  }
  const int64_t size = round_up(bytes);
  const DeviceTable& table = device_->table();
  std::unique_lock<std::mutex> lock(mutex_);
  Block block = take_waiting(size);
  if (block.data == nullptr) {
    int error = table.allocate(&block.data, size);
    if (error == kDeviceNoMemory) {
      lock.unlock();
      PYDL_RETURN_IF_ERROR(release_waiting());
      lock.lock();
      error = table.allocate(&block.data, size);
    }
    if (error == kDeviceNoMemory) return out_of_memory(size, purpose);
    PYDL_RETURN_IF_ERROR(device_->check(error, "memory for " + purpose));
    block.bytes = size;
  }
  statistics_.in_use += block.bytes;
  statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
  lock.unlock();
  *out = std::make_shared<DeviceMemory>(device_, block.data, block.bytes);
  return {};
}

void DevicePool::give_back(void* data, int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waiting_.push_back({data, bytes});
  statistics_.in_use -= bytes;
  statistics_.pooled += bytes;
}

Status DevicePool::release_waiting() {
  PYDL_RETURN_IF_ERROR(device_->synchronize());
  const std::lock_guard<std::mutex> lock(mutex_);
  Status status;
  for (const Block& block : waiting_) {
    const Status released = device_->check(device_->table().release(block.data), "free memory");
    if (status.ok()) status = released;
  }
  waiting_.clear();
  statistics_.pooled = 0;
  return status;
}

MemoryStatistics DevicePool::statistics() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return statistics_;
}

Status DevicePool::out_of_memory(int64_t bytes, const std::string& purpose) const {
  int64_t available = 0, total = 0;
  std::string message =
      device_->name() + ": out of memory: " + bytes_text(bytes) + " needed for " + purpose;
  if (device_->table().memory_info(&available, &total) == kDeviceOk) {
    message += "; " + bytes_text(available) + " of " + bytes_text(total) + " are free";
  }
  message += ", pydl uses " + bytes_text(statistics_.in_use);
  return Status(Code::kOutOfMemory, std::move(message));
}

}  // namespace pydl
