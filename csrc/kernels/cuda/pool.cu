// Pooling of channels-last images: a thread has one place and a pack of channels, and reads each
// pixel its window sees once. Gradients are gathered: a thread has a pixel, and visits the windows
// that see it in their order. So no two threads add to one place, and an index that names no place
// of its window meets no pixel.
//
// Max pooling by 2 x 2 of S bytes reads S, and writes S / 4 and an index for each result; a
// thread's 200 instructions for 88 bytes of bfloat16 take a third of what an H200 can issue at
// 4.3 TB/s.
#include "kernels/conv.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/divide.h"
#include "kernels/cuda/device/stored.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
// Of a processor. Fewer registers, which the compiler prefers, would spill in the gradient of the
// mean.
constexpr int kGradBlocks = 3;

struct Pooling {
  int64_t size[kSpatial], window[kSpatial], places[kSpatial], low[kSpatial];
  Divisor strides[kSpatial];
  int64_t channels, count;           // packs of channels that are walked over
  Divisor packs, extents[kSpatial];  // of them: in a pixel; places, or of a gradient pixels of x
  bool count_padding;
};

// What a thread computes: of place, or pixel, `at` of an image.
struct Spot {
  int64_t image, at[kSpatial], channel;
};

template <int kPack>
__device__ __forceinline__ Spot spot_of(const Pooling& p, int64_t i) {
  Spot spot;
  int64_t rest = divide(i, p.packs);
  spot.channel = (i - rest * p.packs.value) * kPack;
#pragma unroll
  for (int axis = kSpatial - 1; axis >= 0; --axis) {
    const int64_t outer = divide(rest, p.extents[axis]);
    spot.at[axis] = rest - outer * p.extents[axis].value;
    rest = outer;
  }
  spot.image = rest;
  return spot;
}

// Along an axis: of a place, the taps [begin, end) of its window that lie inside x, at `start` +
// tap.
struct Seen {
  int64_t start, begin, end;
};

__device__ __forceinline__ Seen seen_by(const Pooling& p, int axis, int64_t place) {
  const int64_t start = place * p.strides[axis].value - p.low[axis], rest = p.size[axis] - start;
  return {start, start < 0 ? -start : 0, rest < p.window[axis] ? rest : p.window[axis]};
}

// visitor(pixel, tap): all pixels of x that the window at `spot` sees, in order of the taps.
template <class Visitor>
__device__ __forceinline__ void for_seen(const Pooling& p, const Spot& spot,
                                         const Seen (&seen)[kSpatial], Visitor&& visitor) {
#pragma unroll 1
  for (int64_t r = seen[0].begin; r < seen[0].end; ++r) {
    const int64_t plane = spot.image * p.size[0] + seen[0].start + r;
#pragma unroll 1
    for (int64_t s = seen[1].begin; s < seen[1].end; ++s) {
      const int64_t line = (plane * p.size[1] + seen[1].start + s) * p.size[2] + seen[2].start;
      const int64_t taps = (r * p.window[1] + s) * p.window[2];
#pragma unroll 2
      for (int64_t t = seen[2].begin; t < seen[2].end; ++t) visitor(line + t, taps + t);
    }
  }
}

// Along an axis: the places [begin, end) whose windows see pixel `at`.
struct Windows {
  int64_t begin, end;
};

__device__ __forceinline__ Windows windows_over(const Pooling& p, int axis, int64_t at) {
  const int64_t behind = at + p.low[axis], before = behind - p.window[axis];
  const int64_t end = divide(behind, p.strides[axis]) + 1;
  return {before < 0 ? 0 : divide(before, p.strides[axis]) + 1,
          end < p.places[axis] ? end : p.places[axis]};
}

// visitor(place, tap, at): the windows that see the pixel at `spot` with their tap `tap`, in order;
// `at` is their place along each axis.
template <class Visitor>
__device__ __forceinline__ void for_windows(const Pooling& p, const Spot& spot, Visitor&& visitor) {
  const Windows planes = windows_over(p, 0, spot.at[0]), lines = windows_over(p, 1, spot.at[1]),
                columns = windows_over(p, 2, spot.at[2]);
  int64_t at[kSpatial] = {};
  const auto tap_along = [&](int axis) {
    return spot.at[axis] + p.low[axis] - at[axis] * p.strides[axis].value;
  };
#pragma unroll 1
  for (at[0] = planes.begin; at[0] < planes.end; ++at[0]) {
#pragma unroll 1
    for (at[1] = lines.begin; at[1] < lines.end; ++at[1]) {
      const int64_t line = (spot.image * p.places[0] + at[0]) * p.places[1] + at[1];
      const int64_t taps = tap_along(0) * p.window[1] + tap_along(1);
#pragma unroll 1
      for (at[2] = columns.begin; at[2] < columns.end; ++at[2]) {
        visitor(line * p.places[2] + at[2], taps * p.window[2] + tap_along(2), at);
      }
    }
  }
}

