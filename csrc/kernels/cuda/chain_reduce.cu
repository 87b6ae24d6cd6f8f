// Chains whose results are reduced. Long rows: a block runs the chain over a chunk of a row and
// keeps the totals in registers; chunks follow from the shape alone and are combined in order by a
// second launch. Short rows and columns: the chain's values go to scratch memory, and the kernels
// of reduce.cu read them there, which costs what the ops cost apart.
#include "kernels/cuda/device/chain.h"
#include "kernels/cuda/device/reduce.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kWarp = 32;
constexpr int kMostTotals = 4;  // reduced results of one kernel
constexpr int64_t kEnoughBlocks = 1024;

struct ReducedRows {
  int64_t length;         // of a row
  int64_t chunk, chunks;  // of a row
  int64_t rows, items;    // rows x chunks
  uint8_t ops[kMaxResults];  // of each output: an Opcode; copy: stored
};

__device__ __forceinline__ double start_of(Opcode op) {
  if (op == Opcode::reduce_max) return -__builtin_huge_val();
  return op == Opcode::reduce_min ? __builtin_huge_val() : 0.0;
}

__device__ __forceinline__ double join(Opcode op, double a, double b) {
  if (op == Opcode::reduce_max) return Max::apply(a, b);
  return op == Opcode::reduce_min ? Min::apply(a, b) : a + b;
}

__device__ __forceinline__ double join_block(Opcode op, double x) {
  if (op == Opcode::reduce_max) return block_reduce<Max>(x);
  return op == Opcode::reduce_min ? block_reduce<Min>(x) : block_reduce<Sum>(x);
}

// Of a thread's tile: sums in the elements' own type.
template <class T>
__device__ __forceinline__ double tile_total(Opcode op, const Place& place, const Tile<T>& x) {
  double total = start_of(op);
  T sum = T(0);
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t start = pack_start<T>(place, q);
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      if (!place.whole && start + v >= place.end) continue;
      const T value = x.packs[q].at[v];
      if (op == Opcode::reduce_max || op == Opcode::reduce_min) {
        total = join(op, total, static_cast<double>(value));
      } else {
        sum += value;
      }
    }
  }
  return op == Opcode::reduce_max || op == Opcode::reduce_min ? total : static_cast<double>(sum);
}

__device__ __forceinline__ double finish(Opcode op, double total, int64_t length) {
  return op == Opcode::reduce_mean ? total / static_cast<double>(length) : total;
}

// partials [output][row][chunk], unless a row is one chunk.
template <bool kRare, class S>
__global__ void __launch_bounds__(kThreads, kRareResident)
    run_reduced(const __grid_constant__ ChainArguments<Computed<S>> p, ReducedRows rows,
                double* partials) {
  using T = Computed<S>;
  PYDL_DYNAMIC_SHARED(T, slots);
  const int64_t per_tile = int64_t{blockDim.x} * kWidth<T> * kPacks;
  for (int64_t item = blockIdx.x; item < rows.items; item += gridDim.x) {
    const int64_t row = item / rows.chunks, chunk = item - row * rows.chunks;
    const int64_t first = row * rows.length + chunk * rows.chunk;
    const int64_t last = (row + 1) * rows.length;
    const int64_t end = first + rows.chunk < last ? first + rows.chunk : last;
    double totals[kMostTotals];
#pragma unroll
    for (int r = 0; r < kMostTotals; ++r) {
      totals[r] = r < p.code.n_results ? start_of(Opcode(rows.ops[p.code.outputs[r]])) : 0.0;
    }
    for (int64_t base = first; base < end; base += per_tile) {
      const Place place = {base, end, base + per_tile <= end};
      Tile<T> x;
      for (int s = 0; s < p.code.n_steps; ++s) run_step<kRare, S>(p, s, slots, place, &x);
#pragma unroll
      for (int r = 0; r < kMostTotals; ++r) {
        if (r >= p.code.n_results) continue;
        const Source source = p.code.results[r];
        const int output = p.code.outputs[r];
        if (source != kLast) read_slot(slots, source - kFirstSlot, &x);
        const Opcode op = Opcode(rows.ops[output]);
        if (op == Opcode::copy) {
          write_result<S>(p, output, place, x);
        } else {
          totals[r] = join(op, totals[r], tile_total(op, place, x));
        }
      }
    }
#pragma unroll
    for (int r = 0; r < kMostTotals; ++r) {
      if (r >= p.code.n_results) continue;
      const int output = p.code.outputs[r];
      const Opcode op = Opcode(rows.ops[output]);
      if (op == Opcode::copy) continue;
      const double total = join_block(op, totals[r]);
      if (threadIdx.x != 0) continue;
      if (rows.chunks == 1) {
        static_cast<S*>(p.outputs[output])[row] =
            narrowed<S>(static_cast<T>(finish(op, total, rows.length)));
      } else {
        partials[output * rows.items + item] = total;
      }
    }
  }
}

