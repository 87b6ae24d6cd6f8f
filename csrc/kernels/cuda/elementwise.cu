// One interpreter for single ops and chains. A thread computes kPacks packs of kWidth elements; the
// step is the same for the whole grid, so its switch costs a few instructions for all of them and
// copies, single ops and chains of about ten steps run at memory bandwidth: a device has some 50
// instructions for each float it reads and writes (4.3 TB/s, 132 x 128 lanes at 1.7 GHz).
#include "kernels/chain.h"
#include "kernels/cuda/chain_code.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/cast.h"
#include "kernels/cuda/device/nest.h"
#include "kernels/cuda/device/step.h"

namespace pydl::PYDL_GPU {
namespace {

enum class Reading : uint8_t {
  kDense,  // as the result
  kScalar,  // one element for all
  kRows,  // whole packs lie in a row of the operand
  kRowValue,  // one element for a pack
  kElements,  // each element elsewhere
};

struct Operand {
  const void* data;
  Reading reading;
  bool is_bool;  // bytes, read as 0 and 1
  bool packed;  // whole packs may be read at once
};

template <class T>
struct ChainArguments {
  int64_t count;
  Loops loops;
  ChainCode code;
  Operand operands[kMaxOperands];
  int64_t strides[kMaxOperands][kMaxDims];
  void* outputs[kMaxResults];
  bool outputs_packed;
  bool bool_result;
  T literals[kMaxSteps * kMaxStepArgs];
};

// Which elements a thread computes: pack p of a tile starts at base + (p * threads + thread) *
// width, so that neighbouring threads access neighbouring packs.
struct Place {
  int64_t base;
  bool whole;  // all elements of the block's tile exist
};

template <class T>
__device__ __forceinline__ int64_t pack_start(const Place& place, int p) {
  const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * kWidth<T>;
  return place.base + at;
}

template <class T>
__device__ __forceinline__ T read_value(const Operand& operand, int64_t at) {
  if (operand.is_bool) return T(static_cast<const uint8_t*>(operand.data)[at] != 0);
  return static_cast<const T*>(operand.data)[at];
}

template <class T>
__device__ __forceinline__ void fill_pack(Pack<T, kWidth<T>>* pack, T value) {
#pragma unroll
  for (int v = 0; v < kWidth<T>; ++v) pack->at[v] = value;
}

template <class T>
__device__ __forceinline__ void fill_tile(Tile<T>* x, T value) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p) fill_pack(&x->packs[p], value);
}

template <class T>
__device__ __forceinline__ void read_pack(const Operand& operand, int64_t at,
                                          Pack<T, kWidth<T>>* pack) {
  if (!operand.is_bool) {
    *pack = load_pack<kWidth<T>>(static_cast<const T*>(operand.data) + at);
    return;
  }
  const Pack<uint8_t, kWidth<T>> bytes =
      load_pack<kWidth<T>>(static_cast<const uint8_t*>(operand.data) + at);
#pragma unroll
  for (int v = 0; v < kWidth<T>; ++v) pack->at[v] = T(bytes.at[v] != 0);
}

// The tile at the end, misaligned operands and those whose rows packs do not divide.
template <class T>
__device__ __forceinline__ void read_elements(const ChainArguments<T>& p, int k, const Place& place,
                                              Tile<T>* x) {
  const Operand& operand = p.operands[k];
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t start = pack_start<T>(place, q);
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      const int64_t i = start + v;
      T value = T(0);
      if (place.whole || i < p.count) {
        const bool dense = operand.reading == Reading::kDense;
        value = read_value<T>(operand, dense ? i : offset_of(p.loops, p.strides[k], i));
      }
      x->packs[q].at[v] = value;
    }
  }
}

template <class T>
__device__ __forceinline__ void read_operand(const ChainArguments<T>& p, int k, const Place& place,
                                             Tile<T>* x) {
  const Operand& operand = p.operands[k];
  if (operand.reading == Reading::kScalar) return fill_tile(x, read_value<T>(operand, 0));
  if (!place.whole || !operand.packed) return read_elements(p, k, place, x);
  if (operand.reading == Reading::kDense) {
#pragma unroll
    for (int q = 0; q < kPacks; ++q) {
      read_pack<T>(operand, pack_start<T>(place, q), &x->packs[q]);
    }
    return;
  }
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t at = offset_of(p.loops, p.strides[k], pack_start<T>(place, q));
    if (operand.reading == Reading::kRows) {
      read_pack<T>(operand, at, &x->packs[q]);
    } else {
      fill_pack(&x->packs[q], read_value<T>(operand, at));
    }
  }
}

