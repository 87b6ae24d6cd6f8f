#include "runtime/device/mirror.h"

#include "runtime/device/device.h"
#include "runtime/device/transfer.h"

namespace pydl {

Status Mirror::to_host_locked() {
  if (!host_stale_) return {};
  PYDL_RETURN_IF_ERROR(download(*memory_, host_, bytes_));
  host_stale_ = false;
  return {};
}

Status Mirror::to_host() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return to_host_locked();
}

Status Mirror::on_device(Device* device, const std::string& name,
                         std::shared_ptr<DeviceMemory>* out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (device_ != device) {  // from one device to another by way of the host
    PYDL_RETURN_IF_ERROR(to_host_locked());
    device_ = device;
    memory_ = nullptr;
    device_stale_ = true;
  }
  if (memory_ == nullptr) {
    PYDL_RETURN_IF_ERROR(allocate(device, bytes_, name, &memory_));
    device_stale_ = true;
  }
  if (device_stale_) {
    PYDL_RETURN_IF_ERROR(upload(*memory_, host_, bytes_));
    device_stale_ = false;
  }
  *out = memory_;
  return {};
}

void Mirror::host_written() {
  const std::lock_guard<std::mutex> lock(mutex_);
  host_stale_ = false;
  device_stale_ = true;
}

void Mirror::device_written() {
  const std::lock_guard<std::mutex> lock(mutex_);
  host_stale_ = memory_ != nullptr;
  device_stale_ = false;
}

bool Mirror::host_is_stale() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return host_stale_;
}

bool Mirror::device_is_stale() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return device_stale_;
}

void Mirror::see_stamp(uint64_t stamp) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stamp == stamp_) return;
  stamp_ = stamp;
  host_stale_ = false;
  device_stale_ = true;
}

}  // namespace pydl
