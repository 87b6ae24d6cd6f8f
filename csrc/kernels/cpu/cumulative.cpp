// Running sums and products. Along an inner axis: strips of neighbouring lines, position by
// position. Along the last axis: float sums are scanned in registers, the lanes of a vector in log2
// steps; the rest goes one by one, several rows at once. Float sums are those of a block on top of
// what came before it, so that their error grows with the length of a block and their number.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/simd/transpose.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kStrip = 128;  // lines together
constexpr int64_t kBlock = 256;  // positions of a partial sum along an inner axis
constexpr int kBlockVectors = 32;  // of a partial sum along the last axis
constexpr int kRows = 4;  // rows at once: their chains of operations overlap

// Values [outer, position, inner]; a unit is a strip of lines, or kRows rows.
struct CumulativeParams {
  int64_t positions, inner, rows;
  int64_t strips;
  int64_t units, units_per_piece;
};

// Integers, which are unsigned here, wrap.
template <class T>
PYDL_INLINE T product_of(T a, T b) {
  if constexpr (sizeof(T) < 4) {
    return static_cast<T>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
  } else {
    return a * b;
  }
}

struct Sum {
  static constexpr bool kProduct = false;
  template <class T>
  PYDL_INLINE static T apply(T a, T b) {
    return static_cast<T>(a + b);
  }
};
struct Product {
  static constexpr bool kProduct = true;
  template <class T>
  PYDL_INLINE static T apply(T a, T b) {
    return product_of(a, b);
  }
};

template <class T>
constexpr bool kIsFloat = static_cast<T>(0.5) != T(0);

// `step` is inner, or -inner from the last position on.
template <class T, class Op>
void run_strip(const T* x, int64_t step, int64_t positions, int64_t width, T* out) {
  constexpr bool kBlocks = kIsFloat<T> && !Op::kProduct;
  T base[kStrip], part[kStrip];
  for (int64_t j = 0; j < width; ++j) {
    base[j] = T(0);
    part[j] = Op::kProduct ? T(1) : T(0);
  }
  for (int64_t i = 0; i < positions; ++i, x += step, out += step) {
    if (kBlocks && i % kBlock == 0) {
      for (int64_t j = 0; j < width; ++j) {
        base[j] += part[j];
        part[j] = T(0);
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      part[j] = Op::apply(part[j], x[j]);
      out[j] = kBlocks ? static_cast<T>(base[j] + part[j]) : part[j];
    }
  }
}

// `rows` rows, one after another in memory, from both ends alike.
template <class T, class Op, int rows>
void run_together(const T* x, int64_t step, int64_t positions, T* out) {
  T part[rows];
  for (int r = 0; r < rows; ++r) part[r] = Op::kProduct ? T(1) : T(0);
  for (int64_t i = 0; i < positions; ++i, x += step, out += step) {
    for (int r = 0; r < rows; ++r) {
      part[r] = Op::apply(part[r], x[r * positions]);
      out[r * positions] = part[r];
    }
  }
}

// --- scans in registers

// Lane i of the result is lane i - k, 0 in front.
template <int k, class V, int... i>
PYDL_INLINE V shifted(V v, LaneList<i...>) {
  constexpr int kCount = sizeof...(i);
  return __builtin_shufflevector(V{}, v, (kCount - k + i)...);
}
template <class V, int... i>
PYDL_INLINE V reversed(V v, LaneList<i...>) {
  constexpr int kCount = sizeof...(i);
  return __builtin_shufflevector(v, v, (kCount - 1 - i)...);
}
template <class V, int... i>
PYDL_INLINE V last_of(V v, LaneList<i...>) {
  constexpr int kCount = sizeof...(i);
  return __builtin_shufflevector(v, v, (i * 0 + kCount - 1)...);
}

template <int k, int count, class V, class All>
PYDL_INLINE V scanned(V v, All all) {
  if constexpr (k < count) {
    return scanned<2 * k, count>(static_cast<V>(v + shifted<k>(v, all)), all);
  } else {
    return v;
  }
}

template <class T, bool reverse>
void scan_row(const T* x, int64_t n, T* out) {
  constexpr int kCount = kLanes<T>;
  using V = typename Native<T>::type;
  constexpr typename AllLanes<kCount>::type all = {};
  V base = {}, part = {};
  const int64_t vectors = (n + kCount - 1) / kCount;
  for (int64_t k = 0; k < vectors; ++k) {
    const int64_t rest = n - k * kCount;
    const int lanes = static_cast<int>(rest < kCount ? rest : kCount);
    const int64_t at = reverse ? rest - lanes : k * kCount;
    const bool whole = lanes == kCount;
    V v = whole ? load(x + at).v : load_n(x + at, lanes).v;
    if constexpr (reverse) v = reversed(v, all);  // missing lanes come first, as zeros
    part = part + scanned<1, kCount>(v, all);
    V sum = base + part;
    part = last_of(part, all);
    if (k % kBlockVectors == kBlockVectors - 1) {
      base = last_of(sum, all);
      part = V{};
    }
    if constexpr (reverse) sum = reversed(sum, all);
    if (whole) {
      store(out + at, Vec<T>{sum});
    } else {
      store_n(out + at, Vec<T>{sum}, lanes);
    }
  }
}

// --- pieces

template <class T, class Op, bool reverse>
void run_inner(const Call& call, int64_t piece) {
  const CumulativeParams& p = *static_cast<const CumulativeParams*>(call.params);
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    const int64_t column = unit % p.strips * kStrip;
    const int64_t width = p.inner - column < kStrip ? p.inner - column : kStrip;
    int64_t start = unit / p.strips * p.positions * p.inner + column;
    if (reverse) start += (p.positions - 1) * p.inner;
    run_strip<T, Op>(static_cast<const T*>(call.in[0]) + start, reverse ? -p.inner : p.inner,
                     p.positions, width, static_cast<T*>(call.out[0]) + start);
  }
}

