// The index arithmetic of the GPU's matrix kernels, run on models of what the hardware does: lanes
// and registers of mma.sync and ldmatrix, tiles as TMA writes and wgmma reads them, the ring of
// stages. What the models know is written down here from the instruction set's manual, not taken
// from the functions under test.
#include "kernels/cuda/gemm_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "gemm_model.h"

namespace pydl::test {
namespace {

// Round to nearest, ties away, to 10 bits: cvt.rna.tf32.
float to_tf32(float x) { return value_of((bits_of(x) + 0x1000u) & 0xffffe000u); }

// --- the order of tiles, the places of threads ------------------------------------------------

void check_tile_order() {
  for (const int64_t rows : {1, 2, 7, 8, 9, 16, 23, 64}) {
    for (const int64_t columns : {1, 2, 5, 8, 17, 33}) {
      for (const int64_t height : {1, 2, 8, 16}) {
        std::vector<int> seen(static_cast<size_t>(rows * columns));
        bool inside = true;
        for (int64_t i = 0; i < rows * columns; ++i) {
          const layout::TileAt at = layout::tile_at(i, rows, columns, height);
          inside = inside && at.row >= 0 && at.row < rows && at.column >= 0 && at.column < columns;
          if (inside) ++seen[static_cast<size_t>(at.row * columns + at.column)];
        }
        const bool once = std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; });
        expect(inside && once, "each tile once: " + std::to_string(rows) + " x " +
                                   std::to_string(columns) + " in bands of " +
                                   std::to_string(height));
      }
    }
  }
}

void check_simt_places(int rows, int columns, int tall, int wide) {
  const int down = rows / tall, across = columns / wide;
  std::vector<int> seen(static_cast<size_t>(rows * columns));
  for (int thread = 0; thread < down * across; ++thread) {
    const layout::ThreadAt at = layout::simt_thread(thread, across);
    for (int i = 0; i < tall; ++i) {
      for (int j = 0; j < wide; ++j) {
        const int row = layout::simt_spread(at.row, i, down);
        const int column = layout::simt_spread(at.column, j, across);
        ++seen[static_cast<size_t>(row * columns + column)];
      }
    }
  }
  expect(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }),
         "each element of C has one thread, tile of " + std::to_string(rows) + " rows");
}

// --- shared memory of gemm_mma ------------------------------------------------------------------

int distinct_banks(const std::vector<int>& words) {
  std::vector<int> banks;
  for (const int word : words) banks.push_back(word % 32);
  std::sort(banks.begin(), banks.end());
  return static_cast<int>(std::unique(banks.begin(), banks.end()) - banks.begin());
}

void check_mma_tiles() {
  for (const int width : {64, 128}) {
    std::vector<int> deep(static_cast<size_t>(width * layout::kStageDepth)), wide = deep;
    bool chunks = true;
    for (int row = 0; row < width; ++row) {
      for (int k = 0; k < layout::kStageDepth; ++k) {
        ++deep[static_cast<size_t>(layout::deep_at(row, k))];
        ++wide[static_cast<size_t>(layout::wide_at(row, k, width))];
        chunks = chunks && layout::deep_at(row, k) == layout::deep_at(row, k / 4 * 4) + k % 4 &&
                 layout::wide_at(row, k, width) == layout::wide_at(row / 4 * 4, k, width) + row % 4;
      }
    }
    const auto one = [](int n) { return n == 1; };
    expect(std::all_of(deep.begin(), deep.end(), one), "K-major places are different");
    expect(std::all_of(wide.begin(), wide.end(), one), "K-outermost places are different");
    expect(chunks, "16-byte pieces stay together");
  }
}

void check_bank_conflicts() {
  for (int k = 0; k < layout::kStageDepth; k += 4) {
    std::vector<int> words;  // one of ldmatrix's 8 x 8 parts
    for (int row = 0; row < 8; ++row) {
      for (int j = 0; j < 4; ++j) words.push_back(layout::deep_at(row, k + j));
    }
    expect(distinct_banks(words) == 32, "ldmatrix reads 32 banks");
  }
  for (int k = 0; k < layout::kStageDepth; k += 16) {
    for (int quarter = 0; quarter < 4; ++quarter) {  // of a warp's 16-byte reads
      std::vector<int> words;
      for (int lane = quarter * 8; lane < quarter * 8 + 8; ++lane) {
        for (int j = 0; j < 4; ++j) {
          words.push_back(layout::deep_at(lane / 4, k + layout::bf16_source(lane % 4 * 2) + j));
        }
      }
      expect(distinct_banks(words) == 32, "a quarter's bfloat16 reads meet 32 banks");
    }
    for (int j = 0; j < 4; ++j) {
      std::vector<int> halves, tensor;
      for (int lane = 0; lane < 32; ++lane) {
        const int source = k + layout::bf16_source(lane % 4 * 2) + j;
        halves.push_back(layout::wide_at(lane / 4, source, 128));
        const layout::Place at = layout::tf32_a(lane, j);
        tensor.push_back(layout::wide_at(at.row, k + at.k, 128));
      }
      expect(distinct_banks(halves) == 32, "bfloat16 reads of a K-outermost tile");
      expect(distinct_banks(tensor) == 32, "TensorFloat-32 reads of a K-outermost tile");
    }
  }
}

