// Philox, a group of blocks at a time. Pieces are whole groups of 64 elements, the most any vector
// width makes at once, so the numbers do not depend on the width.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/normal.h"
#include "kernels/cpu/simd/philox_vec.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kPieceUnit = 64;

struct RandomParams {
  int64_t count, per_piece;
  double a, b;       // low and width, or mean and stddev
  double last;       // the largest uniform number allowed
  double scale;      // dropout: 1 / (1 - rate)
  uint32_t threshold;
  int64_t low;     // of integers
  uint64_t range;
};

// Generators write the kGroupWords elements of a group to `out`; dropout reads as many of `x`.

struct Uniform {
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g, const float*,
                                float* out) {
    VecU w[4];
    philox_group(key, g, 0, w);
    interleave(w);
    const Vec<float> low = set(static_cast<float>(p.a)), width = set(static_cast<float>(p.b));
    const Vec<float> last = set(static_cast<float>(p.last));
    for (int j = 0; j < 4; ++j) {
      store(out + j * kBlockLanes, min_fast(low + width * unit_float(w[j]), last));
    }
  }
  // 53 bits: 24 of one word and 29 of its partner in a second block.
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g,
                                const double*, double* out) {
    VecU w[4], v[4];
    philox_group(key, g, 0, w);
    philox_group(key, g, 1, v);
    interleave(w);
    interleave(v);
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < kBlockLanes; ++k) {
        const uint64_t bits = (static_cast<uint64_t>(w[j][k] >> 8) << 29) + (v[j][k] >> 3);
        const double scaled = p.b * (static_cast<double>(bits) * 0x1p-53);
        const double value = p.a + scaled;
        out[j * kBlockLanes + k] = value < p.last ? value : p.last;
      }
    }
  }
};

// Doubles of one block each, four per block, to element order.
PYDL_INLINE void scatter(const Vec<double> low[4], const Vec<double> high[4], double* out) {
  for (int j = 0; j < 4; ++j) {
    for (int k = 0; k < kLanes<double>; ++k) {
      out[4 * k + j] = low[j].v[k];
      out[4 * (k + kLanes<double>)+j] = high[j].v[k];
    }
  }
}

struct Normal {
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g, const float*,
                                float* out) {
    VecU w[4];
    philox_group(key, g, 0, w);
    Vec<float> z[4];
    for (int j = 0; j < 4; j += 2) {
      normal_pair(unit_float(w[j]), unit_float(w[j + 1]), &z[j], &z[j + 1]);
    }
    interleave(z);
    const Vec<float> mean = set(static_cast<float>(p.a)), stddev = set(static_cast<float>(p.b));
    for (int j = 0; j < 4; ++j) store(out + j * kBlockLanes, fma(stddev, z[j], mean));
  }
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g,
                                const double*, double* out) {
    VecU w[4];
    philox_group(key, g, 0, w);
    Vec<double> low[4], high[4];
    for (int j = 0; j < 4; ++j) widen(unit_float(w[j]), &low[j], &high[j]);
    for (int j = 0; j < 4; j += 2) {
      normal_pair(low[j], low[j + 1], &low[j], &low[j + 1]);
      normal_pair(high[j], high[j + 1], &high[j], &high[j + 1]);
    }
    for (int j = 0; j < 4; ++j) {
      low[j] = fma(set(p.b), low[j], set(p.a));
      high[j] = fma(set(p.b), high[j], set(p.a));
    }
    scatter(low, high, out);
  }
};

struct TruncatedNormal {
  static PYDL_INLINE void transform(const RandomParams& p, const uint32_t* key, int64_t g,
                                    Vec<double> low[4], Vec<double> high[4]) {
    VecU w[4];
    philox_group(key, g, 0, w);
    for (int j = 0; j < 4; ++j) {
      widen(unit_float(w[j]), &low[j], &high[j]);
      low[j] = fma(set(p.b), truncated_normal_of(low[j]), set(p.a));
      high[j] = fma(set(p.b), truncated_normal_of(high[j]), set(p.a));
    }
  }
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g, const float*,
                                float* out) {
    Vec<double> low[4], high[4];
    transform(p, key, g, low, high);
    Vec<float> z[4];
    for (int j = 0; j < 4; ++j) z[j] = narrow(low[j], high[j]);
    interleave(z);
    for (int j = 0; j < 4; ++j) store(out + j * kBlockLanes, z[j]);
  }
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g,
                                const double*, double* out) {
    Vec<double> low[4], high[4];
    transform(p, key, g, low, high);
    scatter(low, high, out);
  }
};

struct Dropout {
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g,
                                const float* x, float* out) {
    VecU w[4];
    philox_group(key, g, 0, w);
    interleave(w);
    const VecU threshold = set_u(p.threshold);
    const Vec<float> scale = set(static_cast<float>(p.scale));
    for (int j = 0; j < 4; ++j) {
      const Vec<float> scaled = load(x + j * kBlockLanes) * scale;
      store(out + j * kBlockLanes, select(ge_u(w[j], threshold), scaled, zero<float>()));
    }
  }
  static PYDL_INLINE void group(const RandomParams& p, const uint32_t* key, int64_t g,
                                const double* x, double* out) {
    VecU w[4];
    philox_group(key, g, 0, w);
    interleave(w);
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < kBlockLanes; ++k) {
        const int i = j * kBlockLanes + k;
        out[i] = w[j][k] >= p.threshold ? x[i] * p.scale : 0.0;
      }
    }
  }
};

