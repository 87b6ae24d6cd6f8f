// Reductions over any axes. Where the innermost axis is reduced, lanes share a result and run along
// it; where it is kept, neighbouring lanes compute neighbouring results. Few long reductions are
// cut into chunks, whose number depends on the shape alone, and the chunks' states combined in
// order by a second launch.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/nest.h"
#include "kernels/cuda/device/reducer.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kWarps = kThreads / kWarp;

struct Axes {
  Loops loops;
  int64_t strides[kMaxDims];
  int64_t count;
};

struct Reduction {
  Axes kept, reduced;
  Divisor chunks;  // of each result
  int64_t length;  // of a chunk
  int64_t items;  // of rows: results x chunks; of columns: column tiles x chunks
  int team;  // of rows: threads that share an item
};

__device__ __forceinline__ int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Elements first, first + step, ... of one result's, below `end`, eight at once.
template <class S, class Reducer>
__device__ __forceinline__ void accumulate(const Reducer& reducer, const S* x, const Axes& reduced,
                                           int64_t first, int64_t end, int64_t step,
                                           typename Reducer::State* state) {
  using T = Computed<S>;
  for (int64_t r = first; r < end; r += kReduceAtOnce * step) {
    T values[kReduceAtOnce];
    const T filler = reducer.filler(*state);
#pragma unroll
    for (int k = 0; k < kReduceAtOnce; ++k) {
      const int64_t at = r + k * step;
      values[k] = at < end ? widened(x[offset_of(reduced.loops, reduced.strides, at)]) : filler;
    }
    reducer.add(state, values, r, step);
  }
}

template <class S, class Reducer>
__device__ __forceinline__ typename Reducer::State start_state(const Reducer& reducer, const S* x) {
  if constexpr (Reducer::kNeedsFirst) return reducer.start(widened(*x));
  return reducer.start({});
}

// With one chunk the result, else the chunk's state.
template <class Reducer, class Out>
__device__ __forceinline__ void write_state(const Reducer& reducer, const Reduction& p,
                                            int64_t result, int64_t chunk,
                                            const typename Reducer::State& state,
                                            typename Reducer::State* partials, Out* out) {
  if (p.chunks.value == 1) {
    out[result] = narrowed<Out>(reducer.finish(state, p.reduced.count));
  } else {
    partials[result * p.chunks.value + chunk] = state;
  }
}

template <class Reducer>
__device__ __forceinline__ typename Reducer::State combine_lanes(const Reducer& reducer, int lanes,
                                                                 typename Reducer::State state) {
  for (int other = lanes / 2; other > 0; other /= 2) {
    state = reducer.combine(state, reducer.from_lane(state, other));
  }
  return state;
}

// Teams of 1 to 32 lanes or of the whole block.
template <class S, class Reducer, class Out>
__global__ void __launch_bounds__(kThreads)
    reduce_rows(const __grid_constant__ Reduction p, Reducer reducer, const S* x,
                typename Reducer::State* partials, Out* out) {
  using State = typename Reducer::State;
  PYDL_SHARED(State, parts, kWarps);
  const int thread = static_cast<int>(threadIdx.x), teams = kThreads / p.team;
  const int member = thread % p.team;
  for (int64_t base = int64_t{blockIdx.x} * teams; base < p.items;
       base += int64_t{gridDim.x} * teams) {
    const int64_t item = base + thread / p.team, present = smaller(item, p.items - 1);
    const int64_t result = divide(present, p.chunks);
    const int64_t chunk = present - result * p.chunks.value;
    const S* row = x + offset_of(p.kept.loops, p.kept.strides, result);
    State state = start_state(reducer, row);
    const int64_t first = chunk * p.length, end = smaller(first + p.length, p.reduced.count);
    accumulate(reducer, row, p.reduced, first + member, end, p.team, &state);
    state = combine_lanes(reducer, p.team < kWarp ? p.team : kWarp, state);
    if (p.team > kWarp) {
      if (thread % kWarp == 0) parts[thread / kWarp] = state;
      __syncthreads();
      state = parts[0];
      for (int w = 1; w < kWarps; ++w) state = reducer.combine(state, parts[w]);
      __syncthreads();
    }
    if (member == 0 && item < p.items) {
      write_state(reducer, p, result, chunk, state, partials, out);
    }
  }
}

