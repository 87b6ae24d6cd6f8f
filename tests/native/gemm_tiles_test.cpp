// The tiles of gemm_simt that small problems do not choose, the kernels before and behind the
// tensor-core ones, which split operands and add parts, and the choice of a schedule: over the
// emulation.
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
#include "kernels/cuda/gemm_choice.h"
#include "kernels/cuda/gemm_simt.cuh"
#include "kernels/cuda/gemm_split.cuh"
#include "kernels/cuda/gemm_stream.cuh"

namespace pydl::emulated {
namespace {

using test::expect;

template <class T>
std::vector<T> random_values(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> x(static_cast<size_t>(count));
  for (T& value : x) value = narrowed<T>(static_cast<Computed<T>>(normal(random)));
  return x;
}

template <class T>
constexpr DType kDTypeOf = DType::kFloat32;
template <>
constexpr DType kDTypeOf<double> = DType::kFloat64;
template <>
constexpr DType kDTypeOf<Half> = DType::kFloat16;
template <>
constexpr DType kDTypeOf<BFloat> = DType::kBFloat16;

// Half of the distance to the next number, relative: what rounding a result may cost.
template <class T>
constexpr double kRounding = 0;
template <>
constexpr double kRounding<Half> = 0x1p-11;
template <>
constexpr double kRounding<BFloat> = 0x1p-8;

template <class T>
double value(T x) {
  return static_cast<double>(widened(x));
}

template <class T>
T not_a_number() {
  return narrowed<T>(std::numeric_limits<Computed<T>>::quiet_NaN());
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
    p.dtype = kDTypeOf<T>;
    p.splits = 1;
    a = random_values<T>(m * k, 1);
    b = random_values<T>(n * k, 2);
    bias = random_values<T>(n, 3);
    c.assign(static_cast<size_t>(m * n), not_a_number<T>());
    sums.assign(static_cast<size_t>(n), not_a_number<T>());
  }

  double a_at(int64_t m, int64_t k) const {
    return value(a[static_cast<size_t>(p.transpose_a ? k * p.m + m : m * p.k + k)]);
  }
  double b_at(int64_t k, int64_t n) const {
    return value(b[static_cast<size_t>(p.transpose_b ? n * p.k + k : k * p.n + n)]);
  }

  // fn(call) with scratch memory of `bytes`.
  template <class Fn>
  void call_with(int64_t bytes, Fn fn) {
    scratch.assign(static_cast<size_t>(bytes) + 64, 0xff);
    const void* in[] = {a.data(), b.data(), bias.data()};
    void* out[] = {c.data(), sums.data()};
    Call call = {};
    call.in = in;
    call.out = out;
    auto at = reinterpret_cast<uintptr_t>(scratch.data());
    call.scratch = scratch.data() + (64 - at % 64) % 64;
    fn(call);
    expect(take_launch_error() == 0, "the kernels launch");
  }

  template <class Tile>
  void run(int64_t depth, const int* gate) {
    p.depth = depth;
    p.splits = ceil_div(p.k, depth);
    call_with(partial_bytes(p), [&](const Call& call) { launch_simt<Tile, T>(p, call, gate); });
  }

  // The largest error against sums in double, over the size of what was added.
  double error() const {
    double worst = 0;
    for (int64_t n = 0; n < p.n; ++n) {
      double column = 0;
      for (int64_t k = 0; k < p.k; ++k) column += b_at(k, n);
      worst = std::max(worst, distance(sums[static_cast<size_t>(n)], column));
      for (int64_t m = 0; m < p.m; ++m) {
        double sum = value(bias[static_cast<size_t>(n)]);
        for (int64_t k = 0; k < p.k; ++k) sum += a_at(m, k) * b_at(k, n);
        worst = std::max(worst, distance(c[static_cast<size_t>(m * p.n + n)], std::max(sum, 0.0)));
      }
    }
    return worst / static_cast<double>(p.k);
  }

