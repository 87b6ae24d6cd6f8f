// Rows named by several indices. A first launch makes one row number of each name, -1 of a bad one,
// and finds the fault; rows are then copied, added in tiles (device/row_sums.h) or, for
// scatter_update, set by the last of those that name them.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/divide.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/row_sums.h"
#include "kernels/cuda/device/vector.h"
#include "kernels/nd_rows.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostRows = int64_t{1} << 56;  // scratch is some bytes for each
using Position = unsigned long long;  // 1 + that of a name; 0: none

struct NdParams {
  NdRows rows;
  int64_t row_bytes, bytes;
  int64_t rows_at, winners_at;  // in scratch
  int64_t processors;
  DType dtype;
  bool wide;
};

// A block for each slice of the names.
__global__ void __launch_bounds__(kThreads)
    find_rows(const __grid_constant__ NdRows p, Indices indices, int64_t* rows, int64_t* faults) {
  const int64_t begin = blockIdx.x * kSlice;
  const int64_t end = begin + kSlice < p.n ? begin + kSlice : p.n;
  int64_t first = kNoFault;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    int64_t row = 0;
    for (int d = 0; d < p.depth && row >= 0; ++d) {
      const int64_t at = i * p.depth + d, k = indices[at];
      const bool good = k >= 0 && k < p.dims[d];
      row = good ? row * p.dims[d] + k : -1;
      if (!good && at < first) first = at;
    }
    rows[i] = row;
  }
  first = block_reduce<Min>(first);
  if (threadIdx.x == 0) faults[blockIdx.x] = first == kNoFault ? 0 : first + 1;
}

// Unit `i` of the result of gather_nd; `units` of a row.
template <class Unit>
__global__ void __launch_bounds__(kThreads)
    gather_rows(const Unit* x, const int64_t* rows, Unit* out, int64_t count, Divisor units) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t name = divide(i, units), row = rows[name];
    Unit value = {};
    if (row >= 0) value = x[row * units.value + (i - name * units.value)];
    out[i] = value;
  }
}

__global__ void __launch_bounds__(kThreads)
    copy_and_clear(const unsigned char* x, unsigned char* out, int64_t packs, int64_t bytes,
                   Position* winners, int64_t rows) {
  const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = first; i < packs; i += stride) {
    store_pack(out + i * 16, load_pack<16>(x + i * 16));
  }
  for (int64_t i = packs * 16 + first; i < bytes; i += stride) out[i] = x[i];
  for (int64_t i = first; i < rows; i += stride) winners[i] = 0;
}

__global__ void __launch_bounds__(kThreads)
    find_winners(const int64_t* rows, int64_t n, Position* winners) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    if (rows[i] >= 0) atomicMax(winners + rows[i], static_cast<Position>(i + 1));
  }
}

template <class Unit>
__global__ void __launch_bounds__(kThreads)
    set_rows(const Unit* updates, const int64_t* rows, const Position* winners, Unit* out,
             int64_t count, Divisor units) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t name = divide(i, units), row = rows[name];
    if (row < 0 || winners[row] != static_cast<Position>(name + 1)) continue;
    out[row * units.value + (i - name * units.value)] = updates[i];
  }
}

int64_t* rows_of(const Call& call, const NdParams& p) {
  return reinterpret_cast<int64_t*>(call.scratch + p.rows_at);
}

void launch_find_rows(const Call& call, const NdParams& p, int indices, int result) {
  const int64_t slices = slice_count(p.rows.n);
  launch(find_rows, dim3(static_cast<unsigned>(slices)), dim3(kThreads), 0, call.stream, p.rows,
         Indices{call.in[indices], p.rows.n * p.rows.depth, 0, p.wide}, rows_of(call, p),
         fault_target(call, result, p.rows.n));
  launch_merge_faults(call, result, p.rows.n);
}

// visitor(Unit()) with the widest unit that rows and addresses are whole multiples of.
template <class Visitor>
void visit_unit(uint64_t bits, Visitor&& visitor) {
  if (bits % 16 == 0) return visitor(Access<16>());
  if (bits % 8 == 0) return visitor(Access<8>());
  if (bits % 4 == 0) return visitor(Access<4>());
  if (bits % 2 == 0) return visitor(Access<2>());
  return visitor(Access<1>());
}

uint64_t bits_of(const void* a, const void* b, int64_t row_bytes) {
  return reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b) |
         static_cast<uint64_t>(row_bytes);
}

