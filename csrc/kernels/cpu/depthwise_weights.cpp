// The weight gradient of depthwise convolution: products of x and the gradient, summed over all
// places. Pieces of rows of the gradient. A vector of channels of some rows of taps is summed along
// a row in registers, added to the sums of a few rows in float, these to the piece's in double; the
// pieces are added in order.
#include "kernels/cpu/depthwise.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/reduce_ops.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kMostPieces = 32;  // each has sums of its own
constexpr int64_t kPlacesInFloat = 128;  // added before they are widened
constexpr int64_t kPixels = 256;  // that a piece repeats

struct WeightParams {
  int64_t channels;  // filters
  Axis axes[kSpatial];
  int64_t rows, rows_per_piece, pieces;  // of the gradient
  int64_t rows_in_float;
  int64_t begin, end;  // of the last axis: places that see all taps, in registers
  int64_t weights, sums;  // how many; sums: with those of the columns
  bool column_sum;
  int64_t multiplier, pixels, repeated_bytes;  // of x
};

// totals[l][t] of channels j onwards for a few lines, along `count` places.
template <class T, int kTaps, int kStep, int kLines>
PYDL_INLINE void add_inside(const WeightParams& p, const Line<T>* lines, const T* grad,
                            int64_t source, int64_t count, T* sums) {
  const int64_t pixel = p.channels;
  for (int64_t j = 0; j < pixel; j += kLanes<T>) {
    const int lanes = pixel - j < kLanes<T> ? static_cast<int>(pixel - j) : kLanes<T>;
    const T* x[kLines];
    Vec<T> totals[kLines][kTaps] = {};
    for (int l = 0; l < kLines; ++l) x[l] = lines[l].source + source * pixel + j;
    const auto along = [&](int here) PYDL_INLINED {
      for (int64_t i = 0; i < count; ++i) {
        const Vec<T> g = load_lanes(grad + i * pixel + j, here);
#pragma GCC unroll 4
        for (int l = 0; l < kLines; ++l) {
#pragma GCC unroll 8
          for (int t = 0; t < kTaps; ++t) {
            const Vec<T> v = load_lanes(x[l] + (i * kStep + t) * pixel, here);
            totals[l][t] = fma(g, v, totals[l][t]);
          }
        }
      }
    };
    lanes == kLanes<T> ? along(kLanes<T>) : along(lanes);
    for (int l = 0; l < kLines; ++l) {
      T* to = sums + lines[l].tap + j;
      for (int t = 0; t < kTaps; ++t) {
        store_lanes(to + t * pixel, load_lanes(to + t * pixel, lanes) + totals[l][t], lanes);
      }
    }
  }
}

// As many lines together as keep enough sums in registers to hide their latency.
template <class T, int kTaps, int kStep>
PYDL_INLINE void add_lines(const WeightParams& p, const Line<T>* lines, int64_t n, const T* grad,
                           T* sums) {
  constexpr int kLines = kTaps == 3 ? 3 : kTaps == 5 ? 2 : 1;
  const int64_t source = p.begin * kStep - p.axes[2].low, count = p.end - p.begin;
  const T* from = grad + p.begin * p.channels;
  int64_t l = 0;
  for (; l + kLines <= n; l += kLines) {
    add_inside<T, kTaps, kStep, kLines>(p, lines + l, from, source, count, sums);
  }
  for (; l < n; ++l) add_inside<T, kTaps, kStep, 1>(p, lines + l, from, source, count, sums);
}

template <class T>
PYDL_INLINE void add_any(const WeightParams& p, const Line<T>* lines, int64_t n, const T* grad,
                         int64_t at, T* sums) {
  const Axis& axis = p.axes[2];
  const Walk w = walk_at(axis, at);
  const int64_t pixel = p.channels;
  for (int64_t j = 0; j < pixel; j += kLanes<T>) {
    const int lanes = pixel - j < kLanes<T> ? static_cast<int>(pixel - j) : kLanes<T>;
    const Vec<T> g = load_lanes(grad + at * pixel + j, lanes);
    for (int64_t l = 0; l < n; ++l) {
      const T* x = lines[l].source + w.source * pixel + j;
      T* to = sums + lines[l].tap + w.tap * pixel + j;
      for (int64_t t = 0; t < w.count; ++t, to += pixel) {
        const Vec<T> v = load_lanes(x + t * axis.source_step * pixel, lanes);
        store_lanes(to, fma(g, v, load_lanes(to, lanes)), lanes);
      }
    }
  }
}

