// The kernel of sm_80's matrix units. Stages of 32 steps of K arrive by asynchronous copies as
// float32, three in flight; warps read their fragments and round them on the way:
//
//   kSplit      float32 accuracy: x = hi + lo, both TensorFloat-32; lo hi + hi lo + hi hi
//   kTensor     hi hi only
//   kHalf       bfloat16
//   kPlain      multiply-adds, for tiles kSplit cannot do: an infinity has no lo
//
// The units cut off the low bits of each sum they add to, so kSplit's accumulators are added to
// float32 totals, which round, every kPromote stages.
#pragma once

#include "kernels/cuda/device/ptx.h"
#include "kernels/cuda/gemm_operands.cuh"
#include "kernels/cuda/gemm_stream.cuh"

namespace pydl::cuda {

enum class MmaMode { kSplit, kTensor, kHalf, kPlain };

template <int kM, int kN, int kWarpsDown, int kWarpsAcross>
struct MmaTile {
  static constexpr int kRows = kM, kColumns = kN;
  static constexpr int kThreads = kWarpsDown * kWarpsAcross * 32, kAcross = kWarpsAcross;
  static constexpr int kTall = kM / kWarpsDown / 16, kWide = kN / kWarpsAcross / 8;
  static constexpr int kStages = 3, kDepth = layout::kStageDepth, kPromote = 2;
  static constexpr int kStage = (kM + kN) * kDepth;  // floats
  static constexpr int kStrideC = kN + 4;
  static constexpr int kBytes = kStages * kStage * 4;
  static_assert(kWide % 2 == 0 && kThreads >= kN && kM * kStrideC * 4 <= kBytes);
  static constexpr int kBlocks = kBytes > 64 * 1024 ? 1 : 2;
};

using MmaLarge = MmaTile<128, 128, 2, 4>;
using MmaSmall = MmaTile<64, 64, 2, 2>;

template <class Tile>
using Accumulators = float[Tile::kTall][Tile::kWide][4];

// Starts the copies of elements [first, first + kWidth) by [begin, begin + kDepth); zeros outside.
template <int kWidth, bool kDeep, int kThreads>
__device__ __forceinline__ void copy_tile(float* tile, const float* source, int64_t stride,
                                          bool wide, int64_t first, int64_t extent, int64_t begin,
                                          int64_t end, int thread) {
  constexpr int kRun = kDeep ? layout::kStageDepth / 4 : kWidth / 4;
#pragma unroll 2  // more addresses at a time cost registers
  for (int i = 0; i < kWidth * layout::kStageDepth / 4 / kThreads; ++i) {
    const int piece = thread + i * kThreads;
    const int along = piece % kRun * 4, across = piece / kRun;
    float* to =
        tile + (kDeep ? layout::deep_at(across, along) : layout::wide_at(along, across, kWidth));
    const int64_t outer = (kDeep ? first : begin) + across, inner = (kDeep ? begin : first) + along;
    const bool row = outer < (kDeep ? extent : end);
    const int64_t left = row ? (kDeep ? end : extent) - inner : 0;
    const float* from = source + (left > 0 ? outer * stride + inner : 0);
    if (wide) {
      ptx::copy_async16(to, from, left > 0 ? 16 : 0);
    } else {
      for (int j = 0; j < 4; ++j)
        ptx::copy_async4(to + j, left > j ? from + j : source, left > j ? 4 : 0);
    }
  }
}

template <int kWidth, bool kDeep>
__device__ __forceinline__ float read_tile(const float* tile, int row, int k) {
  return tile[kDeep ? layout::deep_at(row, k) : layout::wide_at(row, k, kWidth)];
}

// Eight steps of K of `kParts` pieces of 16 rows (A) or 16 columns (B, two fragments) as float32.
template <int kWidth, bool kDeep, bool kIsA, int kParts>
__device__ __forceinline__ void read_tf32(const float* tile, int first, int k, int lane,
                                          float (&x)[kParts][4]) {
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    if (kDeep) {
      const layout::Place at = kIsA ? layout::ldmatrix_a(lane) : layout::ldmatrix_b(lane);
      uint32_t bits[4];
      ptx::load_matrices(bits, tile + layout::deep_at(first + part * 16 + at.row, k + at.k));
#pragma unroll
      for (int i = 0; i < 4; ++i) x[part][i] = __uint_as_float(bits[i]);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const layout::Place at = kIsA ? layout::tf32_a(lane, i) : layout::tf32_b(lane, i % 2);
        const int row = first + part * 16 + at.row + (kIsA ? 0 : i / 2 * 8);
        x[part][i] = read_tile<kWidth, false>(tile, row, k + at.k);
      }
    }
  }
}