// What the mean of a window is divided by.
template <class T>
__device__ __forceinline__ T share_of(const Pooling& p, const Seen (&seen)[kSpatial]) {
  T count = T(1);
#pragma unroll
  for (int axis = 0; axis < kSpatial; ++axis) {
    count *= static_cast<T>(p.count_padding ? p.window[axis] : seen[axis].end - seen[axis].begin);
  }
  return count;
}

// body(i) for each pack of channels of this thread.
template <class Body>
__device__ __forceinline__ void for_packs(const Pooling& p, Body&& body) {
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < p.count; i += stride) body(i);
}

template <class S, class Index, int kPack>
__global__ void __launch_bounds__(kThreads)
    max_pool(const __grid_constant__ Pooling p, const S* x, S* out, Index* index) {
  using T = Computed<S>;
  for_packs(p, [&](int64_t i) {
    const Spot spot = spot_of<kPack>(p, i);
    const Seen seen[kSpatial] = {seen_by(p, 0, spot.at[0]), seen_by(p, 1, spot.at[1]),
                                 seen_by(p, 2, spot.at[2])};
    Pack<T, kPack> best = {};
    Pack<Index, kPack> chosen = {};
    bool first = true;
    for_seen(p, spot, seen, [&](int64_t pixel, int64_t tap) {
      const auto v = load_widened<kPack>(x + pixel * p.channels + spot.channel);
#pragma unroll
      for (int j = 0; j < kPack; ++j) {
        const T value = v.at[j], old = best.at[j];
        if (first || value > old || (value != value && old == old)) {
          best.at[j] = value;
          chosen.at[j] = static_cast<Index>(tap);
        }
      }
      first = false;
    });
    store_narrowed(out + i * kPack, best);
    store_pack(index + i * kPack, chosen);
  });
}

template <class S, class Index, int kPack>
__global__ void __launch_bounds__(kThreads)
    max_pool_grad(const __grid_constant__ Pooling p, const S* grad_out, const Index* index,
                  S* grad_x) {
  using T = Computed<S>;
  for_packs(p, [&](int64_t i) {
    const Spot spot = spot_of<kPack>(p, i);
    Pack<T, kPack> sum = {};
    for_windows(p, spot, [&](int64_t place, int64_t tap, const int64_t (&)[kSpatial]) {
      const int64_t at = place * p.channels + spot.channel;
      const auto chosen = load_pack<kPack>(index + at);
      const auto grad = load_widened<kPack>(grad_out + at);
#pragma unroll
      for (int j = 0; j < kPack; ++j) {
        if (static_cast<int64_t>(chosen.at[j]) == tap) sum.at[j] += grad.at[j];
      }
    });
    store_narrowed(grad_x + i * kPack, sum);
  });
}

template <class S, int kPack>
__global__ void __launch_bounds__(kThreads)
    avg_pool(const __grid_constant__ Pooling p, const S* x, S* out) {
  using T = Computed<S>;
  for_packs(p, [&](int64_t i) {
    const Spot spot = spot_of<kPack>(p, i);
    const Seen seen[kSpatial] = {seen_by(p, 0, spot.at[0]), seen_by(p, 1, spot.at[1]),
                                 seen_by(p, 2, spot.at[2])};
    Pack<T, kPack> sum = {};
    for_seen(p, spot, seen, [&](int64_t pixel, int64_t) {
      const auto v = load_widened<kPack>(x + pixel * p.channels + spot.channel);
#pragma unroll
      for (int j = 0; j < kPack; ++j) sum.at[j] += v.at[j];
    });
    const T count = share_of<T>(p, seen);
#pragma unroll
    for (int j = 0; j < kPack; ++j) sum.at[j] /= count;
    store_narrowed(out + i * kPack, sum);
  });
}

template <class S, int kPack>
__global__ void __launch_bounds__(kThreads, kGradBlocks)
    avg_pool_grad(const __grid_constant__ Pooling p, const S* grad_out, S* grad_x) {
  using T = Computed<S>;
  for_packs(p, [&](int64_t i) {
    const Spot spot = spot_of<kPack>(p, i);
    Pack<T, kPack> sum = {};
    for_windows(p, spot, [&](int64_t place, int64_t, const int64_t (&at)[kSpatial]) {
      const Seen seen[kSpatial] = {seen_by(p, 0, at[0]), seen_by(p, 1, at[1]),
                                   seen_by(p, 2, at[2])};
      const T share = T(1) / share_of<T>(p, seen);
      const auto grad = load_widened<kPack>(grad_out + place * p.channels + spot.channel);
#pragma unroll
      for (int j = 0; j < kPack; ++j) sum.at[j] += grad.at[j] * share;
    });
    store_narrowed(grad_x + i * kPack, sum);
  });
}

