// Philox: a thread makes whole blocks of four elements, so the bits are those of every other
// kernel. Roundings of uniform numbers and of dropout are spelled out: a compiler may not fuse
// them.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/normal.h"
#include "kernels/cuda/device/scalar.h"
#include "kernels/cuda/device/stored.h"
#include "kernels/philox.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kWords = 4;  // of a Philox block

struct RandomParams {
  int64_t count;
  int64_t processors;
  double a, b;   // low and width, or mean and stddev
  double last;   // the largest uniform number allowed
  double scale;  // dropout: 1 / (1 - rate)
  uint32_t threshold;
  int64_t low;  // of integers
  uint64_t range;
};

struct Key {
  uint32_t words[2];
};

struct Block {
  uint32_t words[kWords];
  __forceinline__ __device__ Block(const Key& key, int64_t index, uint32_t word2) {
    const uint32_t counter[4] = {static_cast<uint32_t>(index),
                                 static_cast<uint32_t>(static_cast<uint64_t>(index) >> 32), word2,
                                 0};
    philox4x32_10(counter, key.words, words);
  }
  __forceinline__ __device__ float unit(int k) const {
    return static_cast<float>(words[k] >> 8) * 0x1p-24f;
  }
};

// Generators make block `index` of the result; dropout from the same elements of x.

template <class T>
struct Uniform {
  static constexpr bool kReads = false;
  T low, width, last;
  explicit Uniform(const RandomParams& p)
      : low(static_cast<T>(p.a)), width(static_cast<T>(p.b)), last(static_cast<T>(p.last)) {}

  __forceinline__ __device__ static void units(const Key& key, int64_t index, float* u) {
    const Block block(key, index, 0);
#pragma unroll
    for (int k = 0; k < kWords; ++k) u[k] = block.unit(k);
  }
  // 53 bits: 24 of one word and 29 of its partner in a second block.
  __forceinline__ __device__ static void units(const Key& key, int64_t index, double* u) {
    const Block block(key, index, 0), partner(key, index, 1);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      const uint64_t bits =
          (static_cast<uint64_t>(block.words[k] >> 8) << 29) + (partner.words[k] >> 3);
      u[k] = static_cast<double>(bits) * 0x1p-53;
    }
  }
  __forceinline__ __device__ void make(const Key& key, int64_t index, const Pack<T, kWords>&,
                                       Pack<T, kWords>* out) const {
    T u[kWords];
    units(key, index, u);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      const T value = total_of(low, product(width, u[k]));
      out->at[k] = value < last ? value : last;
    }
  }
};

template <class T>
struct Normal {
  static constexpr bool kReads = false;
  T mean, stddev;
  explicit Normal(const RandomParams& p) : mean(static_cast<T>(p.a)), stddev(static_cast<T>(p.b)) {}

  __forceinline__ __device__ void make(const Key& key, int64_t index, const Pack<T, kWords>&,
                                       Pack<T, kWords>* out) const {
    const Block block(key, index, 0);
#pragma unroll
    for (int k = 0; k < kWords; k += 2) {
      T even, odd;
      normal_pair(T(block.unit(k)), T(block.unit(k + 1)), &even, &odd);
      out->at[k] = fused(stddev, even, mean);
      out->at[k + 1] = fused(stddev, odd, mean);
    }
  }
};

template <class T>
struct TruncatedNormal {
  static constexpr bool kReads = false;
  double mean, stddev;
  explicit TruncatedNormal(const RandomParams& p) : mean(p.a), stddev(p.b) {}

  __forceinline__ __device__ void make(const Key& key, int64_t index, const Pack<T, kWords>&,
                                       Pack<T, kWords>* out) const {
    const Block block(key, index, 0);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      out->at[k] = static_cast<T>(fma(stddev, truncated_normal_of(block.unit(k)), mean));
    }
  }
};

template <class T>
struct Dropout {
  static constexpr bool kReads = true;
  T scale;
  uint32_t threshold;
  explicit Dropout(const RandomParams& p)
      : scale(static_cast<T>(p.scale)), threshold(p.threshold) {}

  __forceinline__ __device__ void make(const Key& key, int64_t index, const Pack<T, kWords>& x,
                                       Pack<T, kWords>* out) const {
    const Block block(key, index, 0);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      out->at[k] = block.words[k] >= threshold ? product(x.at[k], scale) : T(0);
    }
  }
};

// The high word of range times a random word; beyond 2^32 of 64 bits, from two blocks.
template <class T>
struct Integers {
  static constexpr bool kReads = false;
  uint64_t low, range;
  explicit Integers(const RandomParams& p) : low(static_cast<uint64_t>(p.low)), range(p.range) {}

  __forceinline__ __device__ void make(const Key& key, int64_t index, const Pack<T, kWords>&,
                                       Pack<T, kWords>* out) const {
    const bool wide = range > uint64_t{1} << 32;
    const Block block(key, index, 0);
    Block partner = block;
    if (wide) partner = Block(key, index, 1);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      const uint64_t word = block.words[k];
      const uint64_t above =
          wide ? __umul64hi((word << 32) + partner.words[k], range) : word * range >> 32;
      out->at[k] = static_cast<T>(low + above);
    }
  }
};

template <class S>
struct Stretch {
  using T = Computed<S>;
  const S* x;
  S* out;
  int64_t count;
  bool aligned;

