// The positions at which each index stands, in order. Slices of the indices deal them to buckets by
// a hash, so that no index is in two; each bucket then makes its groups alone, with a hash table.
// About 3 ns an index, beside 50 to 100 for the update of a row that lies far away.
#pragma once

#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/vec.h"

namespace pydl::PYDL_ISA {

constexpr uint32_t kNoPosition = 0xffffffff;

struct GroupShape {
  int64_t n, rows;  // indices; valid ones are below `rows`
  int64_t slices, buckets;
  int bucket_bits;
  bool wide;  // int64
};

// n < 2^31. One bucket needs no slices: it is all of the indices.
static inline GroupShape make_group_shape(const TensorView& indices, int64_t rows,
                                          int64_t buckets) {
  constexpr int64_t kSlice = 1024, kMostSlices = 64;
  GroupShape shape = {};
  shape.n = indices.count;
  shape.rows = rows;
  shape.wide = indices.dtype == DType::kInt64;
  while (int64_t{2} << shape.bucket_bits <= buckets && (2 << shape.bucket_bits) <= kMaxPieces) {
    ++shape.bucket_bits;
  }
  shape.buckets = int64_t{1} << shape.bucket_bits;
  shape.slices = piece_count(shape.n, kSlice);
  if (shape.slices > kMostSlices) shape.slices = kMostSlices;
  return shape;
}

// The parts of the scratch memory.
struct GroupRoom {
  int64_t* rows;  // n: of each group
  uint32_t* next;  // n: the following position of the same index
  uint32_t *heads, *tails;  // n: a group's first and last position
  uint32_t* table;  // 4 n
  uint32_t *order, *begins, *counts;  // n: by bucket; where buckets begin; by slice and bucket
};

static inline int64_t group_bytes(const GroupShape& shape) {
  const int64_t words = 10 * shape.n + (shape.slices + 1) * shape.buckets + 1;
  return words * static_cast<int64_t>(sizeof(uint32_t));
}

static inline GroupRoom group_room(const GroupShape& shape, unsigned char* scratch) {
  GroupRoom room;
  room.rows = reinterpret_cast<int64_t*>(scratch);
  room.next = reinterpret_cast<uint32_t*>(room.rows + shape.n);
  room.heads = room.next + shape.n;
  room.tails = room.heads + shape.n;
  room.table = room.tails + shape.n;
  room.order = room.table + 4 * shape.n;
  room.begins = room.order + shape.n;
  room.counts = room.begins + shape.buckets + 1;
  return room;
}

PYDL_INLINE uint64_t mixed(int64_t row) {
  return static_cast<uint64_t>(row) * 0x9e3779b97f4a7c15u;  // 2^64 / the golden ratio
}

PYDL_INLINE int64_t bucket_of(const GroupShape& shape, int64_t row) {
  return static_cast<int64_t>(mixed(row) >> 1 >> (63 - shape.bucket_bits));
}

PYDL_INLINE int64_t slice_begin(const GroupShape& shape, int64_t slice) {
  return shape.n * slice / shape.slices;
}

template <class Index>
static inline void count_slice(const GroupShape& shape, const GroupRoom& room, const Index* indices,
                               int64_t slice) {
  uint32_t* counts = room.counts + slice * shape.buckets;
  __builtin_memset(counts, 0, sizeof(uint32_t) * static_cast<size_t>(shape.buckets));
  const int64_t end = slice_begin(shape, slice + 1);
  for (int64_t i = slice_begin(shape, slice); i < end; ++i) ++counts[bucket_of(shape, indices[i])];
}

// Counts become the places where each slice's positions of a bucket go.
static inline void start_buckets(const GroupShape& shape, const GroupRoom& room) {
  uint32_t total = 0;
  for (int64_t b = 0; b < shape.buckets; ++b) {
    room.begins[b] = total;
    for (int64_t s = 0; s < shape.slices; ++s) {
      uint32_t& count = room.counts[s * shape.buckets + b];
      const uint32_t own = count;
      count = total;
      total += own;
    }
  }
  room.begins[shape.buckets] = total;
}

template <class Index>
static inline void spread_slice(const GroupShape& shape, const GroupRoom& room,
                                const Index* indices, int64_t slice) {
  uint32_t* places = room.counts + slice * shape.buckets;
  const int64_t end = slice_begin(shape, slice + 1);
  for (int64_t i = slice_begin(shape, slice); i < end; ++i) {
    room.order[places[bucket_of(shape, indices[i])]++] = static_cast<uint32_t>(i);
  }
}

// The positions of a bucket: order[0, count), or 0, 1, 2, ... when there is no order.
struct Bucket {
  int64_t first, count;
  const uint32_t* order;

  PYDL_INLINE uint32_t position(int64_t k) const {
    return order == nullptr ? static_cast<uint32_t>(k) : order[k];
  }
};

static inline Bucket bucket_at(const GroupShape& shape, const GroupRoom& room, int64_t bucket) {
  if (shape.buckets == 1) return {0, shape.n, nullptr};
  const int64_t first = room.begins[bucket];
  return {first, room.begins[bucket + 1] - first, room.order + first};
}

// Group g: row rows[g], positions heads[g], next[heads[g]], ... until kNoPosition.
struct Groups {
  int64_t count;
  const int64_t* rows;
  const uint32_t *heads, *next;
};

// The groups of a bucket in order of their first positions; bad indices are in none.
template <class Index>
static inline Groups group_bucket(const GroupShape& shape, const GroupRoom& room,
                                  const Index* indices, const Bucket& bucket) {
  int64_t* rows = room.rows + bucket.first;
  uint32_t *heads = room.heads + bucket.first, *tails = room.tails + bucket.first;
  if (bucket.count == 0) return {0, rows, heads, room.next};
  uint32_t* table = room.table + 4 * bucket.first;
  int bits = 1;
  while (int64_t{1} << bits < 2 * bucket.count) ++bits;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  __builtin_memset(table, 0xff, sizeof(uint32_t) << bits);
  uint32_t groups = 0;
  for (int64_t k = 0; k < bucket.count; ++k) {
    const uint32_t position = bucket.position(k);
    const int64_t row = indices[position];
    if (row < 0 || row >= shape.rows) continue;
    room.next[position] = kNoPosition;
    uint64_t at = mixed(row) << shape.bucket_bits >> (64 - bits);
    while (table[at] != kNoPosition && rows[table[at]] != row) at = (at + 1) & mask;
    const uint32_t group = table[at];
    if (group == kNoPosition) {
      table[at] = groups;
      rows[groups] = row;
      heads[groups] = tails[groups] = position;
      ++groups;
    } else {
      room.next[tails[group]] = position;
      tails[group] = position;
    }
  }
  return {groups, rows, heads, room.next};
}

}  // namespace pydl::PYDL_ISA
