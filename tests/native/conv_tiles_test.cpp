// The convolutions of GPUs over the emulation: tiles that small problems do not choose, cut along
// K, and the stages that the kernels of matrix units, which are no part of it, fill by asynchronous
// copies. Both against loops over places and taps.
#ifdef PYDL_EMULATION
#ifndef PYDL_EMULATED
#define PYDL_EMULATED
#endif
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/cuda/conv_simt.cuh"
#include "kernels/cuda/conv_stage.cuh"
#include "kernels/cuda/gemm_simt_tiles.cuh"
#include "plan/op.h"
#include "runtime/bind.h"

namespace pydl::emulated {
namespace {

using test::expect;

using Ints = std::vector<int64_t>;

// A convolution in two axes.
struct Images {
  int64_t batch, height, width, channels, filters, groups;
  int64_t window[2], strides[2], dilations[2], low[2], high[2];

  int64_t places(int axis) const {
    const int64_t size = axis == 0 ? height : width;
    return (size + low[axis] + high[axis] - dilations[axis] * (window[axis] - 1) - 1) /
               strides[axis] +
           1;
  }
};

TensorView view(DType dtype, const Ints& dims) {
  TensorView v = {dtype, static_cast<int>(dims.size()), {}, 1, false};
  for (size_t i = 0; i < dims.size(); ++i) {
    v.dims[i] = dims[i];
    v.count *= dims[i];
  }
  return v;
}

template <class T>
constexpr DType kDTypeOf = DType::kFloat32;
template <>
constexpr DType kDTypeOf<double> = DType::kFloat64;
template <>
constexpr DType kDTypeOf<BFloat> = DType::kBFloat16;

// One pass of it with random operands, planned as bind does.
template <class T>
struct Problem {
  Images s;
  Opcode op;
  std::vector<T> x, weight, out;  // one of them the result
  std::vector<T> sums;
  Attrs attrs;
  Binder binder;
  ConvPlan plan = {};

  Problem(const Images& images, Opcode opcode) : s(images), op(opcode) {
    const Ints x_dims = {s.batch, s.height, s.width, s.channels};
    const Ints w_dims = {s.window[0], s.window[1], s.channels / s.groups, s.filters};
    const Ints out_dims = {s.batch, s.places(0), s.places(1), s.filters};
    const auto pair = [&](const char* name, const int64_t (&two)[2]) {
      attrs.set(name, Ints{two[0], two[1]});
    };
    pair("strides", s.strides);
    pair("dilations", s.dilations);
    pair("low", s.low);
    pair("high", s.high);
    attrs.set("groups", s.groups);
    if (op == Opcode::conv_grad_w) attrs.set("column_sum", int64_t{1});
    const DType dtype = kDTypeOf<T>;
    const TensorView of_x = view(dtype, x_dims), of_w = view(dtype, w_dims),
                     of_out = view(dtype, out_dims), of_sums = view(dtype, {s.filters});
    fill(&x, of_x.count, 1);
    fill(&weight, of_w.count, 2);
    fill(&out, of_out.count, 3);
    sums.assign(static_cast<size_t>(s.filters), T{});
    const TensorView forward[] = {of_x, of_w}, to_x[] = {of_out, of_w}, to_w[] = {of_x, of_out};
    const TensorView results[] = {of_w, of_sums};
    OpView call = {op, 2, forward, 1, &of_out, &attrs, Precision::kFloat32, nullptr};
    if (op == Opcode::conv_grad_x) call = {op, 2, to_x, 1, &of_x, &attrs, {}, nullptr};
    if (op == Opcode::conv_grad_w) call = {op, 2, to_w, 2, results, &attrs, {}, nullptr};
    expect(plan_conv(call, &binder, &plan) == nullptr, "the pass has a plan");
  }

  static void fill(std::vector<T>* values, int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    values->resize(static_cast<size_t>(count));
    for (T& value : *values) value = narrowed<T>(static_cast<Computed<T>>(normal(random)));
  }

