#include "kernels/conv.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

// visitor(place, tap, at): for each place of the output (flat) and tap of its window (flat) that
// falls inside x, where that is (flat), all of one image.
template <class Visitor>
void for_taps(const WindowShape& p, Visitor&& visitor) {
  int64_t place = 0;
  for (int64_t od = 0; od < p.places[0]; ++od) {
    for (int64_t oh = 0; oh < p.places[1]; ++oh) {
      for (int64_t ow = 0; ow < p.places[2]; ++ow, ++place) {
        int64_t tap = 0;
        for (int64_t r = 0; r < p.window[0]; ++r) {
          const int64_t d = window_start(p, 0, od) + r * p.dilations[0];
          for (int64_t s = 0; s < p.window[1]; ++s) {
            const int64_t h = window_start(p, 1, oh) + s * p.dilations[1];
            for (int64_t t = 0; t < p.window[2]; ++t, ++tap) {
              const int64_t w = window_start(p, 2, ow) + t * p.dilations[2];
              if (d < 0 || d >= p.size[0] || h < 0 || h >= p.size[1] || w < 0 || w >= p.size[2]) {
                continue;
              }
              visitor(place, tap, (d * p.size[1] + h) * p.size[2] + w);
            }
          }
        }
      }
    }
  }
}

// What every pass does for a tap: `multiply(x, weight, out, filters)` for each channel of x and the
// filters of its group.
struct Channels {
  int64_t per_group, filters_per_group, channels, filters;
  explicit Channels(const ConvShape& p)
      : per_group(p.channels / p.groups),
        filters_per_group(p.filters / p.groups),
        channels(p.channels),
        filters(p.filters) {}
  template <class Multiply>
  void each(Multiply&& multiply) const {
    for (int64_t c = 0; c < channels; ++c) {
      multiply(c, (c % per_group) * filters, (c / per_group) * filters_per_group);
    }
  }
};

double activated(const char* name, double x) {
  if (std::strcmp(name, "relu") == 0) return x > 0.0 || std::isnan(x) ? x : 0.0;
  if (std::strcmp(name, "sigmoid") == 0) return 1.0 / (1.0 + std::exp(-x));
  return std::strcmp(name, "tanh") == 0 ? std::tanh(x) : x;
}

double activation_grad(const char* name, double grad, double out) {
  if (std::strcmp(name, "relu") == 0) return out > 0.0 ? grad : 0.0;
  if (std::strcmp(name, "sigmoid") == 0) return grad * out * (1.0 - out);
  return std::strcmp(name, "tanh") == 0 ? grad * (1.0 - out * out) : grad;
}

template <class T>
void finish_forward(const ConvShape& p, const Call& call, int64_t image, const double* sums) {
  const int64_t places = volume(p.places);
  T* out = static_cast<T*>(call.out[0]) + image * places * p.filters;
  for (int64_t i = 0; i < places * p.filters; ++i) {
    double value = sums[i];
    if (p.bias >= 0) value += static_cast<const T*>(call.in[p.bias])[i % p.filters];
    if (p.residual >= 0) {
      value += static_cast<const T*>(call.in[p.residual])[image * places * p.filters + i];
    }
    out[i] = static_cast<T>(activated(p.activation, value));
  }
}

template <class T>
void run_forward(const Call& call, int64_t) {
  const ConvShape& p = *static_cast<const ConvShape*>(call.params);
  const T* weight = static_cast<const T*>(call.in[1]);
  const Channels channels(p);
  const int64_t places = volume(p.places), pixels = volume(p.size), taps = p.channels / p.groups;
  std::vector<double> sums(static_cast<size_t>(places * p.filters));
  for (int64_t n = 0; n < p.batch; ++n) {
    const T* x = static_cast<const T*>(call.in[0]) + n * pixels * p.channels;
    sums.assign(sums.size(), 0.0);
    for_taps(p, [&](int64_t place, int64_t tap, int64_t at) {
      double* row = sums.data() + place * p.filters;
      const T* matrix = weight + tap * taps * p.filters;
      channels.each([&](int64_t c, int64_t line, int64_t first) {
        const double value = x[at * p.channels + c];
        for (int64_t k = first; k < first + channels.filters_per_group; ++k) {
          row[k] += value * matrix[line + k];
        }
      });
    });
    finish_forward<T>(p, call, n, sums.data());
  }
}

