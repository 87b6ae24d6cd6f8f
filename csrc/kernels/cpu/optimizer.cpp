// Optimizer updates: one pass over all variables. Bind cuts them into chunks and gives each piece
// a run of chunks; a chunk reads and writes every stream once, vector by vector, so results may be
// the operands themselves.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/update_element.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kChunk = 16384;             // elements: 64 KB of each float32 stream
constexpr int64_t kPieceBytes = 192 * 1024;   // of all streams of a piece's chunks
constexpr int64_t kSmallSlice = 64;           // elements: a smaller slice is not worth cutting
constexpr int64_t kLineFloats = 16;
// An update of more bytes than caches hold reads each stream in bursts, which memory prefers to
// turns of a line from each of four to seven: 42 instead of 37 GB/s.
constexpr int64_t kFarBytes = 96 * 1024 * 1024;
constexpr int64_t kBurst = 256;  // elements

struct Chunk {
  int variable;
  bool is_double, decays;
  int64_t begin, count;
};

struct ChunkTable {
  bool far;  // more bytes than caches hold
  int64_t n_chunks, n_pieces;
  Chunk* chunks;
  int64_t* first;  // first chunk of each piece, and the end
};

struct UpdateParams {
  UpdateRule rule;
  ChunkTable table;
};

template <class T>
Constants<T> constants_of(const UpdateRule& rule, const Call& call, const Chunk& chunk) {
  double scale = 1.0, keep = 1.0;
  if (rule.scale >= 0) scale = static_cast<const float*>(call.in[rule.scale])[chunk.variable];
  if (chunk.decays) keep = 1.0 - double(*static_cast<const float*>(call.in[rule.decay]));
  return make_constants<T>(rule, call, scale, keep);
}

template <class T, class Rule>
struct Streams {
  const T* in[2 + Rule::kSlots];
  T* out[1 + Rule::kSlots];
};

// kFull: all lanes.
template <class T, class Rule, bool kPrepare, bool kFull>
PYDL_INLINE void update_vector(const UpdateRule& rule, const Constants<T>& c,
                               const Streams<T, Rule>& s, int64_t i, int lanes) {
  Element<T> e;
  e.var = kFull ? load(s.in[0] + i) : load_n(s.in[0] + i, lanes);
  e.grad = kFull ? load(s.in[1] + i) : load_n(s.in[1] + i, lanes);
  for (int k = 0; k < Rule::kSlots; ++k) {
    e.slots[k] = kFull ? load(s.in[2 + k] + i) : load_n(s.in[2 + k] + i, lanes);
  }
  if constexpr (kPrepare) prepare(rule, c, &e);
  Rule::apply(c, &e);
  if constexpr (kFull) {
    store(s.out[0] + i, e.var);
    for (int k = 0; k < Rule::kSlots; ++k) store(s.out[1 + k] + i, e.slots[k]);
  } else {
    store_n(s.out[0] + i, e.var, lanes);
    for (int k = 0; k < Rule::kSlots; ++k) store_n(s.out[1 + k] + i, e.slots[k], lanes);
  }
}

template <class T, class Rule>
void prefetch_burst(const Streams<T, Rule>& s, int64_t i) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int k = 0; k < 2 + Rule::kSlots; ++k) {
    for (int64_t j = i; j < i + kBurst; j += kLine) prefetch_far(s.in[k] + j);
  }
}

template <class T, class Rule, bool kPrepare>
void update_span(const UpdateRule& rule, const Constants<T>& c, const Streams<T, Rule>& s,
                 int64_t n, bool far) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    if (far && i % kBurst == 0) prefetch_burst<T, Rule>(s, i + kBurst);
    update_vector<T, Rule, kPrepare, true>(rule, c, s, i, kLanes<T>);
  }
  if (i < n) update_vector<T, Rule, kPrepare, false>(rule, c, s, i, static_cast<int>(n - i));
}

template <class T, class Rule>
void update_chunk(const UpdateRule& rule, const Call& call, const Chunk& chunk, bool far) {
  const Constants<T> c = constants_of<T>(rule, call, chunk);
  const void* const* in = call.in + input_group(rule, chunk.variable);
  void* const* out = call.out + output_group(rule, chunk.variable);
  Streams<T, Rule> s;
  for (int k = 0; k < 2 + Rule::kSlots; ++k) s.in[k] = static_cast<const T*>(in[k]) + chunk.begin;
  for (int k = 0; k < 1 + Rule::kSlots; ++k) s.out[k] = static_cast<T*>(out[k]) + chunk.begin;
  if (rule.scale >= 0 || rule.clip > 0.0 || chunk.decays) {
    update_span<T, Rule, true>(rule, c, s, chunk.count, far);
  } else {
    update_span<T, Rule, false>(rule, c, s, chunk.count, far);
  }
}

