// The index arithmetic of gemm_wgmma, run on models of what the hardware does: tiles as TMA writes
// and wgmma reads them, the ring of stages, clusters, the schedule. What the models know is written
// down here from the instruction set's manual, not taken from the functions under test.
#include <algorithm>
#include <cmath>
#include <string>

#include "check.h"
#include "gemm_model.h"
#include "kernels/cuda/gemm_schedule.h"

namespace pydl::test {
namespace {

// --- TMA and wgmma, from the manual --------------------------------------------------------

// The 128-byte swizzle exchanges address bits 4-6 by bits 7-9.
uint32_t swizzle_address(uint32_t address) { return address ^ ((address >> 3) & 0x70u); }

// TMA writes a box row after row, 128 bytes each, through the swizzle.
void write_box(std::vector<unsigned char>* shared, uint32_t base, const void* rows, int count) {
  const unsigned char* from = static_cast<const unsigned char*>(rows);
  for (int i = 0; i < count * 128; ++i) {
    (*shared)[swizzle_address(base + static_cast<uint32_t>(i))] = from[i];
  }
}

// wgmma, K-major with the 128-byte swizzle: eight rows of 128 bytes, then the stride offset.
float read_described(const std::vector<unsigned char>& shared, uint64_t descriptor, int row,
                     int byte, int size) {
  const auto start = static_cast<uint32_t>(descriptor & 0x3fff) << 4;
  const auto stride = static_cast<uint32_t>((descriptor >> 32) & 0x3fff) << 4;
  expect(descriptor >> 62 == 1 && ((descriptor >> 49) & 7) == 0, "128-byte swizzle, base offset 0");
  const uint32_t linear =
      start + static_cast<uint32_t>(row / 8) * stride + static_cast<uint32_t>(row % 8 * 128 + byte);
  uint32_t bits = 0;
  std::memcpy(&bits, &shared[swizzle_address(linear)], static_cast<size_t>(size));
  return value_of(size == 2 ? bits << 16 : bits);
}

// d (64 x n) += a b^T over 32 bytes of K; d as the manual places it.
void wgmma(const std::vector<unsigned char>& shared, uint64_t a, uint64_t b, int n, int size,
           std::vector<std::vector<double>>* d) {
  for (int thread = 0; thread < 128; ++thread) {
    for (int i = 0; i < n / 2; ++i) {
      const int row = thread / 32 * 16 + thread % 32 / 4 + (i % 4 < 2 ? 0 : 8);
      const int column = i / 4 * 8 + thread % 4 * 2 + i % 2;
      double& sum = (*d)[static_cast<size_t>(thread)][static_cast<size_t>(i)];
      for (int k = 0; k < 32 / size; ++k) {
        sum += static_cast<double>(read_described(shared, a, row, k * size, size)) *
               read_described(shared, b, column, k * size, size);
      }
    }
  }
}

// Rows of 128 bytes: floats, or bfloat16 parts of them (part 0: the largest).
std::vector<unsigned char> box_of(const Matrix& x, int size, int part) {
  std::vector<unsigned char> box;
  for (float value : x) {
    for (int i = 0; i < part; ++i) value -= to_bf16(value);
    const uint32_t bits = size == 2 ? layout::bf16_of(bits_of(value)) : bits_of(value);
    for (int i = 0; i < size; ++i) box.push_back(static_cast<unsigned char>(bits >> (8 * i)));
  }
  return box;
}

// One stage of gemm_wgmma: planes of A, planes of B, the products in the kernel's order.
void check_wgmma_stage(int columns, int planes, int size, double limit) {
  const int depth = layout::kSwizzleBytes / size, bytes_a = 128 * 128, bytes_b = columns * 128;
  const Matrix a = random_matrix(128 * depth, 3), b = random_matrix(columns * depth, 4);
  constexpr uint32_t kBase = 3 * 1024;
  std::vector<unsigned char> shared(kBase + static_cast<size_t>(planes * (bytes_a + bytes_b)));
  const auto base_b = kBase + static_cast<uint32_t>(planes * bytes_a);
  for (int plane = 0; plane < planes; ++plane) {
    write_box(&shared, kBase + static_cast<uint32_t>(plane * bytes_a),
              box_of(a, size, plane).data(), 128);
    write_box(&shared, base_b + static_cast<uint32_t>(plane * bytes_b),
              box_of(b, size, plane).data(), columns);
  }
  const int consumer = 1;
  const uint64_t from_a = layout::tile_descriptor(kBase + consumer * 64 * layout::kSwizzleBytes);
  const uint64_t from_b = layout::tile_descriptor(base_b);
  std::vector<std::vector<double>> d(128, std::vector<double>(static_cast<size_t>(columns / 2)));
  for (int product = 0; product < (planes > 1 ? layout::kSplitProducts : 1); ++product) {
    const layout::Place at = planes > 1 ? layout::split_product(product) : layout::Place{0, 0};
    for (int k = 0; k < layout::kSwizzleBytes / 32; ++k) {
      wgmma(
          shared,
          from_a + static_cast<uint64_t>(at.row * bytes_a / 16) + layout::descriptor_step(k, false),
          from_b + static_cast<uint64_t>(at.k * bytes_b / 16) + layout::descriptor_step(k, false),
          columns, size, &d);
    }
  }
  double worst = 0;
  for (int thread = 0; thread < 128; ++thread) {
    for (int i = 0; i < columns / 2; ++i) {
      const layout::Place at = layout::wgmma_accumulator(thread, i);
      const double want = exact(a, b, depth, consumer * 64 + at.row, at.k);
      const double got = d[static_cast<size_t>(thread)][static_cast<size_t>(i)];
      worst = std::max(worst, std::abs(got - want));
    }
  }
  expect(worst < limit, "a stage through wgmma, " + std::to_string(columns) + " columns, " +
                            std::to_string(planes) + " planes of " + std::to_string(size) +
                            " bytes: off by " + std::to_string(worst));
}

// wgmma, K outermost with the 128-byte swizzle: 64 rows of op(X) side by side, eight steps of K
// 128 bytes apart, then the stride offset; the leading offset to the next 64 rows.
float read_turned(const std::vector<unsigned char>& shared, uint64_t descriptor, int row, int k) {
  const auto start = static_cast<uint32_t>(descriptor & 0x3fff) << 4;
  const auto leading = static_cast<uint32_t>((descriptor >> 16) & 0x3fff) << 4;
  const auto stride = static_cast<uint32_t>((descriptor >> 32) & 0x3fff) << 4;
  expect(descriptor >> 62 == 1 && ((descriptor >> 49) & 7) == 0, "128-byte swizzle, base offset 0");
  const uint32_t linear = start + static_cast<uint32_t>(row / 64) * leading +
                          static_cast<uint32_t>(k / 8) * stride +
                          static_cast<uint32_t>(k % 8 * 128 + row % 64 * 2);
  uint16_t bits = 0;
  std::memcpy(&bits, &shared[swizzle_address(linear)], 2);
  return value_of(static_cast<uint32_t>(bits) << 16);
}

// An operand of 16 bits as TMA brings it: rows of K, or strips of 64 rows, each a box.
void write_operand(std::vector<unsigned char>* shared, uint32_t base, const Matrix& x, int rows,
                   bool turned) {
  constexpr int kDepth = 64;
  if (!turned) return write_box(shared, base, box_of(x, 2, 0).data(), rows);
  for (int first = 0; first < rows; first += layout::kStripRows) {
    Matrix strip;
    for (int k = 0; k < kDepth; ++k) {
      for (int row = first; row < first + 64; ++row) {
        strip.push_back(x[static_cast<size_t>(row * kDepth + k)]);
      }
    }
    write_box(shared, base + static_cast<uint32_t>(first * layout::kSwizzleBytes),
              box_of(strip, 2, 0).data(), kDepth);
  }
}

void check_wgmma_16(int columns, bool turned_a, bool turned_b) {
  constexpr int kDepth = 64, kConsumer = 1;
  const Matrix a = random_matrix(128 * kDepth, 5), b = random_matrix(columns * kDepth, 6);
  constexpr uint32_t kBase = 2 * 1024, kBaseB = kBase + 128 * 128;
  std::vector<unsigned char> shared(kBaseB + static_cast<size_t>(columns * 128));
  write_operand(&shared, kBase, a, 128, turned_a);
  write_operand(&shared, kBaseB, b, columns, turned_b);
  const auto describe = [](uint32_t address, bool turned) {
    return turned ? layout::strips_descriptor(address) : layout::tile_descriptor(address);
  };
  const auto read = [&](uint64_t from, bool turned, int row, int k) {
    return turned ? read_turned(shared, from, row, k) : read_described(shared, from, row, k * 2, 2);
  };
  const uint64_t from_a = describe(kBase + kConsumer * 64 * 128, turned_a);
  const uint64_t from_b = describe(kBaseB, turned_b);
  bool right = true;
  for (int k = 0; k < kDepth; ++k) {  // instruction k / 16, its own k % 16
    const uint64_t at_a = from_a + layout::descriptor_step(k / 16, turned_a);
    const uint64_t at_b = from_b + layout::descriptor_step(k / 16, turned_b);
    for (int row = 0; row < 64; ++row) {
      const float want = to_bf16(a[static_cast<size_t>((kConsumer * 64 + row) * kDepth + k)]);
      right = right && read(at_a, turned_a, row, k % 16) == want;
    }
    for (int column = 0; column < columns; ++column) {
      const float want = to_bf16(b[static_cast<size_t>(column * kDepth + k)]);
      right = right && read(at_b, turned_b, column, k % 16) == want;
    }
  }
  expect(right, std::string("wgmma reads 16-bit tiles, A ") + (turned_a ? "turned" : "K-major") +
                    ", B " + (turned_b ? "turned" : "K-major"));
}

void check_swizzle() {
  for (int row = 0; row < 256; ++row) {
    for (int byte = 0; byte < 128; ++byte) {
      const auto linear = static_cast<uint32_t>(row * 128 + byte);
      if (layout::swizzled(row, byte) != static_cast<int>(swizzle_address(linear))) {
        return expect(false, "the swizzle at row " + std::to_string(row));
      }
    }
  }
}

// --- the ring of stages --------------------------------------------------------------------------

// mbarrier: `arrivals` complete a phase, which flips its parity; copies count too.
struct Barrier {
  int expected, missing;
  int copies = 0;
  uint32_t phase = 0;
  explicit Barrier(int arrivals) : expected(arrivals), missing(arrivals) {}
  void settle() {
    if (missing > 0 || copies > 0) return;
    ++phase;
    missing = expected;
  }
  void arrive() {
    --missing;
    settle();
  }
  // try_wait.parity: true once the phase of this parity is over.
  bool over(uint32_t parity) const { return (phase & 1) != parity; }
};

// `cluster` blocks: a stage holds a block's own A and a share of B from each block.
struct Model {
  static constexpr int kConsumers = 2;
  struct Block {
    std::vector<Barrier> full, empty;
    std::vector<std::vector<int>> content;  // of each stage: the step of A, then of B's shares
    std::vector<int> reading;  // who reads it just now
    int produced = 0;
    int consumed[kConsumers] = {0, 0};
    bool holds[kConsumers] = {false, false};
  };
  struct Copy {
    int step, target, part;
  };
  int stages, steps, cluster;
  bool lazy;  // releases a stage only after the next is being multiplied
  std::vector<Block> blocks;
  std::vector<Copy> flying;  // copies that are under way
  bool right = true;

