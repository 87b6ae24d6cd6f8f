// Integers and bools: plain loops, which the compiler turns into vectors. The rarer integer types
// are left to the reference kernels.
#include "kernels/cpu/elementwise_steps.h"

namespace pydl::PYDL_ISA {
namespace {

template <class T>
struct Unsigned;  // wraps around
template <>
struct Unsigned<int32_t> {
  using type = uint32_t;
};
template <>
struct Unsigned<int64_t> {
  using type = uint64_t;
};
template <>
struct Unsigned<uint8_t> {
  using type = uint32_t;
};

// Shifts by the width or more, or by negative numbers, move everything out.
template <class T>
inline __attribute__((always_inline)) bool shift_fits(T b) {
  return b >= T(0) && b < static_cast<T>(8 * sizeof(T));
}

#define PYDL_INTEGER(name, expression)                                            \
  struct name {                                                                   \
    template <class T>                                                            \
    static inline __attribute__((always_inline)) auto apply(T a, T b) {           \
      [[maybe_unused]] const auto x = static_cast<typename Unsigned<T>::type>(a); \
      [[maybe_unused]] const auto y = static_cast<typename Unsigned<T>::type>(b); \
      return expression;                                                          \
    }                                                                             \
  };
PYDL_INTEGER(Add, static_cast<T>(x + y))
PYDL_INTEGER(Sub, static_cast<T>(x - y))
PYDL_INTEGER(Mul, static_cast<T>(x* y))
PYDL_INTEGER(And, static_cast<T>(a& b))
PYDL_INTEGER(Or, static_cast<T>(a | b))
PYDL_INTEGER(Xor, static_cast<T>(a ^ b))
PYDL_INTEGER(LeftShift, shift_fits(b) ? static_cast<T>(x << y) : T(0))
PYDL_INTEGER(RightShift, static_cast<T>(shift_fits(b) ? a >> b : (a < T(0) ? -1 : 0)))
PYDL_INTEGER(Maximum, a > b ? a : b)
PYDL_INTEGER(Minimum, a < b ? a : b)
PYDL_INTEGER(Equal, static_cast<uint8_t>(a == b))
PYDL_INTEGER(NotEqual, static_cast<uint8_t>(a != b))
PYDL_INTEGER(Less, static_cast<uint8_t>(a < b))
PYDL_INTEGER(LessEqual, static_cast<uint8_t>(a <= b))
PYDL_INTEGER(Greater, static_cast<uint8_t>(a > b))
PYDL_INTEGER(GreaterEqual, static_cast<uint8_t>(a >= b))
#undef PYDL_INTEGER

// Rounds down; by zero gives 0.
struct FloorDiv {
  template <class T>
  static inline __attribute__((always_inline)) T apply(T a, T b) {
    if (b == T(0)) return T(0);
    if constexpr (T(-1) < T(0)) {
      if (b == T(-1)) return static_cast<T>(0 - static_cast<typename Unsigned<T>::type>(a));
    }
    const T whole = static_cast<T>(a / b);
    return static_cast<T>(whole - (a % b != 0 && (a < T(0)) != (b < T(0))));
  }
  // Quotients of doubles, which have vectors: away from integers they are so by 2^-31 at least.
  static inline __attribute__((always_inline)) int32_t apply(int32_t a, int32_t b) {
    const bool special = b == 0 || b == -1;
    const double ratio = static_cast<double>(a) / static_cast<double>(special ? 1 : b);
    const int32_t whole = static_cast<int32_t>(ratio);
    const int32_t down = whole - (static_cast<double>(whole) > ratio ? 1 : 0);
    const int32_t negative = static_cast<int32_t>(0 - static_cast<uint32_t>(a));
    return special ? (b == 0 ? 0 : negative) : down;
  }
};
struct Mod {
  template <class T>
  static inline __attribute__((always_inline)) T apply(T a, T b) {
    using U = typename Unsigned<T>::type;
    const U whole = static_cast<U>(FloorDiv::apply(a, b)) * static_cast<U>(b);
    return b == T(0) ? T(0) : static_cast<T>(static_cast<U>(a) - whole);
  }
};

// Wraps around; negative powers of all but 1 and -1 are 0.
struct Pow {
  template <class T>
  static inline __attribute__((always_inline)) T apply(T a, T b) {
    if (b < T(0)) return a == T(1) || (a == T(-1) && b % 2 == 0) ? T(1) : a == T(-1) ? a : T(0);
    uint64_t result = 1, base = static_cast<uint64_t>(a);
    for (uint64_t rest = static_cast<uint64_t>(b); rest > 0; rest /= 2) {
      if (rest % 2 == 1) result *= base;
      base *= base;
    }
    return static_cast<T>(result);
  }
};

template <class T>
void flip_bits(const void* a, const void*, const void*, void* out, int64_t n) {
  const T* x = static_cast<const T*>(a);
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = static_cast<T>(~x[i]);
}

template <class T, class Op, int kStrideA, int kStrideB>
void binary(const void* a, const void* b, const void*, void* out, int64_t n) {
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  using Result = decltype(Op::apply(T(), T()));
  Result* o = static_cast<Result*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x[i * kStrideA], y[i * kStrideB]);
}

template <class T, class Op>
StepFn binary_step(const StepKey& key) {
  if (key.scalar[0]) return key.scalar[1] ? binary<T, Op, 0, 0> : binary<T, Op, 0, 1>;
  return key.scalar[1] ? binary<T, Op, 1, 0> : binary<T, Op, 1, 1>;
}

template <class T, int kStrideC, int kStrideA, int kStrideB>
void choose(const void* condition, const void* a, const void* b, void* out, int64_t n) {
  const uint8_t* c = static_cast<const uint8_t*>(condition);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = c[i * kStrideC] != 0 ? x[i * kStrideA] : y[i * kStrideB];
}

template <class T>
StepFn choose_step(const StepKey& key) {
  static constexpr StepFn kTable[8] = {choose<T, 1, 1, 1>, choose<T, 1, 1, 0>, choose<T, 1, 0, 1>,
                                       choose<T, 1, 0, 0>, choose<T, 0, 1, 1>, choose<T, 0, 1, 0>,
                                       choose<T, 0, 0, 1>, choose<T, 0, 0, 0>};
  return kTable[key.scalar[0] * 4 + key.scalar[1] * 2 + key.scalar[2]];
}

template <class T>
StepFn number_step(const StepKey& key) {
  switch (key.op) {
    case Opcode::add: return binary_step<T, Add>(key);
    case Opcode::sub: return binary_step<T, Sub>(key);
    case Opcode::mul: return binary_step<T, Mul>(key);
    case Opcode::pow: return binary_step<T, Pow>(key);
    case Opcode::mod: return binary_step<T, Mod>(key);
    case Opcode::floor_div: return binary_step<T, FloorDiv>(key);
    case Opcode::bitwise_and: return binary_step<T, And>(key);
    case Opcode::bitwise_or: return binary_step<T, Or>(key);
    case Opcode::bitwise_xor: return binary_step<T, Xor>(key);
    case Opcode::left_shift: return binary_step<T, LeftShift>(key);
    case Opcode::right_shift: return binary_step<T, RightShift>(key);
    case Opcode::bitwise_not: return flip_bits<T>;
    case Opcode::maximum: return binary_step<T, Maximum>(key);
    case Opcode::minimum: return binary_step<T, Minimum>(key);
    case Opcode::equal: return binary_step<T, Equal>(key);
    case Opcode::not_equal: return binary_step<T, NotEqual>(key);
    case Opcode::less: return binary_step<T, Less>(key);
    case Opcode::less_equal: return binary_step<T, LessEqual>(key);
    case Opcode::greater: return binary_step<T, Greater>(key);
    case Opcode::greater_equal: return binary_step<T, GreaterEqual>(key);
    case Opcode::where: return choose_step<T>(key);
    default: return nullptr;
  }
}

// Any byte but 0 is true.
struct LogicalAnd {
  static bool apply(uint8_t a, uint8_t b) { return (a != 0) & (b != 0); }
};
struct LogicalOr {
  static bool apply(uint8_t a, uint8_t b) { return (a != 0) | (b != 0); }
};
struct Same {
  static bool apply(uint8_t a, uint8_t b) { return (a != 0) == (b != 0); }
};
struct Differ {
  static bool apply(uint8_t a, uint8_t b) { return (a != 0) != (b != 0); }
};

template <class Op, int kStrideA, int kStrideB>
void logical(const void* a, const void* b, const void*, void* out, int64_t n) {
  const uint8_t* x = static_cast<const uint8_t*>(a);
  const uint8_t* y = static_cast<const uint8_t*>(b);
  uint8_t* o = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x[i * kStrideA], y[i * kStrideB]);
}