template <class T>
void run_grad_x(const Call& call, int64_t) {
  const ConvShape& p = *static_cast<const ConvShape*>(call.params);
  const T* weight = static_cast<const T*>(call.in[1]);
  const T* out = p.out < 0 ? nullptr : static_cast<const T*>(call.in[p.out]);
  const Channels channels(p);
  const int64_t places = volume(p.places), pixels = volume(p.size), taps = p.channels / p.groups;
  std::vector<double> sums(static_cast<size_t>(pixels * p.channels));
  for (int64_t n = 0; n < p.batch; ++n) {
    const T* grad_out = static_cast<const T*>(call.in[0]) + n * places * p.filters;
    sums.assign(sums.size(), 0.0);
    for_taps(p, [&](int64_t place, int64_t tap, int64_t at) {
      const T* row = grad_out + place * p.filters;
      const T* matrix = weight + tap * taps * p.filters;
      channels.each([&](int64_t c, int64_t line, int64_t first) {
        double sum = 0.0;
        for (int64_t k = first; k < first + channels.filters_per_group; ++k) {
          sum += static_cast<double>(row[k]) * matrix[line + k];
        }
        sums[static_cast<size_t>(at * p.channels + c)] += sum;
      });
    });
    const int64_t base = n * pixels * p.channels;
    for (int64_t i = 0; i < pixels * p.channels; ++i) {
      const double sum = sums[static_cast<size_t>(i)];
      const double value = out ? activation_grad(p.activation, sum, out[base + i]) : sum;
      static_cast<T*>(call.out[0])[base + i] = static_cast<T>(value);
    }
  }
}

template <class T>
void sum_filters(const ConvShape& p, const Call& call) {
  const int64_t rows = p.batch * volume(p.places);
  const T* grad_out = static_cast<const T*>(call.in[1]);
  std::vector<double> sums(static_cast<size_t>(p.filters), 0.0);
  for (int64_t i = 0; i < rows * p.filters; ++i) {
    sums[static_cast<size_t>(i % p.filters)] += grad_out[i];
  }
  for (int64_t k = 0; k < p.filters; ++k) {
    static_cast<T*>(call.out[1])[k] = static_cast<T>(sums[static_cast<size_t>(k)]);
  }
}

template <class T>
void run_grad_w(const Call& call, int64_t) {
  const ConvShape& p = *static_cast<const ConvShape*>(call.params);
  const Channels channels(p);
  const int64_t places = volume(p.places), pixels = volume(p.size), taps = p.channels / p.groups;
  const int64_t count = volume(p.window) * taps * p.filters;
  std::vector<double> sums(static_cast<size_t>(count), 0.0);
  for (int64_t n = 0; n < p.batch; ++n) {
    const T* x = static_cast<const T*>(call.in[0]) + n * pixels * p.channels;
    const T* grad_out = static_cast<const T*>(call.in[1]) + n * places * p.filters;
    for_taps(p, [&](int64_t place, int64_t tap, int64_t at) {
      const T* row = grad_out + place * p.filters;
      double* matrix = sums.data() + tap * taps * p.filters;
      channels.each([&](int64_t c, int64_t line, int64_t first) {
        const double value = x[at * p.channels + c];
        for (int64_t k = first; k < first + channels.filters_per_group; ++k) {
          matrix[line + k] += value * row[k];
        }
      });
    });
  }
  T* grad_weight = static_cast<T*>(call.out[0]);
  for (int64_t i = 0; i < count; ++i) grad_weight[i] = static_cast<T>(sums[static_cast<size_t>(i)]);
  if (p.column_sum) sum_filters<T>(p, call);
}

const char* bind_conv(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  ConvShape* p = alloc_params<ConvShape>(binder);
  if (p == nullptr) return kOutOfMemory;
  *p = conv_shape(op);
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) {
    using T = decltype(t);
    run = op.op == Opcode::conv          ? run_forward<T>
          : op.op == Opcode::conv_grad_x ? run_grad_x<T>
                                         : run_grad_w<T>;
  });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::conv, "conv_ref", bind_conv},
    {Opcode::conv_grad_x, "conv_grad_x_ref", bind_conv},
    {Opcode::conv_grad_w, "conv_grad_w_ref", bind_conv},
};

}  // namespace

const Family kConvFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
