// The largest and the mean of windows: pieces of rows of the result, vectors along the channels.
// Windows of 2 x 2 and 3 x 3 places that lie inside the image are unrolled; the others, those at
// the borders among them, go tap by tap.
#include "kernels/conv.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/channels.h"
#include "kernels/cpu/pieces.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct PoolParams {
  PoolShape shape;
  int64_t rows, rows_per_piece;  // of the result
  int64_t inside, outside;  // along a row, windows [inside, outside) see all of their places
  bool stream;
};

// What a window sees along an axis: taps [begin, end), the first of all taps being at `start`.
struct Span {
  int64_t start, begin, end;
};

PYDL_INLINE Span span_at(const WindowShape& p, int axis, int64_t place) {
  const int64_t start = window_start(p, axis, place), rest = p.size[axis] - start;
  return {start, start < 0 ? -start : 0, rest < p.window[axis] ? rest : p.window[axis]};
}

PYDL_INLINE bool is_whole(const WindowShape& p, int axis, Span s) {
  return s.begin == 0 && s.end == p.window[axis];
}

// The largest so far and its tap; NaN is larger than all, equal ones leave the first.
template <class T, class I>
struct Largest {
  using Index = I;
  static constexpr bool kIndexed = true;
  Vec<T> best;
  VecI<T> tap;
  PYDL_INLINE void start(int64_t first) {
    best = set(static_cast<T>(-__builtin_inf()));
    tap = set_int<T>(static_cast<typename Format<T>::Int>(first));
  }
  PYDL_INLINE void begin(Vec<T> x) {
    best = x;
    tap = set_int<T>(0);
  }
  PYDL_INLINE void take(Vec<T> x, int64_t number) {
    const Mask<T> larger = ~le(x, best) & eq(best, best);
    const VecI<T> other = set_int<T>(static_cast<typename Format<T>::Int>(number));
    best = select(larger, x, best);
    tap = bits(select(larger, from_bits<T>(other), from_bits<T>(tap)));
  }
  PYDL_INLINE void end_row() {}
  template <bool kStream>
  PYDL_INLINE void write(T, T* out, I* index, int64_t j, int lanes) {
    put<kStream>(out + j, best, lanes);
    store_ints<T>(index + j, tap, lanes);
  }
};

// Sums of rows of the window, then of these: the error does not grow with all of its places.
template <class T>
struct Mean {
  using Index = uint8_t;
  static constexpr bool kIndexed = false;
  Vec<T> total, row;
  PYDL_INLINE void start(int64_t) { total = row = zero<T>(); }
  PYDL_INLINE void begin(Vec<T> x) {
    total = zero<T>();
    row = x;
  }
  PYDL_INLINE void take(Vec<T> x, int64_t) { row = row + x; }
  PYDL_INLINE void end_row() {
    total = total + row;
    row = zero<T>();
  }
  template <bool kStream>
  PYDL_INLINE void write(T scale, T* out, Index*, int64_t j, int lanes) {
    put<kStream>(out + j, total * set(scale), lanes);
  }
};

// A row of the result that is being made, and what its windows see above each other.
template <class T, class I>
struct Row {
  const T *image, *x_end;  // the end of all of x
  Span d, h;
  T *out, *out_end;  // the end of the piece
  I* index;
};

// The place (a, b, c), counted in taps, of a window.
template <class T, class I>
PYDL_INLINE const T* tap_at(const PoolShape& s, const Row<T, I>& row, const Span& w, int64_t a,
                            int64_t b, int64_t c) {
  const int64_t line = (row.d.start + a) * s.size[1] + row.h.start + b;
  return row.image + (line * s.size[2] + w.start + c) * s.channels;
}

PYDL_INLINE double divisor(const PoolShape& s, const Span& d, const Span& h, const Span& w) {
  if (s.count_padding) return static_cast<double>(volume(s.window));
  return static_cast<double>((d.end - d.begin) * (h.end - h.begin) * (w.end - w.begin));
}

template <class Op, class T>
PYDL_INLINE void pool_any(const PoolShape& s, const Row<T, typename Op::Index>& row,
                          int64_t place) {
  const Span w = span_at(s, 2, place), d = row.d, h = row.h;
  const T scale = static_cast<T>(1.0 / divisor(s, d, h, w));
  const T* last = tap_at(s, row, w, d.end - 1, h.end - 1, w.end - 1);
  T* out = row.out + place * s.channels;
  typename Op::Index* index = Op::kIndexed ? row.index + place * s.channels : nullptr;
  const bool room = row.x_end - last >= kLanes<T> && row.out_end - out >= kLanes<T>;
  along_channels<T>(s.channels, room, [&](int64_t j, int lanes) PYDL_INLINED {
    Op op;
    op.start((d.begin * s.window[1] + h.begin) * s.window[2] + w.begin);
    for (int64_t a = d.begin; a < d.end; ++a) {
      for (int64_t b = h.begin; b < h.end; ++b) {
        const T* x = tap_at(s, row, w, a, b, 0) + j;
        const int64_t tap = (a * s.window[1] + b) * s.window[2];
        for (int64_t c = w.begin; c < w.end; ++c) {
          op.take(load_lanes(x + c * s.channels, lanes), tap + c);
        }
        op.end_row();
      }
    }
    op.template write<false>(scale, out, index, j, lanes);
  });
}