// A warp for each row of one output.
template <class S>
__global__ void __launch_bounds__(kThreads)
    combine_chunks(ReducedRows rows, Opcode op, const double* partials, S* out) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t step = int64_t{gridDim.x} * (kThreads / kWarp);
  for (int64_t row = int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
       row < rows.rows; row += step) {
    double total = start_of(op);
    for (int64_t c = lane; c < rows.chunks; c += kWarp) {
      total = join(op, total, partials[row * rows.chunks + c]);
    }
    total = op == Opcode::reduce_max   ? warp_reduce<Max>(total)
            : op == Opcode::reduce_min ? warp_reduce<Min>(total)
                                       : warp_reduce<Sum>(total);
    if (lane == 0) {
      out[row] = narrowed<S>(static_cast<Computed<S>>(finish(op, total, rows.length)));
    }
  }
}

template <class T>
struct ReducedParams {
  ChainParams<T> chain;
  ReducedRows rows;
  unsigned combine_blocks;
};

template <bool kRare, class S>
void launch_reduced(const Call& call, int64_t) {
  using T = Computed<S>;
  const ReducedParams<T>& p = *static_cast<const ReducedParams<T>*>(call.params);
  const bool in_step = p.rows.length % kWidth<T> == 0 && p.rows.chunk % kWidth<T> == 0;
  double* partials = reinterpret_cast<double*>(call.scratch);
  launch(run_reduced<kRare, S>, dim3(p.chain.blocks), dim3(static_cast<unsigned>(p.chain.threads)),
         p.chain.shared_bytes, call.stream, with_pointers<S>(p.chain, call, in_step), p.rows,
         partials);
  if (p.rows.chunks == 1) return;
  for (int r = 0; r < p.chain.n_outputs; ++r) {
    const Opcode op = static_cast<Opcode>(p.rows.ops[r]);
    if (op == Opcode::copy) continue;
    launch(combine_chunks<S>, dim3(p.combine_blocks), dim3(kThreads), 0, call.stream, p.rows, op,
           static_cast<const double*>(partials + r * p.rows.items), static_cast<S*>(call.out[r]));
  }
}

// Chunks of at least four tiles of a block; as many as keep any device busy.
template <class T>
void cut_rows(const OpView& op, int64_t outer, int64_t length, ReducedParams<T>* p) {
  const int64_t tile = p->chain.threads * int64_t{kWidth<T>} * kPacks;
  const int64_t wanted = outer < kEnoughBlocks ? kEnoughBlocks / outer : 1;
  const int64_t most = ceil_div(length, 4 * tile);
  const int64_t chunks = wanted < most ? wanted : most;
  ReducedRows& rows = p->rows;
  rows.length = length;
  rows.rows = outer;
  rows.chunk = chunks > 1 ? ceil_div(ceil_div(length, chunks), tile) * tile : length;
  rows.chunks = ceil_div(length, rows.chunk);
  rows.items = outer * rows.chunks;
  p->chain.blocks = stride_blocks(rows.items, 1, processors(op));
  p->combine_blocks = stride_blocks(outer, kThreads / kWarp, processors(op));
}