// Slot `slot` of pack `q` of this thread; no other thread touches it.
template <class T>
__device__ __forceinline__ T* slot_pack(T* slots, int slot, int q) {
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  return slots + ((slot * kPacks + q) * threads + thread) * kWidth<T>;
}

template <class T>
__device__ __forceinline__ void save_slot(T* slots, int slot, const Tile<T>& x) {
#pragma unroll
  for (int q = 0; q < kPacks; ++q) store_pack(slot_pack(slots, slot, q), x.packs[q]);
}

template <class T>
__device__ __forceinline__ void read_slot(T* slots, int slot, Tile<T>* x) {
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    x->packs[q] = load_pack<kWidth<T>>(slot_pack(slots, slot, q));
  }
}

template <class T>
__device__ __forceinline__ void read_source(const ChainArguments<T>& p, T* slots, Source source,
                                            const Place& place, Tile<T>* x) {
  if (source < 0) return fill_tile(x, p.literals[-1 - source]);
  if (source >= kFirstSlot) return read_slot(slots, source - kFirstSlot, x);
  read_operand(p, source - kFirstOperand, place, x);
}

template <class T, class Stored>
__device__ __forceinline__ void write_as(const ChainArguments<T>& p, int output, const Place& place,
                                         const Tile<T>& x) {
  Stored* out = static_cast<Stored*>(p.outputs[output]);
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t start = pack_start<T>(place, q);
    Pack<Stored, kWidth<T>> pack;
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) pack.at[v] = static_cast<Stored>(x.packs[q].at[v]);
    if (place.whole && p.outputs_packed) {
      store_pack(out + start, pack);
      continue;
    }
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      if (start + v < p.count) out[start + v] = pack.at[v];
    }
  }
}

template <class T>
__device__ __forceinline__ void write_result(const ChainArguments<T>& p, int output,
                                             const Place& place, const Tile<T>& x) {
  if (p.bool_result) return write_as<T, uint8_t>(p, output, place, x);
  write_as<T, T>(p, output, place, x);
}

template <bool kRare, class T>
__device__ __forceinline__ void run_step(const ChainArguments<T>& p, int s, T* slots,
                                         const Place& place, Tile<T>* x) {
  const CodeStep& step = p.code.steps[s];
  Tile<T> y, z;
  // Backwards: the last result, in x, may be any of the arguments.
  for (int a = step.n_args - 1; a >= 0; --a) {
    Tile<T> value = *x;
    if (step.args[a] != kLast) read_source(p, slots, step.args[a], place, &value);
    if (a == 2) z = value;
    if (a == 1) y = value;
    if (a == 0) *x = value;
  }
  apply_step<kRare>(static_cast<Opcode>(step.op), x, y, z);
  if (step.save >= 0) save_slot(slots, step.save, *x);
}

constexpr int kThreads = 128;
constexpr int kResident = 6;  // blocks of a processor: 768 threads of 80 registers
constexpr int kRareResident = 4;  // 512 threads of 128

template <bool kRare, class T>
__global__ void __launch_bounds__(kThreads, kRare ? kRareResident : kResident)
    run_chain(const __grid_constant__ ChainArguments<T> p) {
  PYDL_DYNAMIC_SHARED(T, slots);
  const int64_t per_tile = int64_t{blockDim.x} * kWidth<T> * kPacks;
  for (int64_t base = blockIdx.x * per_tile; base < p.count; base += gridDim.x * per_tile) {
    const Place place = {base, base + per_tile <= p.count};
    Tile<T> x;
    for (int s = 0; s < p.code.n_steps; ++s) run_step<kRare>(p, s, slots, place, &x);
    for (int r = 0; r < p.code.n_results; ++r) {
      const Source source = p.code.results[r];
      if (source != kLast) read_slot(slots, source - kFirstSlot, &x);
      write_result(p, p.code.outputs[r], place, x);
    }
  }
}

