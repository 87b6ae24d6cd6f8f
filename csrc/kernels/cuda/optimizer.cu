// Optimizer updates: all variables in few launches. The addresses are known only when a run begins,
// so a launch carries them by value, in a table of as many tensors as its arguments have room for
// (82 for adam in place). Every block works on one part of one tensor and finds it in the table.
//
// adam moves 28 bytes an element: 25 M parameters take 163 us at 4.3 TB/s; the 40 instructions an
// element hide behind that.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/reduce.h"
#include "kernels/cuda/device/table.h"
#include "kernels/cuda/device/update_element.h"
#include "kernels/cuda/device/vector.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;

// --- updates

// Streams of an entry: var, grad, slots; unless in place also var', slots'.
template <class Rule, bool kInPlace>
constexpr int kStreams = kInPlace ? 2 + Rule::kSlots : 3 + 2 * Rule::kSlots;

// Scalars in device memory.
struct Scalars {
  const float* lr;
  const float* scale;  // of each variable, or nullptr
  const float* decay;  // or nullptr
};

template <class T, class Rule>
struct Update {
  Constants<T> constants;

  __forceinline__ __device__ void apply(Element<T>* e) const {
    e->grad = prepared(constants, e->grad);
    e->var *= constants.keep;
    Rule::apply(constants, e);
  }

  // The n elements from `at` on; n > 1: 16-byte accesses.
  template <int n, bool kInPlace, int kPacks>
  __forceinline__ __device__ void run(const Entry<kStreams<Rule, kInPlace>>& entry, uint32_t at,
                                      uint32_t end) const {
    constexpr int kIn = 2 + Rule::kSlots;
    Pack<T, n> in[kIn][kPacks];
#pragma unroll
    for (int j = 0; j < kPacks; ++j) {
      const uint32_t i = at + j * kThreads * n;
#pragma unroll
      for (int s = 0; s < kIn; ++s) {
        if (i < end) in[s][j] = load_pack<n>(static_cast<const T*>(entry.pointers[s]) + i);
      }
    }
#pragma unroll
    for (int j = 0; j < kPacks; ++j) {
      const uint32_t i = at + j * kThreads * n;
      if (i >= end) break;
#pragma unroll
      for (int k = 0; k < n; ++k) {
        Element<T> e;
        e.var = in[0][j].at[k];
        e.grad = in[1][j].at[k];
        for (int s = 0; s < Rule::kSlots; ++s) e.slots[s] = in[2 + s][j].at[k];
        apply(&e);
        in[0][j].at[k] = e.var;
        for (int s = 0; s < Rule::kSlots; ++s) in[2 + s][j].at[k] = e.slots[s];
      }
#pragma unroll
      for (int s = 0; s < kIn; ++s) {
        if (s == 1) continue;
        const int target = kInPlace ? s : s == 0 ? kIn : kIn + s - 1;
        store_pack(static_cast<T*>(entry.pointers[target]) + i, in[s][j]);
      }
    }
  }
};

template <class T, class Rule, bool kInPlace>
__global__ void __launch_bounds__(kThreads)
    update(Table<kStreams<Rule, kInPlace>> table, Scalars scalars, Constants<T> constants) {
  constexpr int kWide = kVector<T>, kPacks = 2;
  const auto& entry = table.find(blockIdx.x);
  Update<T, Rule> rule = {constants};
  rule.constants.lr = static_cast<T>(*scalars.lr);
  rule.constants.scale =
      scalars.scale == nullptr ? T(1) : static_cast<T>(scalars.scale[entry.variable]);
  rule.constants.keep = entry.decays ? static_cast<T>(1.0 - double(*scalars.decay)) : T(1);
  const uint32_t begin = (blockIdx.x - entry.first_block) * table.part;
  const uint32_t rest = entry.count - begin;
  const uint32_t end = begin + (rest < table.part ? rest : table.part);
  const uint32_t packed = entry.aligned ? end - (end - begin) % kWide : begin;
  for (uint32_t i = begin + threadIdx.x * kWide; i < packed; i += kThreads * kWide * kPacks) {
    rule.template run<kWide, kInPlace, kPacks>(entry, i, packed);
  }
  for (uint32_t i = packed + threadIdx.x; i < end; i += kThreads * kPacks) {
    rule.template run<1, kInPlace, kPacks>(entry, i, end);
  }
}

struct Variable {
  int64_t count;
  bool is_double, decays;
};

struct UpdateParams {
  UpdateRule rule;
  int64_t part;  // elements of a block
  Variable variables[1];  // rule.n of them
};

bool in_place(const Call& call, const UpdateRule& rule) {
  for (int i = 0; i < rule.n; ++i) {
    const void* const* in = call.in + input_group(rule, i);
    const void* const* out = call.out + output_group(rule, i);
    if (in[0] != out[0]) return false;
    for (int s = 0; s < rule.n_slots; ++s) {
      if (in[2 + s] != out[1 + s]) return false;
    }
  }
  return true;
}