  // visitor(x, weight, out): the flat places of all products.
  template <class Visitor>
  void each_product(Visitor visitor) const {
    const int64_t inside = s.channels / s.groups, own = s.filters / s.groups;
    for (int64_t i = 0; i < s.batch * s.places(0) * s.places(1); ++i) {
      const int64_t n = i / s.places(1) / s.places(0);
      const int64_t at[2] = {i / s.places(1) % s.places(0), i % s.places(1)};
      for (int64_t tap = 0; tap < s.window[0] * s.window[1]; ++tap) {
        const int64_t h = at[0] * s.strides[0] - s.low[0] + tap / s.window[1] * s.dilations[0];
        const int64_t w = at[1] * s.strides[1] - s.low[1] + tap % s.window[1] * s.dilations[1];
        if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
        for (int64_t c = 0; c < inside; ++c) {
          for (int64_t k = 0; k < s.filters; ++k) {
            visitor(((n * s.height + h) * s.width + w) * s.channels + k / own * inside + c,
                    (tap * inside + c) * s.filters + k, i * s.filters + k);
          }
        }
      }
    }
  }

  // The kernel with one tile, K in parts of at most `depth`; results that no product has are NaN.
  template <class Tile>
  void run(int64_t depth) {
    std::vector<T>& result = op == Opcode::conv ? out : op == Opcode::conv_grad_x ? x : weight;
    std::memset(static_cast<void*>(result.data()), 0xff, result.size() * sizeof(T));
    int64_t bytes = 64;
    for (int64_t i = 0; i < plan.product_count; ++i) {
      Gemm& p = plan.products[i].gemm;
      p.depth = round_up(depth, Tile::kDepth);
      p.splits = most<int64_t>(1, ceil_div(p.k, p.depth));
      bytes = most(bytes, conv_partial_bytes(plan, p) + 64);
    }
    std::vector<unsigned char> scratch(static_cast<size_t>(bytes), 0xff);
    const void* in[] = {op == Opcode::conv_grad_x ? out.data() : x.data(),
                        op == Opcode::conv_grad_w ? out.data() : weight.data()};
    void* to[] = {result.data(), sums.data()};
    Call call = {};
    call.in = in;
    call.out = to;
    const auto at = reinterpret_cast<uintptr_t>(scratch.data());
    call.scratch = scratch.data() + (64 - at % 64) % 64;
    if (plan.clears) clear_missed(plan, call);
    for (int64_t i = 0; i < plan.product_count; ++i) {
      launch_conv_simt<Tile, T>(plan, plan.products[i], call);
    }
    expect(take_launch_error() == 0, "the kernels launch");
  }

  // The largest error over the size of what is added.
  double error() const {
    const std::vector<T>& result = op == Opcode::conv          ? out
                                   : op == Opcode::conv_grad_x ? x
                                                               : weight;
    std::vector<double> want(result.size()), size(result.size());
    each_product([&](int64_t i, int64_t j, int64_t k) {
      const int64_t to = op == Opcode::conv ? k : op == Opcode::conv_grad_x ? i : j;
      const T a =
          op == Opcode::conv_grad_x ? out[static_cast<size_t>(k)] : x[static_cast<size_t>(i)];
      const T b =
          op == Opcode::conv_grad_w ? out[static_cast<size_t>(k)] : weight[static_cast<size_t>(j)];
      const double product = static_cast<double>(widened(a)) * static_cast<double>(widened(b));
      want[static_cast<size_t>(to)] += product;
      size[static_cast<size_t>(to)] += std::abs(product);
    });
    double worst = 0;
    for (size_t i = 0; i < result.size(); ++i) {
      const double d = std::abs(static_cast<double>(widened(result[i])) - want[i]);
      worst = d <= worst * (size[i] + 1) ? worst : d / (size[i] + 1);
      if (!(d == d)) return INFINITY;
    }
    return worst;
  }

