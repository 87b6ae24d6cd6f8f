// The gradients of pooling: each place of x asks the windows that see it, in order, so grad_x is
// written once and needs no zeros before. Pieces of rows of x. Where windows lie apart, as those of
// 2 x 2 places 2 apart do, a window's gradient is read once for all its places in a row; elsewhere
// the windows of a place are added in fours.
#include "kernels/conv.h"
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/channels.h"
#include "kernels/cpu/pieces.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

struct PoolGradParams {
  PoolShape shape;
  int64_t rows, rows_per_piece;  // of x
  bool apart, stream;
};

// The windows [first, end) of an axis that see the place `at`; `at` is tap at - window_start.
struct Windows {
  int64_t first, end;
};

PYDL_INLINE Windows windows_at(const WindowShape& p, int axis, int64_t at) {
  const int64_t to = at + p.low[axis], stride = p.strides[axis];
  const int64_t first = to < p.window[axis] ? 0 : (to - p.window[axis]) / stride + 1;
  const int64_t end = to / stride + 1;
  return {first, end < p.places[axis] ? end : p.places[axis]};
}

// The same for the place behind that of `w`.
PYDL_INLINE Windows next_windows(const WindowShape& p, int axis, int64_t at, Windows w) {
  if (window_start(p, axis, w.first) + p.window[axis] <= at) ++w.first;
  if (w.end < p.places[axis] && window_start(p, axis, w.end) <= at) ++w.end;
  return w;
}

PYDL_INLINE int64_t seen_by(const WindowShape& p, int axis, int64_t place) {
  const int64_t start = window_start(p, axis, place), end = start + p.window[axis];
  return (end < p.size[axis] ? end : p.size[axis]) - (start < 0 ? 0 : start);
}

// The gradient of a window that chose one of its places.
template <class T, class I>
struct Chosen {
  const T* grad;
  const I* index;
  typename Format<T>::Int tap;

  struct Loaded {
    Vec<T> grad;
    VecI<T> index;
    PYDL_INLINE Vec<T> of(typename Format<T>::Int tap) const {
      return select(eq_ints<T>(index, set_int<T>(tap)), grad, zero<T>());
    }
  };
  Chosen() = default;
  PYDL_INLINE Chosen(const PoolShape& s, const Call& call, const int64_t (&place)[kSpatial],
                     int64_t at, int64_t number) {
    (void)s, (void)place;
    grad = static_cast<const T*>(call.in[0]) + at;
    index = static_cast<const I*>(call.in[1]) + at;
    tap = static_cast<typename Format<T>::Int>(number);
  }
  PYDL_INLINE Loaded load_at(int64_t j, int lanes) const {
    return {load_lanes(grad + j, lanes), load_ints<T>(index + j, lanes)};
  }
};

// The gradient of a window all of whose places have the same part in it.
template <class T>
struct Shared {
  const T* grad;
  T share;
  static constexpr typename Format<T>::Int tap = 0;

  struct Loaded {
    Vec<T> grad;
    PYDL_INLINE Vec<T> of(typename Format<T>::Int) const { return grad; }
  };
  Shared() = default;
  PYDL_INLINE Shared(const PoolShape& s, const Call& call, const int64_t (&place)[kSpatial],
                     int64_t at, int64_t) {
    int64_t count = volume(s.window);
    if (!s.count_padding) {
      count = 1;
      for (int axis = 0; axis < kSpatial; ++axis) count *= seen_by(s, axis, place[axis]);
    }
    grad = static_cast<const T*>(call.in[0]) + at;
    share = static_cast<T>(1.0 / static_cast<double>(count));
  }
  PYDL_INLINE Loaded load_at(int64_t j, int lanes) const {
    return {load_lanes(grad + j, lanes) * set(share)};
  }
};

// A row of x, and which windows see it.
template <class T>
struct Row {
  int64_t image, d, h;
  Windows over_d, over_h;
  T *grad_x, *end;  // the end of the piece
};

template <class T, bool kStream>
PYDL_INLINE void clear(T* p, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) put<kStream>(p + i, zero<T>(), kLanes<T>);
  if (i < n) store_n(p + i, zero<T>(), static_cast<int>(n - i));
}

// The window (d, h, w), whose tap `number` is asked for.
template <class Source>
PYDL_INLINE Source source_at(const PoolShape& s, const Call& call, int64_t image, int64_t d,
                             int64_t h, int64_t w, int64_t number) {
  const int64_t line = (image * s.places[0] + d) * s.places[1] + h;
  return Source(s, call, {d, h, w}, (line * s.places[2] + w) * s.channels, number);
}

// --- windows apart: one at most sees a place