  Model(int stage_count, int step_count, int block_count, bool releases_late)
      : stages(stage_count), steps(step_count), cluster(block_count), lazy(releases_late) {
    blocks.resize(static_cast<size_t>(cluster));
    for (Block& block : blocks) {
      for (int i = 0; i < stages; ++i) {
        block.full.emplace_back(1);
        block.empty.emplace_back(layout::empty_arrivals(kConsumers, cluster));
      }
      block.content.assign(static_cast<size_t>(stages),
                           std::vector<int>(static_cast<size_t>(cluster + 1), -1));
      block.reading.assign(static_cast<size_t>(stages), 0);
    }
  }

  size_t slot(int step) const {
    return static_cast<size_t>(layout::ring_slot(static_cast<uint32_t>(step), stages));
  }
  Block& block(int rank) { return blocks[static_cast<size_t>(rank)]; }

  bool produce(int rank) {
    Block& own = block(rank);
    if (own.produced == steps) return false;
    const auto step = static_cast<uint32_t>(own.produced);
    const size_t at = slot(own.produced);
    if (!own.empty[at].over(layout::empty_parity(step, stages))) return false;
    own.full[at].copies += 1 + cluster;  // the bytes of a whole stage
    own.full[at].arrive();
    flying.push_back({own.produced, rank, 0});
    for (int other = 0; other < cluster; ++other) {
      expect((layout::everyone(cluster) >> other & 1) == 1, "B goes to every block");
      flying.push_back({own.produced, other, 1 + rank});
    }
    ++own.produced;
    return true;
  }

