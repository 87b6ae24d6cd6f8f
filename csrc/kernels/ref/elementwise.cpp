// One interpreter for single ops and chains; `cast` apart.
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/chain.h"
#include "kernels/half.h"
#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"

namespace pydl::ref {
namespace {

constexpr double kPi = 3.141592653589793, kHalfRootPi = 0.886226925452758;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct ChainParams {
  ChainProgram program;
  Nest nest;
  int64_t count;
  bool is_bool[kMaxOperands];  // operands read as 0 and 1
  bool bool_result;
  // Where results are reduced:
  TensorView full;                 // what the operands broadcast to
  int64_t kept;                    // elements of a reduced result
  int64_t kept_strides[kMaxDims];  // 0 along reduced axes
};

// Integers wrap around.
template <class T>
T wrap(uint64_t value) {
  return static_cast<T>(value);
}

template <class T>
T maximum(T a, T b) {
  if (a != a) return a;
  return b != b || b > a ? b : a;
}

template <class T>
T minimum(T a, T b) {
  if (a != a) return a;
  return b != b || b < a ? b : a;
}

template <class T>
T sign(T x) {
  if (x != x) return x;
  return static_cast<T>((x > T(0)) - (x < T(0)));
}

double softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

// The logarithm of |gamma(x)|. (std::lgamma writes a global variable.)
double log_gamma(double x) {
  int sign = 0;
  return __builtin_lgamma_r(x, &sign);
}

// Moved up by the recurrence, then its asymptotic series; mirrored for negative numbers. NaN at
// the poles but 0, where it is infinite.
double digamma(double x) {
  if (x == 0.0) return std::copysign(kInfinity, -x);
  if (x < 0.0) {
    if (x == std::floor(x)) return std::nan("");
    const double f = x - std::nearbyint(x);
    return digamma(1.0 - x) - (f == 0.5 || f == -0.5 ? 0.0 : kPi / std::tan(kPi * f));
  }
  if (x == kInfinity) return x;
  double sum = 0.0;
  for (; x < 12.0; x += 1.0) sum -= 1.0 / x;
  const double z = 1.0 / (x * x);
  const double series =
      z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
  return sum + std::log(x) - 0.5 / x - series;
}

// Halley's method on erf, or on erfc where erf is near 1.
double inverse_erf(double x) {
  const double a = std::fabs(x);
  if (!(a < 1.0)) return a == 1.0 ? std::copysign(kInfinity, x) : std::nan("");
  if (a < 1e-9) return x * kHalfRootPi;
  const double l = std::log((1.0 - a) * (1.0 + a)), m = 4.33 + 0.5 * l;
  double y = std::sqrt(std::sqrt(m * m - l / 0.147) - m);
  for (int pass = 0; pass < 4; ++pass) {
    const double error = a < 0.5 ? std::erf(y) - a : (1.0 - a) - std::erfc(y);
    const double step = error * kHalfRootPi * std::exp(y * y);
    y -= step / (1.0 + y * step);
  }
  return std::copysign(y, x);
}

// Ops of floats only, in double.
double apply_math(Opcode op, double x) {
  switch (op) {
    case Opcode::rsqrt: return 1.0 / std::sqrt(x);
    case Opcode::exp: return std::exp(x);
    case Opcode::expm1: return std::expm1(x);
    case Opcode::log: return std::log(x);
    case Opcode::log1p: return std::log1p(x);
    case Opcode::tanh: return std::tanh(x);
    case Opcode::sigmoid: return 1.0 / (1.0 + std::exp(-x));
    case Opcode::softplus: return x != x ? x : softplus(x);
    case Opcode::erf: return std::erf(x);
    case Opcode::sin: return std::sin(x);
    case Opcode::cos: return std::cos(x);
    case Opcode::tan: return std::tan(x);
    case Opcode::asin: return std::asin(x);
    case Opcode::acos: return std::acos(x);
    case Opcode::atan: return std::atan(x);
    case Opcode::sinh: return std::sinh(x);
    case Opcode::cosh: return std::cosh(x);
    case Opcode::asinh: return std::asinh(x);
    case Opcode::acosh: return std::acosh(x);
    case Opcode::atanh: return std::atanh(x);
    case Opcode::exp2: return std::exp2(x);
    case Opcode::log2: return std::log2(x);
    case Opcode::log10: return std::log10(x);
    case Opcode::erfinv: return inverse_erf(x);
    case Opcode::lgamma: return log_gamma(x);
    case Opcode::digamma: return digamma(x);
    default: return 0.0;
  }
}

// The remainder with the sign of b, as NumPy's.
double modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0.0) return std::copysign(0.0, b);
  return (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}

// NumPy's: the quotient of what is left without the remainder, to the nearest integer.
double floor_quotient(double a, double b) {
  if (b == 0.0) return a / b;
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0.0 && (rest < 0.0) != (b < 0.0)) quotient -= 1.0;
  return quotient == 0.0 ? std::copysign(0.0, a / b) : std::nearbyint(quotient);
}