template <class Source, class T, bool kStream>
PYDL_INLINE void spread_window(const PoolShape& s, const Row<T>& row, const Source& from, int64_t w,
                               const T* grad_end) {
  constexpr int L = kLanes<T>;
  const int64_t start = window_start(s, 2, w), pixel = s.channels;
  const int64_t begin = start < 0 ? 0 : start;
  const int64_t next = w + 1 < s.places[2] ? start + s.strides[2] : s.size[2];
  int64_t end = start + s.window[2];
  if (end > s.size[2]) end = s.size[2];
  T* out = row.grad_x + begin * pixel;
  const auto tap = static_cast<typename Format<T>::Int>(from.tap + begin - start);
  const bool readable = grad_end - from.grad >= L;
  const int64_t count = end - begin;
  if (count == 2) {
    along_channels<T>(pixel, readable && row.end - out >= pixel + L,
                      [&](int64_t j, int lanes) PYDL_INLINED {
                        const typename Source::Loaded loaded = from.load_at(j, lanes);
                        put<kStream>(out + j, loaded.of(tap), lanes);
                        put<kStream>(out + pixel + j, loaded.of(tap + 1), lanes);
                      });
  } else {
    along_channels<T>(pixel, readable && row.end - out >= (count - 1) * pixel + L,
                      [&](int64_t j, int lanes) PYDL_INLINED {
                        const typename Source::Loaded loaded = from.load_at(j, lanes);
                        for (int i = 0; i < static_cast<int>(count); ++i) {
                          put<kStream>(out + i * pixel + j, loaded.of(tap + i), lanes);
                        }
                      });
  }
  if (next > end) clear<T, false>(out + count * pixel, (next - end) * pixel);
}

// How many steps forward leave a vector room.
PYDL_INLINE int64_t steps_within(int64_t room, int64_t step) {
  return room < 0 ? 0 : room / step + 1;
}

// Windows of two places, two apart, over pixels of less than a vector, from window `w` on, which
// lies inside: as long as whole vectors have room. Returns the first window that is left; the last
// one of the row always is.
template <class Source, class T>
PYDL_INLINE int64_t spread_pairs(const PoolShape& s, const Row<T>& row, Source from, int64_t w,
                                 const T* grad_end) {
  constexpr int L = kLanes<T>;
  const int64_t pixel = s.channels;
  T* out = row.grad_x + window_start(s, 2, w) * pixel;
  const auto tap = static_cast<typename Format<T>::Int>(from.tap);
  int64_t count = s.places[2] - 1 - w;
  const int64_t read = steps_within(grad_end - from.grad - L, pixel);
  const int64_t written = steps_within(row.end - out - pixel - L, 2 * pixel);
  if (read < count) count = read;
  if (written < count) count = written;
  for (int64_t i = 0; i < count; ++i, out += 2 * pixel) {
    const typename Source::Loaded loaded = from.load_at(i * pixel, L);
    store(out, loaded.of(tap));
    store(out + pixel, loaded.of(tap + 1));
  }
  return w + (count > 0 ? count : 0);
}

template <class Source, class T, bool kStream>
PYDL_INLINE void spread_row(const PoolShape& s, const Call& call, const Row<T>& row,
                            const T* grad_end) {
  const int64_t d = row.over_d.first, h = row.over_h.first;
  if (d >= row.over_d.end || h >= row.over_h.end) {
    return clear<T, kStream>(row.grad_x, s.size[2] * s.channels);
  }
  const int64_t tap_d = row.d - window_start(s, 0, d), tap_h = row.h - window_start(s, 1, h);
  const int64_t number = (tap_d * s.window[1] + tap_h) * s.window[2];
  const bool pairs = s.window[2] == 2 && s.strides[2] == 2 && s.channels < kLanes<T>;
  for (int64_t w = 0; w < s.places[2]; ++w) {
    Source from = source_at<Source>(s, call, row.image, d, h, w, number);
    if (pairs && w == s.low[2]) {  // the first inside
      w = spread_pairs<Source, T>(s, row, from, w, grad_end);
      from = source_at<Source>(s, call, row.image, d, h, w, number);
    }
    spread_window<Source, T, kStream>(s, row, from, w, grad_end);
  }
}

// --- any windows

// out = the sum over sources, on top of what is there when kAdd.
template <class Source, class T, int kCount, bool kAdd, bool kStream>
PYDL_INLINE void add_sources(const Source* from, int64_t channels, T* out) {
  for (int64_t j = 0; j < channels; j += kLanes<T>) {
    const int lanes = channels - j < kLanes<T> ? static_cast<int>(channels - j) : kLanes<T>;
    Vec<T> total = zero<T>();
    if constexpr (kAdd) total = load_lanes(out + j, lanes);
#pragma GCC unroll 4
    for (int k = 0; k < kCount; ++k) {
      total = total + from[k].load_at(j, lanes).of(from[k].tap);
    }
    put<kStream>(out + j, total, lanes);
  }
}

template <class Source, class T, bool kAdd, bool kStream>
PYDL_INLINE void add_few(const Source* from, int count, int64_t channels, T* out) {
  switch (count) {
    case 0: return add_sources<Source, T, 0, kAdd, kStream>(from, channels, out);
    case 1: return add_sources<Source, T, 1, kAdd, kStream>(from, channels, out);
    case 2: return add_sources<Source, T, 2, kAdd, kStream>(from, channels, out);
    case 3: return add_sources<Source, T, 3, kAdd, kStream>(from, channels, out);
    default: return add_sources<Source, T, 4, kAdd, kStream>(from, channels, out);
  }
}

