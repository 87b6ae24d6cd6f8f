// Chains whose results are reduced: the loops of a chain fill a panel that stays in L1, which is
// reduced from there; so the chain's values are never in memory. The shape that the operands
// broadcast to is seen as [outer, length, inner], `length` reduced, as in reduce.cpp, and cut
// alike.
//
//   inner 1   a panel is a part of a row, or several short rows
//   else      a panel is some rows of a few columns, or of all if they are few
//
// Results that are not reduced are written where they belong while the panel is filled.
#include "kernels/cpu/chain_loops.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/reduce_ops.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kPanelBytes = 8192;  // of all panels together
constexpr int64_t kTile = 1024;        // columns whose partial results stay near, as doubles
constexpr int64_t kMaxBlocks = 64;
constexpr int64_t kPanelRows = 8;      // of a panel of columns, at least

// A reduction of panels into doubles.
struct Reducer {
  double start;
  void (*row)(const void* x, int64_t n, double* total);
  void (*columns)(const void* x, int64_t stride, int64_t rows, int64_t width, double* totals);
  void (*merge)(const double* from, int64_t n, double* into);
  void (*begin)(int64_t width, double* totals);
};

struct ReducedParams {
  ChainLoops loops;
  int64_t outer, length, inner;
  int64_t blocks, block_length;    // of `length`
  int64_t tiles;                   // of `inner`
  int64_t units, units_per_piece;  // a unit: outer (or several, of short rows), block, tile
  int64_t panel;                   // elements
  int64_t short_rows;              // in a panel; 0: a row is as long as a panel or longer
  int n_reduced;
  int panel_of[kMaxResults];  // -1: the result is stored
  Reducer reducers[kMaxResults];
  double factors[kMaxResults];
  int results[kMaxResults];  // of each panel
};

template <class Op, class T>
struct Reducing {
  static void row(const void* x, int64_t n, double* total) {
    const double more = reduce_row<Op, false>(static_cast<const T*>(x), n);
    merge(&more, 1, total);
  }
  static void columns(const void* x, int64_t stride, int64_t rows, int64_t width, double* totals) {
    reduce_columns<Op, false>(static_cast<const T*>(x), stride, rows, width, totals);
  }
  static void merge(const double* from, int64_t n, double* into) {
    merge_totals<Op>(from, n, into);
  }
  static void begin(int64_t width, double* totals) { start_columns<Op>(width, totals); }
};

template <class Op, class T>
constexpr Reducer reducer() {
  using R = Reducing<Op, T>;
  return {Op::kStart, R::row, R::columns, R::merge, R::begin};
}

template <class T>
Reducer reducer_of(Opcode op) {
  switch (op) {
    case Opcode::reduce_max: return reducer<Max, T>();
    case Opcode::reduce_min: return reducer<Min, T>();
    default: return reducer<Add, T>();
  }
}

// What a running piece has: the call, its slots, and its part of the worker's memory.
struct Work {
  const ReducedParams& p;
  const Call& call;
  unsigned char* panels;
  double* totals;  // [panel][kTile and a vector more]
  void* slots[kMaxSlots];

  unsigned char* panel(int k) const { return panels + k * p.panel * p.loops.element_size; }
  double* total(int k) const { return totals + k * (kTile + kLanes<float>); }
};

// Elements [first, first + n) of the broadcast shape, into the panels from element `at` on.
void fill_panels(Work* w, int64_t first, int64_t n, int64_t at) {
  const ChainLoops& loops = w->p.loops;
  while (n > 0) {
    const int64_t row = first / loops.row_length, column = first - row * loops.row_length;
    int64_t count = loops.row_length - column;
    if (count > n) count = n;
    if (count > loops.block) count = loops.block;
    place_operands(loops, w->call, row, column, w->slots);
    for (int r = 0; r < loops.n_out; ++r) {
      const int k = w->p.panel_of[r];
      unsigned char* base =
          k < 0 ? static_cast<unsigned char*>(w->call.out[r]) + first * loops.out_size
                : w->panel(k) + at * loops.element_size;
      w->slots[loops.n_in + r] = base;
    }
    run_block(loops, w->slots, count);
    first += count;
    at += count;
    n -= count;
  }
}

// Totals of results [at, at + n) of the [outer, inner] ones: with one block the results themselves.
template <class T>
void finish(const Work& w, int k, int64_t outer, int64_t block, int64_t column, int64_t n,
            const double* totals) {
  const ReducedParams& p = w.p;
  if (p.blocks == 1) {
    T* out = static_cast<T*>(w.call.out[p.results[k]]) + outer * p.inner + column;
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(totals[i] * p.factors[k]);
    return;
  }
  double* out = reinterpret_cast<double*>(w.call.scratch) +
                ((k * p.outer + outer) * p.blocks + block) * p.inner + column;
  for (int64_t i = 0; i < n; ++i) out[i] = totals[i];
}