  bool land(size_t index) {
    if (flying.empty()) return false;
    index %= flying.size();
    const Copy copy = flying[index];
    flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(index));
    Block& target = block(copy.target);
    const size_t at = slot(copy.step);
    right = right && target.reading[at] == 0;
    target.content[at][static_cast<size_t>(copy.part)] = copy.step;
    target.full[at].copies -= 1;
    target.full[at].settle();
    return true;
  }

  void release(Block* own, int step) {
    --own->reading[slot(step)];
    for (Block& other : blocks) other.empty[slot(step)].arrive();
  }

  bool consume(int rank, int who) {
    Block& own = block(rank);
    int& step = own.consumed[who];
    if (own.holds[who] && (!lazy || step == steps)) {  // the end of the products
      release(&own, step - 1);
      own.holds[who] = false;
      return true;
    }
    if (step == steps) return false;
    const size_t at = slot(step);
    if (!own.full[at].over(layout::full_parity(static_cast<uint32_t>(step), stages))) return false;
    for (const int content : own.content[at]) right = right && content == step;
    ++own.reading[at];
    if (own.holds[who]) release(&own, step - 1);
    own.holds[who] = true;
    ++step;
    return true;
  }

  bool done() const {
    return std::all_of(blocks.begin(), blocks.end(), [&](const Block& own) {
      return own.consumed[0] == steps && own.consumed[1] == steps && !own.holds[0] && !own.holds[1];
    });
  }