template <class Op>
StepFn logical_step(const StepKey& key) {
  if (key.scalar[0]) return key.scalar[1] ? logical<Op, 0, 0> : logical<Op, 0, 1>;
  return key.scalar[1] ? logical<Op, 1, 0> : logical<Op, 1, 1>;
}

void logical_not(const void* a, const void*, const void*, void* out, int64_t n) {
  const uint8_t* x = static_cast<const uint8_t*>(a);
  uint8_t* o = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = x[i] == 0;
}

StepFn bool_step(const StepKey& key) {
  switch (key.op) {
    case Opcode::logical_not: return logical_not;
    case Opcode::logical_and: return logical_step<LogicalAnd>(key);
    case Opcode::logical_or: return logical_step<LogicalOr>(key);
    case Opcode::equal: return logical_step<Same>(key);
    case Opcode::not_equal: return logical_step<Differ>(key);
    default: return nullptr;
  }
}

}  // namespace

StepFn integer_step(const StepKey& key) {
  switch (key.dtype) {
    case DType::kInt32: return number_step<int32_t>(key);
    case DType::kInt64: return number_step<int64_t>(key);
    case DType::kUInt8: return number_step<uint8_t>(key);
    case DType::kBool: return bool_step(key);
    default: return nullptr;
  }
}

}  // namespace pydl::PYDL_ISA