// Sixteen steps as bfloat16: a lane's four values of a row are neighbours in k (bf16_source).
template <int kWidth, bool kDeep>
__device__ __forceinline__ void read_bf16(const float* tile, int row, int k, int lane,
                                          uint32_t (&x)[2]) {
  const int first = k + layout::bf16_source(lane % 4 * 2);
  float v[4];
  if (kDeep) {
    load_quad(tile + layout::deep_at(row, first), 4, true, v);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = read_tile<kWidth, false>(tile, row, first + i);
  }
  x[0] = ptx::pack_bf16(v[0], v[1]);
  x[1] = ptx::pack_bf16(v[2], v[3]);
}

// `peak`: the largest size met, to find what has no finite hi and lo.
__device__ __forceinline__ void split_tf32(float x, uint32_t* hi, uint32_t* lo, float* peak) {
  *hi = ptx::round_to_tf32(x);
  *lo = ptx::round_to_tf32(x - __uint_as_float(*hi));
  *peak = fmaxf(*peak, fabsf(x));
}

// What a warp works on in a stage.
template <class Tile>
struct WarpPlace {
  const float* a;
  const float* b;
  int row, column, lane;
};

// One part of an operand rounded to TensorFloat-32, and with kSplit what was rounded off.
template <int kCount, bool kSplit>
__device__ __forceinline__ void round_part(const float* x, float* peak, uint32_t (&high)[kCount],
                                           uint32_t (&low)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    if constexpr (kSplit) {
      split_tf32(x[i], &high[i], &low[i], peak);
    } else {
      high[i] = ptx::round_to_tf32(x[i]);
    }
  }
}

template <class Tile, bool kDeepA, bool kDeepB, bool kSplit>
__device__ __forceinline__ void multiply_tf32(const WarpPlace<Tile>& w, float* peak,
                                              Accumulators<Tile>& acc) {
  constexpr int kWide = Tile::kWide;
#pragma unroll 1
  for (int k = 0; k < Tile::kDepth; k += 8) {
    float y[kWide / 2][4];
    uint32_t b[kWide][2], b_low[kWide][2];
    read_tf32<Tile::kColumns, kDeepB, false>(w.b, w.column, k, w.lane, y);
#pragma unroll
    for (int j = 0; j < kWide; ++j) {
      round_part<2, kSplit>(&y[j / 2][j % 2 * 2], peak, b[j], b_low[j]);
    }
#pragma unroll
    for (int i = 0; i < Tile::kTall; ++i) {
      float x[1][4];
      uint32_t a[4], a_low[4];
      read_tf32<Tile::kRows, kDeepA, true>(w.a, w.row + i * 16, k, w.lane, x);
      round_part<4, kSplit>(x[0], peak, a, a_low);
#pragma unroll
      for (int step = kSplit ? 0 : 2; step < 3; ++step) {
#pragma unroll
        for (int j = 0; j < kWide; ++j) {
          ptx::mma_tf32(acc[i][j], step == 0 ? a_low : a, step == 1 ? b_low[j] : b[j]);
        }
      }
    }
  }
}

template <class Tile, bool kDeepA, bool kDeepB>
__device__ __forceinline__ void multiply_bf16(const WarpPlace<Tile>& w, Accumulators<Tile>& acc) {
  const int row = w.lane / 4;
#pragma unroll 1
  for (int k = 0; k < Tile::kDepth; k += 16) {
    uint32_t b[Tile::kWide][2];
#pragma unroll
    for (int j = 0; j < Tile::kWide; ++j) {
      read_bf16<Tile::kColumns, kDeepB>(w.b, w.column + j * 8 + row, k, w.lane, b[j]);
    }
#pragma unroll
    for (int i = 0; i < Tile::kTall; ++i) {
      uint32_t upper[2], lower[2];
      read_bf16<Tile::kRows, kDeepA>(w.a, w.row + i * 16 + row, k, w.lane, upper);
      read_bf16<Tile::kRows, kDeepA>(w.a, w.row + i * 16 + row + 8, k, w.lane, lower);
      const uint32_t a[4] = {upper[0], lower[0], upper[1], lower[1]};
#pragma unroll
      for (int j = 0; j < Tile::kWide; ++j) ptx::mma_bf16(acc[i][j], a, b[j]);
    }
  }
}

