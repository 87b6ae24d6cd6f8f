// One variable in host memory and in the memory of a device: which side has the newest content, and
// the way to the other. Shared by all programs that use the variable, on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "plan/export.h"
#include "plan/status.h"

namespace pydl {

class Device;
class DeviceMemory;

class PYDL_EXPORT Mirror {
 public:
  // The host memory must live as long as the mirror.
  Mirror(void* host, int64_t bytes) : host_(host), bytes_(bytes) {}

  void* host() const { return host_; }
  int64_t bytes() const { return bytes_; }

  // The newest content in the device's memory, for work on its program stream. `name` is for the
  // error when there is no room.
  Status on_device(Device* device, const std::string& name, std::shared_ptr<DeviceMemory>* out);
  // The newest content in host memory; waits for the programs where they have written last.
  Status to_host();

  // One side was written: the other is stale.
  void host_written();
  void device_written();
  bool host_is_stale() const;
  bool device_is_stale() const;

  // For host memory whose writers only raise a stamp: another one than the last is a write.
  void see_stamp(uint64_t stamp);

 private:
  Status to_host_locked();

  void* host_;
  int64_t bytes_;
  mutable std::mutex mutex_;
  Device* device_ = nullptr;  // the one that has, or had, a copy
  std::shared_ptr<DeviceMemory> memory_;
  bool host_stale_ = false;
  bool device_stale_ = true;
  uint64_t stamp_ = 0;
};

}  // namespace pydl