template <class S>
const char* bind_rows(const OpView& op, Binder* binder, Bound* bound) {
  using T = Computed<S>;
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  if (program.n_results > kMostTotals) return "too many results";
  const TensorView full = broadcast_view(op);
  if (full.count == 0) return "nothing to reduce";
  int64_t outer, length, inner;
  const int64_t* axes = nullptr;
  const int n_axes = attr_ints(op, "axes", &axes);
  if (!fold_axes(full, axes, n_axes, &outer, &length, &inner) || inner > 1) return "not rows";
  constexpr int64_t kShortest = kThreads * kWidth<T> * kPacks / 2;
  if (length < kShortest) return "short rows";
  ReducedParams<T>* p = alloc_params<ReducedParams<T>>(binder);
  if (p == nullptr) return kOutOfMemory;
  describe_chain(op, full, program, &p->chain);
  for (int r = 0; r < program.n_results; ++r) {
    p->rows.ops[r] = static_cast<uint8_t>(program.reduces[r]);
  }
  cut_rows(op, outer, length, p);
  if (p->rows.chunks > 1) {
    bound->scratch_bytes = op.n_out * p->rows.items * static_cast<int64_t>(sizeof(double));
  }
  return bind_piece(
      p, has_rare_step<T>(program) ? launch_reduced<true, S> : launch_reduced<false, S>, bound);
}

// --- by two kernels

struct Staged {
  int n_out;
  Bound chain;
  Bound reductions[kMaxResults];
  bool reduced[kMaxResults];
  int64_t values[kMaxResults];   // where each reduced result's values lie in scratch
  int64_t scratch[kMaxResults];  // and what its reduction needs
};

void run_phases(const Bound& bound, Call call, unsigned char* scratch) {
  call.params = bound.params;
  call.scratch = scratch;
  for (int k = 0; k < bound.n_phases; ++k) bound.phases[k].run(call, 0);
}

void launch_staged(const Call& call, int64_t) {
  const Staged& p = *static_cast<const Staged*>(call.params);
  void* outputs[kMaxResults];
  for (int r = 0; r < p.n_out; ++r) {
    outputs[r] = p.reduced[r] ? call.scratch + p.values[r] : call.out[r];
  }
  Call chain = call;
  chain.out = outputs;
  run_phases(p.chain, chain, nullptr);
  for (int r = 0; r < p.n_out; ++r) {
    if (!p.reduced[r]) continue;
    const void* values = outputs[r];
    Call reduction = call;
    reduction.in = &values;
    reduction.out = call.out + r;
    run_phases(p.reductions[r], reduction, call.scratch + p.scratch[r]);
  }
}

const char* bind_reduction(const OpView& op, const ChainProgram& program, int r,
                           const TensorView& full, Binder* binder, Bound* bound) {
  OpView view = op;
  view.op = program.reduces[r];
  view.n_in = 1;
  view.in = &full;
  view.n_out = 1;
  view.out = op.out + r;
  for (int k = 0; k < kReduceFamily.count; ++k) {
    const Candidate& candidate = kReduceFamily.candidates[k];
    if (candidate.op == view.op) return candidate.bind(view, binder, bound);
  }
  return "no such reduction";
}

int64_t aligned_bytes(int64_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

const char* bind_chain_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (!reduces_results(op)) return "no result is reduced";
  if (all_empty(op)) return nullptr;
  const char* error = "dtype not supported";
  visit_any_float(op.out[0].dtype,
                  [&](auto s) { error = bind_rows<decltype(s)>(op, binder, bound); });
  return error;
}

const char* bind_chain_then_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (!reduces_results(op)) return "no result is reduced";
  if (all_empty(op)) return nullptr;
  const DType dtype = op.out[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  Staged* p = alloc_params<Staged>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView full = broadcast_view(op);
  TensorView outputs[kMaxResults];
  OpView chain = op;
  chain.out = outputs;
  p->n_out = op.n_out;
  int64_t scratch = 0;
  for (int r = 0; r < op.n_out; ++r) {
    outputs[r] = full;
    p->reduced[r] = program.reduces[r] != Opcode::copy;
    if (!p->reduced[r]) continue;
    p->values[r] = scratch;
    scratch += aligned_bytes(full.count * dtype_size(dtype));
    error = bind_reduction(op, program, r, full, binder, &p->reductions[r]);
    if (error != nullptr) return error;
    p->scratch[r] = scratch;
    scratch += aligned_bytes(p->reductions[r].scratch_bytes);
  }
  if (full.count > 0) error = bind_steps_of(chain, binder, &p->chain);
  if (error != nullptr) return error;
  bound->scratch_bytes = scratch;
  return bind_piece(p, launch_staged, bound);
}

}  // namespace pydl::PYDL_GPU
