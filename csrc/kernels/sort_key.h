// Numbers as unsigned integers in the order of a sort: ascending, NaN largest. Included by kernels
// of every instruction set and of devices; forced inline, so that each has its own copy.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define PYDL_KEY __host__ __device__ __attribute__((always_inline)) static constexpr
#else
#define PYDL_KEY __attribute__((always_inline)) static constexpr
#endif

namespace pydl {

template <class T>
struct SortKey;

// Integers: the sign bit turned over.
#define PYDL_INTEGER_KEY(type, unsigned_type, top)                          \
  template <>                                                               \
  struct SortKey<type> {                                                    \
    using Key = unsigned_type;                                              \
    PYDL_KEY Key of(Key bits) { return static_cast<Key>(bits ^ Key{top}); } \
    PYDL_KEY Key tied(Key bits) { return of(bits); }                        \
    PYDL_KEY Key bits(Key key) { return of(key); }                          \
  };
PYDL_INTEGER_KEY(int8_t, uint8_t, 0x80)
PYDL_INTEGER_KEY(int16_t, uint16_t, 0x8000)
PYDL_INTEGER_KEY(int32_t, uint32_t, 0x80000000u)
PYDL_INTEGER_KEY(int64_t, uint64_t, 0x8000000000000000u)
PYDL_INTEGER_KEY(uint8_t, uint8_t, 0)
PYDL_INTEGER_KEY(uint16_t, uint16_t, 0)
PYDL_INTEGER_KEY(uint32_t, uint32_t, 0)
#undef PYDL_INTEGER_KEY

// Floats: all bits of negative numbers turned over, the sign bit of the others; one key for all
// NaN.
template <class Unsigned, int kBits, int kMantissa>
struct FloatKey {
  using Key = Unsigned;
  static constexpr Key kTop = Key{1} << (kBits - 1);
  static constexpr Key kInfinity = ((Key{1} << (kBits - 1 - kMantissa)) - 1) << kMantissa;

  PYDL_KEY Key of(Key bits) {
    const Key turned = (bits & kTop) != 0 ? static_cast<Key>(~bits) : bits | kTop;
    return (bits & static_cast<Key>(~kTop)) > kInfinity ? static_cast<Key>(~Key{0}) : turned;
  }
  // The same for both zeros: as comparisons see it.
  PYDL_KEY Key tied(Key bits) { return of(bits == kTop ? Key{0} : bits); }
  PYDL_KEY Key bits(Key key) {
    return (key & kTop) != 0 ? static_cast<Key>(key & static_cast<Key>(~kTop))
                             : static_cast<Key>(~key);
  }
};
template <>
struct SortKey<float> : FloatKey<uint32_t, 32, 23> {};
template <>
struct SortKey<double> : FloatKey<uint64_t, 64, 52> {};

}  // namespace pydl

#undef PYDL_KEY
