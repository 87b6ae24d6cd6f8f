// Batch normalization in training. Forward: moments of blocks of rows, their combination, then the
// result: x is read twice. Backward: two sums over blocks, then the gradients.
//
// Sums are taken in float over a few rows, about a shift near the mean, then in double; each block
// has its own mean and sum of squares, and blocks are combined in order (T. Chan et al., 1983), so
// a mean far from 0 costs no accuracy. Where channels are few, several rows are seen as one that is
// whole vectors wide, and its columns are combined as blocks are.
#include "kernels/batch_norm.h"

#include "kernels/cpu/bundle.h"
#include "kernels/cpu/channels.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/reduce_ops.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kRowsInFloat = 16;  // added before they are widened
constexpr int64_t kShiftRows = 4;  // whose mean is a block's shift
constexpr int64_t kMaxBlocks = 32;
constexpr int64_t kLeastRows = 64;  // of a block: its sums are little beside what it reads
constexpr int64_t kTile = 512;  // columns whose sums stay in L1, as doubles
constexpr int64_t kFoldedChannels = 64;  // more fill vectors well enough

struct BatchNormParams {
  BatchNormShape shape;
  int64_t fold, width;  // rows seen as one, and their columns
  int64_t rows, rest;  // such rows, and the channels' rows behind them
  int64_t blocks, block_rows;  // of `rows`; the rest is one block more
  int64_t tiles;  // of `width`
  int64_t sums_bytes;  // scratch before the factors
  int64_t parts, part_rows;  // of `rows`, in which results are written; the rest joins the last
  bool stream, turned;  // turned: the last part first, as it is what the caches hold
};

using TileSums = double[kTile + kLanes<float>];

template <class T>
const T* operand(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<const T*>(call.in[k]);
}

template <class T>
T* result(const Call& call, int k) {
  return k < 0 ? nullptr : static_cast<T*>(call.out[k]);
}

// Two sums for each column of a block.
PYDL_INLINE double* sums_of(const BatchNormParams& p, const Call& call, int64_t block, int k) {
  return reinterpret_cast<double*>(call.scratch) + (block * 2 + k) * p.width;
}

// What results are made with, a number for each column.
template <class T>
PYDL_INLINE T* factors_of(const BatchNormParams& p, const Call& call, int k) {
  const int64_t columns = piece_count(p.width, kLanes<float>) * kLanes<float>;
  return reinterpret_cast<T*>(call.scratch + p.sums_bytes) + k * columns;
}

// The columns of a block that a piece sums up.
struct Tile {
  int64_t block, first_row, rows, column, width;
};

PYDL_INLINE Tile tile_at(const BatchNormParams& p, int64_t piece) {
  Tile t;
  t.block = piece / p.tiles;
  t.column = piece % p.tiles * kTile;
  t.first_row = t.block * p.block_rows;
  t.rows = p.rows - t.first_row < p.block_rows ? p.rows - t.first_row : p.block_rows;
  int64_t width = p.width;
  if (t.block == p.blocks) {  // the rest
    t.first_row = p.rows;
    t.rows = 1;
    width = p.rest * p.shape.channels;
  }
  t.width = width - t.column < kTile ? width - t.column : kTile;
  return t;
}

// sums[k] = for each column, over all rows, of what `add(row, column, lanes, totals)` adds to
// totals[k]; its lanes past `lanes` are not used.
template <class T, class AddRow>
PYDL_INLINE void sum_columns(const Tile& t, AddRow add, TileSums* sums) {
  for (int k = 0; k < 2; ++k) start_columns<Add>(t.width, sums[k]);
  for (int64_t r = 0; r < t.rows; r += kRowsInFloat) {
    const int64_t count = t.rows - r < kRowsInFloat ? t.rows - r : kRowsInFloat;
    int64_t j = 0;
    for (; j + kLanes<T> <= t.width && count == kRowsInFloat; j += kLanes<T>) {
      Vec<T> totals[2] = {};
#pragma GCC unroll 16
      for (int64_t i = 0; i < kRowsInFloat; ++i) add(r + i, j, kLanes<T>, totals);
      for (int k = 0; k < 2; ++k) accumulate<Add>(totals[k], sums[k] + j);
    }
    for (; j < t.width; j += kLanes<T>) {
      const int lanes = t.width - j < kLanes<T> ? static_cast<int>(t.width - j) : kLanes<T>;
      Vec<T> totals[2] = {};
      for (int64_t i = 0; i < count; ++i) add(r + i, j, lanes, totals);
      for (int k = 0; k < 2; ++k) accumulate<Add>(totals[k], sums[k] + j);
    }
  }
}