template <class T>
PYDL_INLINE void add_columns(const WeightParams& p, const T* grad, T* sums) {
  for (int64_t j = 0; j < p.channels; j += kLanes<T>) {
    const int lanes = p.channels - j < kLanes<T> ? static_cast<int>(p.channels - j) : kLanes<T>;
    Vec<T> total = load_lanes(sums + j, lanes);
    for (int64_t i = 0; i < p.axes[2].target; ++i) {
      total = total + load_lanes(grad + i * p.channels + j, lanes);
    }
    store_lanes(sums + j, total, lanes);
  }
}

// kTaps 0: all places go tap by tap.
template <class T, int kTaps, int kStep>
void run_rows(const Call& call, int64_t piece) {
  const WeightParams& p = *static_cast<const WeightParams*>(call.params);
  const T* x = p.multiplier > 1 ? reinterpret_cast<const T*>(call.scratch) : operand<T>(call, 0);
  double* block = reinterpret_cast<double*>(call.scratch + p.repeated_bytes) + piece * p.sums;
  T* few = reinterpret_cast<T*>(call.worker);
  Line<T>* lines =
      reinterpret_cast<Line<T>*>(call.worker + p.sums * static_cast<int64_t>(sizeof(double)));
  for (int64_t i = 0; i < p.sums; ++i) few[i] = T(0), block[i] = 0.0;
  const int64_t width = p.axes[2].target, first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  for (int64_t r = first; r < end; ++r) {
    const int64_t n = find_lines(p.axes, p.channels, r, x, lines);
    const T* grad = operand<T>(call, 1) + r * width * p.channels;
    for (int64_t at = 0; at < p.begin; ++at) add_any(p, lines, n, grad, at, few);
    if constexpr (kTaps > 0) add_lines<T, kTaps, kStep>(p, lines, n, grad, few);
    for (int64_t at = p.end; at < width; ++at) add_any(p, lines, n, grad, at, few);
    if (p.column_sum) add_columns(p, grad, few + p.weights);
    if (r + 1 < end && (r + 1 - first) % p.rows_in_float != 0) continue;
    for (int64_t i = 0; i < p.sums; ++i) block[i] += few[i], few[i] = T(0);
  }
}

// The sums of all pieces, in order.
template <class T>
void combine_pieces(const Call& call, int64_t piece) {
  const WeightParams& p = *static_cast<const WeightParams*>(call.params);
  const double* blocks = reinterpret_cast<const double*>(call.scratch + p.repeated_bytes);
  const int64_t first = piece * kCombined, rest = p.sums - first;
  const int64_t n = rest < kCombined ? rest : kCombined;
  double totals[kCombined] = {};
  for (int64_t b = 0; b < p.pieces; ++b) {
    merge_totals<Add>(blocks + b * p.sums + first, n, totals);
  }
  for (int64_t i = first; i < first + n; ++i) {
    T* out = static_cast<T*>(call.out[i < p.weights ? 0 : 1]);
    out[i < p.weights ? i : i - p.weights] = static_cast<T>(totals[i - first]);
  }
}

template <class T>
void run_repeat(const Call& call, int64_t piece) {
  const WeightParams& p = *static_cast<const WeightParams*>(call.params);
  const int64_t channels = p.channels / p.multiplier, first = piece * kPixels;
  const int64_t n = p.pixels - first < kPixels ? p.pixels - first : kPixels;
  repeat_channels(operand<T>(call, 0) + first * channels, n, channels, p.multiplier,
                  reinterpret_cast<T*>(call.scratch) + first * p.channels);
}

