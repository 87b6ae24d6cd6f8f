#include "runtime/device/staging.h"

#include <algorithm>
#include <cstring>

#include "runtime/device/device.h"

namespace pydl {
namespace {

constexpr int64_t kChunkBytes = int64_t{8} << 20;
constexpr int64_t kMostGap = 4096;  // between parts that still travel together

}  // namespace

Status Staging::open() {
  const DeviceTable& table = device_->table();
  PYDL_RETURN_IF_ERROR(device_->check(table.create_stream(&stream_), "make a stream"));
  for (void** event :
       {&ready_, &free_, &pinned_[0].done, &pinned_[1].done, &blocks_[0].used, &blocks_[1].used}) {
    PYDL_RETURN_IF_ERROR(device_->check(table.create_event(event, false), "make an event"));
  }
  return {};
}

std::vector<Staging::Chunk> Staging::cut(const std::vector<HostPart>& parts) {
  std::vector<Chunk> chunks;
  for (HostPart part : parts) {
    while (part.bytes > 0) {
      const bool joins = !chunks.empty() && part.offset - chunks.back().offset < kChunkBytes &&
                         part.offset - (chunks.back().offset + chunks.back().bytes) <= kMostGap;
      if (!joins) chunks.push_back({part.offset, 0, {}});
      Chunk& chunk = chunks.back();
      const int64_t room = chunk.offset + kChunkBytes - part.offset;
      const int64_t bytes = std::min(part.bytes, room);
      chunk.parts.push_back({part.offset, part.host, bytes});
      chunk.bytes = part.offset + bytes - chunk.offset;
      part = {part.offset + bytes, static_cast<unsigned char*>(part.host) + bytes,
              part.bytes - bytes};
    }
  }
  return chunks;
}

// The other of the two buffers, once nothing is on its way in or out of it.
Status Staging::pinned(Pinned** out) {
  const DeviceTable& table = device_->table();
  Pinned& next = pinned_[next_pinned_];
  next_pinned_ ^= 1;
  if (next.data == nullptr) {
    void* data = nullptr;
    PYDL_RETURN_IF_ERROR(
        device_->check(table.allocate_pinned(&data, kChunkBytes),
                       "pinned memory for copies (" + bytes_text(kChunkBytes) + ")"));
    next.data = static_cast<unsigned char*>(data);
  } else {
    PYDL_RETURN_IF_ERROR(device_->check(table.synchronize_event(next.done), "wait for a copy"));
  }
  *out = &next;
  return {};
}

Status Staging::send(unsigned char* to, const std::vector<HostPart>& parts, void* after) {
  const DeviceTable& table = device_->table();
  if (after != nullptr) {
    PYDL_RETURN_IF_ERROR(device_->check(table.wait_event(stream_, after), "wait for programs"));
  }
  ++statistics_.uploads;
  for (const Chunk& chunk : cut(parts)) {
    statistics_.uploaded_bytes += chunk.bytes;
    Pinned* buffer = nullptr;
    PYDL_RETURN_IF_ERROR(pinned(&buffer));
    for (const HostPart& part : chunk.parts) {
      std::memcpy(buffer->data + (part.offset - chunk.offset), part.host,
                  static_cast<size_t>(part.bytes));
    }
    PYDL_RETURN_IF_ERROR(device_->check(
        table.copy(to + chunk.offset, buffer->data, chunk.bytes, CopyKind::kToDevice, stream_),
        "copy " + bytes_text(chunk.bytes) + " to the device"));
    PYDL_RETURN_IF_ERROR(
        device_->check(table.record_event(buffer->done, stream_), "record an event"));
  }
  PYDL_RETURN_IF_ERROR(device_->check(table.record_event(ready_, stream_), "record an event"));
  return device_->check(table.wait_event(device_->stream(), ready_), "wait for a copy");
}

Status Staging::upload(unsigned char* to, const std::vector<HostPart>& parts, bool beside) {
  if (beside) return send(to, parts, nullptr);
  const DeviceTable& table = device_->table();
  PYDL_RETURN_IF_ERROR(
      device_->check(table.record_event(free_, device_->stream()), "record an event"));
  return send(to, parts, free_);
}

Status Staging::receive(const Pinned& pinned, const Chunk& chunk) const {
  PYDL_RETURN_IF_ERROR(
      device_->check(device_->table().synchronize_event(pinned.done), "wait for the programs"));
  for (const HostPart& part : chunk.parts) {
    std::memcpy(part.host, pinned.data + (part.offset - chunk.offset),
                static_cast<size_t>(part.bytes));
  }
  return {};
}

Status Staging::download(const unsigned char* from, const std::vector<HostPart>& parts) {
  const DeviceTable& table = device_->table();
  const std::vector<Chunk> chunks = cut(parts);
  Pinned* before = nullptr;
  ++statistics_.downloads;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Chunk& chunk = chunks[i];
    statistics_.downloaded_bytes += chunk.bytes;
    Pinned* buffer = nullptr;
    PYDL_RETURN_IF_ERROR(pinned(&buffer));
    PYDL_RETURN_IF_ERROR(device_->check(table.copy(buffer->data, from + chunk.offset, chunk.bytes,
                                                   CopyKind::kToHost, device_->stream()),
                                        "copy " + bytes_text(chunk.bytes) + " from the device"));
    PYDL_RETURN_IF_ERROR(
        device_->check(table.record_event(buffer->done, device_->stream()), "record an event"));
    if (i > 0) PYDL_RETURN_IF_ERROR(receive(*before, chunks[i - 1]));
    before = buffer;
  }
  return chunks.empty() ? Status() : receive(*before, chunks.back());
}

Status Staging::next_block(int64_t bytes, const std::string& purpose, unsigned char** out) {
  block_ ^= 1;
  Block& block = blocks_[block_];
  if (block.memory == nullptr || block.memory->bytes() < bytes) {
    block.memory = nullptr;
    PYDL_RETURN_IF_ERROR(device_->pool().allocate(bytes, purpose, &block.memory));
    // Whatever used the new memory before did so on the program stream.
    PYDL_RETURN_IF_ERROR(block_used());
  }
  *out = block.memory->data();
  return {};
}

Status Staging::upload_block(const std::vector<HostPart>& parts) {
  const Block& block = blocks_[block_];
  return send(block.memory->data(), parts, block.used);
}

Status Staging::block_used() {
  return device_->check(device_->table().record_event(blocks_[block_].used, device_->stream()),
                        "record an event");
}

}  // namespace pydl
