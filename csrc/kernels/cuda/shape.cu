// Moving elements along the loops of CopyNest. Where the innermost loop is contiguous on both sides
// the loops count in units of up to 16 bytes; where source and target are contiguous along
// different loops, tiles of these two go through shared memory.
#include "kernels/copy_nest.h"
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/nest.h"
#include "kernels/cuda/device/vector.h"
#include "kernels/element.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kAtOnce = 4;  // independent loads of a thread
constexpr int kTile = 32;
constexpr int kTileRows = kThreads / kTile;

// Strides, starts and count in units of `unit` bytes.
struct Move {
  int unit;
  Loops loops;
  int64_t source_strides[kMaxDims];
  int64_t target_strides[kMaxDims];
  int64_t source_start;
  int64_t target_start;
  int64_t count;
};

// `loops` are those around the tiles; along `rows` the source is contiguous, along `columns` the
// target.
struct Turn {
  Move around;
  int64_t rows, columns;
  int64_t source_stride;  // of a column
  int64_t target_stride;  // of a row
  Divisor row_tiles, column_tiles;
  int64_t tiles;
};

struct Offsets {
  int64_t source, target;
};

__device__ __forceinline__ Offsets offsets_of(const Move& move, int64_t i) {
  Offsets at = {move.source_start, move.target_start};
  for (int d = move.loops.rank - 1; d >= 0; --d) {
    const int64_t rest = d > 0 ? divide(i, move.loops.dims[d]) : 0;
    const int64_t index = i - rest * move.loops.dims[d].value;
    at.source += index * move.source_strides[d];
    at.target += index * move.target_strides[d];
    i = rest;
  }
  return at;
}

template <class Unit>
__global__ void __launch_bounds__(kThreads)
    move_units(const __grid_constant__ Move move, const Unit* x, Unit* out) {
  const int64_t tile = int64_t{blockDim.x} * kAtOnce;
  for (int64_t base = blockIdx.x * tile; base < move.count; base += gridDim.x * tile) {
    Unit values[kAtOnce];
    int64_t targets[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = base + k * blockDim.x + threadIdx.x;
      const Offsets at = offsets_of(move, i < move.count ? i : 0);
      values[k] = x[at.source];
      targets[k] = at.target;
    }
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      if (base + k * blockDim.x + threadIdx.x < move.count) out[targets[k]] = values[k];
    }
  }
}

template <class Unit>
__global__ void __launch_bounds__(kThreads)
    turn_tiles(const __grid_constant__ Turn turn, const Unit* x, Unit* out) {
  PYDL_SHARED(Unit, tile, kTile * (kTile + 1));
  const int64_t tx = threadIdx.x % kTile, ty = threadIdx.x / kTile;
  for (int64_t t = blockIdx.x; t < turn.tiles; t += gridDim.x) {
    const int64_t rest = divide(t, turn.column_tiles);
    const int64_t around = divide(rest, turn.row_tiles);
    const int64_t column = (t - rest * turn.column_tiles.value) * kTile;
    const int64_t row = (rest - around * turn.row_tiles.value) * kTile;
    const Offsets at = offsets_of(turn.around, around);
#pragma unroll
    for (int k = 0; k < kTile; k += kTileRows) {
      const int64_t r = row + tx, c = column + ty + k;
      if (r < turn.rows && c < turn.columns) {
        tile[(ty + k) * (kTile + 1) + tx] = x[at.source + r + c * turn.source_stride];
      }
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTile; k += kTileRows) {
      const int64_t r = row + ty + k, c = column + tx;
      if (r < turn.rows && c < turn.columns) {
        out[at.target + r * turn.target_stride + c] = tile[tx * (kTile + 1) + ty + k];
      }
    }
    __syncthreads();
  }
}

// `bytes` bytes; the pattern's period divides 16 and starts at `out`, whole packs lie 16 bytes
// apart.
__global__ void __launch_bounds__(kThreads)
    fill_bytes(unsigned char* out, int64_t packs, int64_t bytes, Pack<unsigned char, 16> pattern) {
  const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = first; i < packs; i += stride) store_pack(out + i * 16, pattern);
  for (int64_t i = packs * 16 + first; i < bytes; i += stride) {
    unsigned char value = 0;
#pragma unroll
    for (int k = 0; k < 16; ++k) value = i % 16 == k ? pattern.at[k] : value;
    out[i] = value;
  }
}

template <class Index, class Unit>
__global__ void __launch_bounds__(kThreads)
    write_one_hot(const Index* indices, Unit* out, int64_t count, Divisor depth, Unit one) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t row = divide(i, depth);
    const bool hit = static_cast<int64_t>(indices[row]) == i - row * depth.value;
    out[i] = hit ? one : Unit{};
  }
}

