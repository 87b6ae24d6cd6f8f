// What this machine can do at most: FMA rate and memory bandwidth, for N threads at once.
// Prints one JSON line: {"threads", "gflops", "scale_gbs", "copy_gbs"}.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4)));

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double together(int threads, const std::function<void(int)>& work) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    best = std::min(best, seconds([&] {
                      std::vector<std::thread> others;
                      for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
                      work(0);
                      for (auto& other : others) other.join();
                    }));
  }
  return best;
}

volatile float sink;

constexpr long kRounds = 3000000;
constexpr int kChains = 14;

void multiply_add(int) {
  Vec sum[kChains];
  Vec factor, term;
  for (int l = 0; l < kLanes; ++l) factor[l] = 0.999f, term[l] = 1e-4f;
  for (auto& s : sum) s = term;
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 14
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * factor + term;
  }
  float total = 0;
  for (auto& s : sum) total += s[0];
  sink = total;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const size_t count = (size_t{256} << 20) / 4 / static_cast<size_t>(threads);
  std::vector<std::vector<float>> from(static_cast<size_t>(threads),
                                       std::vector<float>(count, 1.f));
  std::vector<std::vector<float>> to = from;
  const double bytes = 2.0 * 4.0 * static_cast<double>(count) * threads;
  const double fma = together(threads, multiply_add);
  const double scale = together(threads, [&](int t) {
    float* p = from[static_cast<size_t>(t)].data();
    for (size_t i = 0; i < count; ++i) p[i] *= 1.0001f;
  });
  const double copy = together(threads, [&](int t) {
    const float* p = from[static_cast<size_t>(t)].data();
    float* q = to[static_cast<size_t>(t)].data();
    for (size_t i = 0; i < count; ++i) q[i] = p[i] + 1.f;
  });
  std::printf("{\"threads\": %d, \"gflops\": %.1f, \"scale_gbs\": %.1f, \"copy_gbs\": %.1f}\n",
              threads, 2.0 * kRounds * kChains * kLanes * threads / fma / 1e9, bytes / scale / 1e9,
              bytes / copy / 1e9);
}
