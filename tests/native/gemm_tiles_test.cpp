// The tiles of gemm_simt that small problems do not choose, and the kernel that splits operands for
// gemm_wgmma, over the emulation.
#ifdef PYDL_EMULATION
#ifndef PYDL_EMULATED
#define PYDL_EMULATED
#endif
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/cuda/gemm_simt.cuh"
#include "kernels/cuda/gemm_split.cuh"

namespace pydl::emulated {
namespace {

using test::expect;

template <class T>
std::vector<T> random_values(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> x(static_cast<size_t>(count));
  for (T& value : x) value = static_cast<T>(normal(random));
  return x;
}

template <class T>
struct Problem {
  Gemm p = {};
  std::vector<T> a, b, bias, c, sums;
  std::vector<unsigned char> scratch;

  Problem(int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b) {
    p.m = m;
    p.n = n;
    p.k = k;
    p.transpose_a = transpose_a;
    p.transpose_b = transpose_b;
    p.bias = 2;
    p.out = p.seed = -1;
    p.activation = Activation::kRelu;
    p.column_sum = true;
    p.dtype = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
    a = random_values<T>(m * k, 1);
    b = random_values<T>(n * k, 2);
    bias = random_values<T>(n, 3);
    c.assign(static_cast<size_t>(m * n), std::numeric_limits<T>::quiet_NaN());
    sums.assign(static_cast<size_t>(n), std::numeric_limits<T>::quiet_NaN());
  }

  double a_at(int64_t m, int64_t k) const {
    return static_cast<double>(a[static_cast<size_t>(p.transpose_a ? k * p.m + m : m * p.k + k)]);
  }
  double b_at(int64_t k, int64_t n) const {
    return static_cast<double>(b[static_cast<size_t>(p.transpose_b ? n * p.k + k : k * p.n + n)]);
  }

  template <class Tile>
  void run(int64_t depth, const int* gate) {
    p.depth = depth;
    p.splits = ceil_div(p.k, depth);
    scratch.assign(static_cast<size_t>(partial_bytes(p)) + 64, 0xff);
    const void* in[] = {a.data(), b.data(), bias.data()};
    void* out[] = {c.data(), sums.data()};
    Call call = {};
    call.in = in;
    call.out = out;
    auto at = reinterpret_cast<uintptr_t>(scratch.data());
    call.scratch = scratch.data() + (64 - at % 64) % 64;
    launch_simt<Tile>(p, call, gate);
    expect(take_launch_error() == 0, "gemm_simt launches");
  }

  // The largest error against sums in double, over the size of what was added.
  double error() const {
    double worst = 0;
    for (int64_t n = 0; n < p.n; ++n) {
      double column = 0;
      for (int64_t k = 0; k < p.k; ++k) column += b_at(k, n);
      worst = std::max(worst, distance(sums[static_cast<size_t>(n)], column));
      for (int64_t m = 0; m < p.m; ++m) {
        double sum = static_cast<double>(bias[static_cast<size_t>(n)]);
        for (int64_t k = 0; k < p.k; ++k) sum += a_at(m, k) * b_at(k, n);
        worst = std::max(worst, distance(c[static_cast<size_t>(m * p.n + n)], std::max(sum, 0.0)));
      }
    }
    return worst / static_cast<double>(p.k);
  }

  static double distance(T got, double want) {
    const double d = std::abs(static_cast<double>(got) - want);
    return d == d ? d : std::numeric_limits<double>::infinity();
  }
};

template <class Tile>
void check_tile(const char* name) {
  using T = typename Tile::T;
  const double limit = sizeof(T) == 4 ? 2e-7 : 4e-16;
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const int64_t depth : {1000, 64}) {
        for (const int64_t ragged : {0, 3}) {  // rows of 16 bytes, and not
          Problem<T> problem(Tile::kRows + 8 + ragged, Tile::kColumns + 4 + ragged, 92 + ragged,
                             transpose_a, transpose_b);
          problem.template run<Tile>(depth, nullptr);
          const double error = problem.error();
          expect(error < limit, std::string(name) + (transpose_a ? " T" : " N") +
                                    (transpose_b ? "T" : "N") + ": off by " +
                                    std::to_string(error * 1e9) + "e-9");
        }
      }
    }
  }
}