// --- binding

struct PoolParams {
  PoolShape shape;
  Opcode op;
  int processors;
};

// To walk over packs of `pack` channels of the places, or of the pixels of x.
Pooling make_pooling(const PoolParams& params, int pack) {
  const PoolShape& s = params.shape;
  const bool forward = params.op == Opcode::max_pool || params.op == Opcode::avg_pool;
  Pooling p = {};
  p.channels = s.channels;
  p.packs = make_divisor(s.channels / pack);
  p.count = s.batch * p.packs.value;
  p.count_padding = s.count_padding;
  for (int axis = 0; axis < kSpatial; ++axis) {
    p.size[axis] = s.size[axis];
    p.window[axis] = s.window[axis];
    p.places[axis] = s.places[axis];
    p.low[axis] = s.low[axis];
    p.strides[axis] = make_divisor(s.strides[axis]);
    p.extents[axis] = make_divisor(forward ? s.places[axis] : s.size[axis]);
    p.count *= p.extents[axis].value;
  }
  return p;
}

template <class S, class Index, int kPack>
void launch_max(const PoolParams& params, const Call& call) {
  const Pooling p = make_pooling(params, kPack);
  const dim3 grid(stride_blocks(p.count, kThreads, params.processors));
  if (params.op == Opcode::max_pool) {
    launch(max_pool<S, Index, kPack>, grid, dim3(kThreads), 0, call.stream, p,
           static_cast<const S*>(call.in[0]), static_cast<S*>(call.out[0]),
           static_cast<Index*>(call.out[1]));
  } else {
    launch(max_pool_grad<S, Index, kPack>, grid, dim3(kThreads), 0, call.stream, p,
           static_cast<const S*>(call.in[0]), static_cast<const Index*>(call.in[1]),
           static_cast<S*>(call.out[0]));
  }
}

template <class S, int kPack>
void launch_average(const PoolParams& params, const Call& call) {
  const Pooling p = make_pooling(params, kPack);
  const dim3 grid(stride_blocks(p.count, kThreads, params.processors));
  const auto kernel = params.op == Opcode::avg_pool ? avg_pool<S, kPack> : avg_pool_grad<S, kPack>;
  launch(kernel, grid, dim3(kThreads), 0, call.stream, p, static_cast<const S*>(call.in[0]),
         static_cast<S*>(call.out[0]));
}

template <class S, class Index>
void run_max(const Call& call, int64_t) {
  const PoolParams& p = *static_cast<const PoolParams*>(call.params);
  const void* index = p.op == Opcode::max_pool ? call.out[1] : call.in[1];
  constexpr size_t kIndexBytes = kAccess<kVector<S>* static_cast<int>(sizeof(Index))>;
  const bool wide = p.shape.channels % kVector<S> == 0 && aligned(16, call.in[0], call.out[0]) &&
                    aligned(kIndexBytes, index);
  wide ? launch_max<S, Index, kVector<S>>(p, call) : launch_max<S, Index, 1>(p, call);
}

template <class S>
void run_average(const Call& call, int64_t) {
  const PoolParams& p = *static_cast<const PoolParams*>(call.params);
  const bool wide = p.shape.channels % kVector<S> == 0 && aligned(16, call.in[0], call.out[0]);
  wide ? launch_average<S, kVector<S>>(p, call) : launch_average<S, 1>(p, call);
}

const char* bind_pool(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  PoolParams* p = alloc_params<PoolParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  *p = {pool_shape(op), op.op, static_cast<int>(processors(op))};
  const bool of_max = op.op == Opcode::max_pool || op.op == Opcode::max_pool_grad;
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto t) {
    using S = decltype(t);
    run = !of_max               ? run_average<S>
          : p->shape.wide_index ? run_max<S, int32_t>
                                : run_max<S, uint8_t>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::max_pool, "max_pool_gpu", bind_pool},
    {Opcode::max_pool_grad, "max_pool_grad_gpu", bind_pool},
    {Opcode::avg_pool, "avg_pool_gpu", bind_pool},
    {Opcode::avg_pool_grad, "avg_pool_grad_gpu", bind_pool},
};

}  // namespace

extern const Family kPoolFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
