// Depthwise convolution and its input gradient, which is one too: over the gradient, by the taps
// turned round, in as many phases as the stride. Pieces of rows of the target. Along a row, places
// that meet all taps are made four at a time, a vector of channels in registers with a row of taps;
// each pixel of the source is so read once for four places. Others go tap by tap.
#include "kernels/cpu/depthwise.h"

#include "kernels/cpu/gemm_epilogue.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kTogether = 4;  // places

// Places of the target that are alike: first, first + step, ...; they meet the source from `source`
// on, one place further each (or a stride), by taps from `tap` on.
struct Phase {
  int64_t first, count, source, tap;
};

struct Correlation {
  int64_t channels;  // of source and target
  Axis axes[kSpatial];
  int64_t rows, rows_per_piece;
  int64_t begin, end;  // of the last axis: what the phases make
  Phase phases[2];
  int n_phases;
  int64_t target_step, weight_step;
  // Operands; the epilogue.
  int bias, residual, out;
  Activation activation;
  int64_t multiplier, pixels;  // of x
};

// kOut places of a phase. Their taps begin at element tap of a line's, their source at `source`.
template <class T, int kTaps, int kStep, int kOut>
PYDL_INLINE void correlate(const Correlation& p, const Line<T>* lines, int64_t n, const T* weight,
                           int64_t source, int64_t tap, const T* bias, T* out) {
  const int64_t pixel = p.channels;
  along_channels<T>(pixel, false, [&](int64_t j, int lanes) PYDL_INLINED {
    Vec<T> totals[kOut];
    for (int o = 0; o < kOut; ++o) {
      totals[o] = bias == nullptr ? zero<T>() : load_lanes(bias + j, lanes);
    }
    for (int64_t l = 0; l < n; ++l) {
      const T* x = lines[l].source + source * pixel + j;
      const T* w = weight + lines[l].tap + tap * pixel + j;
      Vec<T> taps[kTaps];
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) taps[t] = load_lanes(w + t * p.weight_step, lanes);
#pragma GCC unroll 16
      for (int i = 0; i < (kOut - 1) * kStep + kTaps; ++i) {
        const Vec<T> v = load_lanes(x + i * pixel, lanes);
#pragma GCC unroll 4
        for (int o = 0; o < kOut; ++o) {
          const int t = i - o * kStep;
          if (t >= 0 && t < kTaps) totals[o] = fma(v, taps[t], totals[o]);
        }
      }
    }
    for (int o = 0; o < kOut; ++o) {
      store_lanes(out + o * p.target_step + j, totals[o], lanes);
    }
  });
}

template <class T, int kTaps, int kStep>
PYDL_INLINE void correlate_phase(const Correlation& p, const Phase& phase, const Line<T>* lines,
                                 int64_t n, const T* weight, const T* bias, T* row) {
  T* out = row + phase.first * p.channels;
  int64_t i = 0;
  for (; i + kTogether <= phase.count; i += kTogether, out += kTogether * p.target_step) {
    correlate<T, kTaps, kStep, kTogether>(p, lines, n, weight, phase.source + i * kStep, phase.tap,
                                          bias, out);
  }
  for (; i < phase.count; ++i, out += p.target_step) {
    correlate<T, kTaps, kStep, 1>(p, lines, n, weight, phase.source + i * kStep, phase.tap, bias,
                                  out);
  }
}

template <class T>
PYDL_INLINE void correlate_any(const Correlation& p, const Line<T>* lines, int64_t n,
                               const T* weight, int64_t at, const T* bias, T* row) {
  const Axis& axis = p.axes[2];
  const Walk w = walk_at(axis, at);
  const int64_t pixel = p.channels;
  along_channels<T>(pixel, false, [&](int64_t j, int lanes) PYDL_INLINED {
    Vec<T> total = bias == nullptr ? zero<T>() : load_lanes(bias + j, lanes);
    for (int64_t l = 0; l < n; ++l) {
      const T* x = lines[l].source + w.source * pixel + j;
      const T* taps = weight + lines[l].tap + w.tap * pixel + j;
      for (int64_t t = 0; t < w.count; ++t) {
        total = fma(load_lanes(x + t * axis.source_step * pixel, lanes),
                    load_lanes(taps + t * axis.tap_step * pixel, lanes), total);
      }
    }
    store_lanes(row + at * pixel + j, total, lanes);
  });
}