void check_gate() {
  using Tile = SimtTile<float, 32, 32, 16, 4, 4>;
  const int closed = 0, open = 1;
  Problem<float> problem(40, 40, 40, false, false);
  problem.run<Tile>(1000, &closed);
  expect(std::isnan(problem.c[0]) && std::isnan(problem.sums[0]), "a closed gate: nothing written");
  problem.run<Tile>(1000, &open);
  expect(problem.error() < 2e-7, "an open gate: as without");
}

float half_value(uint16_t half) {
  const uint32_t bits = layout::bits_of_bf16(half);
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

void check_split(bool deep, int64_t rows, int64_t k, float special, int expected) {
  std::vector<float> x = random_values<float>(rows * k, 7);
  x[x.size() / 2] = special;
  const int64_t stride = round_up(k, 8), plane = rows * stride;
  std::vector<uint16_t> planes(static_cast<size_t>(3 * plane), 0xffff);
  int gate = 5;
  const int64_t length = deep ? k : rows;
  const SplitJob job = {x.data(),
                        rows,
                        k,
                        deep,
                        aligned(16, x.data()) && length % 4 == 0,
                        reinterpret_cast<unsigned char*>(planes.data()),
                        stride};
  launch_split<3>(job, SplitJob(), &gate, nullptr);
  expect(take_launch_error() == 0 && gate == expected, "the gate of a split");
  bool equal = true;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < k; ++i) {
      const auto at = static_cast<size_t>(row * stride + i);
      const float want = x[static_cast<size_t>(deep ? row * k + i : i * rows + row)];
      const float hi = half_value(planes[at]),
                  mid = half_value(planes[at + static_cast<size_t>(plane)]);
      const float lo = half_value(planes[at + static_cast<size_t>(2 * plane)]);
      equal = equal && (hi + (mid + lo) == want || want == special || want != want);
    }
  }
  expect(equal, "three parts are the number");
}

void check_turned_copy() {
  constexpr int64_t kRows = 70, kDepth = 133;
  const std::vector<float> x = random_values<float>(kRows * kDepth, 8);
  const int64_t stride = round_up(kDepth, 4);
  std::vector<float> copy(static_cast<size_t>(kRows * stride));
  const SplitJob job = {
      x.data(), kRows, kDepth, false, false, reinterpret_cast<unsigned char*>(copy.data()), stride};
  launch_split<0>(SplitJob(), job, nullptr, nullptr);
  bool equal = true;
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t i = 0; i < kDepth; ++i) {
      equal = equal && copy[static_cast<size_t>(row * stride + i)] ==
                           x[static_cast<size_t>(i * kRows + row)];
    }
  }
  expect(equal, "the copy turned over");
}

}  // namespace
}  // namespace pydl::emulated

namespace pydl::test {

void check_gemm_tiles() {
  using namespace emulated;
  check_tile<SimtTile<float, 128, 128, 8, 8, 8>>("128 x 128");
  check_tile<SimtTile<float, 64, 64, 16, 4, 4>>("64 x 64");
  check_tile<SimtTile<float, 32, 32, 16, 4, 4>>("32 x 32");
  check_tile<SimtTile<double, 128, 64, 8, 8, 4>>("128 x 64, double");
  check_tile<SimtTile<double, 64, 64, 8, 4, 4>>("64 x 64, double");
  check_gate();
  const float infinite = std::numeric_limits<float>::infinity();
  for (const bool deep : {false, true}) {
    check_split(deep, 70, 133, 1.5f, 0);
    check_split(deep, 128, 64, std::nanf(""), 0);
    check_split(deep, 65, 68, infinite, 1);
    check_split(deep, 64, 200, -std::numeric_limits<float>::max(), 1);
  }
  check_turned_copy();
}

}  // namespace pydl::test
#endif
