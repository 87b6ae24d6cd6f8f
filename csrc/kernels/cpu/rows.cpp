// Updates of the rows that indices name, and their sums. Equal indices are put together
// (row_groups.h); a piece then has a bucket of rows, adds the gradients of each in registers and
// updates it while the next rows are fetched. What a step moves: n rows of the gradient, and each
// touched row of the variable and its slots twice; never the table.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/row_groups.h"
#include "kernels/cpu/simd/half_lanes.h"
#include "kernels/cpu/update_element.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kBucketBytes = 64 * 1024;       // of all streams
constexpr int64_t kAheadBytes = 8192;             // of rows on their way
constexpr int64_t kMostAhead = 16;                // rows
constexpr int64_t kCopyBytes = 4 * 1024 * 1024;   // of a piece that copies
constexpr int64_t kMostCopies = 16;
constexpr int64_t kMostIndices = int64_t{1} << 31;

// --- elements in memory and in registers: 16-bit ones are float32 there

template <class Stored>
struct Wide {
  using type = float;
};
template <>
struct Wide<double> {
  using type = double;
};
template <class Stored>
using WideOf = typename Wide<Stored>::type;

template <class Stored>
constexpr bool kIsHalf = sizeof(Stored) == 2;

template <class Stored>
PYDL_INLINE Vec<WideOf<Stored>> load_wide(const Stored* x) {
  if constexpr (kIsHalf<Stored>) {
    float wide[kLanes<float>];
    if constexpr (kConvertsVectors<float, Stored>) {
      convert_vector(x, wide);
    } else {
      for (int i = 0; i < kLanes<float>; ++i) wide[i] = widen(x[i]);
    }
    return load(wide);
  } else {
    return load(x);
  }
}

template <class Stored>
PYDL_INLINE Vec<WideOf<Stored>> load_wide_n(const Stored* x, int n) {
  if constexpr (kIsHalf<Stored>) {
    float wide[kLanes<float>] = {};
    for (int i = 0; i < n; ++i) wide[i] = widen(x[i]);
    return load(wide);
  } else {
    return load_n(x, n);
  }
}

template <class Stored>
PYDL_INLINE void store_wide(Stored* x, Vec<WideOf<Stored>> value) {
  if constexpr (kIsHalf<Stored>) {
    float wide[kLanes<float>];
    store(wide, value);
    if constexpr (kConvertsVectors<Stored, float>) {
      convert_vector(wide, x);
    } else {
      for (int i = 0; i < kLanes<float>; ++i) narrow(wide[i], x + i);
    }
  } else {
    store(x, value);
  }
}

template <class Stored>
PYDL_INLINE void store_wide_n(Stored* x, Vec<WideOf<Stored>> value, int n) {
  if constexpr (kIsHalf<Stored>) {
    float wide[kLanes<float>];
    store(wide, value);
    for (int i = 0; i < n; ++i) narrow(wide[i], x + i);
  } else {
    store_n(x, value, n);
  }
}

// --- the sum of a group

template <class Stored>
struct GradRows {
  const Stored* data;
  int64_t columns;
};

// kCount vectors of the sum, from column `i` on, in order of position.
template <int kCount, class Stored>
PYDL_INLINE void sum_group(const GradRows<Stored>& grad, const Groups& groups, int64_t group,
                           int64_t i, Vec<WideOf<Stored>>* sums) {
  using T = WideOf<Stored>;
  for (int k = 0; k < kCount; ++k) sums[k] = zero<T>();
  for (uint32_t at = groups.heads[group]; at != kNoPosition; at = groups.next[at]) {
    const Stored* row = grad.data + at * grad.columns + i;
    for (int k = 0; k < kCount; ++k) sums[k] = sums[k] + load_wide(row + k * kLanes<T>);
  }
}

template <class Stored>
PYDL_INLINE Vec<WideOf<Stored>> sum_group_n(const GradRows<Stored>& grad, const Groups& groups,
                                            int64_t group, int64_t i, int lanes) {
  Vec<WideOf<Stored>> sum = zero<WideOf<Stored>>();
  for (uint32_t at = groups.heads[group]; at != kNoPosition; at = groups.next[at]) {
    sum = sum + load_wide_n(grad.data + at * grad.columns + i, lanes);
  }
  return sum;
}

// --- parameters