// What follows the sums, of `count` elements of the result from `first` on.
template <class T>
PYDL_INLINE void finish(const Correlation& p, const Call& call, int64_t first, int64_t count) {
  T* out = static_cast<T*>(call.out[0]) + first;
  if (p.residual >= 0) {
    map_row(out, operand<T>(call, p.residual) + first, count,
            [](Vec<T> x, Vec<T> y) { return x + y; });
  }
  if (p.out >= 0) return grad_row(out, operand<T>(call, p.out) + first, count, p.activation);
  activate_row(out, count, p.activation);
}

// kTaps, kLess: of the first phase and of the second; 0: none, all places go tap by tap.
template <class T, int kTaps, int kLess, int kStep>
void run_rows(const Call& call, int64_t piece) {
  const Correlation& p = *static_cast<const Correlation*>(call.params);
  const bool back = p.axes[0].back, scratch = p.multiplier > 1;
  const T* source =
      scratch && !back ? reinterpret_cast<const T*>(call.scratch) : operand<T>(call, 0);
  T* target = scratch && back ? reinterpret_cast<T*>(call.scratch) : static_cast<T*>(call.out[0]);
  const T *weight = operand<T>(call, 1), *bias = operand<T>(call, p.bias);
  Line<T>* lines = reinterpret_cast<Line<T>*>(call.worker);
  const int64_t width = p.axes[2].target, first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  for (int64_t r = first; r < end; ++r) {
    const int64_t n = find_lines(p.axes, p.channels, r, source, lines);
    T* row = target + r * width * p.channels;
    for (int64_t at = 0; at < p.begin; ++at) correlate_any(p, lines, n, weight, at, bias, row);
    if constexpr (kTaps > 0) {
      correlate_phase<T, kTaps, kStep>(p, p.phases[0], lines, n, weight, bias, row);
    }
    if constexpr (kLess > 0) {
      correlate_phase<T, kLess, kStep>(p, p.phases[1], lines, n, weight, bias, row);
    }
    for (int64_t at = p.end; at < width; ++at) correlate_any(p, lines, n, weight, at, bias, row);
    if (!scratch || !back) finish<T>(p, call, r * width * p.channels, width * p.channels);
  }
}

constexpr int64_t kPixels = 256;  // that a piece repeats or sums

template <class T>
void run_repeat(const Call& call, int64_t piece) {
  const Correlation& p = *static_cast<const Correlation*>(call.params);
  const int64_t channels = p.channels / p.multiplier, first = piece * kPixels;
  const int64_t n = p.pixels - first < kPixels ? p.pixels - first : kPixels;
  repeat_channels(operand<T>(call, 0) + first * channels, n, channels, p.multiplier,
                  reinterpret_cast<T*>(call.scratch) + first * p.channels);
}

// grad_x from the gradients by filter.
template <class T>
void run_sum(const Call& call, int64_t piece) {
  const Correlation& p = *static_cast<const Correlation*>(call.params);
  const int64_t channels = p.channels / p.multiplier, first = piece * kPixels;
  const int64_t n = p.pixels - first < kPixels ? p.pixels - first : kPixels;
  const T* parts = reinterpret_cast<const T*>(call.scratch) + first * p.channels;
  T* out = static_cast<T*>(call.out[0]) + first * channels;
  for (int64_t i = 0; i < n * channels; ++i) {
    T total = 0;
    for (int64_t k = 0; k < p.multiplier; ++k) total += *parts++;
    out[i] = total;
  }
  finish<T>(p, call, first * channels, n * channels);
}

// --- bind

template <class T>
PieceFn choose_forward(int64_t taps, int64_t stride) {
  if (stride == 1) {
    if (taps == 3) return run_rows<T, 3, 0, 1>;
    return taps == 5 ? run_rows<T, 5, 0, 1> : run_rows<T, 7, 0, 1>;
  }
  if (taps == 3) return run_rows<T, 3, 0, 2>;
  return taps == 5 ? run_rows<T, 5, 0, 2> : run_rows<T, 7, 0, 2>;
}

template <class T>
PieceFn choose(const Correlation& p) {
  const int64_t taps = p.axes[2].window, stride = p.axes[2].stride;
  if (p.n_phases == 0) return run_rows<T, 0, 0, 1>;
  if (!p.axes[2].back) return choose_forward<T>(taps, stride);
  if (stride == 1) return choose_forward<T>(taps, 1);
  if (taps == 3) return run_rows<T, 2, 1, 1>;
  return taps == 5 ? run_rows<T, 3, 2, 1> : run_rows<T, 4, 3, 1>;
}