  // One random move of somebody's.
  bool move(unsigned draw) {
    const int rank = static_cast<int>(draw / 4) % cluster;
    if (draw % 4 == 0) return produce(rank);
    if (draw % 4 == 1) return land(draw / 8);
    return consume(rank, static_cast<int>(draw % 4) - 2);
  }
};

void check_ring(int cluster) {
  std::mt19937 random(5);
  for (const int stages : {2, 4, 6}) {
    for (const int steps : {1, 2, 5, 12, 41}) {
      for (int round = 0; round < 40; ++round) {
        Model model(stages, steps, cluster, round % 2 == 0);
        int idle = 0;
        while (!model.done() && model.right && idle < 1000) {
          idle = model.move(random()) ? 0 : idle + 1;
        }
        expect(model.right, "no stage is read before it is full or written before it is released");
        expect(model.done(), "the ring of " + std::to_string(stages) + " stages ends");
      }
    }
  }
}

void check_shares() {
  for (const int cluster : {1, 2}) {
    for (const int columns : {128, 256}) {
      int next = 0;
      for (int rank = 0; rank < cluster; ++rank) {
        const layout::Share share = layout::share_of(rank, columns, cluster);
        expect(share.first == next && share.count % layout::kStripRows == 0, "shares of B");
        next += share.count;
      }
      expect(next == columns, "the shares are all of B");
    }
  }
}

// --- the schedule ------------------------------------------------------------------------------

void check_schedule(const layout::Schedule& s) {
  const std::string name = std::to_string(layout::tile_total(s)) + " tiles of " +
                           std::to_string(s.steps) + " steps, " + std::to_string(s.whole) +
                           " whole, " + std::to_string(s.workers) + " workers: ";
  std::vector<int> seen(static_cast<size_t>(layout::tile_total(s) * s.steps));
  std::vector<layout::Piece> slots(static_cast<size_t>(layout::slot_count(s)));
  int64_t longest = 0, shortest = layout::cut_tiles(s) * s.steps;
  for (int64_t work = 0; work < layout::work_count(s); ++work) {
    int64_t total = 0;
    for (int i = 0; i < layout::piece_count(s, work); ++i) {
      const layout::Piece piece = layout::piece_of(s, work, i);
      if (piece.begin == piece.end) continue;
      const bool inside = piece.begin >= 0 && piece.begin < piece.end && piece.end <= s.steps &&
                          piece.tile >= 0 && piece.tile < layout::tile_total(s);
      if (!inside) return expect(false, name + "a piece lies outside");
      for (int64_t step = piece.begin; step < piece.end; ++step) {
        ++seen[static_cast<size_t>(piece.tile * s.steps + step)];
      }
      total += piece.end - piece.begin;
      const bool whole = piece.begin == 0 && piece.end == s.steps && piece.tile < s.whole;
      expect((piece.slot == layout::kNotCut) == whole || piece.tile >= s.whole, name + "slots");
      if (piece.slot != layout::kNotCut) slots[static_cast<size_t>(piece.slot)] = piece;
    }
    if (work < s.whole) continue;
    longest = std::max(longest, total);
    shortest = std::min(shortest, total);
  }
  expect(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }), name + "each once");
  expect(s.workers == 0 || longest - shortest <= 1, name + "evenly");
  for (int64_t cut = 0; cut < layout::cut_tiles(s); ++cut) {
    int64_t next = 0;
    for (int64_t w = layout::first_worker(s, cut); w <= layout::last_worker(s, cut); ++w) {
      const layout::Piece& piece = slots[static_cast<size_t>(layout::slot_of(s, cut, w))];
      expect(piece.tile == s.whole + cut && piece.begin == next, name + "parts in order of K");
      next = piece.end;
    }
    expect(next == s.steps, name + "all parts of a tile");
  }
}