// Launches for the variables of type T.
template <class T, class Rule, bool kInPlace>
void enqueue_updates(const Call& call) {
  constexpr int kPointers = kStreams<Rule, kInPlace>, kIn = 2 + Rule::kSlots;
  const UpdateParams& p = *static_cast<const UpdateParams*>(call.params);
  const UpdateRule& rule = p.rule;
  const auto scalar = [&](int operand) {
    return operand < 0 ? nullptr : static_cast<const float*>(call.in[operand]);
  };
  const Scalars scalars = {scalar(0), scalar(rule.scale), scalar(rule.decay)};
  const Constants<T> constants = make_constants<T>(rule);
  const auto start = [&](const Table<kPointers>& table, unsigned blocks) {
    launch(update<T, Rule, kInPlace>, dim3(blocks), dim3(kThreads), 0, call.stream, table, scalars,
           constants);
  };
  Batch<kPointers, decltype(start)> batch(p.part, start);
  for (int i = 0; i < rule.n; ++i) {
    if (p.variables[i].is_double != (sizeof(T) == sizeof(double))) continue;
    Entry<kPointers> entry = {};
    for (int s = 0; s < kIn; ++s) {
      entry.pointers[s] = const_cast<void*>(call.in[input_group(rule, i) + s]);
    }
    for (int s = kIn; s < kPointers; ++s) {
      entry.pointers[s] = call.out[output_group(rule, i) + s - kIn];
    }
    entry.variable = i;
    entry.decays = p.variables[i].decays;
    batch.add(entry, p.variables[i].count, sizeof(T));
  }
  batch.flush();
}

template <class Rule>
void run_update(const Call& call, int64_t) {
  const UpdateParams& p = *static_cast<const UpdateParams*>(call.params);
  if (in_place(call, p.rule)) {
    enqueue_updates<float, Rule, true>(call);
    enqueue_updates<double, Rule, true>(call);
  } else {
    enqueue_updates<float, Rule, false>(call);
    enqueue_updates<double, Rule, false>(call);
  }
}

PieceFn choose_rmsprop(const UpdateRule& rule) {
  if (rule.centered) {
    return rule.momentum > 0.0 ? run_update<RmsProp<true, true>> : run_update<RmsProp<true, false>>;
  }
  return rule.momentum > 0.0 ? run_update<RmsProp<false, true>> : run_update<RmsProp<false, false>>;
}

PieceFn choose_update(const UpdateRule& rule) {
  switch (rule.op) {
    case Opcode::sgd_update:
      if (rule.n_slots == 0) return run_update<Sgd>;
      return rule.nesterov ? run_update<Momentum<true>> : run_update<Momentum<false>>;
    case Opcode::adam_update:
      return rule.amsgrad ? run_update<Adam<true>> : run_update<Adam<false>>;
    case Opcode::rmsprop_update: return choose_rmsprop(rule);
    default: return run_update<Adagrad>;
  }
}

// Elements of a block: few for small models, to reach all processors; many for large ones, since a
// block begins with the search in its table.
int64_t choose_part(int64_t elements, int64_t processors) {
  constexpr int64_t kUnit = kThreads * 8, kMost = 8 * kUnit;
  const int64_t share = elements / (processors * kBlocksPerProcessor);
  const int64_t part = ceil_div(share, kUnit) * kUnit;
  return part < kUnit ? kUnit : part > kMost ? kMost : part;
}

const char* bind_update(const OpView& op, Binder* binder, Bound* bound) {
  UpdateRule rule;
  const char* error = read_update_rule(op, &rule);
  if (error != nullptr) return error;
  const size_t bytes = sizeof(UpdateParams) + sizeof(Variable) * static_cast<size_t>(rule.n);
  UpdateParams* p = static_cast<UpdateParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  p->rule = rule;
  const int64_t* mask = nullptr;
  const int n_mask = attr_ints(op, "decay_mask", &mask);
  int64_t elements = 0;
  for (int i = 0; i < rule.n; ++i) {
    const TensorView& x = op.in[input_group(rule, i)];
    if (x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) return "dtype not supported";
    const bool decays = rule.decay >= 0 && i < n_mask && mask[i] != 0;
    p->variables[i] = {x.count, x.dtype == DType::kFloat64, decays};
    elements += x.count;
  }
  if (elements == 0) return nullptr;
  p->part = choose_part(elements, processors(op));
  return bind_piece(p, choose_update(rule), bound);
}

// --- square_norms: a sum of each part in double, then the parts of each tensor in order

constexpr int64_t kNormPart = kThreads * 32;  // elements: fixed, it decides the order of the sum

// A tensor's parts in the list of all parts.
struct Parts {
  int64_t first, end;
};
constexpr int kPartsEntries = static_cast<int>(kTableBytes / sizeof(Parts));
struct PartsTable {
  Parts tensors[kPartsEntries];
};

__forceinline__ __device__ float square(float x) { return x * x; }
__forceinline__ __device__ double square(double x) { return x * x; }

