// The interpreter of chains: a thread computes kPacks packs of kWidth elements, step by step. The
// step is the same for the whole grid, so its switch costs a few instructions for all of them.
//
// S is the type of operands and results in memory, T = Computed<S> that of the steps: a chain of
// 16-bit floats is one of floats, rounded where it is stored.
#pragma once

#include "kernels/chain.h"
#include "kernels/cuda/chain_code.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/nest.h"
#include "kernels/cuda/device/step.h"
#include "kernels/cuda/device/stored.h"

namespace pydl::PYDL_GPU {

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
  int64_t end;  // elements from here on do not exist
  bool whole;   // all elements of the block's tile do
};

template <class T>
__device__ __forceinline__ int64_t pack_start(const Place& place, int p) {
  const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * kWidth<T>;
  return place.base + at;
}

template <class S>
__device__ __forceinline__ Computed<S> read_value(const Operand& operand, int64_t at) {
  if (operand.is_bool) return Computed<S>(static_cast<const uint8_t*>(operand.data)[at] != 0);
  return widened(static_cast<const S*>(operand.data)[at]);
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

template <class S, class T = Computed<S>>
__device__ __forceinline__ void read_pack(const Operand& operand, int64_t at,
                                          Pack<T, kWidth<T>>* pack) {
  if (!operand.is_bool) {
    *pack = load_widened<kWidth<T>>(static_cast<const S*>(operand.data) + at);
    return;
  }
  const Pack<uint8_t, kWidth<T>> bytes =
      load_pack<kWidth<T>>(static_cast<const uint8_t*>(operand.data) + at);
#pragma unroll
  for (int v = 0; v < kWidth<T>; ++v) pack->at[v] = T(bytes.at[v] != 0);
}

// The tile at the end, misaligned operands and those whose rows packs do not divide.
template <class S, class T = Computed<S>>
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
      if (place.whole || i < place.end) {
        const bool dense = operand.reading == Reading::kDense;
        value = read_value<S>(operand, dense ? i : offset_of(p.loops, p.strides[k], i));
      }
      x->packs[q].at[v] = value;
    }
  }
}

