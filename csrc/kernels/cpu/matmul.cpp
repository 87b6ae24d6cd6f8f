// matmul and gemm: which kernel, which blocks, which pieces.
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_dot.h"
#include "kernels/cpu/gemm_packed.h"
#include "kernels/cpu/gemm_panels.h"
#include "kernels/cpu/gemm_tiled.h"
#include "kernels/cpu/gemm_turned.h"
#include "kernels/cpu/gemm_vector.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kMostPieces = 16;
constexpr int64_t kDotMostRows = 12, kDotNarrowRows = 32;
constexpr int64_t kDotMostColumns = 12, kDotDepth = 192,
                  kDotMostDepth = 1 << 20;  // turning a narrow b over is worth it
constexpr int64_t kFewTiles = 8;        // less than that many pieces of a grid
constexpr int64_t kShards = 4, kShardDepth = 512;
constexpr double kPieceFlops = 600e3;        // about 5 us
constexpr int64_t kDepthBytes = 2048;
// A block of A should stay in half of L2; turning B over is dear enough to do it for longer blocks.
constexpr int64_t kRowBlockBytes = 256 * 1024, kRowBlockBytesTransposed = 1024 * 1024;
constexpr int64_t kCopyStride = 2048;  // rows of B longer than this are copied to panels
constexpr int64_t kAliasStride = 1024;    // rows of A at multiples of this share few sets of L1

// gemm_packed
constexpr int64_t kPackedRows = 48, kPackedColumns = 256, kPackedDepth = 128;
constexpr double kPackedBytes = 8 * 1024 * 1024;  // of all three matrices
constexpr int64_t kPackedDepthBytes = 3072;
constexpr int64_t kPanelsBytes = 256 * 1024;  // smaller weights are fast enough as they are
// gemm_turned: A turned over should stay in a quarter of L2; turning tiles of C over costs this
// much per element against the same for A or B.
constexpr int64_t kTurnedBytes = 256 * 1024;
constexpr int64_t kUprightDepth = 32, kUprightRows = 16;
constexpr int64_t kTurnedTileCost = kTileRows == 14 && kVectorBytes == 64 ? 2 : 5;

const char* read_problem(const OpView& op, Gemm* p) {
  const TensorView& a = op.in[0];
  const TensorView& b = op.in[1];
  if (a.dtype != DType::kFloat32 && a.dtype != DType::kFloat64) return "float32 and float64 only";
  const bool transpose_a = attr_int(op, "transpose_a", 0) != 0;
  p->transpose_b = attr_int(op, "transpose_b", 0) != 0;
  const int lead = a.rank - 2;  // 1 of a batch: then p is one of its problems
  p->dtype = a.dtype;
  p->batch = lead == 0 ? 1 : a.dims[0];
  p->m = a.dims[lead + (transpose_a ? 1 : 0)];
  p->k = a.dims[lead + (transpose_a ? 0 : 1)];
  p->n = b.dims[lead + (p->transpose_b ? 0 : 1)];
  p->a_row = transpose_a ? 1 : p->k;
  p->a_col = transpose_a ? p->m : 1;
  p->b_stride = b.dims[lead + 1];
  p->activation = parse_activation(attr_string(op, "activation"));
  p->grad = parse_activation(attr_string(op, "grad"));
  p->rate = attr_float(op, "dropout", 0);
  p->column_sum = op.n_out == 2;
  int next = 2;
  p->bias = attr_int(op, "bias", 0) != 0 ? next++ : -1;
  p->out = p->grad != Activation::kNone ? next++ : -1;
  p->seed = p->rate > 0 ? next++ : -1;
  p->residual = -1;
  p->b_constant = b.constant;
  return nullptr;
}

