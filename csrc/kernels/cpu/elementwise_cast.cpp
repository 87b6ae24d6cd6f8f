// `cast` between the common types, and `copy`: plain loops and memcpy.
#include "kernels/cpu/elementwise_steps.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/half_lanes.h"

namespace pydl::PYDL_ISA {
namespace {

struct MoveParams {
  int64_t count;
  int64_t per_piece;
  int from_size, to_size;
  StepFn convert;
};

void run_move(const Call& call, int64_t piece) {
  const MoveParams& p = *static_cast<const MoveParams*>(call.params);
  const int64_t begin = piece * p.per_piece;
  const int64_t n = p.count - begin < p.per_piece ? p.count - begin : p.per_piece;
  const unsigned char* x = static_cast<const unsigned char*>(call.in[0]) + begin * p.from_size;
  unsigned char* out = static_cast<unsigned char*>(call.out[0]) + begin * p.to_size;
  if (p.convert != nullptr) {
    p.convert(x, nullptr, nullptr, out, n);
  } else if (x != out) {
    __builtin_memcpy(out, x, static_cast<size_t>(n * p.to_size));
  }
}

struct Bool {
  uint8_t byte;
};

template <class T>
struct Range {};  // floats: nothing to saturate
template <>
struct Range<int32_t> {
  static constexpr int32_t kLow = INT32_MIN, kHigh = INT32_MAX;
};
template <>
struct Range<int64_t> {
  static constexpr int64_t kLow = INT64_MIN, kHigh = INT64_MAX;
};
template <>
struct Range<uint8_t> {
  static constexpr uint8_t kLow = 0, kHigh = UINT8_MAX;
};
template <class T>
constexpr bool kIsFloat = false;
template <>
constexpr bool kIsFloat<float> = true;
template <>
constexpr bool kIsFloat<double> = true;

template <class To, class From>
struct Convert {
  static inline __attribute__((always_inline)) To apply(From x) {
    if constexpr (kIsFloat<From> && !kIsFloat<To>) {
      if (x != x) return To(0);
      if (double(x) <= double(Range<To>::kLow)) return Range<To>::kLow;
      if (double(x) >= double(Range<To>::kHigh)) return Range<To>::kHigh;
    }
    return static_cast<To>(x);
  }
};
template <class From>
struct Convert<Bool, From> {
  static inline __attribute__((always_inline)) Bool apply(From x) {
    return Bool{static_cast<uint8_t>(x != From(0))};
  }
};
template <class To>
struct Convert<To, Bool> {
  static inline __attribute__((always_inline)) To apply(Bool x) {
    return static_cast<To>(x.byte != 0);
  }
};
template <>
struct Convert<Bool, Bool> {
  static inline __attribute__((always_inline)) Bool apply(Bool x) {
    return Bool{static_cast<uint8_t>(x.byte != 0)};
  }
};

template <class T>
constexpr bool kIsHalf = false;
template <>
constexpr bool kIsHalf<Half> = true;
template <>
constexpr bool kIsHalf<BFloat> = true;

template <class To, class From>
inline __attribute__((always_inline)) To convert_one(From x) {
  if constexpr (kIsHalf<From>) {
    return convert_one<To>(widen(x));
  } else if constexpr (kIsHalf<To>) {
    To result;
    if constexpr (sizeof(From) > 2 && !(kIsFloat<From> && sizeof(From) == 4)) {
      narrow(Convert<double, From>::apply(x), &result);
    } else {
      narrow(Convert<float, From>::apply(x), &result);
    }
    return result;
  } else {
    return Convert<To, From>::apply(x);
  }
}

template <class To, class From>
void convert(const void* a, const void*, const void*, void* out, int64_t n) {
  const From* x = static_cast<const From*>(a);
  To* o = static_cast<To*>(out);
  int64_t i = 0;
  if constexpr (kConvertsVectors<To, From>) {
    constexpr int L = kLanes<float>;
    for (; i + L <= n; i += L) convert_vector(x + i, o + i);
  }
  for (; i < n; ++i) o[i] = convert_one<To>(x[i]);
}

template <class To>
StepFn choose_from(DType from) {
  switch (from) {
    case DType::kFloat32: return convert<To, float>;
    case DType::kFloat64: return convert<To, double>;
    case DType::kInt32: return convert<To, int32_t>;
    case DType::kInt64: return convert<To, int64_t>;
    case DType::kUInt8: return convert<To, uint8_t>;
    case DType::kBool: return convert<To, Bool>;
    case DType::kFloat16: return convert<To, Half>;
    case DType::kBFloat16: return convert<To, BFloat>;
    default: return nullptr;
  }
}

StepFn choose_convert(DType from, DType to) {
  switch (to) {
    case DType::kFloat32: return choose_from<float>(from);
    case DType::kFloat64: return choose_from<double>(from);
    case DType::kInt32: return choose_from<int32_t>(from);
    case DType::kInt64: return choose_from<int64_t>(from);
    case DType::kUInt8: return choose_from<uint8_t>(from);
    case DType::kBool: return choose_from<Bool>(from);
    case DType::kFloat16: return choose_from<Half>(from);
    case DType::kBFloat16: return choose_from<BFloat>(from);
    default: return nullptr;
  }
}

const char* bind_move(const OpView& op, StepFn convert, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  MoveParams* p = alloc_params<MoveParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->count = op.out[0].count;
  p->from_size = dtype_size(op.in[0].dtype);
  p->to_size = dtype_size(op.out[0].dtype);
  p->convert = convert;
  p->per_piece = cut_pieces(p->count, p->from_size + p->to_size, 1.0, 64);
  bound->params = p;
  bound->phases[0] = {run_move, piece_count(p->count, p->per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace

const char* bind_cast(const OpView& op, Binder* binder, Bound* bound) {
  if (op.in[0].dtype == op.out[0].dtype && op.in[0].dtype != DType::kBool) {
    return bind_move(op, nullptr, binder, bound);
  }
  const StepFn convert = choose_convert(op.in[0].dtype, op.out[0].dtype);
  return convert == nullptr ? "dtype not supported" : bind_move(op, convert, binder, bound);
}

const char* bind_copy(const OpView& op, Binder* binder, Bound* bound) {
  return bind_move(op, nullptr, binder, bound);
}

}  // namespace pydl::PYDL_ISA