// 32 results a block, each by kWarps threads that take every kWarps-th element.
template <class S, class Reducer, class Out>
__global__ void __launch_bounds__(kThreads)
    reduce_columns(const __grid_constant__ Reduction p, Reducer reducer, const S* x,
                   typename Reducer::State* partials, Out* out) {
  using State = typename Reducer::State;
  PYDL_SHARED(State, parts, kThreads);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  for (int64_t item = blockIdx.x; item < p.items; item += gridDim.x) {
    const int64_t tile = divide(item, p.chunks), chunk = item - tile * p.chunks.value;
    const int64_t result = tile * kWarp + lane, present = smaller(result, p.kept.count - 1);
    const S* column = x + offset_of(p.kept.loops, p.kept.strides, present);
    State state = start_state(reducer, column);
    const int64_t first = chunk * p.length, end = smaller(first + p.length, p.reduced.count);
    if (result < p.kept.count) {
      accumulate(reducer, column, p.reduced, first + warp, end, kWarps, &state);
    }
    parts[thread] = state;
    __syncthreads();
    if (warp == 0 && result < p.kept.count) {
      for (int w = 1; w < kWarps; ++w) state = reducer.combine(state, parts[w * kWarp + lane]);
      write_state(reducer, p, result, chunk, state, partials, out);
    }
    __syncthreads();
  }
}

// A warp for each result.
template <class Reducer, class Out>
__global__ void __launch_bounds__(kThreads)
    combine_chunks(int64_t results, int64_t chunks, int64_t count, Reducer reducer,
                   const typename Reducer::State* partials, Out* out) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t first = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  for (int64_t result = first; result < results; result += int64_t{gridDim.x} * kWarps) {
    const typename Reducer::State* mine = partials + result * chunks;
    typename Reducer::State state = mine[smaller(lane, chunks - 1)];
    if (!Reducer::kNeedsFirst && lane >= chunks) state = reducer.start({});
    for (int64_t c = lane + kWarp; c < chunks; c += kWarp) state = reducer.combine(state, mine[c]);
    state = combine_lanes(reducer, kWarp, state);
    if (lane == 0) out[result] = narrowed<Out>(reducer.finish(state, count));
  }
}

struct ReduceParams {
  Reduction reduction;
  bool rows;
  bool flag;  // the reducer's: mean, smallest
  unsigned blocks, combine_blocks;
};

template <class S, class Out, class Reducer>
void launch_with(const ReduceParams& p, const Reducer& reducer, const Call& call) {
  const S* x = static_cast<const S*>(call.in[0]);
  Out* out = static_cast<Out*>(call.out[0]);
  auto* partials = reinterpret_cast<typename Reducer::State*>(call.scratch);
  launch(p.rows ? reduce_rows<S, Reducer, Out> : reduce_columns<S, Reducer, Out>, dim3(p.blocks),
         dim3(kThreads), 0, call.stream, p.reduction, reducer, x, partials, out);
  if (p.reduction.chunks.value == 1) return;
  launch(combine_chunks<Reducer, Out>, dim3(p.combine_blocks), dim3(kThreads), 0, call.stream,
         p.reduction.kept.count, p.reduction.chunks.value, p.reduction.reduced.count, reducer,
         partials, out);
}

template <class S>
void launch_sum(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  launch_with<S, S>(p, Summing<Computed<S>>{p.flag}, call);
}

template <class S>
void launch_product(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  launch_with<S, S>(p, Multiplying<Computed<S>>{}, call);
}

template <class S>
void launch_extreme(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  launch_with<S, S>(p, Extreme<Computed<S>>{p.flag}, call);
}

template <class S>
void launch_argmax(const Call& call, int64_t) {
  const ReduceParams& p = *static_cast<const ReduceParams*>(call.params);
  launch_with<S, int32_t>(p, Argmax<Computed<S>>{}, call);
}

struct Collected {
  int rank;
  int64_t dims[kMaxDims];
  int64_t strides[kMaxDims];
};

// Axes of one kind that follow each other in memory become one.
void collect(const TensorView& x, const bool* wanted, Axes* axes) {
  Collected found = {};
  int64_t stride[kMaxDims + 1];
  stride[x.rank] = 1;
  for (int d = x.rank - 1; d >= 0; --d) stride[d] = stride[d + 1] * x.dims[d];
  axes->count = 1;
  for (int d = 0; d < x.rank; ++d) {
    if (!wanted[d] || x.dims[d] == 1) continue;
    axes->count *= x.dims[d];
    const int last = found.rank - 1;
    const bool continues = last >= 0 && found.strides[last] == stride[d];
    const int at = continues ? last : found.rank++;
    found.dims[at] = (continues ? found.dims[at] : 1) * x.dims[d];
    found.strides[at] = stride[d + 1];
  }
  if (found.rank == 0) found = {1, {1}, {0}};
  if (axes->count > 0) axes->loops = make_loops(found.rank, found.dims);
  for (int d = 0; d < found.rank; ++d) axes->strides[d] = found.strides[d];
}

// About this many blocks keep any device busy; a constant, so that sums are the same on all.
constexpr int64_t kEnoughBlocks = 1024;