// --- mma.sync and ldmatrix, from the manual -----------------------------------------------------

struct Warp {
  float a[32][8], b[32][4], d[32][4];  // operands as values, halves of registers in order
};

// m16n8k8: a0 (group, t), a1 (group + 8, t), a2 (group, t + 4), a3 (group + 8, t + 4); b0 (t,
// group), b1 (t + 4, group); c0, c1 (group, 2 t + 0, 1), c2, c3 (group + 8, ...).
void mma_k8(Warp* w) {
  double a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane >> 2, t = lane & 3;
    a[group][t] = w->a[lane][0];
    a[group + 8][t] = w->a[lane][1];
    a[group][t + 4] = w->a[lane][2];
    a[group + 8][t + 4] = w->a[lane][3];
    b[t][group] = w->b[lane][0];
    b[t + 4][group] = w->b[lane][1];
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int row = (lane >> 2) + (i < 2 ? 0 : 8), column = (lane & 3) * 2 + (i & 1);
      double sum = w->d[lane][i];
      for (int k = 0; k < 8; ++k) sum += a[row][k] * b[k][column];
      w->d[lane][i] = static_cast<float>(sum);
    }
  }
}

// m16n8k16: a_i, i < 8: row group for i in 0, 1, 4, 5, else group + 8; column 2 t + (i & 1), + 8
// for i >= 4. b_i, i < 4: row 2 t + (i & 1), + 8 for i >= 2; column group.
void mma_k16(Warp* w) {
  double a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane >> 2, t = lane & 3;
    for (int i = 0; i < 8; ++i) {
      const bool upper = i < 2 || (i >= 4 && i < 6);
      a[group + (upper ? 0 : 8)][t * 2 + (i & 1) + (i < 4 ? 0 : 8)] = w->a[lane][i];
    }
    for (int i = 0; i < 4; ++i) b[t * 2 + (i & 1) + (i < 2 ? 0 : 8)][group] = w->b[lane][i];
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int row = (lane >> 2) + (i < 2 ? 0 : 8), column = (lane & 3) * 2 + (i & 1);
      double sum = w->d[lane][i];
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
      w->d[lane][i] = static_cast<float>(sum);
    }
  }
}

// Lanes 8 i ... 8 i + 7 give the rows of matrix i; lane l receives word l % 4 of row l / 4 of each.
void load_matrices(const float* shared, const int (&rows)[32], float (&x)[32][4]) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) x[lane][i] = shared[rows[i * 8 + lane / 4] + lane % 4];
  }
}

// A tile of shared memory, filled as the kernel's copies do.
Matrix stage_tile(const Matrix& x, int rows, bool deep) {
  Matrix tile(x.size());
  for (int row = 0; row < rows; ++row) {
    for (int k = 0; k < layout::kStageDepth; ++k) {
      const int at = deep ? layout::deep_at(row, k) : layout::wide_at(row, k, rows);
      tile[static_cast<size_t>(at)] = x[static_cast<size_t>(row * layout::kStageDepth + k)];
    }
  }
  return tile;
}

// Part `first` of a tile as the kernel reads it for m16n8k8: 16 rows of A, or 16 columns of B.
void read_tf32(const Matrix& tile, int rows, bool deep, bool is_a, int first, int k,
               float (&x)[32][4]) {
  int starts[32];
  for (int lane = 0; lane < 32; ++lane) {
    const layout::Place at = is_a ? layout::ldmatrix_a(lane) : layout::ldmatrix_b(lane);
    starts[lane] = layout::deep_at(first + at.row, k + at.k);
  }
  if (deep) return load_matrices(tile.data(), starts, x);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const layout::Place at = is_a ? layout::tf32_a(lane, i) : layout::tf32_b(lane, i % 2);
      const int row = first + at.row + (is_a ? 0 : i / 2 * 8);
      x[lane][i] = tile[static_cast<size_t>(layout::wide_at(row, k + at.k, rows))];
    }
  }
}