  static double distance(T got, double want) {
    const double d = std::abs(value(got) - want);
    if (!(d == d)) return std::numeric_limits<double>::infinity();
    return std::max(0.0, d - kRounding<T> * std::abs(want) * 1.001);
  }
};

template <class Tile, class T = typename Tile::T>
void check_tile(const char* name) {
  const double limit = sizeof(Computed<T>) == 4 ? 2e-7 : 4e-16;
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

// --- what follows the tensor-core kernels, which are no part of the emulation --------------------

constexpr TileShape kTile = {64, 32, 16, 100};

// The kernel's part, step by step: whole tiles are left alone, parts of cut ones go to their slots.
template <class T>
void fill_slots(const Problem<T>& x, const layout::Schedule& s, float* parts, float* sums) {
  for (int64_t work = s.whole; work < layout::work_count(s); ++work) {
    for (int i = 0; i < layout::piece_count(s, work); ++i) {
      const layout::Piece piece = layout::piece_of(s, work, i);
      if (piece.begin == piece.end) continue;
      const layout::TileAt at = layout::place_of(s, piece.tile);
      float* part = parts + piece.slot * kTile.rows * kTile.columns;
      for (int64_t k = piece.begin * kTile.step; k < std::min(x.p.k, piece.end * kTile.step); ++k) {
        const bool first = k == piece.begin * kTile.step;
        for (int64_t column = 0; column < kTile.columns; ++column) {
          const int64_t n = at.column * kTile.columns + column;
          const double b = n < x.p.n ? x.b_at(k, n) : 0;
          float& sum = sums[piece.slot * kTile.columns + column];
          sum = (first ? 0 : sum) + static_cast<float>(b);
          for (int64_t row = 0; row < kTile.rows; ++row) {
            const int64_t m = at.row * kTile.rows + row;
            float& c = part[row * kTile.columns + column];
            c = (first ? 0 : c) + static_cast<float>((m < x.p.m ? x.a_at(m, k) : 0) * b);
          }
        }
      }
    }
  }
}

template <class T>
void check_merge(int64_t m, int64_t n, int64_t k, int64_t workers) {
  Problem<T> x(m, n, k, false, true);
  layout::Schedule s = make_schedule(x.p, kTile, false);
  s.whole = 0;
  s.workers = workers;
  const int64_t tile = kTile.rows * kTile.columns;
  const int64_t floats = stream_floats(s, kTile.rows, kTile.columns, true);
  x.call_with(floats * 4, [&](const Call& call) {
    const StreamOutputs<T> o = make_stream_outputs<T>(x.p, call, s, tile, call.scratch);
    fill_slots(x, s, o.parts, o.part_sums);
    launch_stream_merge(o, s, static_cast<int>(kTile.rows), static_cast<int>(kTile.columns),
                        nullptr);
  });
  expect(x.error() < 2e-7, "parts of " + std::to_string(layout::tile_total(s)) + " tiles by " +
                               std::to_string(workers) + " workers: off by " +
                               std::to_string(x.error()));
}

// --- the choice ----------------------------------------------------------------------------------

Gemm sized(int64_t m, int64_t n, int64_t k) {
  Gemm p = {};
  p.m = m;
  p.n = n;
  p.k = k;
  p.dtype = DType::kBFloat16;
  return p;
}

void check_choice() {
  constexpr TileShape kTiles[] = {
      {256, 256, 64, 3000, 1, 2}, {128, 256, 64, 1500}, {128, 128, 64, 1200}};
  for (const int64_t m : {64, 130, 1024, 4096, 5000}) {
    for (const int64_t n : {64, 1000, 8192}) {
      for (const int64_t k : {64, 1000, 4096, 65536}) {
        const Gemm p = sized(m, n, k);
        const StreamCut cut = choose_stream(p, kTiles, 3, true);
        const StreamCut whole = choose_stream(p, kTiles, 3, false);
        const layout::Schedule& s = cut.schedule;
        const TileShape& tile = kTiles[cut.tile];
        const int64_t rest = layout::cut_tiles(s);
        const std::string name =
            std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k);
        expect(cut.clocks <= whole.clocks && whole.schedule.workers == 0,
               name + ": the better one");
        expect(rest == 0 ? s.workers == 0
                         : rest < s.workers && s.workers <= kPlannedProcessors / tile.processors &&
                               s.whole % (kPlannedProcessors / tile.processors) == 0,
               name + ": workers");
        expect(rest == 0 || rest * s.steps / s.workers * tile.step >= kLeastDepth,
               name + ": parts worth their start");
      }
    }
  }
  const StreamCut skinny = choose_stream(sized(64, 4096, 65536), kTiles, 3, true);
  expect(skinny.schedule.whole == 0 && skinny.schedule.workers >= 66,
         "all processors read weights");
  const StreamCut square = choose_stream(sized(8192, 8192, 8192), kTiles, 3, true);
  expect(square.tile == 0, "large products by pairs of blocks");
  // Eight tiles alone in a second round.
  const StreamCut ragged = choose_stream(sized(128 * 140, 256, 65536), kTiles + 1, 1, true);
  expect(ragged.schedule.whole == 132 && ragged.schedule.workers == 132,
         "the last round is shared");
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
  check_tile<SimtTile<float, 64, 64, 16, 4, 4>, Half>("64 x 64, float16");
  check_tile<SimtTile<float, 128, 128, 8, 8, 8>, BFloat>("128 x 128, bfloat16");
  check_merge<float>(130, 70, 200, 13);
  check_merge<Half>(130, 70, 200, 31);
  check_merge<BFloat>(61, 33, 333, 7);
  check_choice();
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
