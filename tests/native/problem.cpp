#include "problem.h"

#include <utility>

namespace pydl::test {
namespace {

const DType kFloats[] = {DType::kFloat32, DType::kFloat64};
const int64_t kLengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 257, 40000};

using Problems = std::vector<Problem>;

Problem make(Opcode op, std::vector<Spec> inputs) {
  Problem problem;
  problem.op = op;
  problem.inputs = std::move(inputs);
  return problem;
}

void add_unary(Problems* all) {
  const Opcode any[] = {Opcode::neg,      Opcode::abs,   Opcode::sign, Opcode::square,
                        Opcode::exp,      Opcode::expm1, Opcode::tanh, Opcode::sigmoid,
                        Opcode::softplus, Opcode::erf,   Opcode::relu, Opcode::floor,
                        Opcode::sin,      Opcode::cos,   Opcode::copy, Opcode::isfinite};
  const Opcode positive[] = {Opcode::sqrt, Opcode::rsqrt, Opcode::reciprocal, Opcode::log,
                             Opcode::log1p};
  for (const DType dtype : kFloats) {
    for (const int64_t n : kLengths) {
      for (const Opcode op : any) all->push_back(make(op, {{dtype, {n}}}));
      for (const Opcode op : positive) {
        all->push_back(make(op, {{dtype, {n}}}));
        all->back().positive = true;
      }
    }
  }
}

void add_binary(Problems* all) {
  const Opcode ops[] = {Opcode::add,       Opcode::sub,          Opcode::mul,
                        Opcode::div,       Opcode::maximum,      Opcode::minimum,
                        Opcode::less,      Opcode::equal,        Opcode::pow,
                        Opcode::relu_grad, Opcode::sigmoid_grad, Opcode::tanh_grad};
  const std::vector<std::vector<std::vector<int64_t>>> shapes = {
      {{0}, {0}}, {{1}, {1}}, {{17}, {17}}, {{257}, {257}}, {{130, 300}, {130, 300}}};
  const std::vector<std::vector<std::vector<int64_t>>> broadcasts = {
      {{}, {5}}, {{6, 33}, {33}}, {{6, 33}, {6, 1}}, {{6, 1}, {1, 33}}, {{4, 3, 9}, {4, 1, 9}}};
  for (const DType dtype : kFloats) {
    for (const Opcode op : ops) {
      for (const auto& shape : shapes) {
        all->push_back(make(op, {{dtype, shape[0]}, {dtype, shape[1]}}));
        all->back().positive = op == Opcode::pow || op == Opcode::div;
      }
    }
    for (const auto& shape : broadcasts) {
      all->push_back(make(Opcode::add, {{dtype, shape[0]}, {dtype, shape[1]}}));
      all->push_back(make(Opcode::mul, {{dtype, shape[1]}, {dtype, shape[0]}}));
    }
  }
}

void add_chains(Problems* all) {
  for (const DType dtype : kFloats) {
    for (const int64_t n : kLengths) {
      Problem chain = make(Opcode::chain, {{dtype, {3, n}}, {dtype, {n}}});
      chain.attrs.set("steps", "mul 0 #0.5;add 2 1;relu 3;tanh 4");
      chain.attrs.set("results", std::vector<int64_t>{5, 3});
      all->push_back(chain);
    }
  }
}

void add_reductions(Problems* all) {
  const Opcode ops[] = {Opcode::reduce_sum, Opcode::reduce_mean, Opcode::reduce_max,
                        Opcode::reduce_min};
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> patterns = {
      {{1}, {0}},       {{33}, {0}},         {{6, 33}, {0}},  {{6, 33}, {1}},    {{6, 33}, {0, 1}},
      {{4, 5, 6}, {1}}, {{4, 5, 6}, {0, 2}}, {{100003}, {0}}, {{700, 300}, {0}}, {{700, 300}, {1}}};
  for (const DType dtype : kFloats) {
    for (const auto& [shape, axes] : patterns) {
      for (const Opcode op : ops) {
        Problem problem = make(op, {{dtype, shape}});
        problem.attrs.set("axes", axes);
        problem.attrs.set("keepdims", int64_t{0});
        for (const int64_t axis : axes) problem.length *= shape[static_cast<size_t>(axis)];
        all->push_back(problem);
      }
    }
    Problem argmax = make(Opcode::argmax, {{dtype, {50, 37}}});
    argmax.attrs.set("axis", int64_t{1});
    all->push_back(argmax);
  }
}

std::vector<int64_t> turned(int64_t rows, int64_t columns, int64_t turn) {
  return turn != 0 ? std::vector<int64_t>{columns, rows} : std::vector<int64_t>{rows, columns};
}

Problem product(Opcode op, DType dtype, const int64_t (&mnk)[3], int transposes) {
  const int64_t ta = transposes & 1;
  const int64_t tb = transposes >> 1;
  Problem problem =
      make(op, {{dtype, turned(mnk[0], mnk[2], ta)}, {dtype, turned(mnk[2], mnk[1], tb)}});
  problem.attrs.set("transpose_a", ta);
  problem.attrs.set("transpose_b", tb);
  problem.length = mnk[2];
  return problem;
}

void add_products(Problems* all) {
  const int64_t sizes[][3] = {{0, 3, 4},   {3, 4, 0},    {1, 1, 1},    {1, 10, 64},   {5, 7, 9},
                              {14, 16, 8}, {32, 10, 64}, {33, 47, 65}, {96, 128, 200}};
  for (const DType dtype : kFloats) {
    for (const auto& mnk : sizes) {
      for (int transposes = 0; transposes < 4; ++transposes) {
        all->push_back(product(Opcode::matmul, dtype, mnk, transposes));
        Problem gemm = product(Opcode::gemm, dtype, mnk, transposes);
        gemm.inputs.push_back({dtype, {mnk[1]}});
        gemm.attrs.set("bias", int64_t{1});
        gemm.attrs.set("activation", "relu");
        all->push_back(gemm);
        Problem grad = product(Opcode::gemm, dtype, mnk, transposes);
        grad.attrs.set("column_sum", int64_t{1});
        all->push_back(grad);
      }
    }
  }
}

// The three passes of a convolution of a square window, of `stride`, with padding of 1.
void add_convolution(Problems* all, DType dtype, const std::vector<int64_t>& x, int64_t filters,
                     int64_t window, int64_t stride) {
  const auto places = [&](int64_t size) { return (size + 2 - window) / stride + 1; };
  const Spec image = {dtype, x};
  const Spec weight = {dtype, {window, window, x[3], filters}};
  const Spec out = {dtype, {x[0], places(x[1]), places(x[2]), filters}};
  const std::pair<Opcode, std::vector<Spec>> passes[] = {{Opcode::conv, {image, weight}},
                                                         {Opcode::conv_grad_x, {out, weight}},
                                                         {Opcode::conv_grad_w, {image, out}}};
  for (const auto& [op, inputs] : passes) {
    Problem problem = make(op, inputs);
    for (const char* name : {"low", "high", "dilations"}) {
      problem.attrs.set(name, std::vector<int64_t>{1, 1});
    }
    problem.attrs.set("strides", std::vector<int64_t>{stride, stride});
    if (op == Opcode::conv_grad_x) problem.attrs.set("size", std::vector<int64_t>{x[1], x[2]});
    if (op == Opcode::conv_grad_w)
      problem.attrs.set("window", std::vector<int64_t>{window, window});
    problem.length = window * window * x[3];
    if (op == Opcode::conv_grad_x) problem.length = window * window * filters;
    if (op == Opcode::conv_grad_w) problem.length = out.shape[0] * out.shape[1] * out.shape[2];
    if (window == 3 && stride == 1) problem.length *= 16;  // by tiles of 4x4 results, each of all
    all->push_back(problem);
  }
}

void add_convolutions(Problems* all) {
  for (const DType dtype : kFloats) {
    add_convolution(all, dtype, {2, 13, 18, 20}, 24, 3, 1);
    add_convolution(all, dtype, {1, 12, 13, 40}, 80, 3, 1);
    add_convolution(all, dtype, {2, 9, 7, 17}, 9, 3, 2);
    add_convolution(all, dtype, {2, 11, 10, 3}, 33, 5, 2);
    add_convolution(all, dtype, {2, 6, 5, 18}, 7, 1, 1);
  }
}

void add_rows(Problems* all) {
  for (const DType dtype : kFloats) {
    for (const int64_t width : {1, 7, 10, 16, 17, 33, 1000}) {
      const Spec rows = {dtype, {9, width}};
      const Spec labels = {DType::kInt64, {9}};
      for (const Opcode op : {Opcode::softmax, Opcode::log_softmax}) {
        all->push_back(make(op, {rows}));
        all->back().length = width;
      }
      for (const Opcode op : {Opcode::softmax_cross_entropy, Opcode::cross_entropy}) {
        all->push_back(make(op, {rows, rows}));
        all->back().length = width;
        all->back().positive = true;
      }
      for (const Opcode op : {Opcode::sparse_softmax_cross_entropy, Opcode::sparse_cross_entropy}) {
        all->push_back(make(op, {rows, labels}));
        all->back().positive = true;
        all->back().range = width + 1;  // some labels are out of range
        all->back().length = width;
      }
    }
  }
}

void add_moves(Problems* all) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kUInt8}) {
    Problem transpose = make(Opcode::transpose, {{dtype, {33, 65}}});
    transpose.attrs.set("perm", std::vector<int64_t>{1, 0});
    all->push_back(transpose);
    Problem take = make(Opcode::take, {{dtype, {9, 17}}, {DType::kInt32, {33}}});
    take.range = 11;
    all->push_back(take);
    Problem slice = make(Opcode::slice, {{dtype, {6, 33}}});
    slice.attrs.set("begin", std::vector<int64_t>{0, 3});
    slice.attrs.set("end", std::vector<int64_t>{6, 31});
    slice.attrs.set("stride", std::vector<int64_t>{1, 2});
    all->push_back(slice);
  }
}