struct RowParams {
  GroupShape groups;
  UpdateRule rule;
  int64_t columns;
  int64_t ahead;   // rows
  int64_t copies;  // pieces of a copy of the table
  int64_t table_bytes;
  int grad, indices;  // operand numbers
};

const RowParams& params_of(const Call& call) { return *static_cast<const RowParams*>(call.params); }

// visitor(pointer to the indices)
template <class Visitor>
PYDL_INLINE auto visit_indices(const Call& call, const RowParams& p, Visitor&& visitor) {
  const void* indices = call.in[p.indices];
  if (p.groups.wide) return visitor(static_cast<const int64_t*>(indices));
  return visitor(static_cast<const int32_t*>(indices));
}

Groups make_groups(const Call& call, const RowParams& p, const Bucket& bucket) {
  const GroupRoom room = group_room(p.groups, call.scratch);
  return visit_indices(call, p, [&](auto* x) { return group_bucket(p.groups, room, x, bucket); });
}

// --- updates

// Results elsewhere than on their operands begin as copies of these.
void copy_part(const Call& call, const RowParams& p, int64_t part, int64_t parts) {
  const int64_t first = p.table_bytes * part / parts, end = p.table_bytes * (part + 1) / parts;
  for (int k = 0; k < 1 + p.rule.n_slots; ++k) {
    const auto* from = static_cast<const unsigned char*>(call.in[row_var(p.rule) + k]);
    auto* to = static_cast<unsigned char*>(call.out[k]);
    if (from != to) __builtin_memcpy(to + first, from + first, static_cast<size_t>(end - first));
  }
}

template <class Stored, class Rule>
struct Rows {
  Stored* streams[1 + Rule::kSlots];  // variable, slots

  PYDL_INLINE Rows at(int64_t offset) const {
    Rows moved;
    for (int k = 0; k <= Rule::kSlots; ++k) moved.streams[k] = streams[k] + offset;
    return moved;
  }
  PYDL_INLINE void fetch(int64_t columns) const {
    constexpr int64_t kStep = kLine / static_cast<int64_t>(sizeof(Stored));
    for (int k = 0; k <= Rule::kSlots; ++k) {
      for (int64_t i = 0; i < columns; i += kStep) prefetch_far(streams[k] + i);
    }
  }
};

template <class Stored, class Rule, bool kPrepare>
struct RowUpdate {
  using T = WideOf<Stored>;
  const UpdateRule& rule;
  const Constants<T>& constants;
  GradRows<Stored> grad;

  PYDL_INLINE void apply(Element<T>* e) const {
    if constexpr (kPrepare) prepare(rule, constants, e);
    Rule::apply(constants, e);
  }

  template <int kCount>
  PYDL_INLINE void vectors(const Groups& groups, int64_t group, const Rows<Stored, Rule>& row,
                           int64_t i) const {
    Vec<T> sums[kCount];
    sum_group<kCount>(grad, groups, group, i, sums);
    for (int k = 0; k < kCount; ++k) {
      const Rows<Stored, Rule> here = row.at(i + k * kLanes<T>);
      Element<T> e;
      e.grad = sums[k];
      e.var = load_wide(here.streams[0]);
      for (int s = 0; s < Rule::kSlots; ++s) e.slots[s] = load_wide(here.streams[1 + s]);
      apply(&e);
      store_wide(here.streams[0], e.var);
      for (int s = 0; s < Rule::kSlots; ++s) store_wide(here.streams[1 + s], e.slots[s]);
    }
  }

  PYDL_INLINE void rest(const Groups& groups, int64_t group, const Rows<Stored, Rule>& row,
                        int64_t i, int lanes) const {
    const Rows<Stored, Rule> here = row.at(i);
    Element<T> e;
    e.grad = sum_group_n(grad, groups, group, i, lanes);
    e.var = load_wide_n(here.streams[0], lanes);
    for (int s = 0; s < Rule::kSlots; ++s) e.slots[s] = load_wide_n(here.streams[1 + s], lanes);
    apply(&e);
    store_wide_n(here.streams[0], e.var, lanes);
    for (int s = 0; s < Rule::kSlots; ++s) store_wide_n(here.streams[1 + s], e.slots[s], lanes);
  }

  PYDL_INLINE void update(const Groups& groups, int64_t group,
                          const Rows<Stored, Rule>& row) const {
    constexpr int kBlock = 4;
    int64_t i = 0;
    for (; i + kBlock * kLanes<T> <= grad.columns; i += kBlock * kLanes<T>) {
      vectors<kBlock>(groups, group, row, i);
    }
    for (; i + kLanes<T> <= grad.columns; i += kLanes<T>) vectors<1>(groups, group, row, i);
    if (i < grad.columns) rest(groups, group, row, i, static_cast<int>(grad.columns - i));
  }
};