// The high word of range times a random word.
PYDL_INLINE void integer_group(uint64_t range, const uint32_t* key, int64_t g, uint64_t* above) {
  VecU w[4];
  philox_group(key, g, 0, w);
  interleave(w);
  const bool whole = range > UINT32_MAX;  // 2^32: the word itself
  uint32_t words[kGroupWords];
  for (int j = 0; j < 4; ++j) {
    VecU high = w[j], low;
    if (!whole) mul_wide(w[j], set_u(static_cast<uint32_t>(range)), &high, &low);
    store_u(words + j * kBlockLanes, high);
  }
  for (int k = 0; k < kGroupWords; ++k) above[k] = words[k];
}

// Ranges beyond 2^32: of 64 bits, from two blocks.
PYDL_INLINE void wide_group(uint64_t range, const uint32_t* key, int64_t g, uint64_t* above) {
  VecU w[4], v[4];
  philox_group(key, g, 0, w);
  philox_group(key, g, 1, v);
  interleave(w);
  interleave(v);
  __extension__ using Product = unsigned __int128;
  for (int k = 0; k < kGroupWords; ++k) {
    const int j = k / kBlockLanes, lane = k % kBlockLanes;
    const uint64_t word = (static_cast<uint64_t>(w[j][lane]) << 32) + v[j][lane];
    above[k] = static_cast<uint64_t>(static_cast<Product>(word) * range >> 64);
  }
}

template <class T>
void run_integers(const Call& call, int64_t piece) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const uint32_t* seed = static_cast<const uint32_t*>(call.in[0]);
  const uint32_t key[2] = {seed[0], seed[1]};
  T* out = static_cast<T*>(call.out[0]);
  const int64_t first = piece * p.per_piece;
  const int64_t end = first + p.per_piece < p.count ? first + p.per_piece : p.count;
  uint64_t above[kGroupWords];
  for (int64_t i = first; i < end; i += kGroupWords) {
    const int64_t rest = end - i < kGroupWords ? end - i : kGroupWords;
    if (p.range <= uint64_t{1} << 32) {
      integer_group(p.range, key, i / kGroupWords, above);
    } else {
      wide_group(p.range, key, i / kGroupWords, above);
    }
    for (int64_t k = 0; k < rest; ++k) {
      out[i + k] = static_cast<T>(static_cast<uint64_t>(p.low) + above[k]);
    }
  }
}

template <class T, class Generator, bool kReads>
void run_random(const Call& call, int64_t piece) {
  const RandomParams& p = *static_cast<const RandomParams*>(call.params);
  const uint32_t* seed = static_cast<const uint32_t*>(call.in[kReads ? 1 : 0]);
  const uint32_t key[2] = {seed[0], seed[1]};
  const T* x = kReads ? static_cast<const T*>(call.in[0]) : nullptr;
  T* out = static_cast<T*>(call.out[0]);
  int64_t i = piece * p.per_piece;
  const int64_t end = i + p.per_piece < p.count ? i + p.per_piece : p.count;
  for (; i + kGroupWords <= end; i += kGroupWords) {
    Generator::group(p, key, i / kGroupWords, kReads ? x + i : x, out + i);
  }
  if (i == end) return;
  T source[kGroupWords] = {}, buffer[kGroupWords];
  for (int k = 0; kReads && k < end - i; ++k) source[k] = x[i + k];
  Generator::group(p, key, i / kGroupWords, source, buffer);
  for (int k = 0; k < end - i; ++k) out[i + k] = buffer[k];
}

template <class T>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::random_uniform: return run_random<T, Uniform, false>;
    case Opcode::random_normal: return run_random<T, Normal, false>;
    case Opcode::truncated_normal: return run_random<T, TruncatedNormal, false>;
    default: return run_random<T, Dropout, true>;
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
    case DType::kUInt8: return run_integers<uint8_t>;
    case DType::kInt16:
    case DType::kUInt16: return run_integers<uint16_t>;
    case DType::kInt32:
    case DType::kUInt32: return run_integers<uint32_t>;
    default: return run_integers<uint64_t>;
  }
}

const char* bind_integers(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->low = attr_int(op, "low", 0);
  p->range = static_cast<uint64_t>(attr_int(op, "high", 1)) - static_cast<uint64_t>(p->low);
  p->count = op.out[0].count;
  p->per_piece = cut_pieces(p->count, dtype_size(op.out[0].dtype), 20.0, kPieceUnit);
  bound->params = p;
  bound->phases[0] = {integers_of(op.out[0].dtype), piece_count(p->count, p->per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const char* bind_random(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  RandomParams* p = alloc_params<RandomParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  const bool is_double = dtype == DType::kFloat64;
  read_params(op, is_double, p);
  p->count = op.out[0].count;
  p->per_piece = cut_pieces(p->count, dtype_size(dtype) * (op.op == Opcode::dropout ? 2 : 1), 20.0,
                            kPieceUnit);
  bound->params = p;
  bound->phases[0] = {is_double ? choose<double>(op.op) : choose<float>(op.op),
                      piece_count(p->count, p->per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::random_uniform, "random_uniform_vector", bind_random},
    {Opcode::random_normal, "random_normal_vector", bind_random},
    {Opcode::truncated_normal, "truncated_normal_vector", bind_random},
    {Opcode::random_integers, "random_integers_vector", bind_integers},
    {Opcode::dropout, "dropout_vector", bind_random},
};

}  // namespace

const Family kRandomFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
