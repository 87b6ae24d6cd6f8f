// A GPU in use: its streams, memory and the way data takes to it and back.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "plan/export.h"
#include "plan/status.h"
#include "runtime/device/memory.h"
#include "runtime/device/staging.h"
#include "runtime/device/table.h"

namespace pydl {

class PYDL_EXPORT Device {
 public:
  // The device with this number, opened at its first use. kNotFound with the reason when there is
  // none. Devices live as long as the process; a child made by fork cannot use them.
  static Status find(int index, Device** out);
  // "cuda" is device 0, "cuda:1" the next.
  static Status find(std::string_view name, Device** out);
  static bool is_name(std::string_view name);  // whether it begins with "cuda"

  int index() const { return index_; }
  const std::string& name() const { return name_; }  // "cuda:0"
  const DeviceProperties& properties() const { return properties_; }
  const DeviceTable& table() const { return table_; }
  DevicePool& pool() { return pool_; }
  Staging& staging() { return staging_; }

  // Whoever enqueues work holds it, from the first call to the last of what belongs together.
  std::recursive_mutex& mutex() { return mutex_; }

  // The stream of all programs, and those that graphs are captured on, by depth.
  void* stream() const { return stream_; }
  Status capture_stream(size_t depth, void** out);

  // The error of a call of the table: what was tried, where, and the driver's words.
  Status check(int error, const std::string& operation) const;
  Status check_launches(const std::string& operation) const {
    return check(table_.take_launch_error(), operation);
  }

  Status synchronize();
  // An error in a process made by fork, where the device cannot be used.
  Status check_process() const;

  // From here on the program stream waits for all work now on `stream`, or that stream for it.
  Status wait_for(void* stream);
  Status make_wait(void* stream);

  // One block for the values of whatever program runs; it grows to the largest.
  Status workspace(int64_t bytes, const std::string& purpose, unsigned char** out);

 private:
  Device(const DeviceTable& table, int index);
  Status open();
  Status order(void* first, void* second);

  const DeviceTable& table_;
  int index_;
  std::string name_;
  DeviceProperties properties_ = {};
  std::recursive_mutex mutex_;
  void* stream_ = nullptr;
  void* ordering_ = nullptr;  // event
  std::vector<void*> capture_streams_;
  DevicePool pool_;
  Staging staging_;
  std::shared_ptr<DeviceMemory> workspace_;
};

// The calling thread works on the device, as long as this lives.
class PYDL_EXPORT DeviceScope {
 public:
  explicit DeviceScope(const Device& device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  const Status& status() const { return status_; }

 private:
  const Device& device_;
  Status status_;
};

// How many devices there are; why none can be used. Opens none of them.
PYDL_EXPORT Status count_devices(int* count);

}  // namespace pydl