// `unit` elements are one pass of the threads that share a chunk.
void cut_into_chunks(int64_t tiles, int64_t unit, Reduction* p) {
  constexpr int64_t kFewestPasses = 4;
  const int64_t wanted = tiles < kEnoughBlocks ? kEnoughBlocks / tiles : 1;
  const int64_t most = ceil_div(p->reduced.count, kFewestPasses * unit);
  const int64_t chunks = wanted < most ? wanted : most;
  p->length = p->reduced.count;
  if (chunks > 1) p->length = ceil_div(ceil_div(p->reduced.count, chunks), unit) * unit;
  p->chunks = make_divisor(chunks > 1 ? ceil_div(p->reduced.count, p->length) : 1);
}

// Rows of up to 8 elements by a thread, of up to 1024 by a warp.
int team_of(int64_t count) {
  constexpr int64_t kLongest = 4 * kReduceAtOnce * kWarp;
  if (count > kLongest) return kThreads;
  int team = 1;
  while (team < kWarp && team * kReduceAtOnce < count) team *= 2;
  return team;
}

void place_work(const OpView& op, ReduceParams* p) {
  Reduction& r = p->reduction;
  if (p->rows) {
    cut_into_chunks(r.kept.count, kThreads * kReduceAtOnce, &r);
    r.team = team_of(r.length);
    r.items = r.kept.count * r.chunks.value;
    p->blocks = stride_blocks(r.items, kThreads / r.team, processors(op));
  } else {
    const int64_t tiles = ceil_div(r.kept.count, kWarp);
    cut_into_chunks(tiles, kWarps * kReduceAtOnce, &r);
    r.items = tiles * r.chunks.value;
    p->blocks = stride_blocks(r.items, 1, processors(op));
  }
  p->combine_blocks = stride_blocks(r.kept.count, kWarps, processors(op));
}

// Whether the innermost axis that is not of one element is reduced.
bool reduces_innermost(const TensorView& x, const bool* is_reduced) {
  for (int d = x.rank - 1; d >= 0; --d) {
    if (x.dims[d] != 1) return is_reduced[d];
  }
  return false;
}

void find_axes(const OpView& op, ReduceParams* p) {
  const TensorView& x = op.in[0];
  bool is_reduced[kMaxDims] = {}, is_kept[kMaxDims];
  const int64_t* axes = nullptr;
  const int64_t axis = attr_int(op, "axis", 0);
  const bool argmax = op.op == Opcode::argmax;
  const int n_axes = argmax ? 1 : attr_ints(op, "axes", &axes);
  for (int i = 0; i < n_axes; ++i) is_reduced[argmax ? axis : axes[i]] = true;
  for (int d = 0; d < x.rank; ++d) is_kept[d] = !is_reduced[d];
  collect(x, is_kept, &p->reduction.kept);
  collect(x, is_reduced, &p->reduction.reduced);
  p->rows = reduces_innermost(x, is_reduced);
}

template <class S>
PieceFn launcher(Opcode op, int64_t* state_bytes) {
  switch (op) {
    case Opcode::reduce_sum:
    case Opcode::reduce_mean:
      *state_bytes = sizeof(typename Summing<Computed<S>>::State);
      return launch_sum<S>;
    case Opcode::reduce_prod:
      *state_bytes = sizeof(typename Multiplying<Computed<S>>::State);
      return launch_product<S>;
    case Opcode::argmax:
      *state_bytes = sizeof(typename Argmax<Computed<S>>::State);
      return launch_argmax<S>;
    default: *state_bytes = sizeof(typename Extreme<Computed<S>>::State); return launch_extreme<S>;
  }
}

const char* bind_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  ReduceParams* p = alloc_params<ReduceParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  find_axes(op, p);
  const bool extremes =
      op.op == Opcode::argmax || op.op == Opcode::reduce_max || op.op == Opcode::reduce_min;
  if (extremes && p->reduction.reduced.count == 0) return "extreme of nothing";
  p->flag = op.op == Opcode::reduce_mean || op.op == Opcode::reduce_min;
  place_work(op, p);
  PieceFn run = nullptr;
  int64_t state_bytes = 0;
  const DType dtype = op.in[0].dtype == DType::kBool ? DType::kUInt8 : op.in[0].dtype;
  const auto choose = [&](auto s) { run = launcher<decltype(s)>(op.op, &state_bytes); };
  if (!visit_any_float(dtype, choose)) visit_integer(dtype, choose);
  if (run == nullptr) return "dtype not supported";
  if (p->reduction.chunks.value > 1) {
    bound->scratch_bytes = state_bytes * p->reduction.kept.count * p->reduction.chunks.value;
  }
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::reduce_sum, "reduce_sum_gpu", bind_reduce},
    {Opcode::reduce_mean, "reduce_mean_gpu", bind_reduce},
    {Opcode::reduce_max, "reduce_max_gpu", bind_reduce},
    {Opcode::reduce_min, "reduce_min_gpu", bind_reduce},
    {Opcode::reduce_prod, "reduce_prod_gpu", bind_reduce},
    {Opcode::argmax, "argmax_gpu", bind_reduce},
};

}  // namespace

extern const Family kReduceFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
