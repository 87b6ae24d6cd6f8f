// Weights held as panels: B packed once per change of its content, for programs that only read it.
//
// panels[ceil(N / width)][K][width], the last one padded with zeros. The tiles then read B as one
// stream, whichever way round it is stored.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_packed.h"
#include "kernels/cpu/gemm_tiled.h"

namespace pydl::PYDL_ISA {

template <class T>
int64_t panels_bytes(const Gemm& p) {
  return ceil_div(p.n, p.panel_width) * p.panel_width * p.k * static_cast<int64_t>(sizeof(T));
}

template <class T>
void build_panels(const void* params, const void* source, void* target, void*) {
  const Gemm& p = *static_cast<const Gemm*>(params);
  const T* b = static_cast<const T*>(source);
  T* panels = static_cast<T*>(target);
  const int width = static_cast<int>(p.panel_width);
  const int64_t rows = p.transpose_b ? p.k : kPackRows;
  for (int64_t k = 0; k < p.k; k += rows) {
    const int64_t depth = least(rows, p.k - k);
    for (int64_t n = 0; n < p.n; n += width) {
      const int columns = static_cast<int>(least<int64_t>(width, p.n - n));
      T* panel = panels + n * p.k + k * width;
      if (p.transpose_b) {
        pack_panel_transposed(b + n * p.b_stride, p.b_stride, depth, columns, width, panel);
      } else {
        pack_panel(b + k * p.b_stride + n, p.b_stride, depth, columns, width, panel);
      }
    }
  }
}

// Piece = one rectangle of C, cut between panels.
template <class T>
void run_panels(const Call& call, int64_t piece) {
  const Gemm& p = *static_cast<const Gemm*>(call.params);
  Block<T> s = whole<T>(p, call);
  s.b = static_cast<const T*>(call.derived[0]);
  run_rectangle(call, piece, p.panel_width, &s);
}

}  // namespace pydl::PYDL_ISA