void multiply_k8(const Matrix& a, const Matrix& b, int rows, bool deep_a, bool deep_b, int row,
                 int column, int half, float (&d)[32][4]) {
  Warp w;
  std::memcpy(w.d, d, sizeof(d));
  for (int k = 0; k < layout::kStageDepth; k += 8) {
    float x[32][4], y[32][4];
    read_tf32(a, rows, deep_a, true, row, k, x);
    read_tf32(b, rows, deep_b, false, column, k, y);
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < 4; ++i) w.a[lane][i] = x[lane][i];
      for (int i = 0; i < 2; ++i) w.b[lane][i] = y[lane][half * 2 + i];
    }
    mma_k8(&w);
  }
  std::memcpy(d, w.d, sizeof(d));
}

float read_half(const Matrix& tile, int rows, bool deep, int row, int k) {
  return tile[static_cast<size_t>(deep ? layout::deep_at(row, k) : layout::wide_at(row, k, rows))];
}

void multiply_k16(const Matrix& a, const Matrix& b, int rows, bool deep_a, bool deep_b, int row,
                  int column, float (&d)[32][4]) {
  Warp w;
  std::memcpy(w.d, d, sizeof(d));
  for (int k = 0; k < layout::kStageDepth; k += 16) {
    for (int lane = 0; lane < 32; ++lane) {
      const int first = k + layout::bf16_source(lane % 4 * 2);
      for (int i = 0; i < 2; ++i) {  // registers: upper rows, lower rows, upper, lower
        for (int half = 0; half < 2; ++half) {
          const int source = first + i * 2 + half;
          w.a[lane][i * 4 + half] = read_half(a, rows, deep_a, row + lane / 4, source);
          w.a[lane][i * 4 + 2 + half] = read_half(a, rows, deep_a, row + 8 + lane / 4, source);
          w.b[lane][i * 2 + half] = read_half(b, rows, deep_b, column + lane / 4, source);
        }
      }
    }
    mma_k16(&w);
  }
  std::memcpy(d, w.d, sizeof(d));
}

void check_mma_products(bool deep_a, bool deep_b, bool halves) {
  constexpr int kRows = 64, kDepth = layout::kStageDepth;
  const Matrix a = random_matrix(kRows * kDepth, 1), b = random_matrix(kRows * kDepth, 2);
  const Matrix tile_a = stage_tile(a, kRows, deep_a), tile_b = stage_tile(b, kRows, deep_b);
  double worst = 0;
  for (int row = 0; row < kRows; row += 16) {
    for (int column = 0; column < kRows; column += 8) {
      float d[32][4] = {};
      if (halves) {
        multiply_k16(tile_a, tile_b, kRows, deep_a, deep_b, row, column, d);
      } else {
        multiply_k8(tile_a, tile_b, kRows, deep_a, deep_b, row, column / 16 * 16, column / 8 % 2,
                    d);
      }
      for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < 4; ++i) {
          const layout::Place at = layout::accumulator(lane, i);
          const double want = exact(a, b, kDepth, row + at.row, column + at.k);
          worst = std::max(worst, std::abs(d[lane][i] - want));
        }
      }
    }
  }
  expect(worst < 1e-4, std::string("a tile through mma.sync, ") + (halves ? "k16, " : "k8, ") +
                           (deep_a ? "A K-major, " : "A K-outermost, ") +
                           (deep_b ? "B K-major" : "B K-outermost") + ": off by " +
                           std::to_string(worst));
}

void check_fragments() {
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      for (int half = 0; half < 2; ++half) {
        const layout::Place at = layout::bf16_a(lane, i, half);
        const int row = lane / 4 + (i == 1 || i == 3 ? 8 : 0);
        expect(at.row == row && at.k == lane % 4 * 2 + half + (i > 1 ? 8 : 0), "bfloat16 A");
        if (i < 2) expect(layout::bf16_b(lane, i, half).row == lane / 4, "bfloat16 B");
      }
    }
  }
  std::vector<int> seen(16);
  for (int k = 0; k < 16; ++k) ++seen[static_cast<size_t>(layout::bf16_source(k))];
  expect(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }),
         "each k once per instruction");
}

// --- ldmatrix of 16-bit elements ----------------------------------------------------------------

// Lanes 8 i ... 8 i + 7 give the rows, of eight elements, of matrix i. Lane l receives elements
// 2 (l % 4) and the next of row l / 4 of each; turned over, of column l / 4.
void load_halves(const Matrix& shared, const int (&rows)[32], bool turned, float (&x)[32][8]) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 8; ++i) {
      const int pair = lane % 4 * 2 + i % 2, other = lane / 4;
      const int row = turned ? pair : other, column = turned ? other : pair;
      x[lane][i] = shared[static_cast<size_t>(rows[i / 2 * 8 + row] + column)];
    }
  }
}