template <class T>
T apply_float(Opcode op, T a, T b) {
  switch (op) {
    case Opcode::sqrt: return std::sqrt(a);
    case Opcode::reciprocal: return T(1) / a;
    case Opcode::floor: return std::floor(a);
    case Opcode::ceil: return std::ceil(a);
    case Opcode::round: return std::nearbyint(a);
    case Opcode::trunc: return std::trunc(a);
    case Opcode::mod: return static_cast<T>(modulo(double(a), double(b)));
    case Opcode::floor_div: return static_cast<T>(floor_quotient(double(a), double(b)));
    case Opcode::atan2: return static_cast<T>(std::atan2(double(a), double(b)));
    case Opcode::isfinite: return T(std::isfinite(a));
    case Opcode::div: return a / b;
    case Opcode::pow: return static_cast<T>(std::pow(double(a), double(b)));
    case Opcode::sigmoid_grad: return a * b * (T(1) - b);
    case Opcode::tanh_grad: return a * (T(1) - b * b);
    default: return static_cast<T>(apply_math(op, double(a)));
  }
}

// Integers only. Division rounds down, by zero gives 0; shifts by the width or more, or by negative
// numbers, move everything out.
template <class T>
T quotient(T a, T b) {
  if (b == T(0)) return T(0);
  if (b == static_cast<T>(-1) && std::is_signed_v<T>) return wrap<T>(0 - static_cast<uint64_t>(a));
  const T whole = static_cast<T>(a / b);
  return (a % b != 0 && (a < T(0)) != (b < T(0))) ? static_cast<T>(whole - 1) : whole;
}

template <class T>
T power(T a, T b) {
  if (b < T(0)) {
    if (a == static_cast<T>(-1)) return b % 2 == 0 ? T(1) : a;
    return T(a == T(1));
  }
  uint64_t result = 1, base = static_cast<uint64_t>(a);
  for (uint64_t rest = static_cast<uint64_t>(b); rest > 0; rest /= 2, base *= base) {
    if (rest % 2 == 1) result *= base;
  }
  return wrap<T>(result);
}

template <class T>
T apply_integer(Opcode op, T a, T b) {
  constexpr uint64_t kBits = 8 * sizeof(T);
  const uint64_t x = static_cast<uint64_t>(a), shift = static_cast<uint64_t>(b);
  switch (op) {
    case Opcode::pow: return power(a, b);
    case Opcode::floor_div: return quotient(a, b);
    case Opcode::mod:
      return b == T(0) ? T(0) : wrap<T>(x - static_cast<uint64_t>(quotient(a, b)) * shift);
    case Opcode::bitwise_and: return static_cast<T>(a & b);
    case Opcode::bitwise_or: return static_cast<T>(a | b);
    case Opcode::bitwise_xor: return static_cast<T>(a ^ b);
    case Opcode::bitwise_not: return static_cast<T>(~a);
    case Opcode::left_shift: return shift < kBits ? wrap<T>(x << shift) : T(0);
    case Opcode::right_shift:
      return shift < kBits ? static_cast<T>(a >> shift) : static_cast<T>(a < T(0) ? -1 : 0);
    default: return T(0);
  }
}

template <class T>
T apply_arithmetic(Opcode op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (op) {
      case Opcode::neg: return -a;
      case Opcode::abs: return std::fabs(a);
      case Opcode::square: return a * a;
      case Opcode::add: return a + b;
      case Opcode::sub: return a - b;
      default: return a * b;
    }
  } else {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    switch (op) {
      case Opcode::neg: return wrap<T>(0 - x);
      case Opcode::abs: return a < T(0) ? wrap<T>(0 - x) : a;
      case Opcode::square: return wrap<T>(x * x);
      case Opcode::add: return wrap<T>(x + y);
      case Opcode::sub: return wrap<T>(x - y);
      default: return wrap<T>(x * y);
    }
  }
}