void check_schedules() {
  for (const int64_t steps : {1, 2, 3, 7, 64, 129}) {
    for (const int64_t tiles : {1, 2, 5, 12, 13, 131}) {
      for (const int64_t workers : {1, 2, 5, 12, 66, 132}) {
        for (const int64_t whole : {int64_t{0}, tiles / 2}) {
          const int64_t cut = tiles - whole;
          if (cut > workers || workers > cut * steps) continue;
          check_schedule({tiles, 1, steps, whole, workers});
          check_schedule({1, tiles, steps, whole, workers});
        }
      }
      check_schedule({tiles, 3, steps, tiles * 3, 0});
    }
  }
}

}  // namespace

void check_gemm_wgmma() {
  check_swizzle();
  check_wgmma_stage(256, 1, 4, 1e-9);
  check_wgmma_stage(128, 1, 4, 1e-9);
  check_wgmma_stage(128, 3, 2, 1e-5);
  check_wgmma_stage(256, 1, 2, 0.5);
  for (const bool turned_a : {false, true}) {
    for (const bool turned_b : {false, true}) {
      check_wgmma_16(128, turned_a, turned_b);
      check_wgmma_16(256, turned_a, turned_b);
    }
  }
  check_ring(1);
  check_ring(2);
  check_shares();
  check_schedules();
}

}  // namespace pydl::test
