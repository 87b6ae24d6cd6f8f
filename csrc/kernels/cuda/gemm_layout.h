// The index arithmetic of the matrix kernels: which tile a block takes, where an element lies in
// shared memory, which element a lane holds. Pure functions, so that tests multiply whole matrices
// through them on the CPU.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define PYDL_LAYOUT __host__ __device__ constexpr
#else
#define PYDL_LAYOUT constexpr
#endif

namespace pydl::layout {

struct TileAt {
  int64_t row, column;  // in tiles
};

// Tiles in order of work: columns of `height` tiles, so that blocks at work together share rows of
// A and columns of B in L2. Every tile once, for any counts.
PYDL_LAYOUT TileAt tile_at(int64_t index, int64_t tile_rows, int64_t tile_columns, int64_t height) {
  const int64_t band = index / (height * tile_columns);
  const int64_t left = tile_rows - band * height;
  const int64_t tall = left < height ? left : height;
  const int64_t inside = index - band * height * tile_columns;
  return {band * height + inside % tall, inside / tall};
}
constexpr int64_t kBandTiles = 8;

// --- gemm_simt: the place of a thread and of its accumulators ---------------------------------

// A warp covers 4 x 8 threads: each of its 16-byte reads of A and B touches 128 bytes at most.
struct ThreadAt {
  int row, column;
};
PYDL_LAYOUT ThreadAt simt_thread(int thread, int columns) {
  const int warp = thread / 32, lane = thread % 32, across = columns / 8;
  return {warp / across * 4 + lane / 8, warp % across * 8 + lane % 8};
}

// Accumulator i of a thread: groups of four, the groups spread over the tile.
PYDL_LAYOUT int simt_spread(int at, int i, int threads) {
  return i / 4 * threads * 4 + at * 4 + i % 4;
}

struct Place {
  int row, k;  // of A; of B, whose rows are op(B)'s columns, likewise
};

// --- gemm_mma: tiles of float32 in shared memory, 32 steps of K deep --------------------------

constexpr int kStageDepth = 32;

// K contiguous: rows of 128 bytes whose eight 16-byte chunks are exchanged so that neighbouring
// rows lie in different halves, and eight rows' chunks of the same k in eight different places.
PYDL_LAYOUT int deep_at(int row, int k) {
  const int turn = row % 2 * 4 + row / 2 % 4;
  return row * kStageDepth + ((k / 4) ^ turn) * 4 + k % 4;
}

// K outermost: rows of `width` elements, moved by 8 from one k to the next, and from one group of
// four to the next, so that four lanes reading k, k + 1, k + 2, k + 3 or k, k + 4, k + 8, k + 12
// meet different banks.
PYDL_LAYOUT int wide_at(int row, int k, int width) {
  return k * width + (row ^ (((k ^ (k >> 2)) & 3) << 3));
}

// What lane `lane` holds, as mma.sync defines it. m16n8k8, TensorFloat-32: register i of A (4), of
// B (2).
PYDL_LAYOUT Place tf32_a(int lane, int i) { return {lane / 4 + i % 2 * 8, lane % 4 + i / 2 * 4}; }
PYDL_LAYOUT Place tf32_b(int lane, int i) { return {lane / 4, lane % 4 + i * 4}; }

// m16n8k16, bfloat16: half `half` of register i of A (4), of B (2).
PYDL_LAYOUT Place bf16_a(int lane, int i, int half) {
  return {lane / 4 + i % 2 * 8, lane % 4 * 2 + i / 2 * 8 + half};
}
PYDL_LAYOUT Place bf16_b(int lane, int i, int half) {
  return {lane / 4, lane % 4 * 2 + i * 8 + half};
}

// Which k of the tile stands in for the instruction's k: sums do not care, and so a lane's four
// values lie side by side.
PYDL_LAYOUT int bf16_source(int k) { return k % 8 / 2 * 4 + k / 8 * 2 + k % 2; }

// Element i (4) of the 16 x 8 accumulator: .k is the column.
PYDL_LAYOUT Place accumulator(int lane, int i) {
  return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2};
}

// The row whose 16 bytes lane `lane` points ldmatrix.x4 to, so that result i is register i of a
// 16 x 8 part of A, or registers 0 and 1 of two neighbouring 8 x 8 parts of B.
PYDL_LAYOUT Place ldmatrix_a(int lane) { return {lane % 16, lane / 16 * 4}; }
PYDL_LAYOUT Place ldmatrix_b(int lane) { return {lane / 16 * 8 + lane % 8, lane / 8 % 2 * 4}; }

// --- gemm_mma, 16-bit operands: stages of 64 steps of K, in pieces of eight elements -------------

constexpr int kHalfDepth = 64;

// K contiguous: rows of 128 bytes, whose pieces are exchanged by the row: ldmatrix reads pieces of
// the same k out of eight rows at once, and they lie in eight different places.
PYDL_LAYOUT int half_deep_at(int row, int k) {
  return row * kHalfDepth + ((k / 8) ^ (row % 8)) * 8 + k % 8;
}

// K outermost: rows of `width` elements, a multiple of 64, whose pieces are exchanged by k.
PYDL_LAYOUT int half_wide_at(int row, int k, int width) {
  return k * width + ((row / 8) ^ (k % 8)) * 8 + row % 8;
}