template <class Tile, bool kDeepA, bool kDeepB>
__device__ __forceinline__ void multiply_plain(const WarpPlace<Tile>& w, Accumulators<Tile>& acc) {
#pragma unroll 1
  for (int k = 0; k < Tile::kDepth; ++k) {
    float y[Tile::kWide][2];
#pragma unroll
    for (int j = 0; j < Tile::kWide * 2; ++j) {
      const int column = w.column + j / 2 * 8 + layout::accumulator(w.lane, j % 2).k;
      y[j / 2][j % 2] = read_tile<Tile::kColumns, kDeepB>(w.b, column, k);
    }
#pragma unroll
    for (int i = 0; i < Tile::kTall * 2; ++i) {
      const int row = w.row + i / 2 * 16 + layout::accumulator(w.lane, i % 2 * 2).row;
      const float x = read_tile<Tile::kRows, kDeepA>(w.a, row, k);
#pragma unroll
      for (int j = 0; j < Tile::kWide * 2; ++j) {
        float& sum = acc[i / 2][j / 2][i % 2 * 2 + j % 2];
        sum = multiply_add(x, y[j / 2][j % 2], sum);
      }
    }
  }
}

// A tile of C and the part of K it is taken over.
struct MmaTask {
  PiecePlace place;
  int64_t begin, end;
  bool sums;
};

template <class Tile>
__device__ __forceinline__ MmaTask mma_task(int64_t k, const layout::Schedule& s,
                                            const layout::Piece& piece, bool sums) {
  const layout::TileAt at = layout::place_of(s, piece.tile);
  return {{at.row * Tile::kRows, at.column * Tile::kColumns, piece.slot},
          piece.begin * Tile::kDepth,
          least(k, piece.end * Tile::kDepth),
          sums && at.row == 0};
}

template <class Tile, bool kDeepA, bool kDeepB>
__device__ __forceinline__ void copy_stage(const Operands<float>& p, const MmaTask& task,
                                           float* shared, int step, int thread) {
  const int64_t k = task.begin + static_cast<int64_t>(step) * Tile::kDepth;
  if (k < task.end) {
    float* a = shared + step % Tile::kStages * Tile::kStage;
    float* b = a + Tile::kRows * Tile::kDepth;
    copy_tile<Tile::kRows, kDeepA, Tile::kThreads>(a, p.a, p.a_stride, p.a_wide, task.place.row,
                                                   p.m, k, task.end, thread);
    copy_tile<Tile::kColumns, kDeepB, Tile::kThreads>(b, p.b, p.b_stride, p.b_wide,
                                                      task.place.column, p.n, k, task.end, thread);
  }
  ptx::commit_copies();  // an empty group keeps the count
}

template <class Tile>
__device__ __forceinline__ void promote(Accumulators<Tile>& acc, Accumulators<Tile>& total) {
#pragma unroll
  for (int i = 0; i < Tile::kTall; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kWide; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        total[i][j][e] += acc[i][j][e];
        acc[i][j][e] = 0;
      }
    }
  }
}

// The whole depth of a task. Of modes that do not promote, `total` is where the units add.
// copy(step, thread) starts the copies of a stage and commits them.
template <class Tile, bool kDeepA, bool kDeepB, MmaMode kMode, class Copy>
__device__ __forceinline__ void multiply_task(const Copy& copy, const MmaTask& task, float* shared,
                                              float* peak, float* sum, Accumulators<Tile>& total) {
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
  const auto steps = static_cast<int>((task.end - task.begin + Tile::kDepth - 1) / Tile::kDepth);
  Accumulators<Tile> acc = {};
  for (int i = 0; i + 1 < Tile::kStages; ++i) copy(i, thread);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    ptx::wait_copies<Tile::kStages - 2>();
    __syncthreads();  // the stage is here, and the one before it was read by all
    copy(step + Tile::kStages - 1, thread);
    const float* a = shared + step % Tile::kStages * Tile::kStage;
    const WarpPlace<Tile> w = {a, a + Tile::kRows * Tile::kDepth,
                               warp / Tile::kAcross * Tile::kTall * 16,
                               warp % Tile::kAcross * Tile::kWide * 8, thread % 32};
    if constexpr (kMode == MmaMode::kSplit) {
      multiply_tf32<Tile, kDeepA, kDeepB, true>(w, peak, acc);
      if (step % Tile::kPromote == Tile::kPromote - 1) promote<Tile>(acc, total);
    } else if constexpr (kMode == MmaMode::kTensor) {
      multiply_tf32<Tile, kDeepA, kDeepB, false>(w, peak, total);
    } else if constexpr (kMode == MmaMode::kHalf) {
      multiply_bf16<Tile, kDeepA, kDeepB>(w, total);
    } else {
      multiply_plain<Tile, kDeepA, kDeepB>(w, total);
    }
    if (kMode != MmaMode::kPlain && task.sums && thread < Tile::kColumns) {
      for (int k = 0; k < Tile::kDepth; ++k) {
        *sum += read_tile<Tile::kColumns, kDeepB>(w.b, thread, k);
      }
    }
  }
  if (kMode == MmaMode::kSplit) promote<Tile>(acc, total);
  ptx::wait_copies<0>();
  __syncthreads();
}