double work(const Gemm& p) {
  return 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

// What a grid costs against perfect sharing: the slowest thread's tiles over 2, 4, 8 and 16
// threads, few threads counting most, and the copies of A and B that each rectangle makes for
// itself.
double grid_cost(const Gemm& p, int64_t panels, int64_t tiles, int64_t rows, int64_t columns) {
  const double area = static_cast<double>(panels) * static_cast<double>(tiles);
  const double piece = static_cast<double>(ceil_div(tiles, rows) * ceil_div(panels, columns));
  const double copy_b = p.panel_width > 0 ? 0.1 : p.transpose_b ? 2.5 : 0.4;
  const double copy_a = p.pack_a ? 70.0 / static_cast<double>(p.n) : 0.01;
  double cost = copy_b * static_cast<double>(rows) / static_cast<double>(tiles) +
                copy_a * static_cast<double>(columns);
  for (int64_t threads = 2; threads <= kMostPieces; threads *= 2) {
    const double slowest = piece * static_cast<double>(ceil_div(rows * columns, threads));
    cost += 4.0 / static_cast<double>(threads) * slowest * static_cast<double>(threads) / area;
  }
  return cost;
}

int64_t pieces_worth(const Gemm& p) {
  const double wanted = work(p) < kSerialFlops ? 1 : work(p) / kPieceFlops + 1.5;
  const int64_t limit = most<int64_t>(1, kMostPieces / most<int64_t>(1, p.batch));
  return wanted > static_cast<double>(limit) ? limit : static_cast<int64_t>(wanted);
}

void choose_grid(Gemm* p, int64_t panel_width) {
  const int64_t panels = ceil_div(p->n, panel_width);
  const int64_t tiles = most<int64_t>(1, ceil_div(p->m, kTileRows));
  const int64_t most_pieces = pieces_worth(*p);
  p->row_pieces = p->column_pieces = 1;
  double best = -1;
  for (int64_t rows = 1; rows <= least(tiles, most_pieces); ++rows) {
    for (int64_t columns = 1; columns <= least(panels, most_pieces / rows); ++columns) {
      const double cost = grid_cost(*p, panels, tiles, rows, columns);
      if (best < 0 || cost < best) {
        best = cost;
        p->row_pieces = rows;
        p->column_pieces = columns;
      }
    }
  }
}

template <class T>
void choose_packing(Gemm* p) {
  const int64_t size = sizeof(T);
  p->pack_b = p->m > kTileRows && p->n * size >= kCopyStride;
  const int64_t stride = p->a_row * size;
  p->pack_a = p->a_col == 1 && p->m > kTileRows && p->n >= 256 && stride >= 4 * kAliasStride &&
              stride % kAliasStride == 0;
}

template <class T>
void choose_blocks(Gemm* p) {
  const int64_t size = sizeof(T);
  p->depth_block = kDepthBytes / size;
  const bool turns_b = p->transpose_b && p->panel_width == 0;
  const int64_t bytes = turns_b ? kRowBlockBytesTransposed : kRowBlockBytes;
  p->row_block = most<int64_t>(kTileRows, bytes / (p->depth_block * size));
}

template <class T>
int64_t worker_bytes(const Gemm& p) {
  const int64_t panel = p.depth_block * kWideVectors * kLanes<T>;
  const int64_t rows = p.pack_a ? p.row_block * p.depth_block + kTileRows + kLanes<T> : 0;
  return (panel + rows) * static_cast<int64_t>(sizeof(T));
}

template <class T>
void fill_tiled(Gemm* p, Bound* bound) {
  choose_packing<T>(p);
  choose_grid(p, kPanelWidth<T>);
  choose_blocks<T>(p);
  bound->worker_bytes = worker_bytes<T>(*p);
  bound->phases[0] = {run_tiled<T>, p->row_pieces * p->column_pieces};
  bound->n_phases = 1;
}

const char* bind_tiled(Gemm* p, Bound* bound) {
  if (p->n == 0 || (p->m == 0 && !p->column_sum)) return nullptr;
  if (p->dtype == DType::kFloat32) {
    fill_tiled<float>(p, bound);
  } else {
    fill_tiled<double>(p, bound);
  }
  return nullptr;
}

template <class T>
void fill_packed(Gemm* p, Bound* bound) {
  const int64_t size = sizeof(T), tiles = tiles_of(*p);
  const int64_t panels = ceil_div(p->n, kPanelWidth<T>);
  p->depth_block = kPackedDepthBytes / size;
  p->row_pieces = least(kMostPieces, ceil_div(tiles, kRowTiles));
  p->column_pieces = least(kMostPieces, panels);
  const int64_t columns = ceil_div(panels, p->column_pieces) * kPanelWidth<T>;
  bound->worker_bytes = columns * p->depth_block * size;
  bound->scratch_bytes = depth_blocks_of(*p) * tiles * tile_stride<T>(p->depth_block) * size;
  bound->phases[0] = {run_pack_a<T>, p->row_pieces};
  bound->phases[1] = {run_packed<T>, p->column_pieces};
  bound->n_phases = 2;
}

const char* bind_packed(Gemm* p, Bound* bound) {
  if (p->m < kPackedRows || p->n < kPackedColumns || p->k < kPackedDepth) {
    return "a side too short to pack for";
  }
  const double elements = static_cast<double>(p->m) * static_cast<double>(p->k) +
                          static_cast<double>(p->k) * static_cast<double>(p->n) +
                          static_cast<double>(p->m) * static_cast<double>(p->n);
  if (elements * dtype_size(p->dtype) < kPackedBytes) return "fast enough in place";
  if (p->dtype == DType::kFloat32) {
    fill_packed<float>(p, bound);
  } else {
    fill_packed<double>(p, bound);
  }
  return nullptr;
}

// Few rows take wide tiles, and panels as wide.
template <class T>
void fill_panels(Gemm* p, Bound* bound) {
  p->panel_width = (p->m <= kWideRows ? kWideVectors : kTileVectors) * kLanes<T>;
  choose_grid(p, p->panel_width);
  choose_blocks<T>(p);
  bound->derived[0] = {1, "panels of b", panels_bytes<T>(*p), build_panels<T>};
  bound->n_derived = 1;
  bound->phases[0] = {run_panels<T>, p->row_pieces * p->column_pieces};
  bound->n_phases = 1;
}

// A long sum into few elements: without cutting K there would be too few pieces. nullptr: cut it
// into `pieces`.
const char* cut_depth(const Gemm& p, int64_t* pieces) {
  const int64_t width = kTileVectors * kVectorBytes / dtype_size(p.dtype);
  const int64_t grid = ceil_div(p.m, kTileRows) * ceil_div(p.n, width);
  *pieces = least(kMostPieces, static_cast<int64_t>(work(p) / kPieceFlops / 2));
  if (grid == 0 || grid >= kFewTiles) return "enough tiles without cutting K";
  if (p.k < 256 * *pieces) return "K too short to cut";
  return *pieces < 2 ? "too little work to cut" : nullptr;
}

const char* bind_panels(Gemm* p, Bound* bound) {
  if (!p->b_constant) return "b is not state that this program only reads";
  if (p->m < 2) return "a single row";
  if (p->k * p->n * dtype_size(p->dtype) < kPanelsBytes) return "b is small";
  int64_t pieces = 0;
  if (cut_depth(*p, &pieces) == nullptr) return "too few tiles without cutting K";
  if (p->dtype == DType::kFloat32) {
    fill_panels<float>(p, bound);
  } else {
    fill_panels<double>(p, bound);
  }
  return nullptr;
}

template <class T>
void fill_dot(Gemm* p, Bound* bound) {
  choose_grid(p, kDotColumns);
  if (!p->transpose_b && p->n > 1) {
    bound->scratch_bytes = p->n * turned_stride<T>(*p) * static_cast<int64_t>(sizeof(T));
    bound->phases[bound->n_phases++] = {run_turn_b<T>, 1};
  }
  bound->phases[bound->n_phases++] = {run_dot<T>, p->row_pieces * p->column_pieces};
}

const char* bind_dot(Gemm* p, Bound* bound) {
  if (p->a_col != 1) return "a is stored transposed";
  const bool narrow = p->m >= kDotNarrowRows && p->n > 1 && p->n <= kDotMostColumns &&
                      p->k >= kDotDepth && p->k <= kDotMostDepth;
  if (!p->transpose_b && p->n != 1 && !narrow) return "b is not stored transposed";
  if (p->n != 1 && p->m > kDotMostRows && !narrow) return "enough rows to turn b over";
  if (p->column_sum) return "column sums wanted";
  if (p->m == 0 || p->n == 0) return "empty";
  if (p->dtype == DType::kFloat32) {
    fill_dot<float>(p, bound);
  } else {
    fill_dot<double>(p, bound);
  }
  return nullptr;
}

int64_t turned_bytes(const Gemm& p) {
  const int64_t panel = kTileVectors * kVectorBytes;
  return ceil_div(p.m * dtype_size(p.dtype), panel) * panel * p.k;
}

template <class T>
void fill_turned(Gemm* p, Bound* bound) {
  p->row_pieces = 1;
  p->column_pieces = least(pieces_worth(*p), ceil_div(p->n, 2 * kTileRows));
  bound->scratch_bytes = turned_bytes(*p);
  bound->phases[0] = {run_turn_a<T>, 1};
  bound->phases[1] = {run_turned<T>, p->column_pieces};
  bound->n_phases = 2;
}

template <class T>
const char* bind_upright(Gemm* p, Bound* bound) {
  constexpr int L = kLanes<T>;
  if (p->transpose_b) return "a and b are stored transposed";
  if (p->n > kTileRows || p->n % L == 0) return "b is not narrow";
  if (p->k < kUprightDepth) return "K too short to turn the result over";
  if (p->m < kUprightRows || (!kMaskedLoads && p->m % L != 0)) return "too few rows";
  p->row_pieces = least(pieces_worth(*p), ceil_div(p->m, kPanelWidth<T>));
  bound->phases[0] = {run_upright<T>, p->row_pieces};
  bound->n_phases = 1;
  return nullptr;
}

const char* bind_turned(Gemm* p, Bound* bound) {
  if (p->m == 0 || p->n == 0) return "empty";
  if (p->a_row == 1 && p->a_col != 1) {
    return p->dtype == DType::kFloat32 ? bind_upright<float>(p, bound)
                                       : bind_upright<double>(p, bound);
  }
  if (!p->transpose_b) return "b is not stored transposed";
  if (p->column_sum) return "column sums wanted";
  const double turned = static_cast<double>(p->k) + kTurnedTileCost * static_cast<double>(p->n);
  if (work(*p) / 2 <= turned * static_cast<double>(p->m) * static_cast<double>(p->m)) {
    return "b is cheaper to turn over than a and c";
  }
  if (turned_bytes(*p) > kTurnedBytes) return "a is too large to turn over at once";
  if (p->dtype == DType::kFloat32) {
    fill_turned<float>(p, bound);
  } else {
    fill_turned<double>(p, bound);
  }
  return nullptr;
}

template <class T>
void fill_vector(Gemm* p, Bound* bound) {
  const double bytes = static_cast<double>(p->k) * static_cast<double>(p->n) * sizeof(T);
  const int64_t wide = most<int64_t>(2, p->n / (64 * kLanes<T>));  // long rows: DRAM likes them
  const int64_t most_pieces = least(least(kMostPieces, wide), ceil_div(p->n, 4 * kLanes<T>));
  p->column_pieces = bytes < kSerialBytes ? 1 : most_pieces;
  bound->phases[0] = {run_vector<T>, p->column_pieces};
  bound->n_phases = 1;
}

const char* bind_vector(Gemm* p, Bound* bound) {
  const bool row = p->m == 1 && !p->transpose_b && !p->column_sum;
  const bool column = p->n == 1 && p->a_row == 1 && p->m > 1;
  if (!row && !column) return "not a vector times a matrix with contiguous columns";
  if (p->n == 0) return "empty";
  if (column) {
    p->swapped = true;
    p->n = p->m;
    p->m = 1;
  }
  if (p->dtype == DType::kFloat32) {
    fill_vector<float>(p, bound);
  } else {
    fill_vector<double>(p, bound);
  }
  return nullptr;
}

template <class T>
void fill_split(Gemm* p, Bound* bound) {
  choose_packing<T>(p);
  choose_blocks<T>(p);
  const int64_t partial = (p->m + (p->column_sum ? 1 : 0)) * p->n;
  p->row_pieces = most<int64_t>(1, least(p->m, partial * p->depth_pieces / 16384));
  bound->worker_bytes = worker_bytes<T>(*p);
  bound->scratch_bytes = p->depth_pieces * partial * static_cast<int64_t>(sizeof(T));
  bound->phases[0] = {run_split<T>, p->depth_pieces};
  bound->phases[1] = {run_merge<T>, p->row_pieces};
  bound->n_phases = 2;
}

// Whether b, read as it is stored, outweighs a and the partial results: then a thread should keep
// to rows of b. They are its part of the weight gradient and of the optimizer's update as well
// (both cut by rows), so the weights stay in its cache and no line of them is written by one core
// after another has read it, which costs several times the update.
bool keeps_rows_of_b(const Gemm& p) {
  return p.a_col == 1 && !p.transpose_b && p.k >= kShardDepth && p.k >= kShards * p.m;
}

const char* bind_split(Gemm* p, Bound* bound) {
  int64_t pieces = 0;
  const char* reason = cut_depth(*p, &pieces);
  if (keeps_rows_of_b(*p)) {
    pieces = least(pieces, kShards);
    reason = pieces < 2 || p->m == 0 || p->n == 0 ? "too little work to cut" : nullptr;
  }
  if (reason) return reason;
  p->depth_pieces = pieces;
  p->row_pieces = 1;
  if (p->dtype == DType::kFloat32) {
    fill_split<float>(p, bound);
  } else {
    fill_split<double>(p, bound);
  }
  return nullptr;
}

using BindProduct = const char* (*)(Gemm* p, Bound* bound);

template <BindProduct bind_kernel>
const char* bind_op(const OpView& op, Binder* binder, Bound* bound) {
  Gemm* p = static_cast<Gemm*>(bind_alloc(binder, sizeof(Gemm)));
  if (!p) return kOutOfMemory;
  bound->params = p;
  if (const char* reason = read_problem(op, p)) return reason;
  return bind_kernel(p, bound);
}

// The kernels in order of preference; whether their tiles add a residual.
struct Kernel {
  BindProduct bind;
  bool adds;
};
constexpr Kernel kKernels[] = {
    {bind_vector, false}, {bind_panels, true},  {bind_packed, true}, {bind_dot, false},
    {bind_split, false},  {bind_turned, false}, {bind_tiled, true},
};

}  // namespace