void add_orders(Problems* all) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kInt32}) {
    for (const auto& shape : std::vector<std::vector<int64_t>>{{7}, {3, 33}, {20, 200}, {7000}}) {
      all->push_back(make(Opcode::sort, {{dtype, shape}}));
      all->push_back(make(Opcode::argsort, {{dtype, shape}}));
      Problem best = make(Opcode::top_k, {{dtype, shape}});
      best.attrs.set("k", int64_t{5});
      all->push_back(best);
      for (const Opcode op : {Opcode::cumsum, Opcode::cumprod}) {
        Problem running = make(op, {{dtype, shape}});
        running.attrs.set("axis", static_cast<int64_t>(shape.size()) - 1);
        running.length = shape.back();
        all->push_back(running);
      }
      Problem flip = make(Opcode::flip, {{dtype, shape}});
      flip.attrs.set("axes", std::vector<int64_t>{0});
      all->push_back(flip);
    }
  }
}

void add_named_rows(Problems* all) {
  const Spec names = {DType::kInt64, {40, 2}};
  for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kUInt8}) {
    const Spec x = {dtype, {5, 6, 17}};
    const Spec rows = {dtype, {40, 17}};
    all->push_back(make(Opcode::gather_nd, {x, names}));
    all->push_back(make(Opcode::scatter_update, {x, names, rows}));
    all->push_back(make(Opcode::scatter_nd, {names, rows}));
    all->back().attrs.set("shape", x.shape);
    all->back().length = 40;
    all->push_back(make(Opcode::take_along_axis, {x, {DType::kInt32, {5, 9, 1}}}));
    all->back().attrs.set("axis", int64_t{1});
    all->push_back(
        make(Opcode::dynamic_update_slice, {x, {dtype, {2, 6, 3}}, {DType::kInt64, {3}}}));
    for (size_t back = 1; back <= 5; ++back) (*all)[all->size() - back].range = 7;
  }
}

