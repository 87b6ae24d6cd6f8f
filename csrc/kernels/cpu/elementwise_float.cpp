#include "kernels/cpu/elementwise_functions.h"
#include "kernels/cpu/elementwise_steps.h"

namespace pydl::PYDL_ISA {
namespace {

#define PYDL_COMPARISON(name, function)                        \
  struct name {                                                \
    template <class T>                                         \
    PYDL_INLINE Mask<T> operator()(Vec<T> a, Vec<T> b) const { \
      return function(a, b);                                   \
    }                                                          \
  };
PYDL_COMPARISON(Equal, eq)
PYDL_COMPARISON(NotEqual, ne)
PYDL_COMPARISON(Less, lt)
PYDL_COMPARISON(LessEqual, le)
PYDL_COMPARISON(Greater, gt)
PYDL_COMPARISON(GreaterEqual, ge)
#undef PYDL_COMPARISON

// An operand read along i, or once.
template <class T, bool kScalar>
struct Operand {
  const T* p;
  Vec<T> all;
  PYDL_INLINE explicit Operand(const void* source) : p(static_cast<const T*>(source)) {
    if constexpr (kScalar) all = set(*p);
  }
  PYDL_INLINE Vec<T> at(int64_t i) const {
    if constexpr (kScalar) return all;
    return load(p + i);
  }
  PYDL_INLINE Vec<T> at(int64_t i, int n) const {
    if constexpr (kScalar) return all;
    return load_n(p + i, n);
  }
};

template <class T, class Op>
void unary(const void* a, const void*, const void*, void* out, int64_t n) {
  const Op op{};
  const T* x = static_cast<const T*>(a);
  T* o = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(o + i, op(load(x + i)));
  if (i == n) return;
  const int rest = static_cast<int>(n - i);
  store_n(o + i, op(load_n(x + i, rest)), rest);
}

template <class T, class Op, bool kScalarA, bool kScalarB>
void binary(const void* a, const void* b, const void*, void* out, int64_t n) {
  const Op op{};
  const Operand<T, kScalarA> x(a);
  const Operand<T, kScalarB> y(b);
  T* o = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(o + i, op(x.at(i), y.at(i)));
  if (i == n) return;
  const int rest = static_cast<int>(n - i);
  store_n(o + i, op(x.at(i, rest), y.at(i, rest)), rest);
}

// Comparison as 0 and 1 in T.
template <class Compare>
struct AsTruth {
  template <class T>
  PYDL_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const {
    return truth(Compare{}(a, b));
  }
};

template <class T, class Compare, bool kScalarA, bool kScalarB>
void compare(const void* a, const void* b, const void*, void* out, int64_t n) {
  const Compare op{};
  const Operand<T, kScalarA> x(a);
  const Operand<T, kScalarB> y(b);
  uint8_t* o = static_cast<uint8_t*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) mask_to_bytes(o + i, op(x.at(i), y.at(i)), kLanes<T>);
  const int rest = static_cast<int>(n - i);
  mask_to_bytes(o + i, op(x.at(i, rest), y.at(i, rest)), rest);
}

template <class T>
void finite_bytes(const void* a, const void*, const void*, void* out, int64_t n) {
  const T* x = static_cast<const T*>(a);
  uint8_t* o = static_cast<uint8_t*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) mask_to_bytes(o + i, finite(load(x + i)), kLanes<T>);
  const int rest = static_cast<int>(n - i);
  mask_to_bytes(o + i, finite(load_n(x + i, rest)), rest);
}

// The condition is T, or bool in memory.
template <class T, bool kBytes, bool kScalar>
struct Condition {
  const void* p;
  Mask<T> all;
  PYDL_INLINE explicit Condition(const void* source) : p(source) {
    if constexpr (!kScalar) return;
    if constexpr (kBytes) {
      all = is_true(set(static_cast<T>(*static_cast<const uint8_t*>(source) != 0)));
    } else {
      all = is_true(set(*static_cast<const T*>(source)));
    }
  }
  PYDL_INLINE Mask<T> at(int64_t i, int n) const {
    if constexpr (kScalar) return all;
    if constexpr (kBytes) return mask_from_bytes<T>(static_cast<const uint8_t*>(p) + i, n);
    return is_true(load_n(static_cast<const T*>(p) + i, n));
  }
};

template <class T, bool kBytes, bool kScalarC, bool kScalarA, bool kScalarB>
void choose(const void* condition, const void* a, const void* b, void* out, int64_t n) {
  const Condition<T, kBytes, kScalarC> c(condition);
  const Operand<T, kScalarA> x(a);
  const Operand<T, kScalarB> y(b);
  T* o = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    store(o + i, select(c.at(i, kLanes<T>), x.at(i), y.at(i)));
  }
  if (i == n) return;
  const int rest = static_cast<int>(n - i);
  store_n(o + i, select(c.at(i, rest), x.at(i, rest), y.at(i, rest)), rest);
}

template <class T, bool kBytes>
StepFn choose_step(const StepKey& key) {
  static constexpr StepFn kTable[8] = {
      choose<T, kBytes, false, false, false>, choose<T, kBytes, false, false, true>,
      choose<T, kBytes, false, true, false>,  choose<T, kBytes, false, true, true>,
      choose<T, kBytes, true, false, false>,  choose<T, kBytes, true, false, true>,
      choose<T, kBytes, true, true, false>,   choose<T, kBytes, true, true, true>};
  return kTable[key.scalar[0] * 4 + key.scalar[1] * 2 + key.scalar[2]];
}

template <class T, class Op>
StepFn binary_step(const StepKey& key) {
  if (key.scalar[0]) return key.scalar[1] ? binary<T, Op, true, true> : binary<T, Op, true, false>;
  return key.scalar[1] ? binary<T, Op, false, true> : binary<T, Op, false, false>;
}