const char* bind_product(const Gemm& problem, Binder* binder, Bound* bound) {
  Gemm* p = static_cast<Gemm*>(bind_alloc(binder, sizeof(Gemm)));
  if (!p) return kOutOfMemory;
  for (const Kernel& kernel : kKernels) {
    if (problem.residual >= 0 && !kernel.adds) continue;
    *p = problem;
    *bound = Bound{};
    bound->params = p;
    if (kernel.bind(p, bound) == nullptr) return nullptr;
  }
  return "no kernel takes the product";
}

const Candidate kMatmulCandidates[] = {
    {Opcode::matmul, "gemm_vector", bind_op<bind_vector>},
    {Opcode::matmul, "gemm_panels", bind_op<bind_panels>},
    {Opcode::matmul, "gemm_packed", bind_op<bind_packed>},
    {Opcode::matmul, "gemm_dot", bind_op<bind_dot>},
    {Opcode::matmul, "gemm_split_k", bind_op<bind_split>},
    {Opcode::matmul, "gemm_turned", bind_op<bind_turned>},
    {Opcode::matmul, "gemm_tiled", bind_op<bind_tiled>},
    {Opcode::gemm, "gemm_vector", bind_op<bind_vector>},
    {Opcode::gemm, "gemm_panels", bind_op<bind_panels>},
    {Opcode::gemm, "gemm_packed", bind_op<bind_packed>},
    {Opcode::gemm, "gemm_dot", bind_op<bind_dot>},
    {Opcode::gemm, "gemm_split_k", bind_op<bind_split>},
    {Opcode::gemm, "gemm_turned", bind_op<bind_turned>},
    {Opcode::gemm, "gemm_tiled", bind_op<bind_tiled>},
};
extern const Family kMatmulFamily = {kMatmulCandidates, 14};

}  // namespace pydl::PYDL_ISA
