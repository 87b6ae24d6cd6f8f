#include "runtime/arena.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

namespace pydl {
namespace {

constexpr size_t kHuge = size_t{2} << 20;

struct Block {
  unsigned char* data;
  size_t bytes;
};

struct Pool {
  std::mutex mutex;
  std::vector<Block> waiting;
  int64_t held = 0;
};

// Leaked on purpose: threads may still run programs while static objects are destroyed. A fork
// waits for the lock: taken by a thread that the child lacks, it would never open there.
Pool& pool() {
  static Pool* instance = [] {
    pthread_atfork([] { pool().mutex.lock(); }, [] { pool().mutex.unlock(); },
                   [] { pool().mutex.unlock(); });
    return new Pool;
  }();
  return *instance;
}

size_t round_up(size_t bytes) {
  const size_t unit = bytes >= 2 * kHuge ? kHuge : 4096;
  return (bytes + unit - 1) / unit * unit;
}

// The smallest waiting block that fits and is not far too large; data nullptr when there is none.
Block take_waiting(Pool& p, size_t bytes) {
  size_t best = p.waiting.size();
  for (size_t i = 0; i < p.waiting.size(); ++i) {
    const size_t size = p.waiting[i].bytes;
    if (size < bytes || size > 4 * bytes + kHuge) continue;
    if (best == p.waiting.size() || size < p.waiting[best].bytes) best = i;
  }
  if (best == p.waiting.size()) return {nullptr, 0};
  const Block block = p.waiting[best];
  p.waiting.erase(p.waiting.begin() + static_cast<std::ptrdiff_t>(best));
  return block;
}

// Blocks nobody uses make room before a larger one is asked of the system.
void drop_waiting(Pool& p) {
  for (const Block& block : p.waiting) {
    p.held -= static_cast<int64_t>(block.bytes);
    std::free(block.data);
  }
  p.waiting.clear();
}

}  // namespace

Status Arena::reserve(int64_t bytes) {
  const size_t size = round_up(static_cast<size_t>(bytes > 0 ? bytes : 1));
  Pool& p = pool();
  const std::lock_guard<std::mutex> lock(p.mutex);
  Block block = take_waiting(p, size);
  if (block.data == nullptr) {
    drop_waiting(p);
    const bool huge = size >= 2 * kHuge;
    block = {static_cast<unsigned char*>(std::aligned_alloc(huge ? kHuge : 64, size)), size};
    if (block.data == nullptr) {
      return Status(Code::kOutOfMemory,
                    "out of memory: the program needs " + std::to_string(size) + " bytes");
    }
    if (huge) madvise(block.data, size, MADV_HUGEPAGE);  // a hint: its failure changes nothing
    p.held += static_cast<int64_t>(size);
  }
  data_ = block.data;
  bytes_ = block.bytes;
  return {};
}

Arena::~Arena() {
  if (data_ == nullptr) return;
  Pool& p = pool();
  const std::lock_guard<std::mutex> lock(p.mutex);
  p.waiting.push_back({data_, bytes_});
}

int64_t arena_pool_bytes() {
  Pool& p = pool();
  const std::lock_guard<std::mutex> lock(p.mutex);
  return p.held;
}

}  // namespace pydl
