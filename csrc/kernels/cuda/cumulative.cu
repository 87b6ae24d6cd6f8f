// Running sums and products. Along an inner axis a thread owns a line, neighbouring threads
// neighbouring lines; along the last axis a block owns a row and scans it chunk by chunk.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/divide.h"
#include "kernels/cuda/device/reduce.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kBlock = 256;  // positions of a partial sum

// Values [outer, position, inner].
struct CumulativeParams {
  int64_t positions, lines;
  Divisor inner;
  bool reverse;
  unsigned blocks;
};

// What a thread computes in: integers, which are unsigned here, wrap.
template <class T>
struct Register {
  using type = uint32_t;
};
template <>
struct Register<float> {
  using type = float;
};
template <>
struct Register<double> {
  using type = double;
};
template <>
struct Register<uint64_t> {
  using type = unsigned long long;
};

template <class R, bool product>
__device__ __forceinline__ R joined(R a, R b) {
  return product ? a * b : a + b;
}

// 64 registers: fewer, which the compiler prefers, would spill.
template <class T, bool product>
__global__ void __launch_bounds__(kThreads, 4) scan_lines(CumulativeParams p, const T* x, T* out) {
  using R = typename Register<T>::type;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, inner = p.inner.value;
  const int64_t step = p.reverse ? -inner : inner;
  for (int64_t line = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; line < p.lines;
       line += stride) {
    const int64_t outer = divide(line, p.inner);
    int64_t i = outer * p.positions * inner + (line - outer * inner);
    if (p.reverse) i += (p.positions - 1) * inner;
    R base = product ? 1 : 0, part = base;
    for (int64_t k = 0; k < p.positions; ++k, i += step) {
      part = joined<R, product>(part, static_cast<R>(x[i]));
      out[i] = static_cast<T>(joined<R, product>(base, part));
      if (!product && k % kBlock == kBlock - 1) {
        base += part;
        part = 0;
      }
    }
  }
}

// The inclusive scan over a block of each thread's value; the last thread's to all in `total`.
template <class R, bool product>
__device__ __forceinline__ R scan_block(R value, R* total) {
  PYDL_SHARED(R, totals, kWarps);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const R other = __shfl_up_sync(kAllLanes, value, static_cast<unsigned>(distance));
    if (lane >= distance) value = joined<R, product>(other, value);
  }
  if (lane == 31) totals[warp] = value;
  __syncthreads();
  R before = product ? 1 : 0, all = product ? 1 : 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w == warp) before = all;
    all = joined<R, product>(all, totals[w]);
  }
  __syncthreads();
  *total = all;
  return joined<R, product>(before, value);
}

template <class T, bool product>
__global__ void __launch_bounds__(kThreads) scan_rows(CumulativeParams p, const T* x, T* out) {
  using R = typename Register<T>::type;
  for (int64_t row = blockIdx.x; row < p.lines; row += gridDim.x) {
    const int64_t start = row * p.positions;
    R carry = product ? 1 : 0;
    for (int64_t base = 0; base < p.positions; base += kThreads) {
      const int64_t k = base + threadIdx.x;
      const int64_t i = start + (p.reverse ? p.positions - 1 - k : k);
      const bool inside = k < p.positions;
      R total, value = product ? 1 : 0;
      if (inside) value = static_cast<R>(x[i]);
      value = scan_block<R, product>(value, &total);
      if (inside) out[i] = static_cast<T>(joined<R, product>(carry, value));
      carry = joined<R, product>(carry, total);
    }
  }
}

template <class T, bool product>
void run_cumulative(const Call& call, int64_t) {
  const CumulativeParams& p = *static_cast<const CumulativeParams*>(call.params);
  const auto kernel = p.inner.value == 1 ? scan_rows<T, product> : scan_lines<T, product>;
  launch(kernel, dim3(p.blocks), dim3(kThreads), 0, call.stream, p,
         static_cast<const T*>(call.in[0]), static_cast<T*>(call.out[0]));
}

template <bool product>
PieceFn choose(DType dtype) {
  if (dtype == DType::kFloat32) return run_cumulative<float, product>;
  if (dtype == DType::kFloat64) return run_cumulative<double, product>;
  switch (dtype_size(dtype)) {
    case 1: return run_cumulative<uint8_t, product>;
    case 2: return run_cumulative<uint16_t, product>;
    case 4: return run_cumulative<uint32_t, product>;
    default: return run_cumulative<uint64_t, product>;
  }
}

const char* bind_cumulative(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  const TensorView& x = op.in[0];
  if (x.dtype == DType::kFloat16 || x.dtype == DType::kBFloat16) return "dtype not supported";
  CumulativeParams* p = alloc_params<CumulativeParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t axis = attr_int(op, "axis", 0);
  int64_t inner = 1;
  for (int d = static_cast<int>(axis) + 1; d < x.rank; ++d) inner *= x.dims[d];
  p->positions = x.dims[axis];
  p->lines = x.count / p->positions;
  p->inner = make_divisor(inner);
  p->reverse = attr_int(op, "reverse", 0) != 0;
  p->blocks = stride_blocks(p->lines, inner == 1 ? 1 : kThreads, processors(op));
  return bind_piece(p, op.op == Opcode::cumprod ? choose<true>(x.dtype) : choose<false>(x.dtype),
                    bound);
}

const Candidate kCandidates[] = {
    {Opcode::cumsum, "cumsum_gpu", bind_cumulative},
    {Opcode::cumprod, "cumprod_gpu", bind_cumulative},
};

}  // namespace

extern const Family kCumulativeFamily = {
    kCandidates, static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