template <class Tile>
__device__ __forceinline__ void stage_accumulators(float* shared, const Accumulators<Tile>& acc) {
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
#pragma unroll
  for (int i = 0; i < Tile::kTall; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kWide; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const layout::Place at = layout::accumulator(lane, e);
        const int row = (warp / Tile::kAcross * Tile::kTall + i) * 16 + at.row;
        const int column = (warp % Tile::kAcross * Tile::kWide + j) * 8 + at.k;
        shared[row * Tile::kStrideC + column] = acc[i][j][e];
      }
    }
  }
}

// What kSplit cannot express: infinities, and numbers that TensorFloat-32 would round to one.
constexpr float kSplitLimit = 3.4e38f;

// Accumulators through shared memory, which nobody reads any more.
template <class Tile, class S, class E>
__device__ __forceinline__ void finish_task(const StreamOutputs<S, E>& o, const MmaTask& task,
                                            float* shared, const Accumulators<Tile>& acc,
                                            float sum) {
  const int thread = static_cast<int>(threadIdx.x);
  stage_accumulators<Tile>(shared, acc);
  __syncthreads();
  finish_piece<Tile::kRows, Tile::kColumns>(o, task.place, shared, Tile::kStrideC, 0, Tile::kRows,
                                            0, Tile::kColumns, thread, Tile::kThreads);
  if (task.sums && thread < Tile::kColumns) {
    finish_sum<Tile::kColumns>(o, task.place, thread, sum);
  }
  __syncthreads();
}

// The products of a task and what becomes of them.
template <class Tile, bool kDeepA, bool kDeepB, MmaMode kMode, class E, class Copy>
__device__ __forceinline__ void run_task(const Copy& copy, const StreamOutputs<float, E>& o,
                                         const MmaTask& task, float* shared) {
  float peak = 0, sum = 0;
  Accumulators<Tile> total = {};
  multiply_task<Tile, kDeepA, kDeepB, kMode>(copy, task, shared, &peak, &sum, total);
  if (kMode == MmaMode::kSplit && __syncthreads_or(peak > kSplitLimit)) {
    Accumulators<Tile> again = {};
    multiply_task<Tile, kDeepA, kDeepB, MmaMode::kPlain>(copy, task, shared, &peak, &sum, again);
    finish_task<Tile>(o, task, shared, again, sum);
  } else {
    finish_task<Tile>(o, task, shared, total, sum);
  }
}

template <class Tile, bool kDeepA, bool kDeepB, MmaMode kMode>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    gemm_mma(Operands<float> p, StreamOutputs<float> o, layout::Schedule s) {
#if __CUDA_ARCH__ >= 800
  PYDL_DYNAMIC_SHARED(float, shared);
  const int64_t work = p.first + blockIdx.x;
  for (int i = 0; i < layout::piece_count(s, work); ++i) {
    const layout::Piece piece = layout::piece_of(s, work, i);
    if (piece.begin == piece.end) continue;
    const MmaTask task = mma_task<Tile>(p.k, s, piece, o.sums != nullptr);
    const auto copy = [&](int step, int thread) {
      copy_stage<Tile, kDeepA, kDeepB>(p, task, shared, step, thread);
    };
    run_task<Tile, kDeepA, kDeepB, kMode>(copy, o, task, shared);
  }
#else
  __trap();  // bind takes this kernel on sm_80 and later only
#endif
}

template <class S>
using MmaKernel = void (*)(Operands<S>, StreamOutputs<S>, layout::Schedule);

// The kernel for how A and B are stored, then what adds the parts of cut tiles. `kernels`: by
// transpose_a, then transpose_b; `pack`: elements of an access.
template <class Tile, class S>
void launch_stored(const Gemm& p, const Call& call, int pack, const MmaKernel<S> (&kernels)[2][2]) {
  const Operands<S> x = make_operands<S>(p, call, pack);
  const StreamOutputs<S> o =
      make_stream_outputs<S>(p, call, p.schedule, Tile::kRows * Tile::kColumns, call.scratch);
  launch_tiles(kernels[p.transpose_a ? 1 : 0][p.transpose_b ? 1 : 0],
               layout::work_count(p.schedule), dim3(Tile::kThreads), Tile::kBytes, call.stream, x,
               o, p.schedule);
  launch_stream_merge(o, p.schedule, Tile::kRows, Tile::kColumns, call.stream);
}

template <class Tile, MmaMode kMode>
void launch_mma(const Gemm& p, const Call& call) {
  constexpr MmaKernel<float> kKernels[2][2] = {
      {gemm_mma<Tile, true, false, kMode>, gemm_mma<Tile, true, true, kMode>},
      {gemm_mma<Tile, false, false, kMode>, gemm_mma<Tile, false, true, kMode>}};
  launch_stored<Tile>(p, call, 4, kKernels);
}

}  // namespace pydl::cuda
