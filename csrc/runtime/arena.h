// Memory for one running call. Blocks are kept and reused, never returned between steps: the first
// touch of fresh pages costs more than most kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan/export.h"
#include "plan/status.h"

namespace pydl {

// A block borrowed from the pool, given back on destruction. 64-byte aligned (2 MiB from 4 MiB on,
// with huge pages asked for). Content is garbage.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  Status reserve(int64_t bytes);
  unsigned char* data() const { return data_; }

 private:
  unsigned char* data_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes held by the pool, in use or waiting.
PYDL_EXPORT int64_t arena_pool_bytes();

}  // namespace pydl