template <class Stored, class Rule, bool kPrepare>
void update_groups(const Call& call, const RowParams& p, const Groups& groups) {
  using T = WideOf<Stored>;
  const UpdateRule& rule = p.rule;
  const double scale =
      rule.scale < 0 ? 1.0 : static_cast<double>(*static_cast<const float*>(call.in[rule.scale]));
  const Constants<T> constants = make_constants<T>(rule, call, scale, 1.0);
  Rows<Stored, Rule> table;
  for (int k = 0; k <= Rule::kSlots; ++k) table.streams[k] = static_cast<Stored*>(call.out[k]);
  const GradRows<Stored> grad = {static_cast<const Stored*>(call.in[p.grad]), p.columns};
  const RowUpdate<Stored, Rule, kPrepare> one = {rule, constants, grad};
  for (int64_t g = 0; g < groups.count; ++g) {
    if (g + p.ahead < groups.count) {
      table.at(groups.rows[g + p.ahead] * p.columns).fetch(p.columns);
    }
    one.update(groups, g, table.at(groups.rows[g] * p.columns));
  }
}

template <class Stored, class Rule>
void update_bucket(const Call& call, int64_t piece) {
  const RowParams& p = params_of(call);
  const Bucket bucket = bucket_at(p.groups, group_room(p.groups, call.scratch), piece);
  const Groups groups = make_groups(call, p, bucket);
  if (p.rule.scale >= 0 || p.rule.clip > 0.0) {
    update_groups<Stored, Rule, true>(call, p, groups);
  } else {
    update_groups<Stored, Rule, false>(call, p, groups);
  }
}

template <class Stored, class Rule>
void update_all(const Call& call, int64_t) {
  copy_part(call, params_of(call), 0, 1);
  update_bucket<Stored, Rule>(call, 0);
}

// --- row_sums: a group's sum at its first position, zeros at all others

template <class Stored>
void clear_row(Stored* out, int64_t columns) {
  __builtin_memset(out, 0, static_cast<size_t>(columns) * sizeof(Stored));
}

template <class Stored>
void sum_bucket(const Call& call, int64_t piece) {
  using T = WideOf<Stored>;
  const RowParams& p = params_of(call);
  const Bucket bucket = bucket_at(p.groups, group_room(p.groups, call.scratch), piece);
  const Groups groups = make_groups(call, p, bucket);
  const GradRows<Stored> grad = {static_cast<const Stored*>(call.in[p.grad]), p.columns};
  Stored* out = static_cast<Stored*>(call.out[0]);
  for (int64_t g = 0; g < groups.count; ++g) {
    Stored* row = out + groups.heads[g] * p.columns;
    int64_t i = 0;
    for (; i + kLanes<T> <= p.columns; i += kLanes<T>) {
      Vec<T> sum;
      sum_group<1>(grad, groups, g, i, &sum);
      store_wide(row + i, sum);
    }
    const int lanes = static_cast<int>(p.columns - i);
    if (lanes > 0) store_wide_n(row + i, sum_group_n(grad, groups, g, i, lanes), lanes);
    for (uint32_t at = groups.next[groups.heads[g]]; at != kNoPosition; at = groups.next[at]) {
      clear_row(out + at * p.columns, p.columns);
    }
  }
  visit_indices(call, p, [&](auto* indices) {
    for (int64_t k = 0; k < bucket.count; ++k) {
      const uint32_t at = bucket.position(k);
      const int64_t row = indices[at];
      if (row < 0 || row >= p.groups.rows) clear_row(out + at * p.columns, p.columns);
    }
  });
}

// --- phases

void run_count(const Call& call, int64_t piece) {
  const RowParams& p = params_of(call);
  if (piece < p.copies) copy_part(call, p, piece, p.copies);
  if (piece >= p.groups.slices) return;
  const GroupRoom room = group_room(p.groups, call.scratch);
  visit_indices(call, p, [&](auto* x) { count_slice(p.groups, room, x, piece); });
}

void run_start(const Call& call, int64_t) {
  const RowParams& p = params_of(call);
  start_buckets(p.groups, group_room(p.groups, call.scratch));
}

