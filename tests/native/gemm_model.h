// What the tests of the matrix kernels' index arithmetic share: matrices and their 16-bit values.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cuda/gemm_layout.h"

namespace pydl::test {

using Matrix = std::vector<float>;

inline Matrix random_matrix(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Matrix x(static_cast<size_t>(count));
  for (float& value : x) value = normal(random);
  return x;
}

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}
inline float value_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

inline float to_bf16(float x) {
  return value_of(layout::bits_of_bf16(layout::bf16_of(bits_of(x))));
}

inline double exact(const Matrix& a, const Matrix& b, int k, int row, int column) {
  double sum = 0;
  for (int i = 0; i < k; ++i) {
    sum += static_cast<double>(a[static_cast<size_t>(row * k + i)]) *
           b[static_cast<size_t>(column * k + i)];
  }
  return sum;
}

}  // namespace pydl::test
