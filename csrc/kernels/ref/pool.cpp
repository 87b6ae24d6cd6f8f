#include <cmath>
#include <cstring>

#include "kernels/conv.h"
#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

// What a window sees along an axis: places [begin, end) of x, counted from its own start.
struct Span {
  int64_t start, begin, end;
};

Span span(const WindowShape& p, int axis, int64_t place) {
  const int64_t start = window_start(p, axis, place);
  const int64_t begin = start < 0 ? -start : 0, rest = p.size[axis] - start;
  return {start, begin, rest < p.window[axis] ? rest : p.window[axis]};
}

// visitor(out, seen): for each place (flat) of the result, all images, what its window sees.
template <class Visitor>
void for_places(const WindowShape& p, Visitor&& visitor) {
  int64_t out = 0;
  for (int64_t n = 0; n < p.batch; ++n) {
    for (int64_t od = 0; od < p.places[0]; ++od) {
      for (int64_t oh = 0; oh < p.places[1]; ++oh) {
        for (int64_t ow = 0; ow < p.places[2]; ++ow, ++out) {
          const Span seen[kSpatial] = {span(p, 0, od), span(p, 1, oh), span(p, 2, ow)};
          visitor(n, out, seen);
        }
      }
    }
  }
}

// visitor(at, tap): for each place of x a window sees, all flat; taps count those it does not see.
template <class Visitor>
void for_seen(const WindowShape& p, int64_t n, const Span (&seen)[kSpatial], Visitor&& visitor) {
  for (int64_t r = seen[0].begin; r < seen[0].end; ++r) {
    for (int64_t s = seen[1].begin; s < seen[1].end; ++s) {
      for (int64_t t = seen[2].begin; t < seen[2].end; ++t) {
        const int64_t row = (n * p.size[0] + seen[0].start + r) * p.size[1] + seen[1].start + s;
        visitor(row * p.size[2] + seen[2].start + t, (r * p.window[1] + s) * p.window[2] + t);
      }
    }
  }
}

int64_t read_index(const PoolShape& p, const void* index, int64_t i) {
  return p.wide_index ? static_cast<const int32_t*>(index)[i]
                      : static_cast<const uint8_t*>(index)[i];
}

void write_index(const PoolShape& p, void* index, int64_t i, int64_t tap) {
  if (p.wide_index) {
    static_cast<int32_t*>(index)[i] = static_cast<int32_t>(tap);
  } else {
    static_cast<uint8_t*>(index)[i] = static_cast<uint8_t>(tap);
  }
}

template <class T>
void run_max(const Call& call, int64_t) {
  const PoolShape& p = *static_cast<const PoolShape*>(call.params);
  const T* x = static_cast<const T*>(call.in[0]);
  for_places(p, [&](int64_t n, int64_t place, const Span(&seen)[kSpatial]) {
    for (int64_t c = 0; c < p.channels; ++c) {
      T best = 0;
      int64_t chosen = -1;
      for_seen(p, n, seen, [&](int64_t at, int64_t tap) {
        const T value = x[at * p.channels + c];
        if (chosen >= 0 && !(value > best) && !(std::isnan(value) && !std::isnan(best))) return;
        best = value;
        chosen = tap;
      });
      static_cast<T*>(call.out[0])[place * p.channels + c] = best;
      write_index(p, call.out[1], place * p.channels + c, chosen);
    }
  });
}

template <class T>
void run_max_grad(const Call& call, int64_t) {
  const PoolShape& p = *static_cast<const PoolShape*>(call.params);
  const T* grad_out = static_cast<const T*>(call.in[0]);
  T* grad_x = static_cast<T*>(call.out[0]);
  const int64_t count = p.batch * volume(p.size) * p.channels;
  std::memset(grad_x, 0, static_cast<size_t>(count) * sizeof(T));
  for_places(p, [&](int64_t n, int64_t place, const Span(&seen)[kSpatial]) {
    for_seen(p, n, seen, [&](int64_t at, int64_t tap) {
      for (int64_t c = 0; c < p.channels; ++c) {
        const int64_t i = place * p.channels + c;
        if (read_index(p, call.in[1], i) == tap) grad_x[at * p.channels + c] += grad_out[i];
      }
    });
  });
}

double divisor(const PoolShape& p, const Span (&seen)[kSpatial]) {
  if (p.count_padding) return static_cast<double>(volume(p.window));
  double count = 1.0;
  for (const Span& axis : seen) count *= static_cast<double>(axis.end - axis.begin);
  return count;
}

template <class T>
void run_average(const Call& call, int64_t) {
  const PoolShape& p = *static_cast<const PoolShape*>(call.params);
  const T* x = static_cast<const T*>(call.in[0]);
  for_places(p, [&](int64_t n, int64_t place, const Span(&seen)[kSpatial]) {
    for (int64_t c = 0; c < p.channels; ++c) {
      double sum = 0.0;
      for_seen(p, n, seen, [&](int64_t at, int64_t) { sum += x[at * p.channels + c]; });
      static_cast<T*>(call.out[0])[place * p.channels + c] = static_cast<T>(sum / divisor(p, seen));
    }
  });
}

template <class T>
void run_average_grad(const Call& call, int64_t) {
  const PoolShape& p = *static_cast<const PoolShape*>(call.params);
  const T* grad_out = static_cast<const T*>(call.in[0]);
  T* grad_x = static_cast<T*>(call.out[0]);
  const int64_t count = p.batch * volume(p.size) * p.channels;
  std::memset(grad_x, 0, static_cast<size_t>(count) * sizeof(T));
  for_places(p, [&](int64_t n, int64_t place, const Span(&seen)[kSpatial]) {
    const double share = 1.0 / divisor(p, seen);
    for_seen(p, n, seen, [&](int64_t at, int64_t) {
      for (int64_t c = 0; c < p.channels; ++c) {
        grad_x[at * p.channels + c] += static_cast<T>(grad_out[place * p.channels + c] * share);
      }
    });
  });
}

template <class T>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::max_pool: return run_max<T>;
    case Opcode::max_pool_grad: return run_max_grad<T>;
    case Opcode::avg_pool: return run_average<T>;
    default: return run_average_grad<T>;
  }
}

const char* bind_pool(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  PoolShape* p = alloc_params<PoolShape>(binder);
  if (p == nullptr) return kOutOfMemory;
  *p = pool_shape(op);
  PieceFn run = nullptr;
  visit_float(op.in[0].dtype, [&](auto t) { run = choose<decltype(t)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::max_pool, "max_pool_ref", bind_pool},
    {Opcode::max_pool_grad, "max_pool_grad_ref", bind_pool},
    {Opcode::avg_pool, "avg_pool_ref", bind_pool},
    {Opcode::avg_pool_grad, "avg_pool_grad_ref", bind_pool},
};

}  // namespace

const Family kPoolFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
