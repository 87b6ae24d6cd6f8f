// Memory of a device: blocks are kept and reused, as in the host's arena. A block given back may be
// handed out again while work that uses it still runs: all of a device's programs share one stream,
// and uploads to other blocks wait for that stream.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plan/export.h"
#include "plan/status.h"

namespace pydl {

class Device;

// A block of a device's pool, given back on destruction. Content is garbage. 256-byte aligned.
class PYDL_EXPORT DeviceMemory {
 public:
  DeviceMemory(Device* device, void* data, int64_t bytes)
      : device_(device), data_(static_cast<unsigned char*>(data)), bytes_(bytes) {}
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  Device& device() const { return *device_; }
  unsigned char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }  // at least what was asked for
  // Others know the address: their work is waited for before the block is used again.
  void share() { shared_ = true; }

 private:
  Device* device_;
  unsigned char* data_;
  int64_t bytes_;
  bool shared_ = false;
};

struct MemoryStatistics {
  int64_t in_use = 0;
  int64_t pooled = 0;  // held, not in use
  int64_t peak = 0;  // most in use
};

// The blocks of one device. The calls that may reach the driver need the device entered.
class PYDL_EXPORT DevicePool {
 public:
  explicit DevicePool(Device* device) : device_(device) {}

  // `purpose` says in the error what the memory was for: "the arena of 'train_step'".
  Status allocate(int64_t bytes, const std::string& purpose, std::shared_ptr<DeviceMemory>* out);
  void give_back(void* data, int64_t bytes);
  Status release_waiting();
  MemoryStatistics statistics() const;

 private:
  struct Block {
    void* data;
    int64_t bytes;
  };
  Block take_waiting(int64_t bytes);
  Status out_of_memory(int64_t bytes, const std::string& purpose) const;

  Device* device_;
  mutable std::mutex mutex_;
  std::vector<Block> waiting_;
  MemoryStatistics statistics_;
};

// "1.5 GB", "12 bytes"
std::string bytes_text(int64_t bytes);

}  // namespace pydl
