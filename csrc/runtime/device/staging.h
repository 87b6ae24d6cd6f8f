// The way between host memory and a device: through two pinned buffers, one being filled or read
// while the other is on its way. Uploads travel on a stream of their own, beside running programs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plan/status.h"

namespace pydl {

class Device;
class DeviceMemory;

// Host memory that stands at an offset of a block of device memory.
struct HostPart {
  int64_t offset;
  void* host;  // only read by uploads
  int64_t bytes;
};

// What has travelled between host and device so far.
struct TransferStatistics {
  int64_t uploads = 0;
  int64_t uploaded_bytes = 0;
  int64_t downloads = 0;
  int64_t downloaded_bytes = 0;
};

// Needs the device's mutex held and the device entered.
class Staging {
 public:
  explicit Staging(Device* device) : device_(device) {}

  Status open();

  // To `to`, which the program stream may have used until now; from here on it waits for the data.
  // The host memory has been read when this returns. Parts in order of offset. `beside`: no program
  // on the stream uses `to` any more, the copy need not wait for them.
  Status upload(unsigned char* to, const std::vector<HostPart>& parts, bool beside = false);
  // After all work on the program stream, which is waited for.
  Status download(const unsigned char* from, const std::vector<HostPart>& parts);

  // Blocks for the inputs and outputs of runs, two by turns: one is filled while the programs still
  // read the other.
  Status next_block(int64_t bytes, const std::string& purpose, unsigned char** out);
  // Into the block handed out last, waiting only for what used it.
  Status upload_block(const std::vector<HostPart>& parts);
  Status block_used();  // all work on the block is on the program stream by now

  const TransferStatistics& statistics() const { return statistics_; }

 private:
  struct Chunk {  // consecutive parts that travel together
    int64_t offset = 0;
    int64_t bytes = 0;
    std::vector<HostPart> parts;
  };
  struct Pinned {
    unsigned char* data = nullptr;
    void* done = nullptr;  // event: nothing is on its way in or out of it
  };
  struct Block {
    std::shared_ptr<DeviceMemory> memory;
    void* used = nullptr;  // event
  };

  static std::vector<Chunk> cut(const std::vector<HostPart>& parts);
  Status pinned(Pinned** out);
  Status send(unsigned char* to, const std::vector<HostPart>& parts, void* after);
  Status receive(const Pinned& pinned, const Chunk& chunk) const;

  Device* device_;
  void* stream_ = nullptr;
  void* ready_ = nullptr;  // events: the programs may use what was sent,
  void* free_ = nullptr;   // the target may be written
  Pinned pinned_[2];
  int next_pinned_ = 0;
  Block blocks_[2];
  int block_ = 0;
  TransferStatistics statistics_;
};

}  // namespace pydl
