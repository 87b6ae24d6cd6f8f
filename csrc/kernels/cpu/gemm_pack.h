// Copies of blocks of A and B in the order the register tile reads them, and column sums of B.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_micro.h"
#include "kernels/cpu/simd/transpose.h"

namespace pydl::PYDL_ISA {

// panel[k][width] from rows of B, zero past `columns`.
template <class T>
void pack_panel(const T* b, int64_t b_stride, int64_t depth, int columns, int width, T* panel) {
  constexpr int L = kLanes<T>;
  for (int64_t k = 0; k < depth; ++k, b += b_stride, panel += width) {
    for (int j = 0; j < width; j += L) {
      prefetch(b + 8 * b_stride + j);
      const int here = most(0, least(columns - j, L));
      store(panel + j, here == L ? load(b + j) : load_n(b + j, here));
    }
  }
}

// The same from B stored transposed: element (k, j) is b[j * b_stride + k].
template <class T>
void pack_panel_transposed(const T* b, int64_t b_stride, int64_t depth, int columns, int width,
                           T* panel) {
  constexpr int L = kLanes<T>;
  for (int j = 0; j < width; j += L) {
    const int here = least(columns - j, L);
    for (int64_t k = 0; k < depth; k += L) {
      const int deep = static_cast<int>(least<int64_t>(depth - k, L));
      const T* source = b + j * b_stride + k;
      Vec<T> rows[L];
      if (here == L && deep == L) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) {
          prefetch_far(source + i * b_stride + 4 * L);
          rows[i] = load(source + i * b_stride);
        }
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) {
          rows[i] = i < here ? load_n(source + i * b_stride, deep) : zero<T>();
        }
      }
      transpose(rows);
      T* target = panel + k * width + j;
      if (deep == L) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) store(target + i * width, rows[i]);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) {
          if (i < deep) store(target + i * width, rows[i]);
        }
      }
    }
  }
}

// tile[k][rows] from `rows` <= kTileRows rows of A whose columns are contiguous. Whole vectors are
// stored, in order of k, so that each covers what the one before wrote too far: the last one ends
// kLanes past the tile.
template <class T>
void pack_rows(const T* a, int64_t a_row, int rows, int64_t depth, T* tile) {
  constexpr int L = kLanes<T>;
  constexpr int kGroups = (kTileRows + L - 1) / L;
  for (int64_t k = 0; k < depth; k += L) {
    const int deep = static_cast<int>(least<int64_t>(depth - k, L));
    Vec<T> block[kGroups][L];
    for (int g = 0; g < kGroups; ++g) {
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i) {
        const T* source = a + (g * L + i) * a_row + k;
        block[g][i] = g * L + i < rows ? load_n(source, deep) : zero<T>();
      }
      transpose(block[g]);
    }
    for (int i = 0; i < deep; ++i) {
      for (int g = 0; g * L < rows; ++g) store(tile + (k + i) * rows + g * L, block[g][i]);
    }
  }
}

// The same from rows of A whose rows are contiguous: element (i, k) is a[k * a_col + i].
template <class T>
void copy_rows(const T* a, int64_t a_col, int rows, int64_t depth, T* tile) {
  constexpr int L = kLanes<T>;
  for (int64_t k = 0; k < depth; ++k, a += a_col, tile += rows) {
    for (int i = 0; i < rows; i += L) {
      prefetch(a + 8 * a_col + i);
      store(tile + i, load_n(a + i, least(rows - i, L)));
    }
  }
}

// sums[j] (+)= the sum of column j over `depth` rows of a panel; four chains, added as a tree.
template <class T>
void sum_columns(const T* b, int64_t b_stride, int64_t depth, int columns, bool add, T* sums) {
  constexpr int L = kLanes<T>;
  for (int j = 0; j < columns; j += L) {
    const int here = least(columns - j, L);
    Vec<T> part[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    const T* p = b + j;
    int64_t k = 0;
    if (here == L) {
      for (; k + 4 <= depth; k += 4, p += 4 * b_stride) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) part[i] = part[i] + load(p + i * b_stride);
      }
    }
    for (; k < depth; ++k, p += b_stride) part[k % 4] = part[k % 4] + load_n(p, here);
    const Vec<T> sum = (part[0] + part[1]) + (part[2] + part[3]);
    store_n(sums + j, add ? load_n(sums + j, here) + sum : sum, here);
  }
}

}  // namespace pydl::PYDL_ISA