// The mean of a column's first rows, so that one odd number is not far from all others; 0 where
// that is no number.
template <class T>
PYDL_INLINE void find_shifts(const T* x, int64_t stride, const Tile& t, T* shifts) {
  const int64_t few = t.rows < kShiftRows ? t.rows : kShiftRows;
  const Vec<T> share = set(static_cast<T>(1.0 / static_cast<double>(few)));
  for (int64_t j = 0; j < t.width; j += kLanes<T>) {
    const int lanes = t.width - j < kLanes<T> ? static_cast<int>(t.width - j) : kLanes<T>;
    Vec<T> total = zero<T>();
    for (int64_t r = 0; r < few; ++r) total = total + load_lanes(x + r * stride + j, lanes);
    total = total * share;
    store(shifts + j, select(eq(total - total, zero<T>()), total, zero<T>()));
  }
}

template <class T>
void sum_moments(const BatchNormParams& p, const Call& call, int64_t piece) {
  const Tile t = tile_at(p, piece);
  if (t.width <= 0) return;
  const T* x = operand<T>(call, 0) + t.first_row * p.width + t.column;
  const int64_t stride = p.width;
  T shifts[kTile + kLanes<T>];
  TileSums sums[2];
  find_shifts(x, stride, t, shifts);
  sum_columns<T>(
      t,
      [&](int64_t r, int64_t j, int lanes, Vec<T>* totals) PYDL_INLINED {
        const T* at = x + r * stride + j;
        prefetch_far(at + kRowsInFloat * stride);
        const Vec<T> d = load_lanes(at, lanes) - load(shifts + j);
        totals[0] = totals[0] + d;
        totals[1] = fma(d, d, totals[1]);
      },
      sums);
  double* means = sums_of(p, call, t.block, 0) + t.column;
  double* squares = sums_of(p, call, t.block, 1) + t.column;
  const double count = static_cast<double>(t.rows);
  for (int64_t i = 0; i < t.width; ++i) {
    const double spread = sums[1][i] - sums[0][i] * (sums[0][i] / count);
    means[i] = shifts[i] + sums[0][i] / count;
    squares[i] = spread < 0.0 ? 0.0 : spread;
  }
}

// fn(sums, other sums, rows) for channels `first` onwards of each block and row of a fold, in
// order.
template <class Fn>
PYDL_INLINE void each_block(const BatchNormParams& p, const Call& call, int64_t first, Fn fn) {
  const int64_t all = p.blocks + (p.rest > 0 ? 1 : 0);
  for (int64_t b = 0; b < all; ++b) {
    const Tile t = tile_at(p, b * p.tiles);
    const int64_t rows = b == p.blocks ? p.rest : p.fold;
    for (int64_t k = 0; k < rows; ++k) {
      const int64_t at = k * p.shape.channels + first;
      fn(sums_of(p, call, b, 0) + at, sums_of(p, call, b, 1) + at, static_cast<double>(t.rows));
    }
  }
}

PYDL_INLINE double count_of(const BatchNormParams& p) {
  return p.shape.rows > 0 ? static_cast<double>(p.shape.rows) : 1.0;
}

// The factor of one channel, for each row of a fold.
template <class T>
PYDL_INLINE void set_factor(const BatchNormParams& p, const Call& call, int k, int64_t channel,
                            double value) {
  T* factors = factors_of<T>(p, call, k) + channel;
  for (int64_t i = 0; i < p.fold; ++i) factors[i * p.shape.channels] = static_cast<T>(value);
}