int half_at(bool deep, int row, int k, int width) {
  return deep ? layout::half_deep_at(row, k) : layout::half_wide_at(row, k, width);
}

void read_halves(const Matrix& tile, int rows, bool deep, bool is_a, int first, int k,
                 float (&x)[32][8]) {
  int starts[32];
  for (int lane = 0; lane < 32; ++lane) {
    const layout::Place at =
        deep ? (is_a ? layout::half_a(lane) : layout::half_b(lane))
             : (is_a ? layout::half_turned_a(lane) : layout::half_turned_b(lane));
    starts[lane] = half_at(deep, first + at.row, k + at.k, rows);
    const int pack = half_at(deep, (first + at.row) / 8 * 8, (k + at.k) / 8 * 8, rows);
    expect(starts[lane] % 8 == 0 && pack % 8 == 0, "ldmatrix reads 16-byte pieces");
  }
  for (int i = 0; i < 4; ++i) {
    std::vector<int> words;  // each row of a part is four banks
    for (int row = 0; row < 8; ++row) {
      for (int j = 0; j < 4; ++j) words.push_back(starts[i * 8 + row] / 2 + j);
    }
    expect(distinct_banks(words) == 32, "ldmatrix of 16-bit elements meets 32 banks");
  }
  load_halves(tile, starts, !deep, x);
}

void check_half_products(bool deep_a, bool deep_b, int rows) {
  constexpr int kDepth = layout::kHalfDepth;
  const Matrix a = random_matrix(rows * kDepth, 1), b = random_matrix(rows * kDepth, 2);
  Matrix tile_a(a.size(), NAN), tile_b = tile_a;
  for (int row = 0; row < rows; ++row) {
    for (int k = 0; k < kDepth; ++k) {
      const auto from = static_cast<size_t>(row * kDepth + k);
      tile_a[static_cast<size_t>(half_at(deep_a, row, k, rows))] = a[from];
      tile_b[static_cast<size_t>(half_at(deep_b, row, k, rows))] = b[from];
    }
  }
  double worst = 0;
  for (int row = 0; row < rows; row += 16) {
    for (int column = 0; column < rows; column += 8) {
      Warp w = {};
      for (int k = 0; k < kDepth; k += 16) {
        float y[32][8];
        read_halves(tile_a, rows, deep_a, true, row, k, w.a);
        read_halves(tile_b, rows, deep_b, false, column / 16 * 16, k, y);
        for (int lane = 0; lane < 32; ++lane) {
          for (int i = 0; i < 4; ++i) w.b[lane][i] = y[lane][column / 8 % 2 * 4 + i];
        }
        mma_k16(&w);
      }
      for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < 4; ++i) {
          const layout::Place at = layout::accumulator(lane, i);
          const double want = exact(a, b, kDepth, row + at.row, column + at.k);
          worst = std::max(worst, std::abs(w.d[lane][i] - want));
          expect(w.d[lane][i] == w.d[lane][i], "a tile of 16-bit elements is whole");
        }
      }
    }
  }
  expect(worst < 1e-4, std::string("a tile of 16-bit elements through mma.sync, ") +
                           (deep_a ? "A K-major, " : "A K-outermost, ") +
                           (deep_b ? "B K-major" : "B K-outermost") + ": off by " +
                           std::to_string(worst));
}

// --- accuracy ------------------------------------------------------------------------------------

// What the units do with a sum: they keep float32's bits and cut off the rest.
float cut(double x) {
  const float near = static_cast<float>(x);
  return std::abs(static_cast<double>(near)) > std::abs(x) ? std::nextafter(near, 0.0f) : near;
}

struct Splitting {
  const char* name;
  int parts, products, step, promote;  // step: K of an instruction; promote: K between totals
  bool half, by_step;                  // by_step: all products of a step before the next step
  double limit;
};

std::vector<Matrix> split(const Matrix& x, const Splitting& s) {
  std::vector<Matrix> parts(static_cast<size_t>(s.parts), x);
  for (size_t i = 0; i < x.size(); ++i) {
    float left = x[i];
    for (int part = 0; part < s.parts; ++part) {
      const float value = s.half ? to_bf16(left) : to_tf32(left);
      parts[static_cast<size_t>(part)][i] = value;
      left -= value;
    }
  }
  return parts;
}

