// Division by numbers known at bind time, as a product: a 64-bit quotient takes a device a hundred
// instructions.
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

struct Divisor {
  int64_t value;
  uint64_t magic;  // 2^(64 + shift) / value, rounded up
  int shift;
};

// value in [1, 2^62]. With l = ceil(log2(value)) and magic = ceil(2^(63 + l) / value) the quotient
// is exact for all dividends below 2^63; magic has 64 bits. A power of two needs no product.
inline Divisor make_divisor(int64_t value) {
  __extension__ using Wide = unsigned __int128;
  int bits = 0;
  while ((int64_t{1} << bits) < value) ++bits;
  if ((int64_t{1} << bits) == value) return {value, 0, bits};
  const Wide wide = (Wide{1} << (63 + bits)) / static_cast<Wide>(value) + 1;
  return {value, static_cast<uint64_t>(wide), bits - 1};
}

// x / divisor.value, x >= 0.
__device__ __forceinline__ int64_t divide(int64_t x, const Divisor& divisor) {
  const uint64_t n = static_cast<uint64_t>(x);
  const uint64_t high = divisor.magic == 0 ? n : __umul64hi(n, divisor.magic);
  return static_cast<int64_t>(high >> divisor.shift);
}

}  // namespace pydl::PYDL_GPU