// Of some channels: their moments, and out = (x - centre) * factor + level.
template <class T>
void finish_moments(const BatchNormParams& p, const Call& call, int64_t piece) {
  const BatchNormShape& s = p.shape;
  const int64_t first = piece * kCombined, rest = s.channels - first;
  const int64_t n = rest < kCombined ? rest : kCombined;
  double means[kCombined] = {}, squares[kCombined] = {};
  each_block(p, call, first, [&](const double* mean, const double*, double rows) PYDL_INLINED {
    for (int64_t i = 0; i < n; ++i) means[i] += rows * mean[i];
  });
  for (int64_t i = 0; i < n; ++i) means[i] /= count_of(p);
  each_block(p, call, first,
             [&](const double* mean, const double* square, double rows) PYDL_INLINED {
               for (int64_t i = 0; i < n; ++i) {
                 const double apart = mean[i] - means[i];
                 squares[i] += square[i] + rows * apart * apart;
               }
             });
  const T *gamma = operand<T>(call, s.gamma), *beta = operand<T>(call, s.beta);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = first + i;
    const double variance = squares[i] / count_of(p);
    const T centre = static_cast<T>(means[i]);
    result<T>(call, 1)[c] = centre;
    result<T>(call, 2)[c] = static_cast<T>(variance);
    double factor = 1.0 / __builtin_sqrt(variance + s.epsilon);
    if (gamma != nullptr) factor *= gamma[c];
    const double rounded = static_cast<double>(centre) - means[i];
    set_factor<T>(p, call, 0, c, centre);
    set_factor<T>(p, call, 1, c, factor);
    set_factor<T>(p, call, 2, c, rounded * factor + (beta != nullptr ? beta[c] : 0.0));
  }
}

template <bool value>
struct Flag {
  static constexpr bool kValue = value;
};
using True = Flag<true>;
using False = Flag<false>;

// The elements [begin, end) whose results a piece writes.
struct Part {
  int64_t begin, end;
};

PYDL_INLINE Part part_at(const BatchNormParams& p, int64_t piece) {
  const int64_t i = p.turned ? p.parts - 1 - piece : piece;
  const int64_t begin = i * p.part_rows * p.width;
  const int64_t end = begin + p.part_rows * p.width;
  return {begin, i + 1 == p.parts ? p.shape.rows * p.shape.channels : end};
}

// write(part, past the caches): whole rows go past the caches if they may, what is left does not.
template <class Write>
PYDL_INLINE void by_stores(const BatchNormParams& p, Part part, bool aligned, Write write) {
  if (p.stream && aligned) {
    const int64_t whole = part.end - (part.end - part.begin) % p.width;
    write(Part{part.begin, whole}, True{});
    stream_fence();
    part.begin = whole;
  }
  write(part, False{});
}

// fn(at, column, lanes) for vectors that cover the elements of a part, which begins with a row. A
// row's last vector may overlap the one before.
template <class T, class Fn>
PYDL_INLINE void along_part(Part part, int64_t width, Fn fn) {
  for (int64_t at = part.begin; at < part.end; at += width) {
    const int64_t n = part.end - at < width ? part.end - at : width;
    along_channels<T>(n, false, [&](int64_t j, int lanes) PYDL_INLINED { fn(at + j, j, lanes); });
  }
}

template <class T, bool kResidual, bool kRelu, bool kStream>
void write_out(const BatchNormParams& p, const Call& call, Part part) {
  const T *x = operand<T>(call, 0), *residual = operand<T>(call, p.shape.residual);
  const T *centre = factors_of<T>(p, call, 0), *factor = factors_of<T>(p, call, 1);
  const T* level = factors_of<T>(p, call, 2);
  T* out = result<T>(call, 0);
  along_part<T>(part, p.width, [&](int64_t at, int64_t j, int lanes) PYDL_INLINED {
    const Vec<T> d = load_lanes(x + at, lanes) - load_lanes(centre + j, lanes);
    Vec<T> y = fma(d, load_lanes(factor + j, lanes), load_lanes(level + j, lanes));
    if constexpr (kResidual) y = y + load_lanes(residual + at, lanes);
    if constexpr (kRelu) y = max_fast(zero<T>(), y);
    put<kStream>(out + at, y, lanes);
  });
}

