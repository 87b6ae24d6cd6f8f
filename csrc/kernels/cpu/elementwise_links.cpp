// Steps linked in registers, see elementwise_steps.h. A link ends in a jump: eight vectors, the
// list and the place are arguments that stay in registers from link to link.
#include "kernels/cpu/elementwise_functions.h"
#include "kernels/cpu/elementwise_steps.h"
#include "kernels/cpu/simd/vec_extra.h"

namespace pydl::PYDL_ISA {
namespace {

static_assert(kLinked == 8);

template <class T>
using Lanes = typename Native<T>::type;

#define PYDL_HELD \
  Lanes<T> a, Lanes<T> b, Lanes<T> c, Lanes<T> d, Lanes<T> e, Lanes<T> f, Lanes<T> g, Lanes<T> h

template <class T>
using LinkFn = void (*)(const Link* link, int64_t at, PYDL_HELD);

#define PYDL_NEXT reinterpret_cast<LinkFn<T>>(link[1].run)(link + 1, at, a, b, c, d, e, f, g, h)

template <class T, class Op>
void link_unary(const Link* link, int64_t at, PYDL_HELD) {
  const Op op{};
  a = op(Vec<T>{a}).v;
  b = op(Vec<T>{b}).v;
  c = op(Vec<T>{c}).v;
  d = op(Vec<T>{d}).v;
  e = op(Vec<T>{e}).v;
  f = op(Vec<T>{f}).v;
  g = op(Vec<T>{g}).v;
  h = op(Vec<T>{h}).v;
  return PYDL_NEXT;
}

// The other operand's vector k.
template <class T, bool kScalar>
PYDL_INLINE Vec<T> other(const Link* link, int64_t at, int k) {
  const T* p = static_cast<const T*>(link->operand);
  if constexpr (kScalar) return set(*p);
  return load(p + at + k * kLanes<T>);
}

template <class T, class Op, bool kSecond>
PYDL_INLINE Lanes<T> joined(Lanes<T> held, Vec<T> other) {
  if constexpr (kSecond) return Op{}(other, Vec<T>{held}).v;
  return Op{}(Vec<T>{held}, other).v;
}

template <class T, class Op, bool kSecond, bool kScalar>
void link_binary(const Link* link, int64_t at, PYDL_HELD) {
  a = joined<T, Op, kSecond>(a, other<T, kScalar>(link, at, 0));
  b = joined<T, Op, kSecond>(b, other<T, kScalar>(link, at, 1));
  c = joined<T, Op, kSecond>(c, other<T, kScalar>(link, at, 2));
  d = joined<T, Op, kSecond>(d, other<T, kScalar>(link, at, 3));
  e = joined<T, Op, kSecond>(e, other<T, kScalar>(link, at, 4));
  f = joined<T, Op, kSecond>(f, other<T, kScalar>(link, at, 5));
  g = joined<T, Op, kSecond>(g, other<T, kScalar>(link, at, 6));
  h = joined<T, Op, kSecond>(h, other<T, kScalar>(link, at, 7));
  return PYDL_NEXT;
}

template <class T>
constexpr int64_t kAhead = 4096 / static_cast<int64_t>(sizeof(T));

template <class T>
void link_load(const Link* link, int64_t at, PYDL_HELD) {
  const T* p = static_cast<const T*>(link->operand) + at;
  // A few thousand bytes ahead, past the end of a page, where the hardware stops.
  for (int k = 0; k < kLinked; ++k) prefetch_far(p + kAhead<T> + k * kLanes<T>);
  a = load(p).v;
  b = load(p + kLanes<T>).v;
  c = load(p + 2 * kLanes<T>).v;
  d = load(p + 3 * kLanes<T>).v;
  e = load(p + 4 * kLanes<T>).v;
  f = load(p + 5 * kLanes<T>).v;
  g = load(p + 6 * kLanes<T>).v;
  h = load(p + 7 * kLanes<T>).v;
  return PYDL_NEXT;
}

template <class T, bool kPastCaches>
PYDL_INLINE void put(T* p, Lanes<T> v) {
  if constexpr (kPastCaches) return stream(p, Vec<T>{v});
  store(p, Vec<T>{v});
}

template <class T, bool kPastCaches>
void link_store(const Link* link, int64_t at, PYDL_HELD) {
  T* p = static_cast<T*>(const_cast<void*>(link->operand)) + at;
  put<T, kPastCaches>(p, a);
  put<T, kPastCaches>(p + kLanes<T>, b);
  put<T, kPastCaches>(p + 2 * kLanes<T>, c);
  put<T, kPastCaches>(p + 3 * kLanes<T>, d);
  put<T, kPastCaches>(p + 4 * kLanes<T>, e);
  put<T, kPastCaches>(p + 5 * kLanes<T>, f);
  put<T, kPastCaches>(p + 6 * kLanes<T>, g);
  put<T, kPastCaches>(p + 7 * kLanes<T>, h);
}
#undef PYDL_HELD
#undef PYDL_NEXT

template <class T, class Op>
void (*binary_link(const LinkKey& key))() {
  static constexpr LinkFn<T> kForms[4] = {
      link_binary<T, Op, false, false>, link_binary<T, Op, false, true>,
      link_binary<T, Op, true, false>, link_binary<T, Op, true, true>};
  return reinterpret_cast<void (*)()>(kForms[key.held_is_second * 2 + key.scalar]);
}

template <class T, class Op>
void (*unary_link())() {
  return reinterpret_cast<void (*)()>(&link_unary<T, Op>);
}

// The steps that cost little against a way through memory.
template <class T>
void (*link_of(const LinkKey& key))() {
  switch (key.op) {
    case Opcode::neg: return unary_link<T, Neg>();
    case Opcode::abs: return unary_link<T, Abs>();
    case Opcode::square: return unary_link<T, Square>();
    case Opcode::sqrt: return unary_link<T, Sqrt>();
    case Opcode::rsqrt: return unary_link<T, Rsqrt>();
    case Opcode::reciprocal: return unary_link<T, Reciprocal>();
    case Opcode::relu: return unary_link<T, Relu>();
    case Opcode::exp: return unary_link<T, Exp>();
    case Opcode::tanh: return unary_link<T, Tanh>();
    case Opcode::sigmoid: return unary_link<T, Sigmoid>();
    case Opcode::copy: return unary_link<T, Copy>();
    case Opcode::add: return binary_link<T, Add>(key);
    case Opcode::sub: return binary_link<T, Sub>(key);
    case Opcode::mul: return binary_link<T, Mul>(key);
    case Opcode::div: return binary_link<T, Div>(key);
    case Opcode::maximum: return binary_link<T, Maximum>(key);
    case Opcode::minimum: return binary_link<T, Minimum>(key);
    case Opcode::relu_grad: return binary_link<T, ReluGrad>(key);
    case Opcode::sigmoid_grad: return binary_link<T, SigmoidGrad>(key);
    case Opcode::tanh_grad: return binary_link<T, TanhGrad>(key);
    default: return nullptr;
  }
}

template <class T>
void run(const Link* links, int64_t n) {
  const Lanes<T> none = {};
  for (int64_t at = 0; at < n; at += kLinked * kLanes<T>) {
    reinterpret_cast<LinkFn<T>>(links->run)(links, at, none, none, none, none, none, none, none,
                                            none);
  }
}

}  // namespace

void (*float_link(const LinkKey& key))() {
  if (key.dtype == DType::kFloat32) return link_of<float>(key);
  return key.dtype == DType::kFloat64 ? link_of<double>(key) : nullptr;
}

void (*load_link(DType dtype))() {
  return dtype == DType::kFloat32 ? reinterpret_cast<void (*)()>(&link_load<float>)
                                  : reinterpret_cast<void (*)()>(&link_load<double>);
}

void (*store_link(DType dtype, bool past_caches))() {
  if (dtype == DType::kFloat32) {
    return past_caches ? reinterpret_cast<void (*)()>(&link_store<float, true>)
                       : reinterpret_cast<void (*)()>(&link_store<float, false>);
  }
  return past_caches ? reinterpret_cast<void (*)()>(&link_store<double, true>)
                     : reinterpret_cast<void (*)()>(&link_store<double, false>);
}

void run_links(const Link* links, DType dtype, int64_t n) {
  if (dtype == DType::kFloat32) return run<float>(links, n);
  run<double>(links, n);
}

}  // namespace pydl::PYDL_ISA
