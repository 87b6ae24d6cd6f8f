// Updates of the rows that indices name, and their sums. Indices and their positions are sorted
// (device/merge.h), so equal ones stand together in order of position; a thread for each column of
// each place in this order then adds the gradients up, if an index begins there, and updates one
// element.
//
// What moves: the gradient's rows once, each touched row of the variable and its slots twice; 4,096
// rows of 64 float32 with one slot are 5 MB, about 1 us at 4.3 TB/s, so the launches are what
// counts.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/merge.h"
#include "kernels/cuda/device/update_element.h"
#include "kernels/cuda/device/vector.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostIndices = int64_t{1} << 31;
constexpr uint64_t kBad = ~uint64_t{0};  // the key of all indices out of range: behind the others

__global__ void __launch_bounds__(kThreads) make_keys(Indices indices, Order<uint64_t> order) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < indices.count; i += stride) {
    const int64_t row = indices[i];
    order.keys[i] = indices.valid(row) ? static_cast<uint64_t>(row) : kBad;
    order.indices[i] = static_cast<int32_t>(i);
  }
}

struct SortedRows {
  Order<uint64_t> order;
  int64_t n, columns;
  Divisor by_columns;

  // Whether an index, a good one, begins at `place`.
  __forceinline__ __device__ bool begins(int64_t place) const {
    const uint64_t key = order.keys[place];
    return key != kBad && (place == 0 || order.keys[place - 1] != key);
  }

  // Column `column` of the gradients of the index that begins at `place`, in order of position.
  template <class T>
  __forceinline__ __device__ T sum(const T* grad, int64_t place, int64_t column) const {
    const uint64_t key = order.keys[place];
    T total = T(0);
#pragma unroll 4
    for (int64_t k = place; k < n && order.keys[k] == key; ++k) {
      total += grad[int64_t{order.indices[k]} * columns + column];
    }
    return total;
  }
};

template <class T>
struct Streams {
  T* at[1 + kMaxSlots];  // variable, slots
};

// The bound of one block keeps the compiler from saving registers at the price of spills.
template <class T, class Rule>
__global__ void __launch_bounds__(kThreads, 1)
    update_rows(SortedRows rows, const T* grad, Streams<T> streams, Constants<T> constants,
                const float* lr, const float* scale) {
  constants.lr = static_cast<T>(*lr);
  constants.scale = scale == nullptr ? T(1) : static_cast<T>(*scale);
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, count = rows.n * rows.columns;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t place = divide(i, rows.by_columns), column = i - place * rows.columns;
    if (!rows.begins(place)) continue;
    const int64_t at = static_cast<int64_t>(rows.order.keys[place]) * rows.columns + column;
    Element<T> e;
    e.grad = prepared(constants, rows.sum(grad, place, column));
    e.var = streams.at[0][at];
#pragma unroll
    for (int s = 0; s < Rule::kSlots; ++s) e.slots[s] = streams.at[1 + s][at];
    Rule::apply(constants, &e);
    streams.at[0][at] = e.var;
#pragma unroll
    for (int s = 0; s < Rule::kSlots; ++s) streams.at[1 + s][at] = e.slots[s];
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) sum_rows(SortedRows rows, const T* grad, T* out) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, count = rows.n * rows.columns;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t place = divide(i, rows.by_columns), column = i - place * rows.columns;
    out[int64_t{rows.order.indices[place]} * rows.columns + column] =
        rows.begins(place) ? rows.sum(grad, place, column) : T(0);
  }
}

// A table whose new content goes elsewhere than on the old one.
__global__ void __launch_bounds__(kThreads)
    copy_table(const unsigned char* x, unsigned char* out, int64_t packs, int64_t bytes) {
  const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = first; i < packs; i += stride) {
    store_pack(out + i * 16, load_pack<16>(x + i * 16));
  }
  for (int64_t i = packs * 16 + first; i < bytes; i += stride) out[i] = x[i];
}

struct RowParams {
  UpdateRule rule;
  int64_t n, rows, columns;
  int64_t table_bytes;
  int64_t processors;
  Divisor by_columns;
  int grad, indices;  // operand numbers
  bool wide;
};

unsigned blocks_of(const RowParams& p, int64_t count) {
  return stride_blocks(count, kThreads, p.processors);
}