template <class Rule>
void run_update(const Call& call, int64_t piece) {
  const UpdateParams& p = *static_cast<const UpdateParams*>(call.params);
  for (int64_t k = p.table.first[piece]; k < p.table.first[piece + 1]; ++k) {
    const Chunk& chunk = p.table.chunks[k];
    if (chunk.is_double) {
      update_chunk<double, Rule>(p.rule, call, chunk, p.table.far);
    } else {
      update_chunk<float, Rule>(p.rule, call, chunk, p.table.far);
    }
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

// Cuts tensors `operand(i)`, i < n, into chunks and those into pieces.
template <class OperandOf>
const char* make_table(const OpView& op, int n, int64_t streams, OperandOf operand_of,
                       Binder* binder, ChunkTable* table) {
  int64_t n_chunks = 0;
  for (int i = 0; i < n; ++i) n_chunks += piece_count(op.in[operand_of(i)].count, kChunk);
  table->chunks = alloc_params<Chunk>(binder, n_chunks + 1);
  table->first = alloc_params<int64_t>(binder, n_chunks + 2);
  if (table->chunks == nullptr || table->first == nullptr) return kOutOfMemory;
  int64_t bytes = 0;
  for (int i = 0; i < n; ++i) {
    const TensorView& x = op.in[operand_of(i)];
    if (x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) return "dtype not supported";
    for (int64_t begin = 0; begin < x.count; begin += kChunk) {
      const int64_t count = x.count - begin < kChunk ? x.count - begin : kChunk;
      if (table->n_pieces == 0 || bytes >= kPieceBytes) {
        table->first[table->n_pieces++] = table->n_chunks;
        bytes = 0;
      }
      bytes += count * streams * dtype_size(x.dtype);
      table->chunks[table->n_chunks++] = {i, x.dtype == DType::kFloat64, false, begin, count};
    }
  }
  table->first[table->n_pieces] = table->n_chunks;
  return nullptr;
}

// Where part k of n of `count` elements begins: at a cache line.
PYDL_INLINE int64_t share_begin(int64_t count, int64_t k, int64_t n) {
  return k == n ? count : count * k / n / kLineFloats * kLineFloats;
}

// The part of a variable that piece k of n updates.
PYDL_INLINE Chunk piece_of(const TensorView& x, int64_t k, int64_t n) {
  Chunk chunk = {};
  chunk.begin = share_begin(x.count, k, n);
  chunk.count = share_begin(x.count, k + 1, n) - chunk.begin;
  return chunk;
}

// Cuts an update so that piece k has the k-th part of every large variable: the thread that made
// this part of the gradient (products are cut by rows, too) has it in its cache. Small variables
// go whole to one piece.
template <class OperandOf>
const char* make_slices(const OpView& op, int n, int64_t streams, OperandOf operand_of,
                        Binder* binder, ChunkTable* table) {
  int64_t bytes = 0;
  for (int i = 0; i < n; ++i) {
    const TensorView& x = op.in[operand_of(i)];
    if (x.dtype != DType::kFloat32 && x.dtype != DType::kFloat64) return "dtype not supported";
    bytes += x.count * streams * dtype_size(x.dtype);
  }
  if (bytes == 0) return nullptr;
  table->far = bytes > kFarBytes;
  const int64_t wanted = bytes / kPieceBytes / 2 * 2;
  const int64_t pieces = wanted < 1 ? 1 : wanted > kMaxPieces ? kMaxPieces : wanted;
  table->chunks = alloc_params<Chunk>(binder, pieces * n);
  table->first = alloc_params<int64_t>(binder, pieces + 1);
  if (table->chunks == nullptr || table->first == nullptr) return kOutOfMemory;
  for (int64_t k = 0; k < pieces; ++k) {
    table->first[k] = table->n_chunks;
    for (int i = 0; i < n; ++i) {
      const TensorView& x = op.in[operand_of(i)];
      const bool whole = x.count < pieces * kSmallSlice;
      if (whole && i % pieces != k) continue;
      Chunk chunk = whole ? piece_of(x, 0, 1) : piece_of(x, k, pieces);
      chunk.variable = i;
      chunk.is_double = x.dtype == DType::kFloat64;
      table->chunks[table->n_chunks++] = chunk;
    }
  }
  table->n_pieces = pieces;
  table->first[pieces] = table->n_chunks;
  return nullptr;
}

const char* bind_update(const OpView& op, Binder* binder, Bound* bound) {
  UpdateParams* p = alloc_params<UpdateParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const char* error = read_update_rule(op, &p->rule);
  if (error != nullptr) return error;
  const UpdateRule& rule = p->rule;
  const int64_t streams = 3 + 2 * rule.n_slots;
  error = make_slices(
      op, rule.n, streams, [&](int i) { return input_group(rule, i); }, binder, &p->table);
  if (error != nullptr) return error;
  const int64_t* mask = nullptr;
  const int n_mask = attr_ints(op, "decay_mask", &mask);
  for (int64_t k = 0; k < p->table.n_chunks; ++k) {
    Chunk& chunk = p->table.chunks[k];
    chunk.decays = rule.decay >= 0 && chunk.variable < n_mask && mask[chunk.variable] != 0;
  }
  if (p->table.n_pieces == 0) return nullptr;
  bound->params = p;
  bound->phases[0] = {choose_update(rule), p->table.n_pieces};
  bound->n_phases = 1;
  return nullptr;
}

// --- square_norms: a sum per chunk, then the chunks of each tensor in order

struct NormParams {
  ChunkTable table;
  int n;
};

PYDL_INLINE double square_sum(const float* x, int64_t n) {
  Vec<double> low = zero<double>(), high = zero<double>();
  int64_t i = 0;
  for (; i + kLanes<float> <= n; i += kLanes<float>) {
    Vec<double> a, b;
    widen(load(x + i), &a, &b);
    low = fma(a, a, low);
    high = fma(b, b, high);
  }
  if (i < n) {
    Vec<double> a, b;
    widen(load_n(x + i, static_cast<int>(n - i)), &a, &b);
    low = fma(a, a, low);
    high = fma(b, b, high);
  }
  return reduce_add(low + high);
}

PYDL_INLINE double square_sum(const double* x, int64_t n) {
  Vec<double> total = zero<double>();
  int64_t i = 0;
  for (; i + kLanes<double> <= n; i += kLanes<double>) {
    const Vec<double> a = load(x + i);
    total = fma(a, a, total);
  }
  if (i < n) {
    const Vec<double> a = load_n(x + i, static_cast<int>(n - i));
    total = fma(a, a, total);
  }
  return reduce_add(total);
}

void run_square_sums(const Call& call, int64_t piece) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  double* sums = reinterpret_cast<double*>(call.scratch);
  for (int64_t k = p.table.first[piece]; k < p.table.first[piece + 1]; ++k) {
    const Chunk& chunk = p.table.chunks[k];
    const void* x = call.in[chunk.variable];
    sums[k] = chunk.is_double ? square_sum(static_cast<const double*>(x) + chunk.begin, chunk.count)
                              : square_sum(static_cast<const float*>(x) + chunk.begin, chunk.count);
  }
}

void add_square_sums(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  const double* sums = reinterpret_cast<const double*>(call.scratch);
  float* out = static_cast<float*>(call.out[0]);
  int64_t k = 0;
  for (int i = 0; i < p.n; ++i) {
    double total = 0.0;
    for (; k < p.table.n_chunks && p.table.chunks[k].variable == i; ++k) total += sums[k];
    out[i] = static_cast<float>(total);
  }
}

void run_serial_norms(const Call& call, int64_t) {
  const NormParams& p = *static_cast<const NormParams*>(call.params);
  for (int64_t piece = 0; piece < p.table.n_pieces; ++piece) run_square_sums(call, piece);
  add_square_sums(call, 0);
}

const char* bind_square_norms(const OpView& op, Binder* binder, Bound* bound) {
  if (op.n_in == 0) return nullptr;
  NormParams* p = alloc_params<NormParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->n = op.n_in;
  const char* error = make_table(op, op.n_in, 1, [](int i) { return i; }, binder, &p->table);
  if (error != nullptr) return error;
  bound->params = p;
  bound->scratch_bytes = (p->table.n_chunks + 1) * static_cast<int64_t>(sizeof(double));
  bound->phases[0] = {run_serial_norms, 1};
  bound->n_phases = 1;
  if (p->table.n_pieces > 1) {
    bound->phases[0] = {run_square_sums, p->table.n_pieces};
    bound->phases[1] = {add_square_sums, 1};
    bound->n_phases = 2;
  }
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::sgd_update, "sgd_update_chunks", bind_update},
    {Opcode::adam_update, "adam_update_chunks", bind_update},
    {Opcode::rmsprop_update, "rmsprop_update_chunks", bind_update},
    {Opcode::adagrad_update, "adagrad_update_chunks", bind_update},
    {Opcode::square_norms, "square_norms_chunks", bind_square_norms},
};

}  // namespace

const Family kOptimizerFamily = {kCandidates,
                                 static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