template <class T, class Op, bool reverse>
void run_rows(const Call& call, int64_t piece) {
  const CumulativeParams& p = *static_cast<const CumulativeParams*>(call.params);
  const int64_t begin = piece * p.units_per_piece * kRows;
  const int64_t stop = begin + p.units_per_piece * kRows;
  const int64_t end = stop < p.rows ? stop : p.rows;
  const T* x = static_cast<const T*>(call.in[0]);
  T* out = static_cast<T*>(call.out[0]);
  const int64_t n = p.positions, step = reverse ? -1 : 1, offset = reverse ? n - 1 : 0;
  int64_t r = begin;
  if constexpr (kIsFloat<T> && !Op::kProduct) {
    for (; r < end; ++r) scan_row<T, reverse>(x + r * n, n, out + r * n);
  } else {
    for (; r + kRows <= end; r += kRows) {
      run_together<T, Op, kRows>(x + r * n + offset, step, n, out + r * n + offset);
    }
    for (; r < end; ++r) {
      run_together<T, Op, 1>(x + r * n + offset, step, n, out + r * n + offset);
    }
  }
}

template <class T, class Op>
PieceFn choose(bool inner, bool reverse) {
  if (inner) return reverse ? run_inner<T, Op, true> : run_inner<T, Op, false>;
  return reverse ? run_rows<T, Op, true> : run_rows<T, Op, false>;
}

template <class Op>
PieceFn choose(DType dtype, bool inner, bool reverse) {
  if (dtype == DType::kFloat32) return choose<float, Op>(inner, reverse);
  if (dtype == DType::kFloat64) return choose<double, Op>(inner, reverse);
  switch (dtype_size(dtype)) {
    case 1: return choose<uint8_t, Op>(inner, reverse);
    case 2: return choose<uint16_t, Op>(inner, reverse);
    case 4: return choose<uint32_t, Op>(inner, reverse);
    default: return choose<uint64_t, Op>(inner, reverse);
  }
}

const char* bind_cumulative(const OpView& op, Binder* binder, Bound* bound) {
  const TensorView& x = op.in[0];
  if (x.count == 0) return nullptr;
  if (is_float(x.dtype) && x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) {
    return "dtype not supported";
  }
  CumulativeParams* p = alloc_params<CumulativeParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t axis = attr_int(op, "axis", 0);
  p->positions = x.dims[axis];
  p->inner = 1;
  for (int d = static_cast<int>(axis) + 1; d < x.rank; ++d) p->inner *= x.dims[d];
  const bool inner = p->inner > 1, reverse = attr_int(op, "reverse", 0) != 0;
  p->rows = x.count / p->positions / p->inner;
  p->strips = piece_count(p->inner, kStrip);
  p->units = inner ? p->rows * p->strips : piece_count(p->rows, kRows);
  p->units_per_piece = cut_pieces(p->units, 2 * x.count / p->units * dtype_size(x.dtype), 0.0, 1);
  bound->params = p;
  bound->phases[0] = {op.op == Opcode::cumprod ? choose<Product>(x.dtype, inner, reverse)
                                               : choose<Sum>(x.dtype, inner, reverse),
                      piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::cumsum, "cumsum_scan", bind_cumulative},
    {Opcode::cumprod, "cumprod_lines", bind_cumulative},
};

}  // namespace

const Family kCumulativeFamily = {kCandidates,
                                  static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
