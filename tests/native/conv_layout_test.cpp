// The index arithmetic of the GPU's convolutions against loops over pixels and taps.
#include "kernels/cuda/conv_layout.h"

#include <random>
#include <string>
#include <vector>

#include "check.h"

namespace pydl::test {
namespace {

using namespace layout;

void check_divisors() {
  const int most = INT32_MAX;
  for (const int value : {1,       2,
                          3,       5,
                          6,       7,
                          9,       10,
                          11,      12,
                          49,      56,
                          112,     127,
                          128,     129,
                          3136,    12544,
                          65535,   65537,
                          1 << 20, (1 << 20) + 1,
                          1 << 30, (1 << 30) + 1,
                          most}) {
    const SmallDivisor d = small_divisor(value);
    bool exact = true;
    for (int64_t q = 0; q * value <= most && q < 100000; ++q) {
      for (const int64_t n : {q * value - 1, q * value, q * value + 1}) {
        if (n < 0 || n > most) continue;
        exact = exact && quotient(static_cast<int>(n), d) == n / value;
      }
    }
    for (const int n : {most, most - 1, most / value * value, 1 << 30}) {
      exact = exact && quotient(n, d) == n / value;
    }
    expect(exact, "quotients by " + std::to_string(value));
  }
}

// Of one axis.
struct Line {
  int size, window, stride, dilation, low, high;
  int places() const { return (size + low + high - dilation * (window - 1) - 1) / stride + 1; }
};

Line random_line(std::mt19937* random) {
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(*random);
  };
  Line line = {draw(1, 12), draw(1, 5), draw(1, 5), draw(1, 4), 0, 0};
  const int reach = line.dilation * (line.window - 1) + 1;
  line.low = draw(0, reach);
  line.high = draw(0, reach);
  if (line.size + line.low + line.high < reach) line.high = reach - line.size - line.low;
  return line;
}

// Every pixel and tap that meet do so in one phase, at the same place.
void check_phases() {
  std::mt19937 random(5);
  for (int trial = 0; trial < 2000; ++trial) {
    const Line x = random_line(&random);
    std::vector<int> met(static_cast<size_t>(x.size * x.window), -1);
    bool once = true;
    for (int first = 0; first < phase_count(x.window, x.stride, x.dilation); ++first) {
      const Phase p = make_phase(x.size, x.window, x.places(), x.stride, x.dilation, x.low, first);
      for (int i = 0; i < p.axis.places; ++i) {
        for (int t = 0; t < p.axis.taps; ++t) {
          const int pixel = p.first_pixel + i * x.stride, tap = p.first_tap + t * p.each_tap;
          once = once && pixel < x.size && tap < x.window;
          int& at = met[static_cast<size_t>(pixel * x.window + tap)];
          once = once && at == -1;
          at = p.axis.origin + i * p.axis.step + t * p.axis.reach;
          if (at < 0 || at >= p.axis.size) at = -2;
        }
      }
    }
    bool right = true;
    for (int pixel = 0; pixel < x.size; ++pixel) {
      for (int tap = 0; tap < x.window; ++tap) {
        const int behind = pixel + x.low - tap * x.dilation;
        const bool sees = behind % x.stride == 0 && behind >= 0 && behind / x.stride < x.places();
        const int at = met[static_cast<size_t>(pixel * x.window + tap)];
        right = right && (sees ? at == behind / x.stride : at < 0);
      }
    }
    expect(once && right, "phases of size " + std::to_string(x.size) + ", window " +
                              std::to_string(x.window) + ", stride " + std::to_string(x.stride) +
                              ", dilation " + std::to_string(x.dilation));
  }
}

// Rows and steps of patches meet the pixels that places and taps do.
void check_patches() {
  std::mt19937 random(6);
  for (int trial = 0; trial < 300; ++trial) {
    const Line x[kAxes] = {random_line(&random), random_line(&random), random_line(&random)};
    Axis axes[kAxes] = {};
    for (int i = 0; i < kAxes; ++i) {
      axes[i] = {x[i].places(), x[i].window, -x[i].low, x[i].stride, x[i].dilation, x[i].size};
    }
    constexpr int kBatch = 2, kInner = 3;
    const Patches p = make_patches(axes, kBatch, kInner);
    bool right = pixel_of(p, patch_row(p, p.rows), patch_step(p, 0)) == -1;
    std::uniform_int_distribution<int> rows(0, p.rows - 1), steps(0, p.steps - 1);
    for (int i = 0; i < 200; ++i) {
      const int row = rows(random), step = steps(random);
      int place = row, tap = step / kInner, at[kAxes];
      bool inside = true;
      for (int axis = kAxes - 1; axis >= 0; --axis) {
        at[axis] = place % x[axis].places() * x[axis].stride - x[axis].low +
                   tap % x[axis].window * x[axis].dilation;
        inside = inside && at[axis] >= 0 && at[axis] < x[axis].size;
        place /= x[axis].places();
        tap /= x[axis].window;
      }
      const int want = ((place * x[0].size + at[0]) * x[1].size + at[1]) * x[2].size + at[2];
      const PatchStep found = patch_step(p, step);
      right = right && pixel_of(p, patch_row(p, row), found) == (inside ? want : -1) &&
              found.channel == step % kInner;
    }
    expect(right, "patches of trial " + std::to_string(trial));
  }
}

// The copy engine's walk, as the manual tells it: `count` pixels from (w, h, n) on through the box
// between the corners, each moved by the offsets; -1 outside of the images.
std::vector<int> walk(const Patches& p, int batch, Walk at, int right, int down, int count) {
  const Axis &x = p.axis[2], &y = p.axis[1];
  const int low[2] = {box_begin(x), box_begin(y)}, high[2] = {box_end(x), box_end(y)};
  std::vector<int> pixels;
  for (int i = 0; i < count; ++i) {
    const int w = at.w + right, h = at.h + down;
    const bool inside = w >= 0 && w < x.size && h >= 0 && h < y.size && at.n < batch;
    pixels.push_back(inside ? (at.n * y.size + h) * x.size + w : -1);
    at.w += x.step;
    if (at.w < high[0]) continue;
    at.w = low[0];
    at.h += y.step;
    if (at.h < high[1]) continue;
    at.h = low[1];
    ++at.n;
  }
  return pixels;
}

// A walk meets the pixels of the rows it is for, of forward passes and of phases.
void check_walk(const Axis& down, const Axis& right, const std::string& what) {
  constexpr int kBatch = 3, kCount = 64;
  const Axis axes[kAxes] = {{1, 1, 0, 1, 1, 1}, down, right};
  const Patches p = make_patches(axes, kBatch, 1);
  if (p.rows == 0) return;
  bool same = takes_walks(p);
  for (int row = 0; row < p.rows + 2 * kCount; row += 17) {
    for (int step = 0; step < p.steps; ++step) {
      const Parts taps = take_apart(step, p.taps);
      const int over = tap_offset(right, taps.at[2]), under = tap_offset(down, taps.at[1]);
      const std::vector<int> met = walk(p, kBatch, walk_from(p, row), over, under, kCount);
      same = same && over >= 0 && under >= 0;
      for (int i = 0; i < kCount; ++i) {
        const int want = pixel_of(p, patch_row(p, row + i), patch_step(p, step));
        same = same && met[static_cast<size_t>(i)] == want;
      }
    }
  }
  expect(same, "the walk of " + what);
}

void check_walks() {
  std::mt19937 random(7);
  for (int trial = 0; trial < 100; ++trial) {
    const Line x[2] = {random_line(&random), random_line(&random)};
    Axis axes[2] = {};
    for (int i = 0; i < 2; ++i) {
      axes[i] = {x[i].places(), x[i].window, -x[i].low, x[i].stride, x[i].dilation, x[i].size};
    }
    check_walk(axes[0], axes[1], "trial " + std::to_string(trial));
    for (int tap = 0; tap < phase_count(x[1].window, x[1].stride, x[1].dilation); ++tap) {
      Phase phases[2] = {};
      for (int i = 0; i < 2; ++i) {
        phases[i] = make_phase(x[i].size, x[i].window, x[i].places(), x[i].stride, x[i].dilation,
                               x[i].low, i == 0 ? 0 : tap);
      }
      check_walk(phases[0].axis, phases[1].axis, "a phase of trial " + std::to_string(trial));
    }
  }
}

static_assert(quotient(7 * 49 - 1, small_divisor(49)) == 6, "usable in constant expressions");

}  // namespace

void check_conv_layouts() {
  check_divisors();
  check_phases();
  check_patches();
  check_walks();
}

}  // namespace pydl::test