// Sums of 4 or 2 squares in T, of those in double. The order is the same without 16-byte accesses.
template <class T>
__global__ void __launch_bounds__(kThreads) sum_squares(Table<1> table, double* sums) {
  constexpr int kWide = kVector<T>, kPacks = 4;
  const Entry<1>& entry = table.find(blockIdx.x);
  const T* x = static_cast<const T*>(entry.pointers[0]);
  const uint32_t begin = (blockIdx.x - entry.first_block) * table.part;
  const uint32_t rest = entry.count - begin;
  const uint32_t end = begin + (rest < table.part ? rest : table.part);
  double total = 0.0;
  for (uint32_t i = begin + threadIdx.x * kWide; i < end; i += kThreads * kWide * kPacks) {
    Pack<T, kWide> packs[kPacks] = {};
#pragma unroll
    for (int j = 0; j < kPacks; ++j) {
      const uint32_t at = i + j * kThreads * kWide;
      if (entry.aligned && at + kWide <= end) {
        packs[j] = load_pack<kWide>(x + at);
      } else {
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          if (at + k < end) packs[j].at[k] = x[at + k];
        }
      }
    }
#pragma unroll
    for (int j = 0; j < kPacks; ++j) {
      T sum = square(packs[j].at[0]);
#pragma unroll
      for (int k = 1; k < kWide; ++k) sum += square(packs[j].at[k]);
      total += static_cast<double>(sum);
    }
  }
  total = block_sum(total);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

// A warp for each tensor.
__global__ void __launch_bounds__(kThreads)
    add_parts(PartsTable table, int n, const double* sums, float* out) {
  const int tensor = static_cast<int>((blockIdx.x * kThreads + threadIdx.x) / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (tensor >= n) return;
  double total = 0.0;
  for (int64_t k = table.tensors[tensor].first + lane; k < table.tensors[tensor].end; k += 32) {
    total += sums[k];
  }
  total = warp_sum(total);
  if (lane == 0) out[tensor] = static_cast<float>(total);
}

// Parts are counted over the float32 tensors, then over the float64 ones: the order of the
// launches.
struct Tensor {
  int64_t count;
  Parts parts;
  bool is_double;
};

struct NormParams {
  int n;
  Tensor tensors[1];  // n of them
};

// `done` parts have been launched before.
template <class T>
void enqueue_squares(const Call& call, const NormParams& p, int64_t* done) {
  double* sums = reinterpret_cast<double*>(call.scratch);
  const auto start = [&](const Table<1>& table, unsigned blocks) {
    launch(sum_squares<T>, dim3(blocks), dim3(kThreads), 0, call.stream, table, sums + *done);
    *done += blocks;
  };
  Batch<1, decltype(start)> batch(kNormPart, start);
  for (int i = 0; i < p.n; ++i) {
    if (p.tensors[i].is_double != (sizeof(T) == sizeof(double))) continue;
    Entry<1> entry = {};
    entry.pointers[0] = const_cast<void*>(call.in[i]);
    batch.add(entry, p.tensors[i].count, sizeof(T));
  }
  batch.flush();
}

void run_square_norms(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  int64_t done = 0;
  enqueue_squares<float>(call, p, &done);
  enqueue_squares<double>(call, p, &done);
  for (int first = 0; first < p.n; first += kPartsEntries) {
    PartsTable table = {};
    const int n = p.n - first < kPartsEntries ? p.n - first : kPartsEntries;
    for (int k = 0; k < n; ++k) table.tensors[k] = p.tensors[first + k].parts;
    launch(add_parts, dim3(static_cast<unsigned>(ceil_div(n * 32, kThreads))), dim3(kThreads), 0,
           call.stream, table, n, reinterpret_cast<const double*>(call.scratch),
           static_cast<float*>(call.out[0]) + first);
  }
}

const char* bind_square_norms(const OpView& op, Binder* binder, Bound* bound) {
  if (op.n_in == 0) return nullptr;
  const size_t bytes = sizeof(NormParams) + sizeof(Tensor) * static_cast<size_t>(op.n_in);
  NormParams* p = static_cast<NormParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  p->n = op.n_in;
  int64_t parts = 0;
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (int i = 0; i < p->n; ++i) {
      const TensorView& x = op.in[i];
      if (x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) return "dtype not supported";
      if (x.dtype != dtype) continue;
      const int64_t first = parts;
      parts += ceil_div(x.count, kNormPart);
      p->tensors[i] = {x.count, {first, parts}, dtype == DType::kFloat64};
    }
  }
  bound->scratch_bytes = parts * static_cast<int64_t>(sizeof(double));
  return bind_piece(p, run_square_norms, bound);
}

const Candidate kCandidates[] = {
    {Opcode::sgd_update, "sgd_update_tables", bind_update},
    {Opcode::adam_update, "adam_update_tables", bind_update},
    {Opcode::rmsprop_update, "rmsprop_update_tables", bind_update},
    {Opcode::adagrad_update, "adagrad_update_tables", bind_update},
    {Opcode::square_norms, "square_norms_tables", bind_square_norms},
};

}  // namespace

extern const Family kOptimizerFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