// Where lane `lane` points ldmatrix.x4 to, for the registers of a 16 x 16 part of A, or of two
// neighbouring 16 x 8 parts of B: with K contiguous, and with K outermost, where the instruction
// turns the parts over.
PYDL_LAYOUT Place half_a(int lane) { return {lane % 16, lane / 16 * 8}; }
PYDL_LAYOUT Place half_b(int lane) { return {lane / 16 * 8 + lane % 8, lane / 8 % 2 * 8}; }
PYDL_LAYOUT Place half_turned_a(int lane) { return {lane / 8 % 2 * 8, lane / 16 * 8 + lane % 8}; }
PYDL_LAYOUT Place half_turned_b(int lane) { return {lane / 16 * 8, lane % 16}; }

// --- gemm_wgmma: tiles of 128-byte rows, written by TMA with the 128-byte swizzle ----------------

constexpr int kSwizzleBytes = 128;

// Byte offset of byte `byte` of row `row`, in a tile that starts at a multiple of 1024 bytes.
PYDL_LAYOUT int swizzled(int row, int byte) {
  return row * kSwizzleBytes + (((byte / 16) ^ (row % 8)) * 16) + byte % 16;
}

// The 64-bit description of a tile with K contiguous: where it starts (16-byte units), 1024 bytes
// from eight rows to the next eight, 128-byte swizzle. The leading offset is not used.
PYDL_LAYOUT uint64_t tile_descriptor(uint32_t address) {
  constexpr uint64_t kEightRows = 1024 / 16, kSwizzle128 = 1;
  return (address & 0x3ffff) / 16 | uint64_t{1} << 16 | kEightRows << 32 | kSwizzle128 << 62;
}

// Of a tile of 16-bit elements with K outermost: strips of 64 rows of op(X), one after another,
// each 64 steps of K with 128 bytes a step. The leading offset leads from strip to strip, the
// other one from eight steps of K to the next.
constexpr int kStripRows = 64;
constexpr int kStripBytes = kHalfDepth * kSwizzleBytes;
PYDL_LAYOUT uint64_t strips_descriptor(uint32_t address) {
  constexpr uint64_t kStrip = kStripBytes / 16, kEightSteps = 1024 / 16, kSwizzle128 = 1;
  return (address & 0x3ffff) / 16 | kStrip << 16 | kEightSteps << 32 | kSwizzle128 << 62;
}

// From one instruction's K to the next: 32 bytes inside the swizzled rows, where the hardware
// swizzles the sum's address bits; or 16 steps of K of a strip.
PYDL_LAYOUT uint64_t descriptor_step(int step, bool turned) {
  return static_cast<uint64_t>(step) * (turned ? 16 * kSwizzleBytes : 32) / 16;
}

// Element i of thread `thread` (128 of them) of a 64 x N accumulator: .k is the column.
PYDL_LAYOUT Place wgmma_accumulator(int thread, int i) {
  return {thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8, i / 4 * 8 + thread % 4 * 2 + i % 2};
}

// The ring of stages between the producer and the consumers. A barrier's phase flips each time all
// its arrivals are in; waiting for parity p passes once the phase of that parity is over.
PYDL_LAYOUT int ring_slot(uint32_t step, int stages) {
  return static_cast<int>(step % static_cast<uint32_t>(stages));
}
PYDL_LAYOUT uint32_t full_parity(uint32_t step, int stages) {
  return step / static_cast<uint32_t>(stages) & 1;
}
// A fresh barrier counts as one whose odd phase is over: the first round does not wait.
PYDL_LAYOUT uint32_t empty_parity(uint32_t step, int stages) {
  return full_parity(step, stages) ^ 1;
}

// Clusters: `cluster` blocks, tiles below each other, the same op(B). Each fetches a share of op(B)
// and the copy engine writes it to all of them, so a stage is free when all consumers of the
// cluster have released it, and every full barrier counts the bytes of a whole stage.
struct Share {
  int first, count;
};
PYDL_LAYOUT Share share_of(int rank, int total, int cluster) {
  return {rank * (total / cluster), total / cluster};
}
PYDL_LAYOUT uint16_t everyone(int cluster) { return static_cast<uint16_t>((1u << cluster) - 1); }
PYDL_LAYOUT int empty_arrivals(int consumers, int cluster) { return consumers * cluster; }

// The products of a float32 pair of operands split into three bfloat16 parts (0 the largest) that
// reach float32's accuracy, the smallest first.
constexpr int kSplitProducts = 6;
PYDL_LAYOUT Place split_product(int i) {
  constexpr int kA[kSplitProducts] = {2, 0, 1, 1, 0, 0}, kB[kSplitProducts] = {0, 2, 1, 0, 1, 0};
  return {kA[i], kB[i]};
}

// --- bfloat16 parts of a float32, by its bits ---------------------------------------------------

// The nearest bfloat16, ties to even; NaN stays NaN.
PYDL_LAYOUT uint32_t bf16_of(uint32_t bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
PYDL_LAYOUT uint32_t bits_of_bf16(uint32_t half) { return half << 16; }
// Sizes from here on round to infinity, or are: they have no finite parts.
constexpr uint32_t kLeastUnsplittable = 0x7f7f8000u;

}  // namespace pydl::layout
