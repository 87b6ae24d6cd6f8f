// Many tensors in one launch. Addresses are known only when a run begins, so a launch carries them
// by value, in a table of as many tensors as its arguments have room for. Every block works on one
// part of one tensor, which it finds in the table.
#pragma once

#include "kernels/cuda/device/bind.h"

namespace pydl::PYDL_GPU {

constexpr size_t kTableBytes = kMaxArguments - 128;  // the rest is for other arguments
constexpr int64_t kMaxEntry = int64_t{1} << 30;  // elements: larger tensors take several entries

// A run of elements of one tensor, and the blocks that work on it: from `first_block` on, to the
// next entry's.
template <int kPointers>
struct Entry {
  void* pointers[kPointers];
  uint32_t count;
  uint32_t first_block;
  int32_t variable;
  bool aligned, decays;
};

template <int kPointers>
constexpr int kEntries = static_cast<int>(kTableBytes / sizeof(Entry<kPointers>));

template <int kPointers>
struct Table {
  Entry<kPointers> entries[kEntries<kPointers>];
  int32_t n;
  uint32_t part;  // elements of a block

  // Which entry the block works on.
  __forceinline__ __device__ const Entry<kPointers>& find(uint32_t block) const {
    int low = 0, high = n - 1;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (entries[middle].first_block <= block) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return entries[low];
  }
};

// Collects entries on the host and launches whenever the table is full.
template <int kPointers, class Launch>
class Batch {
 public:
  Batch(int64_t part, Launch launch) : launch_(launch) {
    table_.part = static_cast<uint32_t>(part);
  }
  // The caller has filled pointers, variable and decays of `entry`, for `count` elements.
  void add(Entry<kPointers> entry, int64_t count, int64_t element_bytes) {
    entry.aligned = true;
    for (void* p : entry.pointers) {
      entry.aligned = entry.aligned && reinterpret_cast<uintptr_t>(p) % 16 == 0;
    }
    while (count > 0) {
      const int64_t now = count < kMaxEntry ? count : kMaxEntry;
      if (table_.n == kEntries<kPointers> || blocks_ >= kMaxEntry) flush();
      entry.count = static_cast<uint32_t>(now);
      entry.first_block = static_cast<uint32_t>(blocks_);
      table_.entries[table_.n++] = entry;
      blocks_ += ceil_div(now, table_.part);
      for (void*& p : entry.pointers) p = static_cast<char*>(p) + now * element_bytes;
      count -= now;
    }
  }
  void flush() {
    if (table_.n > 0) launch_(table_, static_cast<unsigned>(blocks_));
    table_.n = 0;
    blocks_ = 0;
  }

 private:
  Table<kPointers> table_ = {};
  int64_t blocks_ = 0;
  Launch launch_;
};

}  // namespace pydl::PYDL_GPU
