// take_along_axis: a thread for each element. Its gradient: a thread owns a line along the axis and
// adds to it in order of position; neighbouring threads own neighbouring lines.
#include "kernels/along_nest.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/index.h"
#include "kernels/cuda/device/nest.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;

struct AlongParams {
  Loops loops;
  int64_t x_strides[kMaxDims];
  int64_t index_strides[kMaxDims];
  int64_t axis_stride, axis_size;
  int64_t count, n_indices;
  int element_size;
  unsigned blocks;
  bool wide;
};

// The first `slices` blocks look for bad indices.
template <class Unit>
__global__ void __launch_bounds__(kThreads)
    take_along(const __grid_constant__ AlongParams p, const Unit* x, Indices indices, Unit* out,
               int64_t slices, int64_t* faults) {
  if (static_cast<int64_t>(blockIdx.x) < slices) return find_fault(indices, blockIdx.x, faults);
  const int64_t stride = (static_cast<int64_t>(gridDim.x) - slices) * blockDim.x;
  const int64_t first = (static_cast<int64_t>(blockIdx.x) - slices) * blockDim.x + threadIdx.x;
  for (int64_t i = first; i < p.count; i += stride) {
    const int64_t k = indices[offset_of(p.loops, p.index_strides, i)];
    Unit value = {};
    if (indices.valid(k)) value = x[offset_of(p.loops, p.x_strides, i) + k * p.axis_stride];
    out[i] = value;
  }
}

void run_take(const Call& call, int64_t) {
  const AlongParams& p = *static_cast<const AlongParams*>(call.params);
  const Indices indices = {call.in[1], p.n_indices, p.axis_size, p.wide};
  const int64_t slices = slice_count(p.n_indices);
  const unsigned blocks = p.blocks + static_cast<unsigned>(slices);
  const auto run = [&](auto unit) {
    using Unit = decltype(unit);
    launch(take_along<Unit>, dim3(blocks), dim3(kThreads), 0, call.stream, p,
           static_cast<const Unit*>(call.in[0]), indices, static_cast<Unit*>(call.out[0]), slices,
           fault_target(call, 1, p.n_indices));
  };
  switch (p.element_size) {
    case 1: run(uint8_t()); break;
    case 2: run(uint16_t()); break;
    case 4: run(uint32_t()); break;
    default: run(uint64_t()); break;
  }
  launch_merge_faults(call, 1, p.n_indices);
}

const char* bind_take(const OpView& op, Binder* binder, Bound* bound) {
  AlongParams* p = alloc_params<AlongParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const AlongNest nest = make_along_nest(op);
  p->count = op.out[0].count;
  if (p->count > 0) p->loops = make_loops(nest.rank, nest.dims);
  for (int d = 0; d < nest.rank; ++d) {
    p->x_strides[d] = nest.x_strides[d];
    p->index_strides[d] = nest.index_strides[d];
  }
  p->axis_stride = nest.axis_stride;
  p->axis_size = nest.axis_size;
  p->n_indices = op.in[1].count;
  p->element_size = dtype_size(op.in[0].dtype);
  p->blocks = stride_blocks(p->count, kThreads, processors(op));
  p->wide = op.in[1].dtype == DType::kInt64;
  bound->scratch_bytes = fault_bytes(p->n_indices);
  return bind_piece(p, run_take, bound);
}

// Values [outer, position, inner].
struct GradParams {
  int64_t positions, size, lines;
  Divisor inner;
  unsigned blocks;
  bool wide;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    take_along_grad(GradParams p, const T* grad_out, Indices indices, T* grad_x) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, inner = p.inner.value;
  for (int64_t line = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; line < p.lines;
       line += stride) {
    const int64_t outer = divide(line, p.inner), column = line - outer * inner;
    T* out = grad_x + outer * p.size * inner + column;
    for (int64_t k = 0; k < p.size; ++k) out[k * inner] = T(0);
    for (int64_t i = 0; i < p.positions; ++i) {
      const int64_t at = (outer * p.positions + i) * inner + column;
      const int64_t k = indices[at];
      if (indices.valid(k)) out[k * inner] += grad_out[at];
    }
  }
}

template <class T>
void run_grad(const Call& call, int64_t) {
  const GradParams& p = *static_cast<const GradParams*>(call.params);
  const Indices indices = {call.in[1], p.lines * p.positions, p.size, p.wide};
  launch(take_along_grad<T>, dim3(p.blocks), dim3(kThreads), 0, call.stream, p,
         static_cast<const T*>(call.in[0]), indices, static_cast<T*>(call.out[0]));
}

const char* bind_grad(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  GradParams* p = alloc_params<GradParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t axis = attr_int(op, "axis", 0);
  int64_t inner = 1;
  for (int d = static_cast<int>(axis) + 1; d < op.out[0].rank; ++d) inner *= op.out[0].dims[d];
  p->positions = op.in[0].dims[axis];
  p->size = op.out[0].dims[axis];
  p->lines = op.out[0].count / p->size;
  p->inner = make_divisor(inner);
  p->blocks = stride_blocks(p->lines, kThreads, processors(op));
  p->wide = op.in[1].dtype == DType::kInt64;
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) { run = run_grad<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::take_along_axis, "take_along_axis_gpu", bind_take},
    {Opcode::take_along_axis_grad, "take_along_axis_grad_gpu", bind_grad},
};

}  // namespace

extern const Family kAlongFamily = {kCandidates,
                                    static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