// visitor(Access<unit>()).
template <class Visitor>
void visit_unit(int unit, Visitor&& visitor) {
  switch (unit) {
    case 1: return visitor(Access<1>());
    case 2: return visitor(Access<2>());
    case 4: return visitor(Access<4>());
    case 8: return visitor(Access<8>());
    default: return visitor(Access<16>());
  }
}

struct Plan {
  bool turns;
  Move wide;  // in the largest units that the geometry allows
  Move narrow;  // in elements
  Turn turn;
  unsigned wide_blocks, narrow_blocks;
};

struct MoveParams {
  int element_size;
  int n_plans;
  bool fill;  // the whole result first
  int64_t bytes;
  unsigned fill_blocks;
  Pack<unsigned char, 16> pattern;
  Plan plans[1];  // n_plans of them
};

void run_plan(const Plan& plan, int element_size, const void* x, void* out, void* stream) {
  if (plan.turns) {
    return visit_unit(element_size, [&](auto unit) {
      using Unit = decltype(unit);
      launch(turn_tiles<Unit>, dim3(plan.narrow_blocks), dim3(kThreads), 0, stream, plan.turn,
             static_cast<const Unit*>(x), static_cast<Unit*>(out));
    });
  }
  const bool fits = aligned(static_cast<size_t>(plan.wide.unit), static_cast<const char*>(x),
                            static_cast<const char*>(out));
  const Move& move = fits ? plan.wide : plan.narrow;
  visit_unit(move.unit, [&](auto unit) {
    using Unit = decltype(unit);
    launch(move_units<Unit>, dim3(fits ? plan.wide_blocks : plan.narrow_blocks), dim3(kThreads), 0,
           stream, move, static_cast<const Unit*>(x), static_cast<Unit*>(out));
  });
}

void launch_move(const Call& call, int64_t) {
  const MoveParams& p = *static_cast<const MoveParams*>(call.params);
  if (p.fill) {
    unsigned char* out = static_cast<unsigned char*>(call.out[0]);
    launch(fill_bytes, dim3(p.fill_blocks), dim3(kThreads), 0, call.stream, out,
           aligned(16, out) ? p.bytes / 16 : 0, p.bytes, p.pattern);
  }
  for (int k = 0; k < p.n_plans; ++k) {
    if (p.plans[k].narrow.count == 0) continue;
    run_plan(p.plans[k], p.element_size, call.in[k], call.out[0], call.stream);
  }
}

// Elements in the largest unit: everything but the innermost steps must be whole units.
int units_of(const CopyNest& nest, int element_size) {
  const int last = nest.rank - 1;
  int factor = 16 / element_size;
  if (nest.source_strides[last] != 1 || nest.target_strides[last] != 1) factor = 1;
  for (; factor > 1; factor /= 2) {
    bool whole = nest.dims[last] % factor == 0 && nest.source_start % factor == 0 &&
                 nest.target_start % factor == 0;
    for (int d = 0; d < last; ++d) {
      whole = whole && nest.source_strides[d] % factor == 0 && nest.target_strides[d] % factor == 0;
    }
    if (whole) break;
  }
  return factor;
}

Move make_move(const CopyNest& nest, int element_size, int factor) {
  Move move = {};
  const int last = nest.rank - 1;
  int64_t dims[kMaxDims];
  for (int d = 0; d < nest.rank; ++d) {
    const int by = d < last ? factor : 1;
    dims[d] = d < last ? nest.dims[d] : nest.dims[d] / factor;
    move.source_strides[d] = nest.source_strides[d] / by;
    move.target_strides[d] = nest.target_strides[d] / by;
  }
  move.unit = element_size * factor;
  if (nest.count > 0) move.loops = make_loops(nest.rank, dims);
  move.source_start = nest.source_start / factor;
  move.target_start = nest.target_start / factor;
  move.count = nest.count / factor;
  return move;
}

// The loop along which the source is contiguous while the target is so along the last: -1 when
// there is none, or one of the two is too short for tiles.
int turned_loop(const CopyNest& nest) {
  constexpr int64_t kShort = 8;
  const int last = nest.rank - 1;
  if (nest.target_strides[last] != 1 || nest.dims[last] < kShort) return -1;
  for (int d = 0; d < last; ++d) {
    if (nest.source_strides[d] == 1 && nest.dims[d] >= kShort) return d;
  }
  return -1;
}