// What bind fills; the pointers come with each call.
template <class T>
struct ChainParams {
  ChainArguments<T> arguments;
  int n_inputs, n_outputs;
  int threads;
  unsigned blocks;
  size_t shared_bytes;
};

template <class T>
bool may_pack(const void* data, bool is_bool) {
  return aligned(kWidth<T> * (is_bool ? 1 : sizeof(T)), static_cast<const char*>(data));
}

template <bool kRare, class T>
void launch_chain(const Call& call, int64_t) {
  const ChainParams<T>& p = *static_cast<const ChainParams<T>*>(call.params);
  ChainArguments<T> arguments = p.arguments;
  for (int k = 0; k < p.n_inputs; ++k) {
    Operand& operand = arguments.operands[k];
    operand.data = call.in[k];
    operand.packed =
        operand.reading != Reading::kElements && may_pack<T>(call.in[k], operand.is_bool);
  }
  arguments.outputs_packed = true;
  for (int r = 0; r < p.n_outputs; ++r) {
    arguments.outputs[r] = call.out[r];
    if (!may_pack<T>(call.out[r], arguments.bool_result)) arguments.outputs_packed = false;
  }
  launch(run_chain<kRare, T>, dim3(p.blocks), dim3(static_cast<unsigned>(p.threads)),
         p.shared_bytes, call.stream, arguments);
}

// Packs of `width` elements stay within rows when the innermost loop is a multiple of it.
Reading reading_of(const Nest& nest, int k, int width) {
  const int64_t* strides = nest.strides[k];
  const int last = nest.rank - 1;
  bool scalar = true, dense = true;
  int64_t stride = 1;
  for (int d = last; d >= 0; --d) {
    scalar = scalar && strides[d] == 0;
    dense = dense && strides[d] == stride;
    stride *= nest.dims[d];
  }
  if (scalar) return Reading::kScalar;
  if (dense) return Reading::kDense;
  if (nest.dims[last] % width != 0) return Reading::kElements;
  return strides[last] == 0 ? Reading::kRowValue : Reading::kRows;
}

template <class T>
void place_operands(const OpView& op, ChainParams<T>* p) {
  Nest nest;
  make_nest(op.in, op.n_in, op.out[0], &nest);
  p->n_inputs = op.n_in;
  p->arguments.loops = make_loops(nest.rank, nest.dims);
  for (int k = 0; k < op.n_in; ++k) {
    Operand& operand = p->arguments.operands[k];
    operand.reading = reading_of(nest, k, kWidth<T>);
    operand.is_bool = op.in[k].dtype == DType::kBool;
    for (int d = 0; d < nest.rank; ++d) p->arguments.strides[k][d] = nest.strides[k][d];
  }
}

constexpr int64_t kSlotBytes = 48 * 1024;  // of shared memory, on every device

// Many slots make blocks small.
template <class T>
void place_threads(const OpView& op, ChainParams<T>* p) {
  constexpr int64_t kElements = kWidth<T> * kPacks;
  const int64_t slot = kElements * static_cast<int64_t>(sizeof(T)) * p->arguments.code.n_slots;
  p->threads = kThreads;
  while (p->threads > 32 && slot * p->threads > kSlotBytes) p->threads /= 2;
  p->shared_bytes = static_cast<size_t>(slot * p->threads);
  const int64_t blocks_of_full_size = processors(op) * (kThreads / p->threads);
  p->blocks = stride_blocks(op.out[0].count, p->threads * kElements, blocks_of_full_size);
}

template <class T>
PieceFn chain_launcher(const ChainProgram& program) {
  if constexpr (kIsFloat<T>) {
    for (int s = 0; s < program.n_steps; ++s) {
      if (is_rare(program.steps[s].op)) return launch_chain<true, T>;
    }
  }
  return launch_chain<false, T>;
}

