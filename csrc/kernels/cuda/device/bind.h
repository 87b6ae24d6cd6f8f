// What the bind functions of the GPU families share (host code).
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/kernel.h"
#include "kernels/ref/common.h"

namespace pydl::PYDL_GPU {

using ref::all_empty;
using ref::alloc_params;
using ref::bind_piece;
using ref::Bool;
using ref::visit_float;
using ref::visit_index;
using ref::visit_integer;
using ref::visit_number;

// Many more than are resident at once, so that it does not matter by how many of them the number is
// a multiple; few enough that what a block does first costs nothing.
constexpr int64_t kBlocksPerProcessor = 64;

inline int64_t processors(const OpView& op) {
  constexpr int64_t kUnknown = 4;
  return op.device == nullptr ? kUnknown : op.device->processors;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks for a grid-stride loop over `items`, `per_block` of them a pass: at least 1, at most what
// keeps the device full. Never a reason to sum in another order.
inline unsigned stride_blocks(int64_t items, int64_t per_block, int64_t processors) {
  const int64_t needed = ceil_div(items, per_block), full = processors * kBlocksPerProcessor;
  const int64_t blocks = needed < full ? needed : full;
  return static_cast<unsigned>(blocks > 0 ? blocks : 1);
}

template <class... Pointers>
bool aligned(size_t bytes, const Pointers*... pointers) {
  return ((reinterpret_cast<size_t>(pointers) % bytes == 0) && ...);
}

}  // namespace pydl::PYDL_GPU
