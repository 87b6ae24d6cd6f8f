#include "kernels/shuffle.h"

#include <utility>

#include "kernels/philox.h"

namespace pydl {
namespace {

// A number in [0, bound) from 64 random bits; the bias is below bound / 2^64.
int64_t below(uint64_t bits, int64_t bound) {
  return static_cast<int64_t>(static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(bound) >>
                              64);
}

}  // namespace

void shuffle(int64_t* order, int64_t count, uint64_t seed) {
  const uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  uint32_t lanes[4];
  for (int64_t i = count - 1, drawn = 0; i > 0; --i, ++drawn) {
    if (drawn % 2 == 0) {
      const auto block = static_cast<uint64_t>(drawn / 2);
      // Word 3 sets these blocks apart from those of the random ops.
      const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                   0, 1};
      philox4x32_10(counter, key, lanes);
    }
    const uint32_t* pair = lanes + drawn % 2 * 2;
    std::swap(order[i], order[below(uint64_t{pair[1]} << 32 | pair[0], i + 1)]);
  }
}

}  // namespace pydl
