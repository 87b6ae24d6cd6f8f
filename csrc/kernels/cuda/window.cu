// dynamic_slice and dynamic_update_slice: the window's place is read by the threads that move it.
// An update copies the whole first.
#include "kernels/copy_nest.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/nest.h"
#include "kernels/cuda/device/vector.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;

struct WindowParams {
  Window window;
  Loops loops;  // of the window
  int64_t strides[kMaxDims];  // of the larger value along them
  int64_t count, bytes;  // of the window; of the whole
  int element_size;
  unsigned blocks, copy_blocks;
};

__device__ __forceinline__ int64_t begin_of(const Window& window, const int64_t* start) {
  int64_t offset = 0;
  for (int d = 0; d < window.rank; ++d) {
    const int64_t last = window.limits[d], at = start[d];
    offset += (at < 0 ? 0 : at > last ? last : at) * window.strides[d];
  }
  return offset;
}

// Element i of the dense `small` and its place in `large`; `update` says which is written.
template <class Unit, bool update>
__global__ void __launch_bounds__(kThreads)
    move_window(const __grid_constant__ WindowParams p, const int64_t* start, Unit* large,
                Unit* small) {
  large += begin_of(p.window, start);
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < p.count; i += stride) {
    Unit* other = large + offset_of(p.loops, p.strides, i);
    if (update) {
      *other = small[i];
    } else {
      small[i] = *other;
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    copy_all(const unsigned char* x, unsigned char* out, int64_t packs, int64_t bytes) {
  const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = first; i < packs; i += stride) {
    store_pack(out + i * 16, load_pack<16>(x + i * 16));
  }
  for (int64_t i = packs * 16 + first; i < bytes; i += stride) out[i] = x[i];
}

template <bool update>
void launch_window(const Call& call, const WindowParams& p) {
  const void* small = update ? call.in[1] : call.out[0];
  const void* large = update ? call.out[0] : call.in[0];
  const auto run = [&](auto unit) {
    using Unit = decltype(unit);
    launch(move_window<Unit, update>, dim3(p.blocks), dim3(kThreads), 0, call.stream, p,
           static_cast<const int64_t*>(call.in[update ? 2 : 1]),
           const_cast<Unit*>(static_cast<const Unit*>(large)),
           const_cast<Unit*>(static_cast<const Unit*>(small)));
  };
  switch (p.element_size) {
    case 1: return run(uint8_t());
    case 2: return run(uint16_t());
    case 4: return run(uint32_t());
    default: return run(uint64_t());
  }
}

void run_slice(const Call& call, int64_t) {
  launch_window<false>(call, *static_cast<const WindowParams*>(call.params));
}

void run_update(const Call& call, int64_t) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  const auto* x = static_cast<const unsigned char*>(call.in[0]);
  auto* out = static_cast<unsigned char*>(call.out[0]);
  launch(copy_all, dim3(p.copy_blocks), dim3(kThreads), 0, call.stream, x, out,
         aligned(16, x, out) ? p.bytes / 16 : 0, p.bytes);
  if (p.count > 0) launch_window<true>(call, p);
}

const char* bind_window(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  WindowParams* p = alloc_params<WindowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const bool update = op.op == Opcode::dynamic_update_slice;
  p->window = make_window(op);
  p->element_size = dtype_size(op.out[0].dtype);
  p->bytes = op.out[0].count * p->element_size;
  CopyNest nest;
  make_copy_nest(op, update ? 1 : 0, &nest);
  p->count = nest.count;
  if (p->count > 0) p->loops = make_loops(nest.rank, nest.dims);
  for (int d = 0; d < nest.rank; ++d) {
    p->strides[d] = update ? nest.target_strides[d] : nest.source_strides[d];
  }
  p->blocks = stride_blocks(p->count, kThreads, processors(op));
  p->copy_blocks = stride_blocks(p->bytes, kThreads * 16, processors(op));
  return bind_piece(p, update ? run_update : run_slice, bound);
}

const Candidate kCandidates[] = {
    {Opcode::dynamic_slice, "dynamic_slice_gpu", bind_window},
    {Opcode::dynamic_update_slice, "dynamic_update_slice_gpu", bind_window},
};

}  // namespace

extern const Family kWindowFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