void add_random(Problems* all) {
  for (const char* dtype : {"float32", "float64"}) {
    for (const int64_t n : kLengths) {
      for (const Opcode op :
           {Opcode::random_uniform, Opcode::random_normal, Opcode::truncated_normal}) {
        Problem problem = make(op, {{DType::kUInt32, {2}}});
        problem.attrs.set("shape", std::vector<int64_t>{n});
        problem.attrs.set("dtype", dtype);
        const bool uniform = op == Opcode::random_uniform;
        problem.attrs.set(uniform ? "low" : "mean", -0.5);
        problem.attrs.set(uniform ? "high" : "stddev", 1.5);
        all->push_back(problem);
      }
    }
  }
  for (const DType dtype : kFloats) {
    for (const int64_t n : kLengths) {
      Problem problem = make(Opcode::dropout, {{dtype, {n}}, {DType::kUInt32, {2}}});
      problem.attrs.set("rate", 0.3);
      all->push_back(problem);
    }
  }
}

void add_updates(Problems* all) {
  for (const DType dtype : kFloats) {
    for (const int64_t n : kLengths) {
      Problem adam = make(Opcode::adam_update, {{DType::kFloat32, {}}});
      for (int i = 0; i < 4; ++i) adam.inputs.push_back({dtype, {n}});
      adam.attrs.set("n", int64_t{1});
      adam.attrs.set("beta1", 0.9);
      adam.attrs.set("beta2", 0.999);
      adam.attrs.set("epsilon", 1e-7);
      adam.positive = true;
      all->push_back(adam);
      Problem sgd = make(Opcode::sgd_update, {{DType::kFloat32, {}}, {dtype, {n}}, {dtype, {n}}});
      sgd.attrs.set("n", int64_t{1});
      sgd.attrs.set("momentum", 0.0);
      all->push_back(sgd);
      Problem norms = make(Opcode::square_norms, {{dtype, {n}}, {dtype, {5}}});
      norms.length = n;
      all->push_back(norms);
    }
  }
}

