#include "kernels/cuda/emulation/device_memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace pydl::emulation {
namespace {

constexpr int64_t kGuard = 256;  // also the alignment of blocks
constexpr int kGuardByte = 0xA5;
constexpr int kGarbage = 0xFF;

struct Block {
  int64_t bytes;
  int device;
};

struct Reserve {
  std::mutex mutex;
  std::map<uintptr_t, Block> blocks;  // by the address of their content
};

// Leaked on purpose: programs may give memory back while static objects are destroyed.
Reserve& reserve() {
  static Reserve* instance = new Reserve;
  return *instance;
}

unsigned char* at(uintptr_t address) { return reinterpret_cast<unsigned char*>(address); }

int64_t padded(int64_t bytes) { return (bytes + kGuard - 1) / kGuard * kGuard + 2 * kGuard; }

bool all_guards(const unsigned char* data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; ++i) {
    if (data[i] != kGuardByte) return false;
  }
  return true;
}

int64_t used_by(const Reserve& r, int device) {
  int64_t used = 0;
  for (const auto& [address, block] : r.blocks) {
    if (block.device == device) used += block.bytes;
  }
  return used;
}

// The device of the block that the bytes lie in, -1 for none.
int find_owner(const Reserve& r, const void* memory, int64_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  auto next = r.blocks.upper_bound(address);
  if (next == r.blocks.begin()) return -1;
  const auto& [start, block] = *--next;
  const auto offset = static_cast<int64_t>(address - start);
  return offset <= block.bytes && bytes <= block.bytes - offset ? block.device : -1;
}

}  // namespace

int64_t memory_limit() {
  const char* text = std::getenv("PYDL_EMULATED_MEMORY");
  const int64_t limit = text == nullptr ? 0 : std::strtoll(text, nullptr, 10);
  return limit > 0 ? limit : kDefaultMemory;
}

int64_t memory_in_use(int device) {
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  return used_by(r, device);
}

int allocate_memory(int device, void** memory, int64_t bytes) {
  *memory = nullptr;
  if (bytes <= 0) return kInvalidValue;
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  if (bytes > memory_limit() - used_by(r, device)) return kNoMemory;
  const int64_t size = padded(bytes);
  auto* data = static_cast<unsigned char*>(
      std::aligned_alloc(static_cast<size_t>(kGuard), static_cast<size_t>(size)));
  if (data == nullptr) return kNoMemory;
  std::memset(data, kGuardByte, static_cast<size_t>(size));
  std::memset(data + kGuard, kGarbage, static_cast<size_t>(bytes));
  r.blocks[reinterpret_cast<uintptr_t>(data + kGuard)] = {bytes, device};
  *memory = data + kGuard;
  return kNoError;
}

int release_memory(void* memory) {
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  const auto found = r.blocks.find(reinterpret_cast<uintptr_t>(memory));
  if (found == r.blocks.end()) return kInvalidValue;
  const int64_t bytes = found->second.bytes;
  unsigned char* data = at(found->first) - kGuard;
  const bool intact =
      all_guards(data, kGuard) && all_guards(data + kGuard + bytes, padded(bytes) - kGuard - bytes);
  r.blocks.erase(found);
  std::free(data);
  return intact ? kNoError : kIllegalAddress;
}

bool is_device_memory(int device, const void* memory, int64_t bytes) {
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  const int owner = find_owner(r, memory, bytes);
  return owner >= 0 && (device < 0 || owner == device);
}

int owner_of(const void* memory) {
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  return find_owner(r, memory, 0);
}

bool touches_device_memory(const void* memory, int64_t bytes) {
  Reserve& r = reserve();
  const std::lock_guard<std::mutex> lock(r.mutex);
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t end = begin + static_cast<uintptr_t>(bytes);
  for (const auto& [start, block] : r.blocks) {
    const auto block_end = start + static_cast<uintptr_t>(block.bytes);
    if (begin < block_end + kGuard && end + kGuard > start) return true;
  }
  return false;
}

}  // namespace pydl::emulation
