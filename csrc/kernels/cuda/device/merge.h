// Rows of keys with their indices, sorted by merging run by run: each element finds its place in
// the merged run by a search in the other one, so that one launch doubles all runs of all rows and
// equal keys keep their order.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/divide.h"

namespace pydl::PYDL_GPU {

constexpr int kMergeThreads = 256;

template <class Key>
struct Order {
  Key* keys;
  int32_t* indices;
};

struct MergeShape {
  int64_t length, count;  // of a row; of all
  Divisor by_length;
  int64_t processors;
};

// How many of the n sorted keys come before `key`; `with_equals`: and before its equals' end.
template <class Key>
__device__ __forceinline__ int64_t count_before(const Key* keys, int64_t n, Key key,
                                                bool with_equals) {
  int64_t low = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    const Key other = keys[low + half];
    const bool before = with_equals ? other <= key : other < key;
    low = before ? low + half + 1 : low;
    n = before ? n - half - 1 : half;
  }
  return low;
}

// Runs of `width` become runs of twice that.
template <class Key>
__global__ void __launch_bounds__(kMergeThreads)
    merge_runs(MergeShape p, int64_t width, Order<Key> from, Order<Key> to) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < p.count; i += stride) {
    const int64_t start = divide(i, p.by_length) * p.length, at = i - start;
    const int64_t pair = at & ~(2 * width - 1);  // where the merged run begins
    const bool second = at - pair >= width;
    const int64_t other = pair + (second ? 0 : width);
    int64_t n = p.length - other;
    n = n < 0 ? 0 : n < width ? n : width;
    const Key key = from.keys[i];
    const int64_t before = count_before(from.keys + start + other, n, key, second);
    const int64_t place = start + (second ? at - width : at) + before;
    to.keys[place] = key;
    to.indices[place] = from.indices[i];
  }
}

inline int64_t rounded_up(int64_t bytes) { return ceil_div(bytes, 64) * 64; }

template <class Key>
int64_t order_bytes(int64_t count) {
  return rounded_up(count * static_cast<int64_t>(sizeof(Key))) +
         rounded_up(count * static_cast<int64_t>(sizeof(int32_t)));
}

template <class Key>
Order<Key> order_at(unsigned char* scratch, int64_t count) {
  return {
      reinterpret_cast<Key*>(scratch),
      reinterpret_cast<int32_t*>(scratch + rounded_up(count * static_cast<int64_t>(sizeof(Key))))};
}

// Sorts all rows. The result is in one of the two, which is returned.
template <class Key>
Order<Key> launch_merges(void* stream, const MergeShape& shape, Order<Key> order,
                         Order<Key> other) {
  const dim3 blocks(stride_blocks(shape.count, kMergeThreads, shape.processors));
  for (int64_t width = 1; width < shape.length; width *= 2) {
    launch(merge_runs<Key>, blocks, dim3(kMergeThreads), 0, stream, shape, width, order, other);
    const Order<Key> merged = other;
    other = order;
    order = merged;
  }
  return order;
}

}  // namespace pydl::PYDL_GPU