template <class T, bool kResidual, bool kRelu>
void write_part(const BatchNormParams& p, const Call& call, int64_t piece) {
  by_stores(p, part_at(p, piece), is_aligned(call.out[0]), [&](Part part, auto streams) {
    write_out<T, kResidual, kRelu, decltype(streams)::kValue>(p, call, part);
  });
}

// --- backward

// The gradient of the result before its activation.
template <class T, bool kRelu>
PYDL_INLINE Vec<T> pull_at(const T* grad_out, const T* out, int64_t at, int lanes) {
  const Vec<T> grad = load_lanes(grad_out + at, lanes);
  if constexpr (!kRelu) return grad;
  return select(gt(load_lanes(out + at, lanes), zero<T>()), grad, zero<T>());
}

// Of grad_out and of grad_out * (x - mean).
template <class T, bool kRelu>
void sum_gradients(const BatchNormParams& p, const Call& call, int64_t piece) {
  const Tile t = tile_at(p, piece);
  if (t.width <= 0) return;
  const int64_t start = t.first_row * p.width + t.column, stride = p.width;
  const T *grad_out = operand<T>(call, 0) + start, *x = operand<T>(call, 1) + start;
  const T *mean = operand<T>(call, 2), *out = operand<T>(call, p.shape.out);
  if constexpr (kRelu) out += start;
  T centres[kTile + kLanes<T>];
  for (int64_t i = 0; i < t.width + kLanes<T>; ++i) {
    centres[i] = i < t.width ? mean[(t.column + i) % p.shape.channels] : T(0);
  }
  TileSums sums[2];
  sum_columns<T>(
      t,
      [&](int64_t r, int64_t j, int lanes, Vec<T>* totals) PYDL_INLINED {
        const int64_t at = r * stride + j, ahead = at + kRowsInFloat * stride;
        prefetch_far(grad_out + ahead);
        prefetch_far(x + ahead);
        const Vec<T> pull = pull_at<T, kRelu>(grad_out, out, at, lanes);
        totals[0] = totals[0] + pull;
        totals[1] = fma(pull, load_lanes(x + at, lanes) - load(centres + j), totals[1]);
      },
      sums);
  for (int k = 0; k < 2; ++k) {
    double* to = sums_of(p, call, t.block, k) + t.column;
    for (int64_t i = 0; i < t.width; ++i) to[i] = sums[k][i];
  }
}

// Of some channels: the gradients of gamma and beta, and
// grad_x = grad_out * factor + (x - centre) * slope + level.
template <class T>
void finish_gradients(const BatchNormParams& p, const Call& call, int64_t piece) {
  const BatchNormShape& s = p.shape;
  const int64_t first = piece * kCombined, rest = s.channels - first;
  const int64_t n = rest < kCombined ? rest : kCombined;
  double sums[kCombined] = {}, along[kCombined] = {};
  each_block(p, call, first, [&](const double* a, const double* b, double) PYDL_INLINED {
    for (int64_t i = 0; i < n; ++i) sums[i] += a[i];
    for (int64_t i = 0; i < n; ++i) along[i] += b[i];
  });
  const T *mean = operand<T>(call, 2), *variance = operand<T>(call, 3);
  const T* gamma = operand<T>(call, s.gamma);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = first + i;
    const double rstd = 1.0 / __builtin_sqrt(static_cast<double>(variance[c]) + s.epsilon);
    const double grad_gamma = along[i] * rstd;
    const double factor = gamma == nullptr ? rstd : rstd * static_cast<double>(gamma[c]);
    if (s.grad_gamma >= 0) result<T>(call, s.grad_gamma)[c] = static_cast<T>(grad_gamma);
    if (s.grad_beta >= 0) result<T>(call, s.grad_beta)[c] = static_cast<T>(sums[i]);
    set_factor<T>(p, call, 0, c, mean[c]);
    set_factor<T>(p, call, 1, c, factor);
    set_factor<T>(p, call, 2, c, -factor * rstd * (grad_gamma / count_of(p)));
    set_factor<T>(p, call, 3, c, -factor * (sums[i] / count_of(p)));
  }
}

