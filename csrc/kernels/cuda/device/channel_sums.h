// Sums over the rows of [rows, channels] for each channel. A block has packs of neighbouring
// channels and `lanes` rows of them at a time; the rows are cut into chunks, a block each. Lanes
// and chunks follow from the shape alone, so the sums have the same bits for any width of access.
#pragma once

#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/stored.h"

namespace pydl::PYDL_GPU {

constexpr int kSumThreads = 512;
constexpr int kWidest = 4;  // channels of a pack that the cut is planned for

struct ChannelRows {
  int64_t rows, channels;
  int64_t chunk, chunks;  // `chunk` rows in each of `chunks`
  int lanes;              // a power of two
};

// `tasks`: what else runs beside it, for every chunk. As many chunks as fill four blocks of each of
// 132 processors, unless a lane would have too few rows to pay, or so many that float sums suffer.
inline ChannelRows cut_channel_rows(int64_t rows, int64_t channels, int64_t tasks) {
  constexpr int64_t kBlocks = 4 * 132, kFewestLanes = 4, kMostLanes = 64;
  constexpr int64_t kFewest = 4, kMost = 256, kMostChunks = 32768;  // rows of a lane; chunks
  int64_t lanes = kMostLanes;
  while (lanes > kFewestLanes && lanes * ceil_div(channels, kWidest) > kSumThreads) lanes /= 2;
  const int64_t tiles = ceil_div(channels, kWidest * (kSumThreads / lanes)) * tasks;
  const int64_t wanted = tiles < kBlocks ? kBlocks / tiles : 1;
  int64_t deep = ceil_div(ceil_div(rows, wanted), lanes);
  deep = deep < kFewest ? kFewest : deep > kMost ? kMost : deep;
  const int64_t least = ceil_div(ceil_div(rows, kMostChunks), lanes);
  const int64_t chunk = (deep < least ? least : deep) * lanes;
  return {rows, channels, chunk, ceil_div(rows, chunk), static_cast<int>(lanes)};
}

// Packs of `pack` channels that a block has.
inline int packs_across(const ChannelRows& p, int pack) {
  const int64_t packs = ceil_div(p.channels, pack), most = kSumThreads / p.lanes;
  return static_cast<int>(packs < most ? packs : most);
}
inline dim3 sum_block(const ChannelRows& p, int pack) {
  return dim3(static_cast<unsigned>(packs_across(p, pack) * p.lanes));
}
inline dim3 sum_grid(const ChannelRows& p, int pack, unsigned tasks = 1) {
  const int64_t tiles = ceil_div(ceil_div(p.channels, pack), packs_across(p, pack));
  return dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(p.chunks), tasks);
}

// A thread's place: its first channel, and every lanes-th row from `row` to `end`.
struct RowPlace {
  int64_t channel, first, row, end;  // first: of the chunk
  int lane, pack, across;
  bool live;  // the channel exists
};

template <int kPack>
__device__ __forceinline__ RowPlace row_place(const ChannelRows& p) {
  RowPlace at;
  const int thread = static_cast<int>(threadIdx.x);
  at.across = static_cast<int>(blockDim.x) / p.lanes;
  at.lane = thread / at.across;
  at.pack = thread - at.lane * at.across;
  at.channel = (int64_t{blockIdx.x} * at.across + at.pack) * kPack;
  at.live = at.channel < p.channels;
  at.first = int64_t{blockIdx.y} * p.chunk;
  at.row = at.first + at.lane;
  at.end = at.first + p.chunk < p.rows ? at.first + p.chunk : p.rows;
  return at;
}

// body(row): a thread's rows, `kAhead` of them at a time, for loads that overlap: load(i, row),
// then add(i, row) for each that is there.
template <int kAhead, class Load, class Add>
__device__ __forceinline__ void for_rows(const ChannelRows& p, const RowPlace& at, Load&& load,
                                         Add&& add) {
  if (!at.live) return;
  for (int64_t row = at.row; row < at.end; row += int64_t{kAhead} * p.lanes) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (row + i * p.lanes < at.end) load(i, row + i * p.lanes);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (row + i * p.lanes < at.end) add(i, row + i * p.lanes);
    }
  }
}

// Doubles of shared memory for add_lanes.
template <int kSums, int kPack>
constexpr int kLaneSums = kSums * kPack * kSumThreads / 2;

// Adds up the lanes' sums in a tree; the first lane has them afterwards. All threads call it.
template <int kSums, int kPack>
__device__ __forceinline__ void add_lanes(const RowPlace& at, int lanes, double* shared,
                                          double (&sums)[kSums][kPack]) {
  constexpr int kApart = kSumThreads / 2;
  for (int half = lanes / 2; half > 0; half /= 2) {
    double* mine = shared + at.lane % half * at.across + at.pack;
    if (at.lane >= half && at.lane < 2 * half) {
#pragma unroll
      for (int i = 0; i < kSums * kPack; ++i) mine[i * kApart] = sums[i / kPack][i % kPack];
    }
    __syncthreads();
    if (at.lane < half) {
#pragma unroll
      for (int i = 0; i < kSums * kPack; ++i) sums[i / kPack][i % kPack] += mine[i * kApart];
    }
    __syncthreads();
  }
}

// --- the chunks' sums: 32 channels a block, each by kChunkLanes threads

constexpr int kChunkLanes = 16, kChunkColumns = 32, kChunkThreads = kChunkLanes * kChunkColumns;

struct ChunkPlace {
  int64_t channel;
  int lane, column;
};

__device__ __forceinline__ ChunkPlace chunk_place() {
  const int thread = static_cast<int>(threadIdx.x), column = thread % kChunkColumns;
  return {int64_t{blockIdx.x} * kChunkColumns + column, thread / kChunkColumns, column};
}

// The sum of value(chunk) over all chunks, to all threads of the channel.
template <class Value>
__device__ __forceinline__ double add_chunks(const ChunkPlace& at, int64_t chunks, bool live,
                                             double* shared, Value&& value) {
  double sum = 0.0;
#pragma unroll 4
  for (int64_t chunk = at.lane; live && chunk < chunks; chunk += kChunkLanes) sum += value(chunk);
  shared[threadIdx.x] = sum;
  __syncthreads();
  sum = 0.0;
#pragma unroll
  for (int lane = 0; lane < kChunkLanes; ++lane) sum += shared[lane * kChunkColumns + at.column];
  __syncthreads();
  return sum;
}

inline dim3 chunk_grid(int64_t channels) {
  return dim3(static_cast<unsigned>(ceil_div(channels, kChunkColumns)));
}

}  // namespace pydl::PYDL_GPU