template <class T>
void reduce_short_rows(Work* w, int64_t unit) {
  const ReducedParams& p = w->p;
  const int64_t first = unit * p.short_rows;
  const int64_t rows = p.outer - first < p.short_rows ? p.outer - first : p.short_rows;
  fill_panels(w, first * p.length, rows * p.length, 0);
  for (int k = 0; k < p.n_reduced; ++k) {
    for (int64_t r = 0; r < rows; ++r) {
      double total = p.reducers[k].start;
      p.reducers[k].row(w->panel(k) + r * p.length * p.loops.element_size, p.length, &total);
      finish<T>(*w, k, first + r, 0, 0, 1, &total);
    }
  }
}

template <class T>
void reduce_long_row(Work* w, int64_t unit) {
  const ReducedParams& p = w->p;
  const int64_t outer = unit / p.blocks, block = unit % p.blocks;
  int64_t at = block * p.block_length;
  const int64_t end = p.length - at < p.block_length ? p.length : at + p.block_length;
  double totals[kMaxResults];
  for (int k = 0; k < p.n_reduced; ++k) totals[k] = p.reducers[k].start;
  for (; at < end; at += p.panel) {
    const int64_t n = end - at < p.panel ? end - at : p.panel;
    fill_panels(w, outer * p.length + at, n, 0);
    for (int k = 0; k < p.n_reduced; ++k) p.reducers[k].row(w->panel(k), n, &totals[k]);
  }
  for (int k = 0; k < p.n_reduced; ++k) finish<T>(*w, k, outer, block, 0, 1, &totals[k]);
}

// `rows` rows from `first` on, of [outer * length] rows, of a tile of columns.
void add_rows(Work* w, int64_t first, int64_t rows, int64_t column, int64_t width) {
  const ReducedParams& p = w->p;
  if (width == p.inner && width * kPanelRows <= p.panel) {
    const int64_t most = p.panel / width / kPanelRows * kPanelRows;
    for (int64_t r = 0; r < rows; r += most) {
      const int64_t count = rows - r < most ? rows - r : most;
      fill_panels(w, (first + r) * width, count * width, 0);
      for (int k = 0; k < p.n_reduced; ++k) {
        p.reducers[k].columns(w->panel(k), width, count, width, w->total(k));
      }
    }
    return;
  }
  const int64_t span = p.panel / kPanelRows;
  for (int64_t r = 0; r < rows; r += kPanelRows) {
    const int64_t count = rows - r < kPanelRows ? rows - r : kPanelRows;
    for (int64_t c = 0; c < width; c += span) {
      const int64_t n = width - c < span ? width - c : span;
      for (int64_t i = 0; i < count; ++i) {
        fill_panels(w, (first + r + i) * p.inner + column + c, n, i * span);
      }
      for (int k = 0; k < p.n_reduced; ++k) {
        p.reducers[k].columns(w->panel(k), span, count, n, w->total(k) + c);
      }
    }
  }
}

template <class T>
void reduce_tile(Work* w, int64_t unit) {
  const ReducedParams& p = w->p;
  const int64_t column = unit % p.tiles * kTile;
  const int64_t width = p.inner - column < kTile ? p.inner - column : kTile;
  const int64_t block = unit / p.tiles % p.blocks, outer = unit / p.tiles / p.blocks;
  const int64_t begin = block * p.block_length;
  const int64_t rows = p.length - begin < p.block_length ? p.length - begin : p.block_length;
  for (int k = 0; k < p.n_reduced; ++k) p.reducers[k].begin(width, w->total(k));
  add_rows(w, outer * p.length + begin, rows, column, width);
  for (int k = 0; k < p.n_reduced; ++k) {
    finish<T>(*w, k, outer, block, column, width, w->total(k));
  }
}

template <class T>
void run_reduced(const Call& call, int64_t piece) {
  const ReducedParams& p = *static_cast<const ReducedParams*>(call.params);
  unsigned char* panels = call.worker + temporary_bytes(p.loops);
  Work w = {p, call, panels, nullptr, {}};
  w.totals = reinterpret_cast<double*>(w.panel(p.n_reduced));
  place_fixed(p.loops, call.worker, w.slots);
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    if (p.inner > 1) {
      reduce_tile<T>(&w, unit);
    } else if (p.short_rows > 0) {
      reduce_short_rows<T>(&w, unit);
    } else {
      reduce_long_row<T>(&w, unit);
    }
  }
}