  double sums_error() const {
    std::vector<double> want(sums.size());
    for (size_t i = 0; i < out.size(); ++i) {
      want[i % sums.size()] += static_cast<double>(widened(out[i]));
    }
    double worst = 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      worst = std::fmax(worst, std::abs(static_cast<double>(widened(sums[i])) - want[i]));
    }
    return worst / static_cast<double>(out.size() / sums.size());
  }
};

const Images kImages[] = {
    {2, 9, 11, 8, 140, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {2, 13, 10, 12, 72, 2, {3, 2}, {2, 3}, {1, 2}, {1, 0}, {0, 2}},  // phases, quads, groups
    {1, 17, 15, 3, 66, 1, {5, 3}, {2, 2}, {1, 1}, {2, 1}, {2, 1}},  // packs of several taps
    {3, 8, 9, 5, 7, 1, {2, 2}, {3, 4}, {1, 3}, {0, 0}, {0, 1}},  // pixels no tap meets
};
constexpr Opcode kPasses[] = {Opcode::conv, Opcode::conv_grad_x, Opcode::conv_grad_w};

template <class Tile, class T = typename Tile::T>
void check_tile(const char* name) {
  const double limit = sizeof(T) == 2 ? 5e-3 : sizeof(T) == 4 ? 2e-6 : 4e-15;
  for (const Images& images : kImages) {
    for (const Opcode op : kPasses) {
      for (const int64_t depth : {1 << 20, 64}) {
        Problem<T> problem(images, op);
        problem.template run<Tile>(depth);
        const std::string what = std::string(name) + ", pass " +
                                 std::to_string(static_cast<int>(problem.plan.pass)) + " of " +
                                 std::to_string(images.channels) + " channels, depth " +
                                 std::to_string(depth) + ": off by ";
        expect(problem.error() < limit, what + std::to_string(problem.error()));
        if (op != Opcode::conv_grad_w) continue;
        expect(problem.sums_error() < limit,
               what + std::to_string(problem.sums_error()) + ", sums");
      }
    }
  }
}

// --- stages --------------------------------------------------------------------------------------

struct PlainCarrier {
  template <class S>
  static void copy(S* to, const S* from, const S*) {
    if (from == nullptr) {
      std::memset(static_cast<void*>(to), 0, 16);
    } else {
      std::memcpy(static_cast<void*>(to), from, 16);
    }
  }
  template <class S>
  static void copy_one(S* to, const S* from, const S*) {
    *to = from == nullptr ? S{} : *from;
  }
};

template <int kDeep>
struct StageTile {
  static constexpr int kRows = 64, kColumns = 64, kThreads = 128, kDepth = kDeep;
};

// A sum over the stages of a tile gives what the tile's C is: A and B as they lie in shared memory,
// multiplied.
template <class T, class Tile, Pass kPass>
bool stages_give(const Problem<T>& problem, const ConvProduct& product, const Call& call,
                 const std::vector<double>& want, int64_t group) {
  const ConvOperands<T> p =
      make_conv_operands<T>(problem.plan, product, call, 16 / static_cast<int>(sizeof(T)));
  const ConvEpilogue<T> e = make_conv_epilogue<T>(problem.plan, product, call);
  constexpr bool kDeepA = kPass != Pass::kGradW;
  std::vector<T> a(Tile::kRows * Tile::kDepth), b(Tile::kColumns * Tile::kDepth);
  std::vector<layout::PatchRow> lines(Tile::kRows);
  bool right = true;
  for (int row = 0; row < p.m; row += Tile::kRows) {
    for (int column = 0; column < p.n; column += Tile::kColumns) {
      std::vector<double> c(Tile::kRows * Tile::kColumns);
      for (int t = 0; t < Tile::kThreads; ++t) stage_lines<Tile>(p, lines.data(), row, t);
      for (int k = 0; k < p.k; k += Tile::kDepth) {
        for (int t = 0; t < Tile::kThreads; ++t) {
          stage_patches<Tile, T, kPass, PlainCarrier>(p, group, lines.data(), a.data(), row, k, t);
          if constexpr (kPass == Pass::kGradX) {
            stage_filters<Tile, T, PlainCarrier>(p, group, b.data(), column, k, t);
          }
        }
        for (int m = 0; m < Tile::kRows; ++m) {
          for (int n = 0; n < Tile::kColumns && column + n < p.n; ++n) {
            for (int i = 0; i < Tile::kDepth && k + i < p.k; ++i) {
              const int at = kDeepA ? stage_at<T, Tile::kRows, true>(m, i)
                                    : stage_at<T, Tile::kRows, false>(i, m);
              T other = T{};
              if constexpr (kPass == Pass::kGradX) {
                other = b[static_cast<size_t>(stage_at<T, Tile::kColumns, true>(n, i))];
              } else {
                other = p.b[group * p.b_group + (k + i) * p.b_stride + column + n];
              }
              c[static_cast<size_t>(m * Tile::kColumns + n)] +=
                  static_cast<double>(widened(a[static_cast<size_t>(at)])) *
                  static_cast<double>(widened(other));
            }
          }
        }
      }
      for (int m = 0; m < Tile::kRows && row + m < p.m; ++m) {
        for (int n = 0; n < Tile::kColumns && column + n < p.n; ++n) {
          const auto at = static_cast<size_t>(e.index(row + m, column + n) + group * e.n);
          const double d = c[static_cast<size_t>(m * Tile::kColumns + n)] - want[at];
          right = right && std::abs(d) < 1e-9;
        }
      }
    }
  }
  return right;
}

template <class T, class Tile, Pass kPass>
void check_stages(const Images& images, Opcode op) {
  Problem<T> x(images, op);
  std::vector<T>& result = op == Opcode::conv ? x.out : op == Opcode::conv_grad_x ? x.x : x.weight;
  std::vector<double> want(result.size());
  x.each_product([&](int64_t i, int64_t j, int64_t k) {
    const int64_t to = op == Opcode::conv ? k : op == Opcode::conv_grad_x ? i : j;
    const T a =
        op == Opcode::conv_grad_x ? x.out[static_cast<size_t>(k)] : x.x[static_cast<size_t>(i)];
    const T b = op == Opcode::conv_grad_w ? x.out[static_cast<size_t>(k)]
                                          : x.weight[static_cast<size_t>(j)];
    want[static_cast<size_t>(to)] +=
        static_cast<double>(widened(a)) * static_cast<double>(widened(b));
  });
  const void* in[] = {op == Opcode::conv_grad_x ? x.out.data() : x.x.data(),
                      op == Opcode::conv_grad_w ? x.out.data() : x.weight.data()};
  void* to[] = {result.data(), x.sums.data()};
  Call call = {};
  call.in = in;
  call.out = to;
  for (int64_t i = 0; i < x.plan.product_count; ++i) {
    for (int64_t group = 0; group < x.plan.groups; ++group) {
      expect(stages_give<T, Tile, kPass>(x, x.plan.products[i], call, want, group),
             "stages of " + std::to_string(sizeof(T)) + " bytes an element, pass " +
                 std::to_string(static_cast<int>(kPass)) + ", " + std::to_string(images.channels) +
                 " channels, product " + std::to_string(i));
    }
  }
}

template <class T, class Tile>
void check_all_stages() {
  for (const Images& images : kImages) {
    check_stages<T, Tile, Pass::kForward>(images, Opcode::conv);
    check_stages<T, Tile, Pass::kGradX>(images, Opcode::conv_grad_x);
    check_stages<T, Tile, Pass::kGradW>(images, Opcode::conv_grad_w);
  }
  // Whole packs of 16-bit elements.
  const Images wide = {1, 7, 6, 16, 24, 1, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}};
  check_stages<T, Tile, Pass::kForward>(wide, Opcode::conv);
  check_stages<T, Tile, Pass::kGradX>(wide, Opcode::conv_grad_x);
  check_stages<T, Tile, Pass::kGradW>(wide, Opcode::conv_grad_w);
}

}  // namespace
}  // namespace pydl::emulated

namespace pydl::test {

void check_conv_tiles() {
  using namespace emulated;
  check_tile<simt::Large>("128 x 128");
  check_tile<simt::Medium>("64 x 64");
  check_tile<simt::Small>("32 x 32");
  check_tile<simt::LargeDouble>("128 x 64 of float64");
  check_tile<simt::MediumDouble>("64 x 64 of float64");
  check_tile<simt::Large, BFloat>("128 x 128 of bfloat16");
  check_all_stages<float, StageTile<layout::kStageDepth>>();
  check_all_stages<BFloat, StageTile<layout::kHalfDepth>>();
}

}  // namespace pydl::test
#endif
