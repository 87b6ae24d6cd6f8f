// Single ops and chains, by one interpreter (device/chain.h): copies, single ops and chains of
// about ten steps run at memory bandwidth, since a device has some 50 instructions for each float
// it reads and writes (4.3 TB/s, 132 x 128 lanes at 1.7 GHz).
#include "kernels/cuda/device/cast.h"
#include "kernels/cuda/device/chain.h"

namespace pydl::PYDL_GPU {
namespace {

template <bool kRare, class S>
__global__ void __launch_bounds__(kThreads, kRare ? kRareResident : kResident)
    run_chain(const __grid_constant__ ChainArguments<Computed<S>> p) {
  using T = Computed<S>;
  PYDL_DYNAMIC_SHARED(T, slots);
  const int64_t per_tile = int64_t{blockDim.x} * kWidth<T> * kPacks;
  for (int64_t base = blockIdx.x * per_tile; base < p.count; base += gridDim.x * per_tile) {
    const Place place = {base, p.count, base + per_tile <= p.count};
    Tile<T> x;
    for (int s = 0; s < p.code.n_steps; ++s) run_step<kRare, S>(p, s, slots, place, &x);
    for (int r = 0; r < p.code.n_results; ++r) {
      const Source source = p.code.results[r];
      if (source != kLast) read_slot(slots, source - kFirstSlot, &x);
      write_result<S>(p, p.code.outputs[r], place, x);
    }
  }
}

template <bool kRare, class S>
void launch_chain(const Call& call, int64_t) {
  using T = Computed<S>;
  const ChainParams<T>& p = *static_cast<const ChainParams<T>*>(call.params);
  launch(run_chain<kRare, S>, dim3(p.blocks), dim3(static_cast<unsigned>(p.threads)),
         p.shared_bytes, call.stream, with_pointers<S>(p, call, true));
}

template <class S>
PieceFn chain_launcher(const ChainProgram& program) {
  if constexpr (kIsFloat<Computed<S>>) {
    if (has_rare_step<Computed<S>>(program)) return launch_chain<true, S>;
  }
  return launch_chain<false, S>;
}

template <class S>
const char* bind_steps(const OpView& op, Binder* binder, Bound* bound) {
  using T = Computed<S>;
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  ChainParams<T>* p = alloc_params<ChainParams<T>>(binder);
  if (p == nullptr) return kOutOfMemory;
  describe_chain(op, op.out[0], program, p);
  const int64_t blocks_of_full_size = processors(op) * (kThreads / p->threads);
  p->blocks = stride_blocks(op.out[0].count, p->threads * kWidth<T> * kPacks, blocks_of_full_size);
  return bind_piece(p, chain_launcher<S>(program), bound);
}

// The dtype the steps compute in.
DType chain_dtype(const OpView& op) {
  switch (op.op) {
    case Opcode::chain: return op.out[0].dtype;
    case Opcode::where: return op.in[1].dtype;
    default: return op.in[0].dtype;
  }
}

}  // namespace

const char* bind_steps_of(const OpView& op, Binder* binder, Bound* bound) {
  const bool move = op.op == Opcode::copy || op.op == Opcode::where;
  const char* error = "dtype not supported";
  const auto bind = [&](auto t) { error = bind_steps<decltype(t)>(op, binder, bound); };
  switch (chain_dtype(op)) {
    case DType::kBool: bind(uint8_t()); break;
    case DType::kFloat16:
    case DType::kBFloat16:
      if (move) {
        bind(uint16_t());  // NaN keeps its bits
      } else {
        visit_any_float(chain_dtype(op), bind);
      }
      break;
    default: visit_number(chain_dtype(op), bind);
  }
  return error;
}

namespace {

const char* bind_chain(const OpView& op, Binder* binder, Bound* bound) {
  if (reduces_results(op)) return "results are reduced";
  return all_empty(op) ? nullptr : bind_steps_of(op, binder, bound);
}

constexpr int kCastWidth = 4;
constexpr int kCastPacks = 2;

template <class To, class From>
__device__ __forceinline__ void cast_packs(const From* x, To* out, int64_t packs) {
  const int64_t tile = int64_t{blockDim.x} * kCastPacks;
  for (int64_t base = blockIdx.x * tile; base < packs; base += gridDim.x * tile) {
    Pack<From, kCastWidth> from[kCastPacks];
#pragma unroll
    for (int q = 0; q < kCastPacks; ++q) {
      const int64_t at = base + q * blockDim.x + threadIdx.x;
      if (at < packs) from[q] = load_pack<kCastWidth>(x + at * kCastWidth);
    }
#pragma unroll
    for (int q = 0; q < kCastPacks; ++q) {
      const int64_t at = base + q * blockDim.x + threadIdx.x;
      Pack<To, kCastWidth> to;
#pragma unroll
      for (int v = 0; v < kCastWidth; ++v) to.at[v] = convert<To>(from[q].at[v]);
      if (at < packs) store_pack(out + at * kCastWidth, to);
    }
  }
}

// `packs` whole packs, then the elements after them.
template <class From>
__global__ void __launch_bounds__(kThreads, kResident)
    run_cast(const From* x, void* out, DType to, int64_t count, int64_t packs) {
  const int64_t first = packs * kCastWidth + blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  const int64_t stride = gridDim.x * int64_t{blockDim.x};
  visit_target(to, [&](auto type) {
    using To = decltype(type);
    To* target = static_cast<To*>(out);
    cast_packs(x, target, packs);
    for (int64_t i = first; i < count; i += stride) target[i] = convert<To>(x[i]);
  });
}

struct CastParams {
  int64_t count;
  DType to;
  unsigned blocks;
};

template <class From>
void launch_cast(const Call& call, int64_t) {
  const CastParams& p = *static_cast<const CastParams*>(call.params);
  const From* x = static_cast<const From*>(call.in[0]);
  const char* out = static_cast<const char*>(call.out[0]);
  constexpr size_t kLargest = 16;
  const size_t from = sizeof(From) * kCastWidth, to = dtype_size(p.to) * size_t{kCastWidth};
  const bool packed =
      aligned(from < kLargest ? from : kLargest, x) && aligned(to < kLargest ? to : kLargest, out);
  launch(run_cast<From>, dim3(p.blocks), dim3(kThreads), 0, call.stream, x, call.out[0], p.to,
         p.count, packed ? p.count / kCastWidth : 0);
}

const char* bind_cast(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  if (!visit_castable(op.out[0].dtype, [](auto) {})) return "dtype not supported";
  CastParams* p = alloc_params<CastParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->count = op.out[0].count;
  p->to = op.out[0].dtype;
  p->blocks = stride_blocks(p->count, kThreads * kCastWidth * kCastPacks, processors(op));
  PieceFn run = nullptr;
  visit_castable(op.in[0].dtype, [&](auto from) { run = launch_cast<decltype(from)>; });
  return run == nullptr ? "dtype not supported" : bind_piece(p, run, bound);
}

#define PYDL_STEP(op) {Opcode::op, #op "_gpu", bind_chain},
const Candidate kCandidates[] = {
#include "kernels/steps.def"
    {Opcode::copy, "copy_gpu", bind_chain},
    {Opcode::chain, "chain_gpu", bind_chain},
    {Opcode::chain, "chain_reduce_gpu", bind_chain_reduce},
    {Opcode::cast, "cast_gpu", bind_cast},
    {Opcode::chain, "chain_then_reduce_gpu", bind_chain_then_reduce},
};

}  // namespace

extern const Family kElementwiseFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