template <class T>
PieceFn choose(const WeightParams& p) {
  const int64_t taps = p.axes[2].window, stride = p.axes[2].stride;
  if (p.begin == p.end) return run_rows<T, 0, 1>;
  if (stride == 1) {
    if (taps == 3) return run_rows<T, 3, 1>;
    return taps == 5 ? run_rows<T, 5, 1> : run_rows<T, 7, 1>;
  }
  if (taps == 3) return run_rows<T, 3, 2>;
  return taps == 5 ? run_rows<T, 5, 2> : run_rows<T, 7, 2>;
}

void find_inside(WeightParams* p) {
  const Axis& a = p->axes[2];
  p->begin = p->end = a.target;
  if (!is_unrolled(a)) return;
  const Inside inside = inside_of(a);
  if (inside.begin >= inside.end) return;
  p->begin = inside.begin;
  p->end = inside.end;
}

void cut(const ConvShape& s, int element_size, WeightParams* p) {
  const int64_t places = volume(s.places) * s.batch * p->channels;
  p->rows = s.batch * s.places[0] * s.places[1];
  p->weights = volume(s.window) * p->channels;
  p->sums = p->weights + (p->column_sum ? p->channels : 0);
  p->rows_in_float = kPlacesInFloat / s.places[2] + 1;
  p->rows_per_piece = p->rows;
  if (p->rows > 0) {
    const int64_t bytes = (places + p->pixels * p->channels) * element_size / p->rows + 1;
    const double row = static_cast<double>(s.places[2] * p->channels);
    p->rows_per_piece =
        cut_pieces(p->rows, bytes, 2.0 * row * static_cast<double>(volume(s.window)), 1);
    // A piece's own sums must be little beside what it reads.
    const int64_t fewest = piece_count(4 * p->sums * int64_t{sizeof(double)}, bytes);
    const int64_t even = piece_count(p->rows, kMostPieces);
    if (p->rows_per_piece < fewest) p->rows_per_piece = fewest;
    if (p->rows_per_piece < even) p->rows_per_piece = even;
  }
  p->pieces = p->rows > 0 ? piece_count(p->rows, p->rows_per_piece) : 0;
}

const char* bind_weights(const OpView& op, Binder* binder, Bound* bound) {
  const ConvShape s = conv_shape(op);
  if (const char* why = why_not_depthwise(op, s)) return why;
  if (op.out[0].count == 0) return nullptr;
  WeightParams* p = alloc_params<WeightParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.in[0].dtype;
  const bool single = dtype == DType::kFloat32;
  for (int i = 0; i < kSpatial; ++i) p->axes[i] = make_axis(s, i, false);
  p->channels = s.filters;
  p->column_sum = s.column_sum;
  p->multiplier = s.filters / s.channels;
  p->pixels = s.batch * volume(s.size);
  find_inside(p);
  cut(s, dtype_size(dtype), p);
  const int64_t wide = static_cast<int64_t>(sizeof(double));
  if (p->multiplier > 1) {
    p->repeated_bytes = piece_count(p->pixels * p->channels * dtype_size(dtype), 64) * 64;
  }
  bound->params = p;
  bound->worker_bytes =
      p->sums * wide + most_lines(p->axes) * static_cast<int64_t>(sizeof(Line<float>));
  bound->scratch_bytes = p->repeated_bytes + p->pieces * p->sums * wide;
  int next = 0;
  if (p->multiplier > 1 && p->pieces > 0) {
    bound->phases[next++] = {single ? run_repeat<float> : run_repeat<double>,
                             piece_count(p->pixels, kPixels)};
  }
  if (p->pieces > 0) {
    bound->phases[next++] = {single ? choose<float>(*p) : choose<double>(*p), p->pieces};
  }
  bound->phases[next++] = {single ? combine_pieces<float> : combine_pieces<double>,
                           piece_count(p->sums, kCombined)};
  bound->n_phases = next;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::conv_grad_w, "conv_grad_w_depthwise", bind_weights},
};

}  // namespace

const Family kDepthwiseWeightsFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