template <class T>
T apply(Opcode op, T a, T b, T c) {
  const T zero = T(0);
  switch (op) {
    case Opcode::neg:
    case Opcode::abs:
    case Opcode::square:
    case Opcode::add:
    case Opcode::sub:
    case Opcode::mul: return apply_arithmetic(op, a, b);
    case Opcode::copy: return a;
    case Opcode::sign: return sign(a);
    case Opcode::relu: return maximum(a, zero);
    case Opcode::logical_not: return T(a == zero);
    case Opcode::maximum: return maximum(a, b);
    case Opcode::minimum: return minimum(a, b);
    case Opcode::equal: return T(a == b);
    case Opcode::not_equal: return T(a != b);
    case Opcode::less: return T(a < b);
    case Opcode::less_equal: return T(a <= b);
    case Opcode::greater: return T(a > b);
    case Opcode::greater_equal: return T(a >= b);
    case Opcode::logical_and: return T(a != zero && b != zero);
    case Opcode::logical_or: return T(a != zero || b != zero);
    case Opcode::relu_grad: return b > zero ? a : zero;
    case Opcode::where: return a != zero ? b : c;
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    return apply_float(op, a, b);
  } else {
    return apply_integer(op, a, b);
  }
}

template <class T>
void run_steps(const ChainProgram& program, T* registers) {
  for (int s = 0; s < program.n_steps; ++s) {
    const ChainStep& step = program.steps[s];
    T args[kMaxStepArgs] = {};
    for (int a = 0; a < step.n_args; ++a) {
      const int k = step.args[a];
      args[a] = k >= 0 ? registers[k] : static_cast<T>(program.literals[-1 - k]);
    }
    registers[program.n_inputs + s] = apply(step.op, args[0], args[1], args[2]);
  }
}

template <class T>
void load_registers(const ChainParams& p, const Call& call, int64_t i, T* registers) {
  const int64_t inner = p.nest.dims[p.nest.rank - 1];
  const int64_t row = i / inner, column = i % inner;
  for (int k = 0; k < p.program.n_inputs; ++k) {
    const int64_t at = nest_offset(p.nest, k, row) + column * p.nest.strides[k][p.nest.rank - 1];
    registers[k] = p.is_bool[k] ? T(static_cast<const uint8_t*>(call.in[k])[at] != 0)
                                : static_cast<const T*>(call.in[k])[at];
  }
}

template <class T>
void run_chain(const Call& call, int64_t) {
  const ChainParams& p = *static_cast<const ChainParams*>(call.params);
  T registers[kMaxRegisters];
  for (int64_t i = 0; i < p.count; ++i) {
    load_registers(p, call, i, registers);
    run_steps(p.program, registers);
    for (int r = 0; r < p.program.n_results; ++r) {
      const T value = registers[p.program.results[r]];
      if (p.bool_result) {
        static_cast<uint8_t*>(call.out[r])[i] = value != T(0);
      } else {
        static_cast<T*>(call.out[r])[i] = value;
      }
    }
  }
}

// --- results that are reduced

// Long sums keep double's own accuracy.
using Total = long double;

Total reduced(Opcode op, Total total, Total x) {
  switch (op) {
    case Opcode::reduce_max: return maximum(total, x);
    case Opcode::reduce_min: return minimum(total, x);
    default: return total + x;
  }
}

Total start_of(Opcode op) {
  if (op == Opcode::reduce_max) return -kInfinity;
  return op == Opcode::reduce_min ? kInfinity : 0.0;
}

// The element of a reduced result that element i of the broadcast shape belongs to.
int64_t kept_index(const ChainParams& p, int64_t i) {
  int64_t at = 0;
  for (int d = p.full.rank - 1; d >= 0; --d) {
    at += i % p.full.dims[d] * p.kept_strides[d];
    i /= p.full.dims[d];
  }
  return at;
}

template <class T>
void run_reduced(const Call& call, int64_t) {
  const ChainParams& p = *static_cast<const ChainParams*>(call.params);
  const ChainProgram& program = p.program;
  Total* totals = reinterpret_cast<Total*>(call.scratch);  // [result][kept]
  for (int64_t i = 0; i < program.n_results * p.kept; ++i) {
    totals[i] = start_of(program.reduces[i / p.kept]);
  }
  T registers[kMaxRegisters];
  for (int64_t i = 0; i < p.full.count; ++i) {
    load_registers(p, call, i, registers);
    run_steps(program, registers);
    for (int r = 0; r < program.n_results; ++r) {
      const T value = registers[program.results[r]];
      if (program.reduces[r] == Opcode::copy) {
        static_cast<T*>(call.out[r])[i] = value;
      } else {
        Total* total = totals + r * p.kept + kept_index(p, i);
        *total = reduced(program.reduces[r], *total, Total(value));
      }
    }
  }
  const Total length = p.kept == 0 ? 1 : p.full.count / p.kept;
  for (int r = 0; r < program.n_results; ++r) {
    if (program.reduces[r] == Opcode::copy) continue;
    const Total divisor = program.reduces[r] == Opcode::reduce_mean ? length : 1;
    for (int64_t i = 0; i < p.kept; ++i) {
      static_cast<T*>(call.out[r])[i] = static_cast<T>(totals[r * p.kept + i] / divisor);
    }
  }
}