  __forceinline__ __device__ bool whole(int64_t i) const { return aligned && i + kWords <= count; }
  __forceinline__ __device__ void load(int64_t i, Pack<T, kWords>* v) const {
    if (whole(i)) {
      *v = load_widened<kWords>(x + i);
      return;
    }
#pragma unroll
    for (int k = 0; k < kWords; ++k) v->at[k] = i + k < count ? widened(x[i + k]) : T(0);
  }
  __forceinline__ __device__ void store(int64_t i, const Pack<T, kWords>& v) const {
    if (whole(i)) return store_narrowed(out + i, v);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      if (i + k < count) out[i + k] = narrowed<S>(v.at[k]);
    }
  }
};

// Blocks of a thread whose loads are in flight.
template <class Generator>
constexpr int kAhead = Generator::kReads ? 4 : 1;

template <class S, class Generator>
__global__ void __launch_bounds__(kThreads)
    generate(Generator generator, const uint32_t* seed, Stretch<S> stretch) {
  using T = Computed<S>;
  constexpr int64_t kTile = kThreads * kAhead<Generator>;
  const Key key = {{seed[0], seed[1]}};
  const int64_t stride = gridDim.x * kTile;
  for (int64_t first = blockIdx.x * kTile + threadIdx.x; first * kWords < stretch.count;
       first += stride) {
    Pack<T, kWords> x[kAhead<Generator>] = {};
    if constexpr (Generator::kReads) {
#pragma unroll
      for (int j = 0; j < kAhead<Generator>; ++j) {
        stretch.load((first + j * kThreads) * kWords, &x[j]);
      }
    }
#pragma unroll
    for (int j = 0; j < kAhead<Generator>; ++j) {
      const int64_t index = first + j * kThreads;
      Pack<T, kWords> out;
      generator.make(key, index, x[j], &out);
      stretch.store(index * kWords, out);
    }
  }
}

template <class S, class Generator>
void run_random(const Call& call, int64_t) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const S* x = Generator::kReads ? static_cast<const S*>(call.in[0]) : nullptr;
  S* out = static_cast<S*>(call.out[0]);
  const Stretch<S> stretch = {x, out, p.count, aligned(16, x, out)};
  const int64_t per_block = kThreads * kAhead<Generator> * kWords;
  launch(generate<S, Generator>, dim3(stride_blocks(p.count, per_block, p.processors)),
         dim3(kThreads), 0, call.stream, Generator(p),
         static_cast<const uint32_t*>(call.in[Generator::kReads ? 1 : 0]), stretch);
}

template <class S>
PieceFn choose(Opcode op) {
  using T = Computed<S>;
  switch (op) {
    case Opcode::random_uniform: return run_random<S, Uniform<T>>;
    case Opcode::random_normal: return run_random<S, Normal<T>>;
    case Opcode::truncated_normal: return run_random<S, TruncatedNormal<T>>;
    default: return run_random<S, Dropout<T>>;
  }
}

void read_uniform(const OpView& op, bool is_double, RandomParams* p) {
  const double low = attr_float(op, "low", 0.0), high = attr_float(op, "high", 1.0);
  p->a = low;
  p->b = high - low;
  if (is_double) {
    p->last = high > low ? __builtin_nextafter(high, low) : low;
  } else {
    const float a = static_cast<float>(low), b = static_cast<float>(high);
    p->last = b > a ? __builtin_nextafterf(b, a) : a;
  }
}

void read_params(const OpView& op, bool is_double, RandomParams* p) {
  if (op.op == Opcode::random_uniform) return read_uniform(op, is_double, p);
  if (op.op == Opcode::dropout) {
    const double rate = attr_float(op, "rate", 0.0);
    p->threshold = static_cast<uint32_t>(__builtin_floor(rate * 0x1p32));
    p->scale = 1.0 / (1.0 - rate);
    return;
  }
  p->a = attr_float(op, "mean", 0.0);
  p->b = attr_float(op, "stddev", 1.0);
}

PieceFn integers_of(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kUInt8: return run_random<uint8_t, Integers<uint8_t>>;
    case DType::kInt16:
    case DType::kUInt16: return run_random<uint16_t, Integers<uint16_t>>;
    case DType::kInt32:
    case DType::kUInt32: return run_random<uint32_t, Integers<uint32_t>>;
    default: return run_random<uint64_t, Integers<uint64_t>>;
  }
}

const char* bind_integers(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->low = attr_int(op, "low", 0);
  p->range = static_cast<uint64_t>(attr_int(op, "high", 1)) - static_cast<uint64_t>(p->low);
  p->count = op.out[0].count;
  p->processors = processors(op);
  return bind_piece(p, integers_of(op.out[0].dtype), bound);
}

const char* bind_random(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  PieceFn run = nullptr;
  visit_any_float(op.out[0].dtype, [&](auto s) { run = choose<decltype(s)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  read_params(op, op.out[0].dtype == DType::kFloat64, p);
  p->count = op.out[0].count;
  p->processors = processors(op);
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::random_uniform, "random_uniform_blocks", bind_random},
    {Opcode::random_normal, "random_normal_blocks", bind_random},
    {Opcode::truncated_normal, "truncated_normal_blocks", bind_random},
    {Opcode::random_integers, "random_integers_blocks", bind_integers},
    {Opcode::dropout, "dropout_blocks", bind_random},
};

}  // namespace

extern const Family kRandomFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
