// Philox, element by element: docs/opcodes.md, `random`.
#include <cmath>

#include "kernels/philox.h"
#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct RandomParams {
  int64_t count;
  int64_t low;
  uint64_t range;  // of integers
  double a, b;     // low and high, mean and stddev, or the dropout's rate
};

// The four words of the block that holds element `i`; `word2` is the third counter word.
struct Block {
  uint32_t lanes[4];
  Block(const void* seed, int64_t i, uint32_t word2) {
    const uint64_t block = static_cast<uint64_t>(i) / 4;
    const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                 word2, 0};
    philox4x32_10(counter, static_cast<const uint32_t*>(seed), lanes);
  }
};

float unit(uint32_t lane) { return static_cast<float>(lane >> 8) * 0x1p-24f; }

template <class T>
T uniform(const void* seed, int64_t i);
template <>
float uniform<float>(const void* seed, int64_t i) {
  return unit(Block(seed, i, 0).lanes[i % 4]);
}
template <>
double uniform<double>(const void* seed, int64_t i) {
  const uint64_t high = Block(seed, i, 0).lanes[i % 4] >> 8;
  const uint64_t low = Block(seed, i, 1).lanes[i % 4] >> 3;
  return static_cast<double>((high << 29) + low) * 0x1p-53;
}

template <class T>
void run_uniform(const Call& call, int64_t) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const T low = static_cast<T>(p.a), high = static_cast<T>(p.b);
  const T width = static_cast<T>(p.b - p.a);
  const T last = high > low ? std::nextafter(high, low) : low;
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    const T scaled = width * uniform<T>(call.in[0], i);
    const T value = low + scaled;
    out[i] = value < last ? value : last;
  }
}

template <class T>
void run_normal(const Call& call, int64_t) {
  constexpr double kTwoPi = 6.283185307179586;
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    const Block block(call.in[0], i, 0);
    const int pair = static_cast<int>(i % 4) & 2;
    const double radius = std::sqrt(-2.0 * std::log1p(-double(unit(block.lanes[pair]))));
    const double angle = kTwoPi * unit(block.lanes[pair + 1]);
    const double z = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    out[i] = static_cast<T>(p.a + p.b * z);
  }
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x * 0.7071067811865476); }

// Halley's method from a logistic first guess; for |x| <= 2 it has converged after four passes.
double normal_quantile(double p) {
  double x = std::log(p / (1.0 - p)) / 1.702;
  for (int pass = 0; pass < 4; ++pass) {
    const double density = std::exp(-0.5 * x * x) * 0.3989422804014327;
    const double step = (normal_cdf(x) - p) / density;
    x -= step / (1.0 + 0.5 * x * step);
  }
  return x;
}

template <class T>
void run_truncated_normal(const Call& call, int64_t) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const double low = normal_cdf(-2.0), high = normal_cdf(2.0);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    const double u = unit(Block(call.in[0], i, 0).lanes[i % 4]);
    const double z = normal_quantile(low + (high - low) * u);
    out[i] = static_cast<T>(p.a + p.b * std::fmin(std::fmax(z, -2.0), 2.0));
  }
}

// The high word of range times a random number of as many bits; beyond 2^32 of 64 bits.
uint64_t integer_below(uint64_t range, const void* seed, int64_t i) {
  const uint64_t word = Block(seed, i, 0).lanes[i % 4];
  if (range <= uint64_t{1} << 32) return word * range >> 32;
  const uint64_t wide = (word << 32) + Block(seed, i, 1).lanes[i % 4];
  __extension__ using Product = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Product>(wide) * range >> 64);
}

template <class T>
void run_integers(const Call& call, int64_t) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    const uint64_t above = integer_below(p.range, call.in[0], i);
    out[i] = static_cast<T>(static_cast<uint64_t>(p.low) + above);
  }
}

template <class T>
void run_dropout(const Call& call, int64_t) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const uint32_t threshold = static_cast<uint32_t>(std::floor(p.a * 0x1p32));
  const T scale = static_cast<T>(1.0 / (1.0 - p.a));
  const T* x = static_cast<const T*>(call.in[0]);
  T* out = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    const bool keep = Block(call.in[1], i, 0).lanes[i % 4] >= threshold;
    out[i] = keep ? x[i] * scale : T(0);
  }
}

template <class T>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::random_uniform: return run_uniform<T>;
    case Opcode::random_normal: return run_normal<T>;
    case Opcode::truncated_normal: return run_truncated_normal<T>;
    case Opcode::dropout: return run_dropout<T>;
    default: return nullptr;
  }
}

const char* bind_integers(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->count = op.out[0].count;
  p->low = attr_int(op, "low", 0);
  p->range = static_cast<uint64_t>(attr_int(op, "high", 1)) - static_cast<uint64_t>(p->low);
  PieceFn run = nullptr;
  visit_integer(op.out[0].dtype, [&](auto t) { run = run_integers<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const char* bind_random(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->count = op.out[0].count;
  if (op.op == Opcode::dropout) {
    p->a = attr_float(op, "rate", 0.0);
  } else if (op.op == Opcode::random_uniform) {
    p->a = attr_float(op, "low", 0.0);
    p->b = attr_float(op, "high", 1.0);
  } else {
    p->a = attr_float(op, "mean", 0.0);
    p->b = attr_float(op, "stddev", 1.0);
  }
  PieceFn run = nullptr;
  visit_float(op.out[0].dtype, [&](auto t) { run = choose<decltype(t)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::random_uniform, "random_uniform_ref", bind_random},
    {Opcode::random_normal, "random_normal_ref", bind_random},
    {Opcode::truncated_normal, "truncated_normal_ref", bind_random},
    {Opcode::random_integers, "random_integers_ref", bind_integers},
    {Opcode::dropout, "dropout_ref", bind_random},
};

}  // namespace

const Family kRandomFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