// kStream: at most four windows see a place.
template <class Source, class T, bool kStream>
PYDL_INLINE void gather_place(const PoolShape& s, const Call& call, const Row<T>& row, int64_t at,
                              Windows over_w) {
  constexpr int kFew = 4;
  Source from[kFew];
  int count = 0;
  bool added = false;
  T* out = row.grad_x + at * s.channels;
  for (int64_t d = row.over_d.first; d < row.over_d.end; ++d) {
    const int64_t tap_d = row.d - window_start(s, 0, d);
    for (int64_t h = row.over_h.first; h < row.over_h.end; ++h) {
      const int64_t tap_h = tap_d * s.window[1] + row.h - window_start(s, 1, h);
      for (int64_t w = over_w.first; w < over_w.end; ++w) {
        if (count == kFew) {
          added ? add_few<Source, T, true, false>(from, count, s.channels, out)
                : add_few<Source, T, false, false>(from, count, s.channels, out);
          added = true;
          count = 0;
        }
        const int64_t number = tap_h * s.window[2] + at - window_start(s, 2, w);
        from[count++] = source_at<Source>(s, call, row.image, d, h, w, number);
      }
    }
  }
  added ? add_few<Source, T, true, false>(from, count, s.channels, out)
        : add_few<Source, T, false, kStream>(from, count, s.channels, out);
}

template <class Source, class T, bool kStream>
PYDL_INLINE void gather_row(const PoolShape& s, const Call& call, const Row<T>& row) {
  Windows over_w = windows_at(s, 2, 0);
  for (int64_t at = 0; at < s.size[2]; ++at) {
    if (at > 0) over_w = next_windows(s, 2, at, over_w);
    gather_place<Source, T, kStream>(s, call, row, at, over_w);
  }
}

// --- pieces

template <class Source, class T, bool kApart, bool kStream>
void grad_rows(const Call& call, const PoolGradParams& p, int64_t first, int64_t end) {
  const PoolShape& s = p.shape;
  const int64_t width = s.size[2] * s.channels;
  T* grad_x = static_cast<T*>(call.out[0]);
  const T* grad_end = static_cast<const T*>(call.in[0]) + s.batch * volume(s.places) * s.channels;
  Row<T> row = {};
  row.end = grad_x + end * width;
  for (int64_t r = first; r < end; ++r) {
    const int64_t plane = r / s.size[1];
    row.image = plane / s.size[0];
    row.d = plane - row.image * s.size[0];
    row.h = r - plane * s.size[1];
    row.over_d = windows_at(s, 0, row.d);
    row.over_h = windows_at(s, 1, row.h);
    row.grad_x = grad_x + r * width;
    if constexpr (kApart) {
      spread_row<Source, T, kStream>(s, call, row, grad_end);
    } else {
      gather_row<Source, T, kStream>(s, call, row);
    }
  }
}

template <class Source, class T, bool kApart>
void run_grad(const Call& call, int64_t piece) {
  const PoolGradParams& p = *static_cast<const PoolGradParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  if (p.stream && is_aligned(call.out[0])) {
    grad_rows<Source, T, kApart, true>(call, p, first, end);
    return stream_fence();
  }
  grad_rows<Source, T, kApart, false>(call, p, first, end);
}

template <class Source, class T>
PieceFn choose_order(bool apart) {
  return apart ? run_grad<Source, T, true> : run_grad<Source, T, false>;
}

template <class T>
PieceFn choose(const PoolGradParams& p, bool largest) {
  if (!largest) return choose_order<Shared<T>, T>(p.apart);
  if (p.shape.wide_index) return choose_order<Chosen<T, int32_t>, T>(p.apart);
  return choose_order<Chosen<T, uint8_t>, T>(p.apart);
}

const char* bind_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  PoolGradParams* p = alloc_params<PoolGradParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = pool_shape(op);
  const PoolShape& s = p->shape;
  double most = 1.0;  // windows that see a place
  p->apart = true;
  for (int axis = 0; axis < kSpatial; ++axis) {
    p->apart = p->apart && s.strides[axis] >= s.window[axis];
    most *= static_cast<double>(piece_count(s.window[axis], s.strides[axis]));
  }
  p->rows = s.batch * s.size[0] * s.size[1];
  const int64_t bytes = (op.in[0].count + op.out[0].count) * dtype_size(dtype);
  const double additions = static_cast<double>(s.size[2] * s.channels) * most;
  p->rows_per_piece = cut_pieces(p->rows, bytes / p->rows + 1, additions, 1);
  p->stream =
      bytes >= kStreamBytes && s.channels * dtype_size(dtype) % kVectorBytes == 0 && most <= 4.0;
  bound->params = p;
  const bool largest = op.op == Opcode::max_pool_grad;
  const PieceFn run =
      dtype == DType::kFloat32 ? choose<float>(*p, largest) : choose<double>(*p, largest);
  bound->phases[0] = {run, piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::max_pool_grad, "max_pool_grad_places", bind_grad},
    {Opcode::avg_pool_grad, "avg_pool_grad_places", bind_grad},
};

}  // namespace

const Family kPoolGradFamily = {kCandidates,
                                static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