void run_spread(const Call& call, int64_t piece) {
  const RowParams& p = params_of(call);
  const GroupRoom room = group_room(p.groups, call.scratch);
  visit_indices(call, p, [&](auto* x) { spread_slice(p.groups, room, x, piece); });
}

// --- bind

struct Runs {
  PieceFn bucket, all;
};

template <class Stored>
Runs choose_rule(const OpView& op, const UpdateRule& rule) {
  if (op.op == Opcode::row_sums) return {sum_bucket<Stored>, sum_bucket<Stored>};
  switch (rule.op) {
    case Opcode::sgd_update: return {update_bucket<Stored, Sgd>, update_all<Stored, Sgd>};
    case Opcode::adagrad_update:
      return {update_bucket<Stored, Adagrad>, update_all<Stored, Adagrad>};
    default:
      if (rule.amsgrad) return {update_bucket<Stored, Adam<true>>, update_all<Stored, Adam<true>>};
      return {update_bucket<Stored, Adam<false>>, update_all<Stored, Adam<false>>};
  }
}

Runs choose(const OpView& op, const UpdateRule& rule) {
  switch (op.out[0].dtype) {
    case DType::kFloat32: return choose_rule<float>(op, rule);
    case DType::kFloat64: return choose_rule<double>(op, rule);
    case DType::kFloat16: return choose_rule<Half>(op, rule);
    default: return choose_rule<BFloat>(op, rule);
  }
}

// A count in [1, most].
int64_t within(double count, int64_t most) {
  if (count >= static_cast<double>(most)) return most;
  return count < 1.0 ? 1 : static_cast<int64_t>(count);
}

// `streams`: of rows that move. One bucket when the work is below the serial limit.
const char* bind_rows(const OpView& op, int64_t rows, int64_t streams, RowParams* p, Bound* bound) {
  const TensorView& grad = op.in[p->grad];
  const TensorView& indices = op.in[p->indices];
  if (indices.count >= kMostIndices) return "too many indices";
  p->columns = indices.count == 0 ? 0 : grad.count / indices.count;
  // In doubles: the shapes of a plan from a file may be of any size.
  const double row_bytes = static_cast<double>(p->columns * dtype_size(grad.dtype));
  const double moved = (row_bytes < kLine ? kLine : row_bytes) * static_cast<double>(streams);
  const double bytes = static_cast<double>(indices.count) * moved;
  p->ahead = within(kAheadBytes / moved, kMostAhead);
  p->groups = make_group_shape(
      indices, rows, bytes <= kSerialBytes ? 1 : within(bytes / kBucketBytes, kMaxPieces));
  const Runs runs = choose(op, p->rule);
  bound->params = p;
  bound->scratch_bytes = group_bytes(p->groups);
  if (p->groups.buckets == 1) {
    bound->phases[0] = {runs.all, 1};
    bound->n_phases = 1;
    return nullptr;
  }
  const int64_t slices = p->groups.slices;
  bound->phases[0] = {run_count, slices > p->copies ? slices : p->copies};
  bound->phases[1] = {run_start, 1};
  bound->phases[2] = {run_spread, slices};
  bound->phases[3] = {runs.bucket, p->groups.buckets};
  bound->n_phases = 4;
  return nullptr;
}

const char* bind_update(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  RowParams* p = alloc_params<RowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const char* error = read_row_rule(op, &p->rule);
  if (error != nullptr) return error;
  p->grad = row_grad(p->rule);
  p->indices = row_indices(p->rule);
  const TensorView& var = op.in[row_var(p->rule)];
  p->table_bytes = var.count * dtype_size(var.dtype);
  p->copies = piece_count(p->table_bytes, kCopyBytes);
  if (p->copies > kMostCopies) p->copies = kMostCopies;
  return bind_rows(op, var.dims[0], 3 + 2 * p->rule.n_slots, p, bound);
}

const char* bind_sums(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  RowParams* p = alloc_params<RowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->indices = 1;
  return bind_rows(op, attr_int(op, "rows", 0), 2, p, bound);
}

const Candidate kCandidates[] = {
    {Opcode::row_sums, "row_sums_grouped", bind_sums},
    {Opcode::sgd_row_update, "sgd_row_update_grouped", bind_update},
    {Opcode::adam_row_update, "adam_row_update_grouped", bind_update},
    {Opcode::adagrad_row_update, "adagrad_row_update_grouped", bind_update},
};

}  // namespace

const Family kRowsFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