// A window of kSide x kSide places, all of them inside.
template <class Op, class T, int kSide, bool kStream>
PYDL_INLINE void pool_square(const PoolShape& s, const Row<T, typename Op::Index>& row,
                             int64_t place) {
  const T scale = static_cast<T>(1.0 / (kSide * kSide));
  const int64_t line = s.size[2] * s.channels, pixel = s.channels;
  const Span w = {window_start(s, 2, place), 0, kSide};
  const T* first = tap_at(s, row, w, 0, 0, 0);
  T* out = row.out + place * s.channels;
  typename Op::Index* index = Op::kIndexed ? row.index + place * s.channels : nullptr;
  const int64_t reach = (kSide - 1) * (line + pixel) + kLanes<T>;
  const bool room = row.x_end - first >= reach && row.out_end - out >= kLanes<T>;
  along_channels<T>(s.channels, room, [&](int64_t j, int lanes) PYDL_INLINED {
    Op op;
    op.begin(load_lanes(first + j, lanes));
#pragma GCC unroll 3
    for (int r = 0; r < kSide; ++r) {
#pragma GCC unroll 3
      for (int c = r == 0 ? 1 : 0; c < kSide; ++c) {
        op.take(load_lanes(first + r * line + c * pixel + j, lanes), r * kSide + c);
      }
      op.end_row();
    }
    op.template write<kStream>(scale, out, index, j, lanes);
  });
}

template <class Op, class T, int kSide, bool kStream>
PYDL_INLINE void pool_row(const PoolParams& p, const Row<T, typename Op::Index>& row) {
  const PoolShape& s = p.shape;
  int64_t place = 0;
  if constexpr (kSide > 0) {
    if (is_whole(s, 0, row.d) && is_whole(s, 1, row.h)) {
      for (; place < p.inside; ++place) pool_any<Op>(s, row, place);
      for (; place < p.outside; ++place) pool_square<Op, T, kSide, kStream>(s, row, place);
    }
  }
  for (; place < s.places[2]; ++place) pool_any<Op>(s, row, place);
}

template <class Op, class T, int kSide, bool kStream>
void pool_rows(const Call& call, const PoolParams& p, int64_t first, int64_t end) {
  const PoolShape& s = p.shape;
  const int64_t image = volume(s.size) * s.channels, width = s.places[2] * s.channels;
  const T* x = static_cast<const T*>(call.in[0]);
  T* out = static_cast<T*>(call.out[0]);
  Row<T, typename Op::Index> row = {};
  row.x_end = x + s.batch * image;
  row.out_end = out + end * width;
  for (int64_t r = first; r < end; ++r) {
    const int64_t plane = r / s.places[1], n = plane / s.places[0];
    row.image = x + n * image;
    row.d = span_at(s, 0, plane - n * s.places[0]);
    row.h = span_at(s, 1, r - plane * s.places[1]);
    row.out = out + r * width;
    if constexpr (Op::kIndexed) {
      row.index = static_cast<typename Op::Index*>(call.out[1]) + r * width;
    }
    pool_row<Op, T, kSide, kStream>(p, row);
  }
}

template <class Op, class T, int kSide>
void run_pool(const Call& call, int64_t piece) {
  const PoolParams& p = *static_cast<const PoolParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  if (kSide > 0 && p.stream && is_aligned(call.out[0])) {
    pool_rows<Op, T, kSide, true>(call, p, first, end);
    return stream_fence();
  }
  pool_rows<Op, T, kSide, false>(call, p, first, end);
}

template <class Op, class T>
PieceFn choose_side(const PoolShape& s) {
  if (s.window[0] != 1 || s.window[1] != s.window[2]) return run_pool<Op, T, 0>;
  if (s.window[2] == 2) return run_pool<Op, T, 2>;
  return s.window[2] == 3 ? run_pool<Op, T, 3> : run_pool<Op, T, 0>;
}

template <class T>
PieceFn choose(const PoolShape& s, bool largest) {
  if (!largest) return choose_side<Mean<T>, T>(s);
  if (s.wide_index) return run_pool<Largest<T, int32_t>, T, 0>;
  return choose_side<Largest<T, uint8_t>, T>(s);
}

void find_inside(PoolParams* p) {
  const PoolShape& s = p->shape;
  p->inside = 0;
  while (p->inside < s.places[2] && window_start(s, 2, p->inside) < 0) ++p->inside;
  const int64_t last = s.size[2] - s.window[2] + s.low[2];  // the last start, counted from -low
  p->outside = last < 0 ? 0 : last / s.strides[2] + 1;
  if (p->outside > s.places[2]) p->outside = s.places[2];
  if (p->outside < p->inside) p->outside = p->inside;
}

const char* bind_pool(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  PoolParams* p = alloc_params<PoolParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = pool_shape(op);
  const PoolShape& s = p->shape;
  find_inside(p);
  p->rows = s.batch * s.places[0] * s.places[1];
  const int64_t bytes = (op.in[0].count + op.out[0].count) * dtype_size(dtype);
  const double places = static_cast<double>(s.places[2] * s.channels * volume(s.window));
  p->rows_per_piece = cut_pieces(p->rows, bytes / p->rows + 1, places, 1);
  p->stream = bytes >= kStreamBytes && s.channels * dtype_size(dtype) % kVectorBytes == 0;
  bound->params = p;
  const bool largest = op.op == Opcode::max_pool;
  const PieceFn run =
      dtype == DType::kFloat32 ? choose<float>(s, largest) : choose<double>(s, largest);
  bound->phases[0] = {run, piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::max_pool, "max_pool_rows", bind_pool},
    {Opcode::avg_pool, "avg_pool_rows", bind_pool},
};

}  // namespace

const Family kPoolFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
