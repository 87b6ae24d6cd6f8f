// How work is cut: by shape and kernel alone.
#pragma once

#include "kernels/cpu/bundle.h"
#include "kernels/kernel.h"

namespace pydl::PYDL_ISA {

template <class T>
T* alloc_params(Binder* binder, int64_t count = 1) {
  return static_cast<T*>(bind_alloc(binder, sizeof(T) * static_cast<size_t>(count)));
}

constexpr int64_t kMaxPieces = 256;

static inline int64_t piece_count(int64_t items, int64_t per_piece) {
  return (items + per_piece - 1) / per_piece;
}

// Items per piece, a multiple of `unit`: all of them when the work is below the serial limits,
// else about a limit's worth, in at most kMaxPieces pieces.
static inline int64_t cut_pieces(int64_t items, int64_t bytes_per_item, double flops_per_item,
                                 int64_t unit) {
  const double bytes = static_cast<double>(items) * static_cast<double>(bytes_per_item);
  const double flops = static_cast<double>(items) * flops_per_item;
  double pieces = bytes / static_cast<double>(kSerialBytes);
  if (flops / kSerialFlops > pieces) pieces = flops / kSerialFlops;
  if (pieces <= 1.0) return items > 0 ? items : 1;
  if (pieces > static_cast<double>(kMaxPieces)) pieces = static_cast<double>(kMaxPieces);
  const int64_t per_piece = static_cast<int64_t>(static_cast<double>(items) / pieces);
  return (per_piece / unit + 1) * unit;
}

}  // namespace pydl::PYDL_ISA