using Ints = std::vector<int64_t>;

Problem windowed(Opcode op, std::vector<Spec> inputs, int64_t stride, int64_t low) {
  Problem problem = make(op, std::move(inputs));
  problem.attrs.set("strides", Ints{stride, stride});
  problem.attrs.set("low", Ints{low, low});
  problem.attrs.set("high", Ints{low, low});
  return problem;
}

// Images of `size` x `size` pixels under windows of `side` x `side` places.
void add_pools(Problems* all, DType dtype, int64_t channels, int64_t size, int64_t side,
               int64_t stride, int64_t low) {
  const int64_t places = (size + 2 * low - side) / stride + 1;
  const Spec x = {dtype, {2, size, size, channels}};
  const Spec out = {dtype, {2, places, places, channels}};
  const Spec index = {DType::kUInt8, out.shape};
  for (const Opcode op :
       {Opcode::max_pool, Opcode::max_pool_grad, Opcode::avg_pool, Opcode::avg_pool_grad}) {
    const bool forward = op == Opcode::max_pool || op == Opcode::avg_pool;
    Problem pool = windowed(op, {forward ? x : out}, stride, low);
    if (op == Opcode::max_pool_grad) pool.inputs.push_back(index);
    pool.attrs.set("window", Ints{side, side});
    if (!forward) pool.attrs.set("size", Ints{size, size});
    pool.length = side * side;
    all->push_back(pool);
  }
}

