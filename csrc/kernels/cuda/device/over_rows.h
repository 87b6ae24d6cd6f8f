// Launches a row operation over all rows of a matrix.
//
// A row operation is a POD that goes to the kernel by value:
//   using Stored = float;                         // type of the matrices in memory
//   static constexpr int kOperands = 2;           // matrices it reads
//   static constexpr bool kFaults = true;         // has `indices` and `faults`
//   static constexpr bool kManyRegisters = true;  // optional: holds less, fewer blocks share
//   const Stored* in[kOperands];
//   template <class R> __device__ void run(R& row, int64_t r) const;
#pragma once

#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/row.h"

namespace pydl::PYDL_GPU {

template <class Operation>
constexpr bool many_registers() {
  return requires { Operation::kManyRegisters; };
}

// Blocks a processor has to have room for: bounds the registers of a thread.
template <int kLanes, int kHeld, class Operation>
constexpr int blocks_resident() {
  using T = Computed<typename Operation::Stored>;
  if (kLanes > kWarp) return sizeof(T) > 4 || many_registers<Operation>() ? 1 : 2;
  const size_t held = sizeof(T) * kHeld * Operation::kOperands;
  return held <= 64 ? 4 : 2;
}

// Threads that have no row run along, with a row of no elements, for the warp's shuffles.
template <int kLanes, int kHeld, bool kPacks, class Operation>
__global__ void __launch_bounds__(kLanes <= kWarp ? kRowThreads : kLongThreads,
                                  blocks_resident<kLanes, kHeld, Operation>())
    over_rows(Operation operation, RowShape shape, int64_t slices) {
  using S = typename Operation::Stored;
  constexpr int kThreads = kLanes <= kWarp ? kRowThreads : kLongThreads;
  constexpr int kRows = kThreads / kLanes;  // of a block
  if constexpr (Operation::kFaults) {
    if (static_cast<int64_t>(blockIdx.x) < slices) {
      find_fault(operation.indices, blockIdx.x, operation.faults);
      return;
    }
  }
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t stride = (static_cast<int64_t>(gridDim.x) - slices) * kRows;
  for (int64_t first = (blockIdx.x - slices) * kRows; first < shape.rows; first += stride) {
    const int64_t r = first + thread / kLanes;
    Row<S, kLanes, kHeld, kPacks, Operation::kOperands> row;
    row.live = r < shape.rows;
    row.columns = row.live ? shape.columns : 0;
    row.lane = thread % kLanes;
    row.aligned = shape.aligned;
    for (int k = 0; k < Operation::kOperands; ++k) {
      row.in[k] = operation.in[k] + (row.live ? r : 0) * shape.columns;
    }
    if constexpr (row.kWhole) row.load(0, row.held);
    operation.run(row, r);
  }
}

template <int kLanes, int kHeld, bool kPacks, class Operation>
void launch_over_rows(const Operation& operation, const RowShape& shape, int64_t slices,
                      int processors, void* stream) {
  constexpr int kThreads = kLanes <= kWarp ? kRowThreads : kLongThreads;
  constexpr int kRows = kThreads / kLanes;
  const int64_t wanted = (shape.rows + kRows - 1) / kRows;
  const int64_t most = static_cast<int64_t>(processors) * (2048 / kThreads);
  const int64_t blocks = (wanted < most ? wanted : most) + slices;
  launch(over_rows<kLanes, kHeld, kPacks, Operation>, dim3(static_cast<unsigned>(blocks)),
         dim3(kThreads), 0, stream, operation, shape, slices);
}

// Rows of 17 elements and more, which may be whole packs.
template <bool kPacks, class Operation>
void launch_wide_rows(const Operation& operation, const RowShape& shape, int64_t slices,
                      int processors, void* stream) {
  constexpr int kHeldBytes = many_registers<Operation>() ? 64 : 128;
  constexpr int kHeldMost =
      kHeldBytes / static_cast<int>(sizeof(Computed<typename Operation::Stored>));
  if (shape.columns <= 64) {
    launch_over_rows<16, 4, kPacks>(operation, shape, slices, processors, stream);
  } else if (shape.columns <= 256) {
    launch_over_rows<32, 8, kPacks>(operation, shape, slices, processors, stream);
  } else if (shape.columns <= 32 * kHeldMost) {
    launch_over_rows<32, kHeldMost, kPacks>(operation, shape, slices, processors, stream);
  } else {
    launch_over_rows<kLongThreads, kLongHeld, kPacks>(operation, shape, slices, processors, stream);
  }
}

// `out` is the matrix the operation writes.
template <class Operation>
void launch_rows(const Operation& operation, int64_t rows, int64_t columns, const void* out,
                 int64_t slices, int processors, void* stream) {
  uintptr_t address = reinterpret_cast<uintptr_t>(out);
  for (int k = 0; k < Operation::kOperands; ++k) {
    address |= reinterpret_cast<uintptr_t>(operation.in[k]);
  }
  const RowShape shape = {rows, columns, address % 16 == 0};
  if (columns <= 16) {
    launch_over_rows<4, 4, false>(operation, shape, slices, processors, stream);
  } else if (columns % kVector<Computed<typename Operation::Stored>> == 0) {
    launch_wide_rows<true>(operation, shape, slices, processors, stream);
  } else {
    launch_wide_rows<false>(operation, shape, slices, processors, stream);
  }
}

}  // namespace pydl::PYDL_GPU
