// What every matrix multiplication kernel is told: C[M, N] = op(A)[M, K] op(B)[K, N], then the
// epilogue, and perhaps the sums of op(B)'s columns.
//
// Three tiers: gemm_simt (any GPU), gemm_mma (sm_80) and gemm_wgmma (sm_90a). 16-bit operands are
// multiplied as they are, sums are float32, and results are rounded where they are stored.
// bind picks tile, splits and tier from the shape and the device's generation, never from the
// number of its processors: the order of every sum is a function of the shape alone.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/gemm_schedule.h"

namespace pydl::PYDL_GPU {

enum class Activation : uint8_t { kNone, kRelu, kSigmoid, kTanh };

struct Gemm {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  int bias, out, seed;  // operand positions, -1 when absent
  bool residual;        // `out` is added before the activation
  Activation activation, grad;
  bool column_sum;
  double rate;          // of dropout; 0: none
  DType dtype;          // of operands and results
  Precision precision;

  // Chosen by bind.
  int tile;             // gemm_simt: index into its tiles
  int64_t splits;       // gemm_simt, gemm_vector: parts of K, each `depth` long but the last
  int64_t depth;
  layout::Schedule schedule;  // gemm_mma, gemm_wgmma
  bool sums_apart;      // gemm_wgmma: column sums by kernels of their own
};

constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
template <class T>
__host__ __device__ constexpr T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
__host__ __device__ constexpr T most(T a, T b) {
  return a > b ? a : b;
}

// What the processors of the largest GPU of today are to the shape-only choices: enough blocks for
// it are enough for any.
constexpr int64_t kPlannedProcessors = 132;
constexpr int64_t kMostBlocks = int64_t{1} << 20;  // kernels walk over the tiles beyond

// What sums are kept in, by the dtype of the operands.
constexpr DType sum_dtype(DType dtype) {
  return dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}

// Partial results, when K is cut: [splits][m][partial_stride(n)], then [splits][same] of sums.
constexpr int64_t partial_stride(int64_t n) { return round_up(n, 4); }

inline int64_t partial_bytes(const Gemm& p) {
  if (p.splits < 2) return 0;
  const int64_t rows = p.m + (p.column_sum ? 1 : 0);
  return p.splits * rows * partial_stride(p.n) * dtype_size(sum_dtype(p.dtype));
}

// The sums of op(B)'s columns alone, and the scratch they take.
int64_t column_sums_bytes(const Gemm& p);
void launch_column_sums(const Gemm& p, const Call& call, unsigned char* scratch);

Activation parse_activation(const char* name);  // "": kNone

// Reads shape, layout and attributes. nullptr, or why not.
const char* read_gemm(const OpView& op, Gemm* p);

// The candidates' parts that live in files of their own. Each fills `bound` for a problem that
// `read_gemm` accepted, or says why it does not take it.
const char* bind_gemm_vector(Gemm* p, Bound* bound);
// Of the tile and parts chosen before; does nothing where `gate`, in device memory, is 0.
void run_gemm_simt(const Gemm& p, const Call& call, const int* gate);

const char* bind_gemm_simt(Gemm* p, Bound* bound);
#ifndef PYDL_EMULATED
const char* bind_gemm_mma(const DeviceLimits& device, Gemm* p, Bound* bound);
// Its choice of tile and schedule, and the scratch memory that takes. nullptr, or why it does not
// pay.
const char* choose_gemm_mma(const DeviceLimits& device, bool may_cut, Gemm* p, int64_t* bytes);
// What gemm_mma would take for 16-bit operands, as gemm_choice.h counts.
double gemm_mma_clocks(const Gemm& p);
const char* bind_gemm_wgmma(const DeviceLimits& device, Gemm* p, Binder* binder, Bound* bound);
// nullptr, or why its kernels cannot run here at all.
const char* wgmma_unavailable(const DeviceLimits& device);
// Picks tile and schedule; the clocks they take.
double choose_gemm_wgmma(Gemm* p);
#endif

template <class T>
const T* operand(const Call& call, int position) {
  return position < 0 ? nullptr : static_cast<const T*>(call.in[position]);
}

}  // namespace pydl::PYDL_GPU