void find_forward_phase(Correlation* p) {
  const Axis& a = p->axes[2];
  const Inside inside = inside_of(a);
  p->begin = inside.begin;
  p->end = inside.end;
  p->n_phases = p->begin < p->end ? 1 : 0;
  p->phases[0] = {p->begin, p->end - p->begin, p->begin * a.stride - a.low, 0};
  p->target_step = p->weight_step = p->channels;
}

// Place at = phase - low + stride * k of x is met by places k, k - 1, ... of the gradient, by taps
// phase, phase + stride, ...
void find_back_phases(Correlation* p) {
  const Axis& a = p->axes[2];
  p->begin = 0;
  p->end = a.target;
  for (int64_t phase = 0; phase < a.stride; ++phase) {
    const int64_t taps = round_up(a.window - phase, a.stride), base = phase - a.low;
    const int64_t first = base + a.stride * (taps - 1), last = base + a.stride * (a.source - 1);
    if (first > p->begin) p->begin = first;
    if (last + 1 < p->end) p->end = last + 1;
  }
  p->n_phases = p->begin < p->end ? static_cast<int>(a.stride) : 0;
  for (int64_t phase = 0; phase < a.stride; ++phase) {
    const int64_t taps = round_up(a.window - phase, a.stride), base = phase - a.low;
    const int64_t from = p->begin - base > 0 ? round_up(p->begin - base, a.stride) : 0;
    const int64_t to = (p->end - 1 - base) / a.stride;  // >= from - 1 where there are phases
    p->phases[phase] = {base + a.stride * from, to - from + 1, from - (taps - 1),
                        phase + a.stride * (taps - 1)};
  }
  p->target_step = a.stride * p->channels;
  p->weight_step = -a.stride * p->channels;
}

Activation parse(const char* name) {
  if (__builtin_strcmp(name, "relu") == 0) return Activation::kRelu;
  if (__builtin_strcmp(name, "sigmoid") == 0) return Activation::kSigmoid;
  return __builtin_strcmp(name, "tanh") == 0 ? Activation::kTanh : Activation::kNone;
}

void fill(const ConvShape& s, bool back, int element_size, Correlation* p) {
  for (int i = 0; i < kSpatial; ++i) p->axes[i] = make_axis(s, i, back);
  p->channels = s.filters;
  p->multiplier = s.filters / s.channels;
  p->pixels = s.batch * volume(s.size);
  p->bias = s.bias;
  p->residual = s.residual;
  p->out = s.out;
  p->activation = parse(s.activation);
  if (is_unrolled(p->axes[2])) {
    back ? find_back_phases(p) : find_forward_phase(p);
  }
  if (p->n_phases == 0) p->begin = p->end = p->axes[2].target;
  p->rows = s.batch * p->axes[0].target * p->axes[1].target;
  const double row = static_cast<double>(p->axes[2].target * p->channels);
  const int64_t sources = s.batch * (back ? volume(s.places) : volume(s.size)) * p->channels;
  const int64_t bytes = static_cast<int64_t>(row) + sources / p->rows + 1;
  p->rows_per_piece = cut_pieces(p->rows, bytes * element_size,
                                 2.0 * row * static_cast<double>(volume(s.window)), 1);
}

const char* bind_depthwise(const OpView& op, Binder* binder, Bound* bound) {
  const bool back = op.op == Opcode::conv_grad_x;
  const ConvShape s = conv_shape(op);
  if (const char* why = why_not_depthwise(op, s)) return why;
  if (op.out[0].count == 0) return nullptr;
  Correlation* p = alloc_params<Correlation>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.in[0].dtype;
  const bool single = dtype == DType::kFloat32;
  fill(s, back, dtype_size(dtype), p);
  bound->params = p;
  bound->worker_bytes = most_lines(p->axes) * static_cast<int64_t>(sizeof(Line<float>));
  int next = 0;
  const int64_t chunks = piece_count(p->pixels, kPixels);
  if (p->multiplier > 1) bound->scratch_bytes = p->pixels * p->channels * dtype_size(dtype);
  if (p->multiplier > 1 && !back) {
    bound->phases[next++] = {single ? run_repeat<float> : run_repeat<double>, chunks};
  }
  bound->phases[next++] = {single ? choose<float>(*p) : choose<double>(*p),
                           piece_count(p->rows, p->rows_per_piece)};
  if (p->multiplier > 1 && back) {
    bound->phases[next++] = {single ? run_sum<float> : run_sum<double>, chunks};
  }
  bound->n_phases = next;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::conv, "conv_depthwise", bind_depthwise},
    {Opcode::conv_grad_x, "conv_grad_x_depthwise", bind_depthwise},
};

}  // namespace

const Family kDepthwiseFamily = {kCandidates,
                                 static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
