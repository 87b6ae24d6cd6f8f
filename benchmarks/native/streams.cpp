// What memory gives N threads at each footprint: `streams N` answers each line KIND BYTES with the
// seconds of a pass. copy: BYTES read and written together, half each; read: BYTES read. The
// buffers of a footprint are used again in every pass, so small ones stay in a cache. A copy may
// use plain or streaming stores (which spare the read of what is overwritten): the better one
// counts.
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr size_t kLanes = 16;
#elif defined(__AVX__)
constexpr size_t kLanes = 8;
#else
constexpr size_t kLanes = 4;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4)));

volatile float sink;

void stream(float* p, Vec v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, v);
#elif defined(__AVX__)
  _mm256_stream_ps(p, v);
#else
  _mm_stream_ps(p, v);
#endif
}

constexpr size_t kAhead = 1024;  // elements

template <bool kPrefetch>
void copy_plain(const float* from, float* to, size_t n) {
  for (size_t i = 0; i < n; i += kLanes) {
    if (kPrefetch) __builtin_prefetch(from + i + kAhead);
    *reinterpret_cast<Vec*>(to + i) = *reinterpret_cast<const Vec*>(from + i) + 1.f;
  }
}

template <bool kPrefetch>
void copy_streaming(const float* from, float* to, size_t n) {
  for (size_t i = 0; i < n; i += kLanes) {
    if (kPrefetch) __builtin_prefetch(from + i + kAhead);
    stream(to + i, *reinterpret_cast<const Vec*>(from + i) + 1.f);
  }
  _mm_sfence();
}

template <bool kPrefetch>
void read(const float* from, float*, size_t n) {
  Vec sums[8] = {};
  size_t i = 0;
  for (; i + 8 * kLanes <= n; i += 8 * kLanes) {
    for (size_t k = 0; kPrefetch && k < 8; ++k) {
      __builtin_prefetch(from + i + kAhead + k * kLanes);
    }
    for (size_t k = 0; k < 8; ++k) sums[k] += *reinterpret_cast<const Vec*>(from + i + k * kLanes);
  }
  for (; i < n; i += kLanes) sums[0] += *reinterpret_cast<const Vec*>(from + i);
  for (size_t k = 1; k < 8; ++k) sums[0] += sums[k];
  sink = sums[0][0];
}

using Pass = void (*)(const float*, float*, size_t);

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds of a pass of all threads, each over its own part.
double time_passes(int threads, Pass pass, float* from, float* to, size_t count) {
  const size_t part = count / static_cast<size_t>(threads) / kLanes * kLanes;
  pass(from, to, part * static_cast<size_t>(threads));  // touches the pages
  const double start = now();
  pass(from, to, part * static_cast<size_t>(threads));
  const int passes = std::max(1, static_cast<int>(0.01 / std::max(now() - start, 1e-8)));
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> ready{0};
    std::vector<double> spent(static_cast<size_t>(threads));
    const auto work = [&](int t) {
      const size_t at = static_cast<size_t>(t) * part;
      ++ready;
      while (ready < threads) {
      }
      const double begin = now();
      for (int k = 0; k < passes; ++k) pass(from + at, to + at, part);
      spent[static_cast<size_t>(t)] = (now() - begin) / passes;
    };
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
    work(0);
    for (auto& other : others) other.join();
    best = std::min(best, *std::max_element(spent.begin(), spent.end()));
  }
  return best;
}

}  // namespace

float* allocate(size_t bytes) {
  void* memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  std::memset(memory, 0, bytes);
  return static_cast<float*>(memory);
}

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  char kind[16];
  size_t bytes = 0;
  while (std::scanf("%15s %zu", kind, &bytes) == 2) {
    const bool copies = std::strcmp(kind, "copy") == 0;
    const size_t unit = 64 * static_cast<size_t>(threads);
    const size_t asked = bytes / (copies ? 2 : 1);
    const size_t held = std::max(asked / unit * unit, unit);
    float *from = allocate(held), *to = allocate(held);
    double best = 1e9;
    const std::vector<Pass> passes =
        copies ? std::vector<Pass>{copy_plain<false>, copy_plain<true>, copy_streaming<false>,
                                   copy_streaming<true>}
               : std::vector<Pass>{read<false>, read<true>};
    for (const Pass pass : passes) {
      best = std::min(best, time_passes(threads, pass, from, to, held / 4));
    }
    std::printf("%.9g\n", best * static_cast<double>(asked) / static_cast<double>(held));
    std::fflush(stdout);
    std::free(from);
    std::free(to);
  }
}