template <class T, class Op>
StepFn comparison_step(const StepKey& key) {
  if (!key.to_bytes) return binary_step<T, AsTruth<Op>>(key);
  if (key.scalar[0]) {
    return key.scalar[1] ? compare<T, Op, true, true> : compare<T, Op, true, false>;
  }
  return key.scalar[1] ? compare<T, Op, false, true> : compare<T, Op, false, false>;
}

// A scalar copied along the result.
template <class T>
void fill(const void* a, const void*, const void*, void* out, int64_t n) {
  const Vec<T> all = set(*static_cast<const T*>(a));
  T* o = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(o + i, all);
  store_n(o + i, all, static_cast<int>(n - i));
}

template <class T>
StepFn unary_step(const StepKey& key) {
  switch (key.op) {
    case Opcode::neg: return unary<T, Neg>;
    case Opcode::abs: return unary<T, Abs>;
    case Opcode::sign: return unary<T, Sign>;
    case Opcode::square: return unary<T, Square>;
    case Opcode::sqrt: return unary<T, Sqrt>;
    case Opcode::rsqrt: return unary<T, Rsqrt>;
    case Opcode::reciprocal: return unary<T, Reciprocal>;
    case Opcode::exp: return unary<T, Exp>;
    case Opcode::expm1: return unary<T, Expm1>;
    case Opcode::log: return unary<T, Log>;
    case Opcode::log1p: return unary<T, Log1p>;
    case Opcode::tanh: return unary<T, Tanh>;
    case Opcode::sigmoid: return unary<T, Sigmoid>;
    case Opcode::softplus: return unary<T, Softplus>;
    case Opcode::erf: return unary<T, Erf>;
    case Opcode::relu: return unary<T, Relu>;
    case Opcode::floor: return unary<T, Floor>;
    case Opcode::sin: return unary<T, Sin>;
    case Opcode::cos: return unary<T, Cos>;
    case Opcode::ceil: return unary<T, Ceil>;
    case Opcode::round: return unary<T, Round>;
    case Opcode::trunc: return unary<T, Trunc>;
    case Opcode::tan: return unary<T, Tan>;
    case Opcode::asin: return unary<T, Asin>;
    case Opcode::acos: return unary<T, Acos>;
    case Opcode::atan: return unary<T, Atan>;
    case Opcode::sinh: return unary<T, Sinh>;
    case Opcode::cosh: return unary<T, Cosh>;
    case Opcode::asinh: return unary<T, Asinh>;
    case Opcode::acosh: return unary<T, Acosh>;
    case Opcode::atanh: return unary<T, Atanh>;
    case Opcode::exp2: return unary<T, Exp2>;
    case Opcode::log2: return unary<T, Log2>;
    case Opcode::log10: return unary<T, Log10>;
    case Opcode::erfinv: return unary<T, Erfinv>;
    case Opcode::lgamma: return unary<T, Lgamma>;
    case Opcode::digamma: return unary<T, DigammaOf>;
    case Opcode::logical_not: return unary<T, LogicalNot>;
    case Opcode::isfinite: return key.to_bytes ? finite_bytes<T> : unary<T, IsFinite>;
    case Opcode::copy: return key.scalar[0] ? fill<T> : unary<T, Copy>;
    default: return nullptr;
  }
}

template <class T>
StepFn any_step(const StepKey& key) {
  switch (key.op) {
    case Opcode::add: return binary_step<T, Add>(key);
    case Opcode::sub: return binary_step<T, Sub>(key);
    case Opcode::mul: return binary_step<T, Mul>(key);
    case Opcode::div: return binary_step<T, Div>(key);
    case Opcode::pow: return binary_step<T, Pow>(key);
    case Opcode::mod: return binary_step<T, Mod>(key);
    case Opcode::floor_div: return binary_step<T, FloorDiv>(key);
    case Opcode::atan2: return binary_step<T, Atan2>(key);
    case Opcode::maximum: return binary_step<T, Maximum>(key);
    case Opcode::minimum: return binary_step<T, Minimum>(key);
    case Opcode::equal: return comparison_step<T, Equal>(key);
    case Opcode::not_equal: return comparison_step<T, NotEqual>(key);
    case Opcode::less: return comparison_step<T, Less>(key);
    case Opcode::less_equal: return comparison_step<T, LessEqual>(key);
    case Opcode::greater: return comparison_step<T, Greater>(key);
    case Opcode::greater_equal: return comparison_step<T, GreaterEqual>(key);
    case Opcode::logical_and: return binary_step<T, LogicalAnd>(key);
    case Opcode::logical_or: return binary_step<T, LogicalOr>(key);
    case Opcode::relu_grad: return binary_step<T, ReluGrad>(key);
    case Opcode::sigmoid_grad: return binary_step<T, SigmoidGrad>(key);
    case Opcode::tanh_grad: return binary_step<T, TanhGrad>(key);
    case Opcode::where:
      return key.byte_operand ? choose_step<T, true>(key) : choose_step<T, false>(key);
    default: return unary_step<T>(key);
  }
}

template <class T>
void bools_to(const void* a, const void*, const void*, void* out, int64_t n) {
  const uint8_t* x = static_cast<const uint8_t*>(a);
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = static_cast<T>(x[i] != 0);
}

}  // namespace

StepFn float_step(const StepKey& key) {
  if (key.dtype == DType::kFloat32) return any_step<float>(key);
  return key.dtype == DType::kFloat64 ? any_step<double>(key) : nullptr;
}

StepFn load_bools(DType dtype) {
  return dtype == DType::kFloat32 ? bools_to<float> : bools_to<double>;
}

}  // namespace pydl::PYDL_ISA