void run_gather(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  launch_find_rows(call, p, 1, 1);
  if (p.bytes == 0) return;
  visit_unit(bits_of(call.in[0], call.out[0], p.row_bytes), [&](auto unit) {
    using Unit = decltype(unit);
    const int64_t units = p.row_bytes / static_cast<int64_t>(sizeof(Unit)),
                  count = p.rows.n * units;
    launch(gather_rows<Unit>, dim3(stride_blocks(count, kThreads, p.processors)), dim3(kThreads), 0,
           call.stream, static_cast<const Unit*>(call.in[0]), rows_of(call, p),
           static_cast<Unit*>(call.out[0]), count, make_divisor(units));
  });
}

// T: unsigned for integers, whose sums wrap.
template <class T>
void add_updates(const Call& call, const NdParams& p) {
  const Indices rows = {rows_of(call, p), p.rows.n, p.rows.rows, true};
  launch_add_rows(call.stream, static_cast<const T*>(call.in[1]), rows,
                  static_cast<T*>(call.out[0]), p.rows.row_size);
}

void run_scatter(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  launch_find_rows(call, p, 0, 1);
  if (p.bytes == 0) return;
  if (visit_any_float(p.dtype, [&](auto s) { add_updates<decltype(s)>(call, p); })) return;
  switch (dtype_size(p.dtype)) {
    case 1: return add_updates<uint8_t>(call, p);
    case 2: return add_updates<uint16_t>(call, p);
    case 4: return add_updates<uint32_t>(call, p);
    default: return add_updates<uint64_t>(call, p);
  }
}

void run_update(const Call& call, int64_t) {
  const NdParams& p = *static_cast<const NdParams*>(call.params);
  launch_find_rows(call, p, 1, 1);
  if (p.bytes == 0) return;
  const auto* x = static_cast<const unsigned char*>(call.in[0]);
  auto* out = static_cast<unsigned char*>(call.out[0]);
  auto* winners = reinterpret_cast<Position*>(call.scratch + p.winners_at);
  launch(copy_and_clear, dim3(stride_blocks(p.bytes, kThreads * 16, p.processors)), dim3(kThreads),
         0, call.stream, x, out, aligned(16, x, out) ? p.bytes / 16 : 0, p.bytes, winners,
         p.rows.rows);
  if (p.rows.n == 0) return;
  launch(find_winners, dim3(stride_blocks(p.rows.n, kThreads, p.processors)), dim3(kThreads), 0,
         call.stream, rows_of(call, p), p.rows.n, winners);
  visit_unit(bits_of(call.in[2], out, p.row_bytes), [&](auto unit) {
    using Unit = decltype(unit);
    const int64_t units = p.row_bytes / static_cast<int64_t>(sizeof(Unit)),
                  count = p.rows.n * units;
    launch(set_rows<Unit>, dim3(stride_blocks(count, kThreads, p.processors)), dim3(kThreads), 0,
           call.stream, static_cast<const Unit*>(call.in[2]), rows_of(call, p), winners,
           static_cast<Unit*>(call.out[0]), count, make_divisor(units));
  });
}

int64_t rounded(int64_t bytes) { return ceil_div(bytes, 64) * 64; }

const char* bind_nd(const OpView& op, Binder* binder, Bound* bound) {
  NdParams* p = alloc_params<NdParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const bool scatter = op.op == Opcode::scatter_nd, update = op.op == Opcode::scatter_update;
  const TensorView& indices = op.in[scatter ? 0 : 1];
  p->rows = make_nd_rows(scatter ? op.out[0] : op.in[0], indices);
  if (p->rows.n > kMostRows || p->rows.rows > kMostRows) return "too large";
  p->dtype = op.out[0].dtype;
  p->row_bytes = p->rows.row_size * dtype_size(p->dtype);
  p->bytes = op.out[0].count * dtype_size(p->dtype);
  p->wide = indices.dtype == DType::kInt64;
  p->processors = processors(op);
  p->rows_at = rounded(fault_bytes(p->rows.n));
  p->winners_at = p->rows_at + rounded(p->rows.n * static_cast<int64_t>(sizeof(int64_t)));
  bound->scratch_bytes = p->winners_at;
  if (update && p->bytes > 0) {
    bound->scratch_bytes += p->rows.rows * static_cast<int64_t>(sizeof(Position));
  }
  return bind_piece(p, update ? run_update : scatter ? run_scatter : run_gather, bound);
}

const Candidate kCandidates[] = {
    {Opcode::gather_nd, "gather_nd_gpu", bind_nd},
    {Opcode::scatter_nd, "scatter_nd_gpu", bind_nd},
    {Opcode::scatter_update, "scatter_update_gpu", bind_nd},
};

}  // namespace

extern const Family kScatterFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