template <class T, bool kRelu, bool kResidual, bool kStream>
void write_gradients(const BatchNormParams& p, const Call& call, Part part) {
  const T *grad_out = operand<T>(call, 0), *x = operand<T>(call, 1);
  const T* out = operand<T>(call, p.shape.out);
  const T *centre = factors_of<T>(p, call, 0), *factor = factors_of<T>(p, call, 1);
  const T *slope = factors_of<T>(p, call, 2), *level = factors_of<T>(p, call, 3);
  T *grad_x = result<T>(call, 0), *grad_residual = result<T>(call, p.shape.grad_residual);
  along_part<T>(part, p.width, [&](int64_t at, int64_t j, int lanes) PYDL_INLINED {
    const Vec<T> pull = pull_at<T, kRelu>(grad_out, out, at, lanes);
    const Vec<T> d = load_lanes(x + at, lanes) - load_lanes(centre + j, lanes);
    const Vec<T> flat = fma(d, load_lanes(slope + j, lanes), load_lanes(level + j, lanes));
    if constexpr (kResidual) put<kStream>(grad_residual + at, pull, lanes);
    put<kStream>(grad_x + at, fma(pull, load_lanes(factor + j, lanes), flat), lanes);
  });
}

template <class T, bool kRelu, bool kResidual>
void write_gradient_part(const BatchNormParams& p, const Call& call, int64_t piece) {
  const bool aligned =
      is_aligned(call.out[0]) && (!kResidual || is_aligned(call.out[p.shape.grad_residual]));
  by_stores(p, part_at(p, piece), aligned, [&](Part part, auto streams) {
    write_gradients<T, kRelu, kResidual, decltype(streams)::kValue>(p, call, part);
  });
}

// --- the phases of both

using Step = void (*)(const BatchNormParams& p, const Call& call, int64_t piece);

template <Step step>
void run_step(const Call& call, int64_t piece) {
  step(*static_cast<const BatchNormParams*>(call.params), call, piece);
}

PYDL_INLINE int64_t sum_pieces(const BatchNormParams& p) {
  return (p.blocks + (p.rest > 0 ? 1 : 0)) * p.tiles;
}

// Small tensors: all of it, without handing over.
template <Step sum, Step finish, Step write>
void run_all(const Call& call, int64_t) {
  const BatchNormParams& p = *static_cast<const BatchNormParams*>(call.params);
  for (int64_t i = 0; i < sum_pieces(p); ++i) sum(p, call, i);
  for (int64_t i = 0; i < piece_count(p.shape.channels, kCombined); ++i) finish(p, call, i);
  for (int64_t i = 0; i < p.parts; ++i) write(p, call, i);
}

template <Step sum, Step finish, Step write>
void add_phases(const BatchNormParams& p, bool small, Bound* bound) {
  if (small) {
    bound->phases[0] = {run_all<sum, finish, write>, 1};
    bound->n_phases = 1;
    return;
  }
  bound->phases[0] = {run_step<sum>, sum_pieces(p)};
  bound->phases[1] = {run_step<finish>, piece_count(p.shape.channels, kCombined)};
  bound->phases[2] = {run_step<write>, p.parts};
  bound->n_phases = 3;
}

template <class T, bool kResidual, bool kRelu>
void add_forward(const BatchNormParams& p, bool small, Bound* bound) {
  add_phases<sum_moments<T>, finish_moments<T>, write_part<T, kResidual, kRelu>>(p, small, bound);
}

template <class T, bool kRelu, bool kResidual>
void add_backward(const BatchNormParams& p, bool small, Bound* bound) {
  add_phases<sum_gradients<T, kRelu>, finish_gradients<T>,
             write_gradient_part<T, kRelu, kResidual>>(p, small, bound);
}

