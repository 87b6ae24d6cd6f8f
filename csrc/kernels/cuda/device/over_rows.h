// Launches a row operation over all rows of a matrix.
//
// A row operation is a POD that goes to the kernel by value:
//   using Element = float;                        // of the matrices
//   static constexpr int kOperands = 2;           // matrices it reads
//   static constexpr bool kFaults = true;         // has `indices` and `faults`
//   const Element* in[kOperands];
//   template <class R> __device__ void run(R& row, int64_t r) const;
#pragma once

#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/row.h"

namespace pydl::PYDL_GPU {

constexpr int64_t kMaxGrid = 1 << 30;  // blocks of one launch

// Blocks a processor has to have room for: bounds the registers of a thread.
template <class T, int kLanes, int kHeld, int kOperands>
constexpr int blocks_resident() {
  if (kLanes > kWarp) return kOperands * sizeof(T) > 8 ? 1 : 2;
  const size_t held = sizeof(T) * kHeld * kOperands;
  return held <= 64 ? 4 : held <= 128 ? 3 : 2;
}

// Threads that have no row run along, with a row of no elements, for the warp's shuffles.
template <int kLanes, int kHeld, class Operation>
__global__ void __launch_bounds__(kLanes <= kWarp ? kRowThreads : kLongThreads,
                                  blocks_resident<typename Operation::Element, kLanes, kHeld,
                                                  Operation::kOperands>())
    over_rows(Operation operation, RowShape shape, int64_t slices) {
  using T = typename Operation::Element;
  constexpr int kThreads = kLanes <= kWarp ? kRowThreads : kLongThreads;
  constexpr int kRows = kThreads / kLanes;  // of a block
  if constexpr (Operation::kFaults) {
    if (static_cast<int64_t>(blockIdx.x) < slices) {
      find_fault(operation.indices, blockIdx.x, operation.faults);
      return;
    }
  }
  PYDL_SHARED(T, exchange, kLongThreads / kWarp);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t stride = (static_cast<int64_t>(gridDim.x) - slices) * kRows;
  for (int64_t first = (blockIdx.x - slices) * kRows; first < shape.rows; first += stride) {
    const int64_t r = first + thread / kLanes;
    Row<T, kLanes, kHeld, Operation::kOperands> row;
    row.live = r < shape.rows;
    row.columns = row.live ? shape.columns : 0;
    row.lane = thread % kLanes;
    row.packs = shape.packs;
    row.aligned = shape.aligned;
    row.exchange = exchange;
    for (int k = 0; k < Operation::kOperands; ++k) {
      row.in[k] = operation.in[k] + (row.live ? r : 0) * shape.columns;
    }
    if constexpr (row.kWhole) row.load(0, row.held);
    operation.run(row, r);
  }
}

template <int kLanes, int kHeld, class Operation>
void launch_over_rows(const Operation& operation, const RowShape& shape, int64_t slices,
                      int processors, void* stream) {
  constexpr int kThreads = kLanes <= kWarp ? kRowThreads : kLongThreads;
  constexpr int kRows = kThreads / kLanes;
  const int64_t wanted = (shape.rows + kRows - 1) / kRows;
  const int64_t most = static_cast<int64_t>(processors) * (2048 / kThreads);
  const int64_t blocks = (wanted < most ? wanted : most) + slices;
  launch(over_rows<kLanes, kHeld, Operation>, dim3(static_cast<unsigned>(blocks)), dim3(kThreads),
         0, stream, operation, shape, slices);
}

// `out` is the matrix the operation writes.
template <class Operation>
void launch_rows(const Operation& operation, int64_t rows, int64_t columns, const void* out,
                 int64_t slices, int processors, void* stream) {
  using T = typename Operation::Element;
  constexpr int kHeldMost = 128 / static_cast<int>(sizeof(T));
  RowShape shape = {rows, columns, columns % Pack<T>::kCount == 0, true};
  uintptr_t address = reinterpret_cast<uintptr_t>(out);
  for (int k = 0; k < Operation::kOperands; ++k) {
    address |= reinterpret_cast<uintptr_t>(operation.in[k]);
  }
  shape.aligned = address % 16 == 0;
  if (columns <= 16) {
    launch_over_rows<4, 4>(operation, shape, slices, processors, stream);
  } else if (columns <= 64) {
    launch_over_rows<16, 4>(operation, shape, slices, processors, stream);
  } else if (columns <= 256) {
    launch_over_rows<32, 8>(operation, shape, slices, processors, stream);
  } else if (columns <= 32 * kHeldMost) {
    launch_over_rows<32, kHeldMost>(operation, shape, slices, processors, stream);
  } else {
    launch_over_rows<kLongThreads, kLongHeld>(operation, shape, slices, processors, stream);
  }
}

}  // namespace pydl::PYDL_GPU