// The blocks of each result, in order.
template <class T>
void combine_blocks(const Call& call, int64_t piece) {
  const ReducedParams& p = *static_cast<const ReducedParams*>(call.params);
  const int64_t tiles = piece_count(p.inner, kCombined);
  const int64_t outer = piece / tiles, column = piece % tiles * kCombined;
  const int64_t n = p.inner - column < kCombined ? p.inner - column : kCombined;
  const double* blocks = reinterpret_cast<const double*>(call.scratch);
  for (int k = 0; k < p.n_reduced; ++k) {
    const double* x = blocks + (k * p.outer + outer) * p.blocks * p.inner + column;
    double totals[kCombined];
    for (int64_t i = 0; i < n; ++i) totals[i] = x[i];
    for (int64_t b = 1; b < p.blocks; ++b) p.reducers[k].merge(x + b * p.inner, n, totals);
    T* out = static_cast<T*>(call.out[p.results[k]]) + outer * p.inner + column;
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(totals[i] * p.factors[k]);
  }
}

// --- binding

void describe_results(const ChainProgram& program, DType dtype, ReducedParams* p) {
  for (int r = 0; r < program.n_results; ++r) {
    p->panel_of[r] = -1;
    if (program.reduces[r] == Opcode::copy) continue;
    const int k = p->n_reduced++;
    p->panel_of[r] = k;
    p->results[k] = r;
    p->reducers[k] = dtype == DType::kFloat32 ? reducer_of<float>(program.reduces[r])
                                              : reducer_of<double>(program.reduces[r]);
    const bool mean = program.reduces[r] == Opcode::reduce_mean;
    p->factors[k] = mean ? 1.0 / static_cast<double>(p->length) : 1.0;
  }
  p->panel = kPanelBytes / p->loops.element_size / p->n_reduced / 64 * 64;
}

// `bytes` and `flops` of an element.
void cut(double bytes, double flops, ReducedParams* p) {
  const double count = double(p->outer) * double(p->length) * double(p->inner);
  p->tiles = piece_count(p->inner, kTile);
  p->short_rows = p->inner == 1 && p->length < p->panel ? p->panel / p->length : 0;
  const int64_t whole =
      p->short_rows > 0 ? piece_count(p->outer, p->short_rows) : p->outer * p->tiles;
  double wanted = count * bytes / double(kSerialBytes);
  if (count * flops / kSerialFlops > wanted) wanted = count * flops / kSerialFlops;
  if (wanted > double(kMaxBlocks)) wanted = double(kMaxBlocks);
  p->blocks = 1;
  p->block_length = p->length;
  if (p->short_rows == 0 && wanted >= 2.0 && double(whole) < wanted / 2.0) {
    const int64_t unit = 64;
    p->block_length = (p->length / (static_cast<int64_t>(wanted) / whole) / unit + 1) * unit;
    p->blocks = piece_count(p->length, p->block_length);
  }
  p->units = whole * p->blocks;
  const double share = count / double(p->units);
  p->units_per_piece =
      cut_pieces(p->units, static_cast<int64_t>(share * bytes) + 1, share * flops, 1);
}

}  // namespace

const char* bind_chain_reduce(const OpView& op, Binder* binder, Bound* bound) {
  if (!reduces_results(op)) return "no result is reduced";
  const DType dtype = op.out[0].dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return "dtype not supported";
  const TensorView full = broadcast_view(op);
  if (full.count == 0) return "nothing to reduce";
  ChainProgram program;
  const char* error = chain_program(op, &program);
  if (error != nullptr) return error;
  ReducedParams* p = alloc_params<ReducedParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const int64_t* axes = nullptr;
  const int n_axes = attr_ints(op, "axes", &axes);
  if (!fold_axes(full, axes, n_axes, &p->outer, &p->length, &p->inner)) {
    return "reduced axes are not neighbours";
  }
  error = compile_chain(op, program, full, &p->loops);
  if (error != nullptr) return error;
  p->loops.stream = false;  // panels are read again at once
  describe_results(program, dtype, p);
  if (p->n_reduced == 0) return "no result is reduced";
  cut(static_cast<double>(chain_bytes(op, full)), chain_flops(program) + 1.0, p);
  bound->params = p;
  bound->phases[0] = {dtype == DType::kFloat32 ? run_reduced<float> : run_reduced<double>,
                      piece_count(p->units, p->units_per_piece)};
  bound->n_phases = 1;
  bound->worker_bytes = temporary_bytes(p->loops) +
                        p->n_reduced * p->panel * p->loops.element_size +
                        p->n_reduced * (kTile + kLanes<float>)*int64_t{sizeof(double)};
  if (p->blocks > 1) {
    bound->phases[1] = {dtype == DType::kFloat32 ? combine_blocks<float> : combine_blocks<double>,
                        p->outer * piece_count(p->inner, kCombined)};
    bound->n_phases = 2;
    bound->scratch_bytes =
        p->n_reduced * p->outer * p->blocks * p->inner * static_cast<int64_t>(sizeof(double));
  }
  return nullptr;
}

}  // namespace pydl::PYDL_ISA