template <class T>
const char* bind_steps(const OpView& op, Binder* binder, Bound* bound) {
  static_assert(sizeof(ChainArguments<T>) <= kMaxArguments);
  constexpr int kFewSlots = 40;
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  ChainParams<T>* p = alloc_params<ChainParams<T>>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->arguments.count = op.out[0].count;
  p->arguments.bool_result = op.out[0].dtype == DType::kBool;
  p->n_outputs = op.n_out;
  make_chain_code(program, kFewSlots, &p->arguments.code);
  for (int k = 0; k < program.n_literals; ++k) {
    p->arguments.literals[k] = static_cast<T>(program.literals[k]);
  }
  place_operands(op, p);
  place_threads(op, p);
  return bind_piece(p, chain_launcher<T>(program), bound);
}

// The dtype the steps compute in.
DType chain_dtype(const OpView& op) {
  switch (op.op) {
    case Opcode::chain: return op.out[0].dtype;
    case Opcode::where: return op.in[1].dtype;
    default: return op.in[0].dtype;
  }
}

const char* bind_chain(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  const bool move = op.op == Opcode::copy || op.op == Opcode::where;
  const char* error = "dtype not supported";
  const auto bind = [&](auto t) { error = bind_steps<decltype(t)>(op, binder, bound); };
  switch (chain_dtype(op)) {
    case DType::kBool: bind(uint8_t()); break;
    case DType::kFloat16:
    case DType::kBFloat16:  // can only be moved
      if (move) bind(uint16_t());
      break;
    default: visit_number(chain_dtype(op), bind);
  }
  return error;
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

#define PYDL_STEP(op) {Opcode::op, #op "_gpu", bind_chain}
const Candidate kCandidates[] = {
    PYDL_STEP(neg),           PYDL_STEP(abs),
    PYDL_STEP(sign),          PYDL_STEP(square),
    PYDL_STEP(sqrt),          PYDL_STEP(rsqrt),
    PYDL_STEP(reciprocal),    PYDL_STEP(exp),
    PYDL_STEP(expm1),         PYDL_STEP(log),
    PYDL_STEP(log1p),         PYDL_STEP(tanh),
    PYDL_STEP(sigmoid),       PYDL_STEP(softplus),
    PYDL_STEP(erf),           PYDL_STEP(relu),
    PYDL_STEP(floor),         PYDL_STEP(sin),
    PYDL_STEP(cos),           PYDL_STEP(ceil),
    PYDL_STEP(round),         PYDL_STEP(trunc),
    PYDL_STEP(tan),           PYDL_STEP(asin),
    PYDL_STEP(acos),          PYDL_STEP(atan),
    PYDL_STEP(sinh),          PYDL_STEP(cosh),
    PYDL_STEP(asinh),         PYDL_STEP(acosh),
    PYDL_STEP(atanh),         PYDL_STEP(exp2),
    PYDL_STEP(log2),          PYDL_STEP(log10),
    PYDL_STEP(erfinv),        PYDL_STEP(lgamma),
    PYDL_STEP(digamma),       PYDL_STEP(logical_not),
    PYDL_STEP(isfinite),      PYDL_STEP(add),
    PYDL_STEP(sub),           PYDL_STEP(mul),
    PYDL_STEP(div),           PYDL_STEP(pow),
    PYDL_STEP(mod),           PYDL_STEP(floor_div),
    PYDL_STEP(atan2),         PYDL_STEP(maximum),
    PYDL_STEP(minimum),       PYDL_STEP(equal),
    PYDL_STEP(not_equal),     PYDL_STEP(less),
    PYDL_STEP(less_equal),    PYDL_STEP(greater),
    PYDL_STEP(greater_equal), PYDL_STEP(logical_and),
    PYDL_STEP(logical_or),    PYDL_STEP(relu_grad),
    PYDL_STEP(sigmoid_grad),  PYDL_STEP(tanh_grad),
    PYDL_STEP(bitwise_and),   PYDL_STEP(bitwise_or),
    PYDL_STEP(bitwise_xor),   PYDL_STEP(left_shift),
    PYDL_STEP(right_shift),   PYDL_STEP(bitwise_not),
    PYDL_STEP(where),         PYDL_STEP(copy),
    PYDL_STEP(chain),         {Opcode::cast, "cast_gpu", bind_cast},
};
#undef PYDL_STEP

}  // namespace

extern const Family kElementwiseFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
