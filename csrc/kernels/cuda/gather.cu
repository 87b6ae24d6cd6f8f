// take: rows are copied in units of up to 16 bytes. take_grad: rows are added to tiles
// (device/row_sums.h).
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/row_sums.h"
#include "kernels/cuda/device/vector.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kLoads = 4;  // in flight

struct TakeParams {
  int64_t n_indices, rows, row_bytes;
  int64_t processors;
  bool wide;
};

struct TakeShape {
  int64_t units;  // of a row
  int lanes;  // threads of a row, a power of two
};

// Blocks of the x dimension share the rows, those of y the units of a row.
template <int kBytes>
__global__ void __launch_bounds__(kThreads)
    take_rows(const unsigned char* x, unsigned char* out, Indices indices, TakeShape shape,
              int64_t slices, int64_t* faults) {
  using Unit = Access<kBytes>;
  if (static_cast<int64_t>(blockIdx.x) < slices) {
    if (blockIdx.y == 0) find_fault(indices, blockIdx.x, faults);
    return;
  }
  const int lane = static_cast<int>(threadIdx.x) % shape.lanes, rows = kThreads / shape.lanes;
  const int64_t row_stride = (static_cast<int64_t>(gridDim.x) - slices) * rows;
  const int64_t unit_stride = static_cast<int64_t>(gridDim.y) * shape.lanes * kLoads;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * shape.lanes * kLoads + lane;
  for (int64_t r = (blockIdx.x - slices) * rows + threadIdx.x / shape.lanes; r < indices.count;
       r += row_stride) {
    const int64_t index = indices[r];
    const bool valid = indices.valid(index);
    const Unit* source = reinterpret_cast<const Unit*>(x) + (valid ? index : 0) * shape.units;
    Unit* target = reinterpret_cast<Unit*>(out) + r * shape.units;
    for (int64_t u = first; u < shape.units; u += unit_stride) {
      Unit units[kLoads] = {};
#pragma unroll
      for (int k = 0; k < kLoads; ++k) {
        if (valid && u + k * shape.lanes < shape.units) units[k] = source[u + k * shape.lanes];
      }
#pragma unroll
      for (int k = 0; k < kLoads; ++k) {
        if (u + k * shape.lanes < shape.units) target[u + k * shape.lanes] = units[k];
      }
    }
  }
}

template <int kBytes>
void launch_take(const Call& call, const TakeParams& p) {
  const Indices indices = {call.in[1], p.n_indices, p.rows, p.wide};
  TakeShape shape = {p.row_bytes / kBytes, 1};
  while (shape.lanes < kThreads && shape.lanes < ceil_div(shape.units, kLoads)) shape.lanes *= 2;
  const int64_t slices = slice_count(p.n_indices);
  const int64_t columns = ceil_div(shape.units, shape.lanes * kLoads);
  const int64_t y = columns < 1 ? 1 : columns > 1024 ? 1024 : columns;
  const unsigned x = stride_blocks(p.n_indices, kThreads / shape.lanes, p.processors);
  launch(take_rows<kBytes>, dim3(x + static_cast<unsigned>(slices), static_cast<unsigned>(y)),
         dim3(kThreads), 0, call.stream, static_cast<const unsigned char*>(call.in[0]),
         static_cast<unsigned char*>(call.out[0]), indices, shape, slices,
         fault_target(call, 1, p.n_indices));
  launch_merge_faults(call, 1, p.n_indices);
}

// The widest unit that rows and addresses are whole multiples of.
void run_take(const Call& call, int64_t) {
  const TakeParams& p = *static_cast<const TakeParams*>(call.params);
  const uint64_t bits = reinterpret_cast<uintptr_t>(call.in[0]) |
                        reinterpret_cast<uintptr_t>(call.out[0]) |
                        static_cast<uint64_t>(p.row_bytes);
  if (bits % 16 == 0) return launch_take<16>(call, p);
  if (bits % 8 == 0) return launch_take<8>(call, p);
  if (bits % 4 == 0) return launch_take<4>(call, p);
  if (bits % 2 == 0) return launch_take<2>(call, p);
  return launch_take<1>(call, p);
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  TakeParams* p = alloc_params<TakeParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  p->n_indices = op.in[1].count;
  p->rows = x.dims[0];
  p->row_bytes = dtype_size(x.dtype);
  for (int d = 1; d < x.rank; ++d) p->row_bytes *= x.dims[d];
  p->processors = processors(op);
  p->wide = op.in[1].dtype == DType::kInt64;
  bound->scratch_bytes = fault_bytes(p->n_indices);
  return bind_piece(p, run_take, bound);
}

struct TakeGradParams {
  int64_t n_indices, rows, columns;
  bool wide;
};

template <class S>
void run_take_grad(const Call& call, int64_t) {
  const TakeGradParams& p = *static_cast<const TakeGradParams*>(call.params);
  const Indices indices = {call.in[1], p.n_indices, p.rows, p.wide};
  launch_add_rows(call.stream, static_cast<const S*>(call.in[0]), indices,
                  static_cast<S*>(call.out[0]), p.columns);
}

const char* bind_take_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  PieceFn run = nullptr;
  visit_any_float(op.in[0].dtype, [&](auto s) { run = run_take_grad<decltype(s)>; });
  if (run == nullptr) return "dtype not supported";
  TakeGradParams* p = alloc_params<TakeGradParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->n_indices = op.in[1].count;
  p->rows = op.out[0].dims[0];
  p->columns = op.out[0].count / p->rows;
  p->wide = op.in[1].dtype == DType::kInt64;
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::take, "take_rows", bind_take},
    {Opcode::take_grad, "take_grad_tiles", bind_take_grad},
};

}  // namespace

extern const Family kGatherFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