template <class S, class T = Computed<S>>
__device__ __forceinline__ void read_operand(const ChainArguments<T>& p, int k, const Place& place,
                                             Tile<T>* x) {
  const Operand& operand = p.operands[k];
  if (operand.reading == Reading::kScalar) return fill_tile(x, read_value<S>(operand, 0));
  if (!place.whole || !operand.packed) return read_elements<S>(p, k, place, x);
  if (operand.reading == Reading::kDense) {
#pragma unroll
    for (int q = 0; q < kPacks; ++q) {
      read_pack<S>(operand, pack_start<T>(place, q), &x->packs[q]);
    }
    return;
  }
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t at = offset_of(p.loops, p.strides[k], pack_start<T>(place, q));
    if (operand.reading == Reading::kRows) {
      read_pack<S>(operand, at, &x->packs[q]);
    } else {
      fill_pack(&x->packs[q], read_value<S>(operand, at));
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

template <class S, class T = Computed<S>>
__device__ __forceinline__ void read_source(const ChainArguments<T>& p, T* slots, Source source,
                                            const Place& place, Tile<T>* x) {
  if (source < 0) return fill_tile(x, p.literals[-1 - source]);
  if (source >= kFirstSlot) return read_slot(slots, source - kFirstSlot, x);
  read_operand<S>(p, source - kFirstOperand, place, x);
}

template <class Stored, class T>
__device__ __forceinline__ void write_as(const ChainArguments<T>& p, int output, const Place& place,
                                         const Tile<T>& x) {
  Stored* out = static_cast<Stored*>(p.outputs[output]);
#pragma unroll
  for (int q = 0; q < kPacks; ++q) {
    const int64_t start = pack_start<T>(place, q);
    Pack<Stored, kWidth<T>> pack;
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      if constexpr (kIsHalf<Stored>) {
        pack.at[v] = narrowed<Stored>(x.packs[q].at[v]);
      } else {
        pack.at[v] = static_cast<Stored>(x.packs[q].at[v]);
      }
    }
    if (place.whole && p.outputs_packed) {
      store_pack(out + start, pack);
      continue;
    }
#pragma unroll
    for (int v = 0; v < kWidth<T>; ++v) {
      if (start + v < place.end) out[start + v] = pack.at[v];
    }
  }
}

template <class S, class T = Computed<S>>
__device__ __forceinline__ void write_result(const ChainArguments<T>& p, int output,
                                             const Place& place, const Tile<T>& x) {
  if (p.bool_result) return write_as<uint8_t>(p, output, place, x);
  write_as<S>(p, output, place, x);
}

template <bool kRare, class S, class T = Computed<S>>
__device__ __forceinline__ void run_step(const ChainArguments<T>& p, int s, T* slots,
                                         const Place& place, Tile<T>* x) {
  const CodeStep& step = p.code.steps[s];
  Tile<T> y, z;
  // Backwards: the last result, in x, may be any of the arguments.
  for (int a = step.n_args - 1; a >= 0; --a) {
    Tile<T> value = *x;
    if (step.args[a] != kLast) read_source<S>(p, slots, step.args[a], place, &value);
    if (a == 2) z = value;
    if (a == 1) y = value;
    if (a == 0) *x = value;
  }
  apply_step<kRare>(static_cast<Opcode>(step.op), x, y, z);
  if (step.save >= 0) save_slot(slots, step.save, *x);
}

// --- host code

constexpr int kThreads = 128;
constexpr int kResident = 6;  // blocks of a processor: 768 threads of 80 registers
constexpr int kRareResident = 4;  // 512 threads of 128

// What bind fills; the pointers come with each call.
template <class T>
struct ChainParams {
  ChainArguments<T> arguments;
  int n_inputs, n_outputs;
  int threads;
  unsigned blocks;
  size_t shared_bytes;
};

template <class S>
bool may_pack(const void* data, bool is_bool) {
  return aligned(kWidth<Computed<S>> * (is_bool ? 1 : sizeof(S)), static_cast<const char*>(data));
}

// The call's pointers. `in_step`: rows begin at whole packs.
template <class S, class T = Computed<S>>
ChainArguments<T> with_pointers(const ChainParams<T>& p, const Call& call, bool in_step) {
  ChainArguments<T> arguments = p.arguments;
  for (int k = 0; k < p.n_inputs; ++k) {
    Operand& operand = arguments.operands[k];
    operand.data = call.in[k];
    operand.packed = in_step && operand.reading != Reading::kElements &&
                     may_pack<S>(call.in[k], operand.is_bool);
  }
  arguments.outputs_packed = in_step;
  for (int r = 0; r < p.n_outputs; ++r) {
    arguments.outputs[r] = call.out[r];
    if (!may_pack<S>(call.out[r], arguments.bool_result)) arguments.outputs_packed = false;
  }
  return arguments;
}

// Packs of `width` elements stay within rows when the innermost loop is a multiple of it.
inline Reading reading_of(const Nest& nest, int k, int width) {
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

// `full`: the shape the operands broadcast to.
template <class T>
void place_operands(const OpView& op, const TensorView& full, ChainParams<T>* p) {
  Nest nest;
  make_nest(op.in, op.n_in, full, &nest);
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
void place_threads(ChainParams<T>* p) {
  constexpr int64_t kElements = kWidth<T> * kPacks;
  const int64_t slot = kElements * static_cast<int64_t>(sizeof(T)) * p->arguments.code.n_slots;
  p->threads = kThreads;
  while (p->threads > 32 && slot * p->threads > kSlotBytes) p->threads /= 2;
  p->shared_bytes = static_cast<size_t>(slot * p->threads);
}

// Everything but the pointers and the grid.
template <class T>
void describe_chain(const OpView& op, const TensorView& full, const ChainProgram& program,
                    ChainParams<T>* p) {
  static_assert(sizeof(ChainArguments<T>) <= kMaxArguments);
  constexpr int kFewSlots = 40;
  p->arguments.count = full.count;
  p->arguments.bool_result = op.out[0].dtype == DType::kBool;
  p->n_outputs = op.n_out;
  make_chain_code(program, kFewSlots, &p->arguments.code);
  for (int k = 0; k < program.n_literals; ++k) {
    p->arguments.literals[k] = static_cast<T>(program.literals[k]);
  }
  place_operands(op, full, p);
  place_threads(p);
}

template <class T>
bool has_rare_step(const ChainProgram& program) {
  if constexpr (!kIsFloat<T>) return false;
  for (int s = 0; s < program.n_steps; ++s) {
    if (is_rare(program.steps[s].op)) return true;
  }
  return false;
}

}  // namespace pydl::PYDL_GPU