SortedRows sort_rows(const Call& call, const RowParams& p) {
  const Indices indices = {call.in[p.indices], p.n, p.rows, p.wide};
  const Order<uint64_t> order = order_at<uint64_t>(call.scratch, p.n);
  const Order<uint64_t> other = order_at<uint64_t>(call.scratch + order_bytes<uint64_t>(p.n), p.n);
  launch(make_keys, dim3(blocks_of(p, p.n)), dim3(kThreads), 0, call.stream, indices, order);
  const MergeShape shape = {p.n, p.n, make_divisor(p.n), p.processors};
  return {launch_merges(call.stream, shape, order, other), p.n, p.columns, p.by_columns};
}

void copy_tables(const Call& call, const RowParams& p) {
  for (int k = 0; k < 1 + p.rule.n_slots; ++k) {
    const auto* from = static_cast<const unsigned char*>(call.in[row_var(p.rule) + k]);
    auto* to = static_cast<unsigned char*>(call.out[k]);
    if (from == to) continue;
    launch(copy_table, dim3(blocks_of(p, ceil_div(p.table_bytes, 16))), dim3(kThreads), 0,
           call.stream, from, to, aligned(16, from, to) ? p.table_bytes / 16 : 0, p.table_bytes);
  }
}

template <class T, class Rule>
void run_update(const Call& call, int64_t) {
  const RowParams& p = *static_cast<const RowParams*>(call.params);
  copy_tables(call, p);
  if (p.n == 0) return;
  const SortedRows rows = sort_rows(call, p);
  Streams<T> streams = {};
  for (int k = 0; k <= Rule::kSlots; ++k) streams.at[k] = static_cast<T*>(call.out[k]);
  const auto scalar = [&](int operand) {
    return operand < 0 ? nullptr : static_cast<const float*>(call.in[operand]);
  };
  launch(update_rows<T, Rule>, dim3(blocks_of(p, p.n * p.columns)), dim3(kThreads), 0, call.stream,
         rows, static_cast<const T*>(call.in[p.grad]), streams, make_constants<T>(p.rule),
         scalar(0), scalar(p.rule.scale));
}

template <class T>
void run_sums(const Call& call, int64_t) {
  const RowParams& p = *static_cast<const RowParams*>(call.params);
  const SortedRows rows = sort_rows(call, p);
  launch(sum_rows<T>, dim3(blocks_of(p, p.n * p.columns)), dim3(kThreads), 0, call.stream, rows,
         static_cast<const T*>(call.in[p.grad]), static_cast<T*>(call.out[0]));
}

template <class T>
PieceFn choose(const OpView& op, const UpdateRule& rule) {
  if (op.op == Opcode::row_sums) return run_sums<T>;
  switch (rule.op) {
    case Opcode::sgd_update: return run_update<T, Sgd>;
    case Opcode::adagrad_update: return run_update<T, Adagrad>;
    default: return rule.amsgrad ? run_update<T, Adam<true>> : run_update<T, Adam<false>>;
  }
}

const char* bind_rows(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  RowParams* p = alloc_params<RowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->indices = 1;
  p->rows = attr_int(op, "rows", 0);
  if (op.op != Opcode::row_sums) {
    const char* error = read_row_rule(op, &p->rule);
    if (error != nullptr) return error;
    p->grad = row_grad(p->rule);
    p->indices = row_indices(p->rule);
    const TensorView& var = op.in[row_var(p->rule)];
    p->rows = var.dims[0];
    p->table_bytes = var.count * dtype_size(var.dtype);
  }
  const TensorView& indices = op.in[p->indices];
  if (indices.count >= kMostIndices) return "too many indices";
  p->n = indices.count;
  p->wide = indices.dtype == DType::kInt64;
  p->columns = p->n == 0 ? 1 : op.in[p->grad].count / p->n;
  p->by_columns = make_divisor(p->columns > 0 ? p->columns : 1);
  p->processors = processors(op);
  bound->scratch_bytes = 2 * order_bytes<uint64_t>(p->n);
  PieceFn run = nullptr;
  visit_float(op.out[0].dtype, [&](auto t) { run = choose<decltype(t)>(op, p->rule); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::row_sums, "row_sums_sorted", bind_rows},
    {Opcode::sgd_row_update, "sgd_row_update_sorted", bind_rows},
    {Opcode::adam_row_update, "adam_row_update_sorted", bind_rows},
    {Opcode::adagrad_row_update, "adagrad_row_update_sorted", bind_rows},
};

}  // namespace

extern const Family kRowsFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