layout::Place product_of(const Splitting& s, int product) {
  if (s.products == layout::kSplitProducts) return layout::split_product(product);
  if (s.products == 3) return {product == 0 ? 1 : 0, product == 1 ? 1 : 0};
  return {0, 0};
}

float add_product(const Matrix& x, const Matrix& y, int first, int count, float acc) {
  double sum = acc;
  for (int i = first; i < first + count; ++i) {
    sum += static_cast<double>(x[static_cast<size_t>(i)]) * y[static_cast<size_t>(i)];
  }
  return cut(sum);
}

double dot_by_units(const std::vector<Matrix>& a, const std::vector<Matrix>& b, int k,
                    const Splitting& s) {
  float total = 0;
  for (int begin = 0; begin < k; begin += std::min(k, s.promote)) {
    const int steps = std::min(k - begin, s.promote) / s.step;
    float acc = 0;
    for (int i = 0; i < steps * s.products; ++i) {
      const layout::Place at = product_of(s, s.by_step ? i % s.products : i / steps);
      const int step = s.by_step ? i / s.products : i % steps;
      acc = add_product(a[static_cast<size_t>(at.row)], b[static_cast<size_t>(at.k)],
                        begin + step * s.step, s.step, acc);
    }
    total += acc;
  }
  return total;
}

// ||got - want|| / ||want|| over dot products of normal numbers.
double relative_error(int k, int count, const Splitting& s) {
  double wrong = 0, size = 0;
  for (int i = 0; i < count; ++i) {
    const Matrix a = random_matrix(k, 100 + static_cast<unsigned>(i));
    const Matrix b = random_matrix(k, 900 + static_cast<unsigned>(i));
    const double want = exact(a, b, k, 0, 0);
    const double got = dot_by_units(split(a, s), split(b, s), k, s);
    wrong += (got - want) * (got - want);
    size += want * want;
  }
  return std::sqrt(wrong / size);
}

void check_accuracy() {
  const int kNever = 1 << 30;
  const Splitting splittings[] = {
      {"6 x bfloat16, totals every 64", 3, 6, 16, 64, true, false, 1e-6},
      {"3 x TensorFloat-32, totals every 64", 2, 3, 8, 64, false, true, 1e-6},
      {"TensorFloat-32", 1, 1, 8, kNever, false, true, 1e-3},
      {"bfloat16", 1, 1, 16, kNever, true, true, 1e-2},
  };
  for (const int k : {512, 16384}) {
    for (const Splitting& s : splittings) {
      const double error = relative_error(k, k == 512 ? 200 : 40, s);
      std::printf("    K = %5d  %-38s %.1e\n", k, s.name, error);
      expect(error < s.limit, std::string("accurate: ") + s.name);
    }
  }
  Splitting never = splittings[0];
  never.promote = kNever;
  const double with = relative_error(16384, 40, splittings[0]);
  const double without = relative_error(16384, 40, never);
  std::printf("    K = 16384  6 x bfloat16 without totals            %.1e\n", without);
  expect(without > 2 * with, "the totals are worth their additions");
}

void check_parts() {
  for (const float x : {1.0f, -3.14159274f, 1e-20f, 3.3895e38f, -0.0f, 123456.789f}) {
    const float hi = to_bf16(x), mid = to_bf16(x - hi), lo = to_bf16(x - hi - mid);
    expect(hi + (mid + lo) == x, "three parts are the number: " + std::to_string(x));
  }
  expect(std::isnan(to_bf16(std::nanf(""))) && std::isinf(to_bf16(INFINITY)), "NaN and infinity");
  expect(std::isinf(to_bf16(value_of(layout::kLeastUnsplittable))) &&
             std::isfinite(to_bf16(value_of(layout::kLeastUnsplittable - 1))),
         "the least number that rounds to infinity");
}

}  // namespace

void check_gemm_layouts() {
  check_tile_order();
  check_simt_places(128, 128, 8, 8);
  check_simt_places(128, 64, 8, 4);
  check_simt_places(64, 64, 4, 4);
  check_simt_places(32, 32, 4, 4);
  check_mma_tiles();
  check_bank_conflicts();
  check_fragments();
  for (const bool deep_a : {false, true}) {
    for (const bool deep_b : {false, true}) {
      check_mma_products(deep_a, deep_b, false);
      check_mma_products(deep_a, deep_b, true);
    }
  }
  for (const bool deep_a : {false, true}) {
    for (const bool deep_b : {false, true}) {
      check_half_products(deep_a, deep_b, 64);
      check_half_products(deep_a, deep_b, 128);
    }
  }
  check_parts();
  check_accuracy();
}

}  // namespace pydl::test