void describe_reduced(const OpView& op, ChainParams* p) {
  bool is_reduced[kMaxDims] = {};
  const int64_t* axes = nullptr;
  const int n_axes = attr_ints(op, "axes", &axes);
  for (int k = 0; k < n_axes; ++k) is_reduced[axes[k]] = true;
  p->kept = 1;
  for (int d = p->full.rank - 1; d >= 0; --d) {
    p->kept_strides[d] = is_reduced[d] ? 0 : p->kept;
    if (!is_reduced[d]) p->kept *= p->full.dims[d];
  }
}

const char* bind_reduced(const OpView& op, Binder* binder, Bound* bound) {
  ChainParams* p = alloc_params<ChainParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const char* error = chain_program(op, &p->program);
  if (error != nullptr) return error;
  p->full = broadcast_view(op);
  describe_reduced(op, p);
  make_nest(op.in, op.n_in, p->full, &p->nest);
  for (int i = 0; i < op.n_in; ++i) p->is_bool[i] = op.in[i].dtype == DType::kBool;
  bound->scratch_bytes = p->program.n_results * p->kept * static_cast<int64_t>(sizeof(Total));
  PieceFn run = nullptr;
  visit_float(op.out[0].dtype, [&](auto t) { run = run_reduced<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

// The dtype the steps compute in.
DType chain_dtype(const OpView& op) {
  switch (op.op) {
    case Opcode::chain: return op.out[0].dtype;
    case Opcode::where: return op.in[1].dtype;
    default: return op.in[0].dtype;
  }
}

// 16-bit floats can only be moved.
DType moved_as(const OpView& op, DType dtype) {
  const bool move = op.op == Opcode::copy || op.op == Opcode::where;
  const bool half = dtype == DType::kFloat16 || dtype == DType::kBFloat16;
  return move && half ? DType::kUInt16 : dtype;
}

const char* bind_chain(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  if (reduces_results(op)) return bind_reduced(op, binder, bound);
  ChainParams* p = alloc_params<ChainParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const char* error = chain_program(op, &p->program);
  if (error != nullptr) return error;
  make_nest(op.in, op.n_in, op.out[0], &p->nest);
  p->count = op.out[0].count;
  for (int i = 0; i < op.n_in; ++i) p->is_bool[i] = op.in[i].dtype == DType::kBool;
  p->bool_result = op.out[0].dtype == DType::kBool;
  PieceFn run = nullptr;
  const DType dtype = moved_as(op, chain_dtype(op));
  if (dtype == DType::kBool) run = run_chain<uint8_t>;
  visit_number(dtype, [&](auto t) { run = run_chain<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

struct CastParams {
  int64_t count;
};

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat>;

template <class To, class From>
To convert(From x) {
  if constexpr (kIsHalf<From>) {
    if constexpr (std::is_same_v<From, To>) return x;
    return convert<To>(widen(x));
  } else if constexpr (kIsHalf<To>) {
    To result;
    narrow(convert<double>(x), &result);
    return result;
  } else if constexpr (std::is_same_v<From, Bool>) {
    return convert<To>(static_cast<uint8_t>(x.byte != 0));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<uint8_t>(x != From(0))};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (x != x) return To(0);
    constexpr To kLow = std::numeric_limits<To>::min(), kHigh = std::numeric_limits<To>::max();
    if (double(x) <= double(kLow)) return kLow;
    if (double(x) >= double(kHigh)) return kHigh;
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void run_cast(const Call& call, int64_t) {
  const int64_t count = static_cast<const CastParams*>(call.params)->count;
  const From* x = static_cast<const From*>(call.in[0]);
  To* out = static_cast<To*>(call.out[0]);
  for (int64_t i = 0; i < count; ++i) out[i] = convert<To>(x[i]);
}

template <class Visitor>
bool visit_castable(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kBool: visitor(Bool()); return true;
    case DType::kFloat16: visitor(Half()); return true;
    case DType::kBFloat16: visitor(BFloat()); return true;
    default: return visit_number(dtype, visitor);
  }
}

const char* bind_cast(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  CastParams* p = alloc_params<CastParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->count = op.out[0].count;
  PieceFn run = nullptr;
  visit_castable(op.in[0].dtype, [&](auto from) {
    visit_castable(op.out[0].dtype, [&](auto to) { run = run_cast<decltype(from), decltype(to)>; });
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

#define PYDL_STEP(op) {Opcode::op, #op "_ref", bind_chain},
const Candidate kCandidates[] = {
#include "kernels/steps.def"
    {Opcode::copy, "copy_ref", bind_chain},
    {Opcode::chain, "chain_ref", bind_chain},
    {Opcode::cast, "cast_ref", bind_cast},
};

}  // namespace

const Family kElementwiseFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