template <class T>
void choose(const BatchNormParams& p, bool forward, bool small, Bound* bound) {
  const bool relu = p.shape.relu;
  if (forward) {
    const bool residual = p.shape.residual >= 0;
    if (residual && relu) return add_forward<T, true, true>(p, small, bound);
    if (residual) return add_forward<T, true, false>(p, small, bound);
    return relu ? add_forward<T, false, true>(p, small, bound)
                : add_forward<T, false, false>(p, small, bound);
  }
  const bool residual = p.shape.grad_residual >= 0;
  if (relu && residual) return add_backward<T, true, true>(p, small, bound);
  if (relu) return add_backward<T, true, false>(p, small, bound);
  return residual ? add_backward<T, false, true>(p, small, bound)
                  : add_backward<T, false, false>(p, small, bound);
}

// How many rows are whole vectors together.
int64_t rows_to_fold(int64_t channels, int64_t lanes) {
  if (channels >= kFoldedChannels) return 1;
  int64_t fold = 1;
  while (fold * channels % lanes != 0) fold *= 2;
  return fold;
}

void cut(int64_t streams, int element_size, BatchNormParams* p) {
  const BatchNormShape& s = p->shape;
  p->fold = rows_to_fold(s.channels, kVectorBytes / element_size);
  p->width = p->fold * s.channels;
  p->rows = s.rows / p->fold;
  p->rest = s.rows % p->fold;
  p->tiles = piece_count(p->width, kTile);
  const int64_t row_bytes = streams * p->width * element_size;
  int64_t wanted = p->rows * row_bytes / kSerialBytes / p->tiles;
  if (wanted > kMaxBlocks) wanted = kMaxBlocks;
  p->block_rows = p->rows;
  if (wanted > 1) p->block_rows = (p->rows / wanted / kRowsInFloat + 1) * kRowsInFloat;
  if (p->block_rows < kLeastRows) p->block_rows = kLeastRows;
  p->blocks = p->rows > 0 ? piece_count(p->rows, p->block_rows) : 0;
  // Where blocks are whole rows, a worker that has summed one finds it in its cache.
  p->part_rows = p->tiles == 1 ? p->block_rows : cut_pieces(p->rows, row_bytes, 0.0, 1);
  if (p->part_rows < 1) p->part_rows = 1;
  p->parts = p->rows > 0 ? piece_count(p->rows, p->part_rows) : p->rest > 0 ? 1 : 0;
  const int64_t bytes = streams * s.rows * s.channels * element_size;
  p->stream = bytes >= kStreamBytes && p->width * element_size % kVectorBytes == 0;
  p->turned = bytes >= kStreamBytes;
  p->sums_bytes = piece_count((p->blocks + 1) * 2 * p->width * int64_t{sizeof(double)}, 64) * 64;
}

const char* bind_batch_norm(const OpView& op, Binder* binder, Bound* bound) {
  const bool forward = op.op == Opcode::batch_norm;
  const DType dtype = op.in[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  BatchNormParams* p = alloc_params<BatchNormParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->shape = batch_norm_shape(op);
  const BatchNormShape& s = p->shape;
  const bool sums = forward || s.grad_gamma >= 0 || s.grad_beta >= 0;
  if (s.channels == 0 || (s.rows == 0 && !sums)) return nullptr;
  const int64_t streams =
      forward ? 2 + (s.residual >= 0) : 3 + (s.out >= 0) + (s.grad_residual >= 0);
  cut(streams, dtype_size(dtype), p);
  const int64_t columns = piece_count(p->width, kLanes<float>) * kLanes<float>;
  bound->params = p;
  bound->scratch_bytes = p->sums_bytes + 4 * columns * dtype_size(dtype);
  const bool small =
      streams * s.rows * s.channels * dtype_size(dtype) <= kSerialBytes || s.rows == 0;
  dtype == DType::kFloat32 ? choose<float>(*p, forward, small, bound)
                           : choose<double>(*p, forward, small, bound);
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::batch_norm, "batch_norm_blocks", bind_batch_norm},
    {Opcode::batch_norm_grad, "batch_norm_grad_blocks", bind_batch_norm},
};

}  // namespace

const Family kBatchNormFamily = {kCandidates,
                                 static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