Turn make_turn(const CopyNest& nest, int element_size, int turned) {
  const int last = nest.rank - 1;
  Turn turn = {};
  turn.rows = nest.dims[turned];
  turn.columns = nest.dims[last];
  turn.source_stride = nest.source_strides[last];
  turn.target_stride = nest.target_strides[turned];
  CopyNest around = nest;
  around.rank = 0;
  around.count = 1;
  for (int d = 0; d < last; ++d) {
    if (d == turned) continue;
    around.dims[around.rank] = nest.dims[d];
    around.source_strides[around.rank] = nest.source_strides[d];
    around.target_strides[around.rank++] = nest.target_strides[d];
    around.count *= nest.dims[d];
  }
  turn.around = make_move(around, element_size, 1);
  turn.row_tiles = make_divisor(ceil_div(turn.rows, kTile));
  turn.column_tiles = make_divisor(ceil_div(turn.columns, kTile));
  turn.tiles = around.count * turn.row_tiles.value * turn.column_tiles.value;
  return turn;
}

void make_plan(const OpView& op, int input, int element_size, Plan* plan) {
  CopyNest nest;
  make_copy_nest(op, input, &nest);
  plan->narrow = make_move(nest, element_size, 1);
  if (nest.count == 0) return;
  plan->wide = make_move(nest, element_size, units_of(nest, element_size));
  const int turned = turned_loop(nest);
  plan->turns = turned >= 0;
  if (plan->turns) plan->turn = make_turn(nest, element_size, turned);
  const int64_t per_block = kThreads * kAtOnce;
  plan->wide_blocks = stride_blocks(plan->wide.count, per_block, processors(op));
  plan->narrow_blocks = plan->turns ? stride_blocks(plan->turn.tiles, 1, processors(op))
                                    : stride_blocks(nest.count, per_block, processors(op));
}

const char* bind_move(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  const size_t bytes = sizeof(MoveParams) + sizeof(Plan) * static_cast<size_t>(op.n_in);
  MoveParams* p = static_cast<MoveParams*>(bind_alloc(binder, bytes));
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  p->element_size = dtype_size(dtype);
  p->bytes = op.out[0].count * p->element_size;
  p->fill = op.op == Opcode::pad || op.op == Opcode::full;
  unsigned char* pattern = p->pattern.at;
  if (p->fill && !read_element(op, "value", dtype, pattern)) return "dtype not supported";
  for (int i = p->element_size; i < 16; ++i) pattern[i] = pattern[i - p->element_size];
  p->fill_blocks = stride_blocks(p->bytes, kThreads * 16, processors(op));
  p->n_plans = op.n_in;
  for (int k = 0; k < op.n_in; ++k) make_plan(op, k, p->element_size, &p->plans[k]);
  return bind_piece(p, launch_move, bound);
}

struct OneHotParams {
  int64_t count;
  Divisor depth;
  int element_size;
  unsigned blocks;
  unsigned char one[8];
};

template <class Index>
void launch_one_hot(const Call& call, int64_t) {
  const OneHotParams& p = *static_cast<const OneHotParams*>(call.params);
  visit_unit(p.element_size, [&](auto unit) {
    using Unit = decltype(unit);
    Unit one = {};
    for (size_t i = 0; i < sizeof(one) && i < sizeof(p.one); ++i) {
      reinterpret_cast<unsigned char*>(&one)[i] = p.one[i];
    }
    launch(write_one_hot<Index, Unit>, dim3(p.blocks), dim3(kThreads), 0, call.stream,
           static_cast<const Index*>(call.in[0]), static_cast<Unit*>(call.out[0]), p.count, p.depth,
           one);
  });
}

const char* bind_one_hot(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  OneHotParams* p = alloc_params<OneHotParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const DType dtype = op.out[0].dtype;
  if (!store_element(dtype, 1.0, p->one)) return "dtype not supported";
  p->count = op.out[0].count;
  p->depth = make_divisor(op.out[0].dims[op.out[0].rank - 1]);
  p->element_size = dtype_size(dtype);
  p->blocks = stride_blocks(p->count, kThreads, processors(op));
  PieceFn run = nullptr;
  visit_index(op.in[0].dtype, [&](auto t) { run = launch_one_hot<decltype(t)>; });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::transpose, "transpose_gpu", bind_move},
    {Opcode::broadcast_to, "broadcast_to_gpu", bind_move},
    {Opcode::concatenate, "concatenate_gpu", bind_move},
    {Opcode::slice, "slice_gpu", bind_move},
    {Opcode::pad, "pad_gpu", bind_move},
    {Opcode::full, "full_gpu", bind_move},
    {Opcode::flip, "flip_gpu", bind_move},
    {Opcode::one_hot, "one_hot_gpu", bind_one_hot},
};

}  // namespace

extern const Family kShapeFamily = {kCandidates,
                                    static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