void add_depthwise(Problems* all, DType dtype, int64_t channels, int64_t side, int64_t stride,
                   int64_t multiplier) {
  const int64_t size = 13;
  const int64_t places = (size - 1) / stride + 1;
  const Spec x = {dtype, {2, size, size, channels}};
  const Spec weight = {dtype, {side, side, 1, channels * multiplier}};
  const Spec out = {dtype, {2, places, places, channels * multiplier}};
  const std::pair<Opcode, std::vector<Spec>> passes[] = {{Opcode::conv, {x, weight}},
                                                         {Opcode::conv_grad_x, {out, weight}},
                                                         {Opcode::conv_grad_w, {x, out}}};
  for (const auto& [op, inputs] : passes) {
    Problem conv = windowed(op, inputs, stride, side / 2);
    conv.attrs.set("dilations", Ints{1, 1});
    conv.attrs.set("groups", channels);
    if (op == Opcode::conv_grad_x) conv.attrs.set("size", Ints{size, size});
    if (op == Opcode::conv_grad_w) conv.attrs.set("window", Ints{side, side});
    conv.length = op == Opcode::conv_grad_w ? 2 * places * places : side * side;
    all->push_back(conv);
  }
}

void add_batch_norms(Problems* all, DType dtype, int64_t rows, int64_t channels) {
  const Spec x = {dtype, {rows, channels}};
  const Spec channel = {dtype, {channels}};
  Problem forward = make(Opcode::batch_norm, {x, channel, channel, x});
  forward.attrs.set("residual", int64_t{1});
  forward.attrs.set("center", int64_t{1});
  forward.attrs.set("activation", "relu");
  Problem backward = make(Opcode::batch_norm_grad, {x, x, channel, channel, channel, x});
  backward.attrs.set("residual", int64_t{1});
  backward.attrs.set("grad", "relu");
  for (Problem* problem : {&forward, &backward}) {
    problem->attrs.set("epsilon", 1e-3);
    problem->attrs.set("scale", int64_t{1});
    problem->positive = true;
    problem->length = rows;
    all->push_back(*problem);
  }
}

void add_images(Problems* all) {
  for (const DType dtype : kFloats) {
    for (const int64_t channels : {1, 6, 16, 17, 40}) {
      add_pools(all, dtype, channels, 12, 2, 2, 0);
      add_pools(all, dtype, channels, 13, 3, 2, 1);
      add_pools(all, dtype, channels, 9, 3, 1, 1);
      add_pools(all, dtype, channels, 14, 2, 3, 0);
      for (const int64_t rows : {1, 7, 40, 3000}) add_batch_norms(all, dtype, rows, channels);
    }
    for (const int64_t side : {1, 3, 5, 7}) {
      for (const int64_t stride : {1, 2, 3}) {
        add_depthwise(all, dtype, 6, side, stride, 2);
        add_depthwise(all, dtype, 37, side, stride, 1);
      }
    }
  }
}

}  // namespace

std::string to_string(const Problem& problem) {
  std::string text = opcode_name(problem.op);
  for (const Spec& spec : problem.inputs) text.append(" ").append(pydl::to_string(spec));
  for (const auto& [name, value] : problem.attrs.items()) {
    text.append(" ").append(name).append("=");
    if (const auto* number = std::get_if<int64_t>(&value)) text += std::to_string(*number);
    if (const auto* number = std::get_if<double>(&value)) text += std::to_string(*number);
    if (const auto* string = std::get_if<std::string>(&value)) text += *string;
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) text += shape_string(*list);
  }
  return text;
}

std::vector<Problem> all_problems() {
  Problems all;
  add_unary(&all);
  add_binary(&all);
  add_chains(&all);
  add_reductions(&all);
  add_products(&all);
  add_convolutions(&all);
  add_rows(&all);
  add_moves(&all);
  add_orders(&all);
  add_named_rows(&all);
  add_random(&all);
  add_updates(&all);
  add_images(&all);
  return all;
}

}  // namespace pydl::test
