// The transforms of F(4x4, 3x3), and of F(3x3, 4x4) for the weight gradient, line by line.
//
// A line of d six pixels, correlated with g, is A^T ((G g) (B^T d)): products of polynomials at six
// points, 0, kP, -kP, kQ, -kQ and infinity. Those of opposite sign share their even and odd halves.
// kP and kQ are exact in few bits and keep the error near that of direct sums: the usual 1 and 2
// give three times as much (L. Toom, S. Cook; S. Winograd; B. Barabasz et al. 2020 on the points).
#pragma once

#include "kernels/cpu/simd/transpose.h"

namespace pydl::PYDL_ISA {

constexpr int kInside = 4;  // outputs along a side of a tile
constexpr int kTaps = 3;  // of the window
constexpr int kAround = 6;  // pixels read, points, along a side of a tile
constexpr int kPoints = kAround * kAround;

constexpr double kP = 11.0 / 16.0, kQ = 3.0 / 2.0;
constexpr double kP2 = kP * kP, kQ2 = kQ * kQ;
// The reciprocals of the products of a point's distances to the other finite ones.
constexpr double kShare0 = 1.0 / (kP2 * kQ2);
constexpr double kShareP = 1.0 / (2.0 * kP2 * (kP2 - kQ2));
constexpr double kShareQ = 1.0 / (2.0 * kQ2 * (kQ2 - kP2));

template <class T>
PYDL_INLINE Vec<T> constant(double x) {
  return set(static_cast<T>(x));
}

// Pixels of the image: B^T.
struct ImageLine {
  static constexpr int kFrom = kAround, kTo = kAround;
  template <class T>
  PYDL_INLINE static void apply(const Vec<T> (&d)[kFrom], Vec<T> (&v)[kTo]) {
    const Vec<T> p = constant<T>(kP), q = constant<T>(kQ);
    const Vec<T> p2 = constant<T>(kP2), q2 = constant<T>(kQ2), all = constant<T>(kP2 * kQ2);
    const Vec<T> even_p = fnma(q2, d[2], d[4]), odd_p = fnma(q2, d[1], d[3]);
    const Vec<T> even_q = fnma(p2, d[2], d[4]), odd_q = fnma(p2, d[1], d[3]);
    v[0] = fma(all, d[0], fnma(p2, d[2], even_p));
    v[1] = fma(p, odd_p, even_p);
    v[2] = fnma(p, odd_p, even_p);
    v[3] = fma(q, odd_q, even_q);
    v[4] = fnma(q, odd_q, even_q);
    v[5] = fma(all, d[1], fnma(constant<T>(kP2 + kQ2), d[3], d[5]));
  }
};

// Taps of a filter: G.
struct FilterLine {
  static constexpr int kFrom = kTaps, kTo = kAround;
  template <class T>
  PYDL_INLINE static void apply(const Vec<T> (&g)[kFrom], Vec<T> (&u)[kTo]) {
    const Vec<T> even_p = fma(constant<T>(kShareP), g[0], constant<T>(kShareP * kP2) * g[2]);
    const Vec<T> even_q = fma(constant<T>(kShareQ), g[0], constant<T>(kShareQ * kQ2) * g[2]);
    u[0] = constant<T>(kShare0) * g[0];
    u[1] = fma(constant<T>(kShareP * kP), g[1], even_p);
    u[2] = fnma(constant<T>(kShareP * kP), g[1], even_p);
    u[3] = fma(constant<T>(kShareQ * kQ), g[1], even_q);
    u[4] = fnma(constant<T>(kShareQ * kQ), g[1], even_q);
    u[5] = g[2];
  }
};

// Sums of products, to outputs: A^T.
struct OutputLine {
  static constexpr int kFrom = kAround, kTo = kInside;
  template <class T>
  PYDL_INLINE static void apply(const Vec<T> (&m)[kFrom], Vec<T> (&y)[kTo]) {
    const Vec<T> even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const Vec<T> even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + even_p + even_q;
    y[1] = fma(constant<T>(kP), odd_p, constant<T>(kQ) * odd_q);
    y[2] = fma(constant<T>(kP2), even_p, constant<T>(kQ2) * even_q);
    y[3] = fma(constant<T>(kP * kP2), odd_p, fma(constant<T>(kQ * kQ2), odd_q, m[5]));
  }
};

// The weight gradient's filter is a tile of grad_out.
struct GradLine {
  static constexpr int kFrom = kInside, kTo = kAround;
  template <class T>
  PYDL_INLINE static void apply(const Vec<T> (&g)[kFrom], Vec<T> (&w)[kTo]) {
    const Vec<T> even_p = fma(constant<T>(kShareP), g[0], constant<T>(kShareP * kP2) * g[2]);
    const Vec<T> even_q = fma(constant<T>(kShareQ), g[0], constant<T>(kShareQ * kQ2) * g[2]);
    const Vec<T> odd_p =
        fma(constant<T>(kShareP * kP), g[1], constant<T>(kShareP * kP * kP2) * g[3]);
    const Vec<T> odd_q =
        fma(constant<T>(kShareQ * kQ), g[1], constant<T>(kShareQ * kQ * kQ2) * g[3]);
    w[0] = constant<T>(kShare0) * g[0];
    w[1] = even_p + odd_p;
    w[2] = even_p - odd_p;
    w[3] = even_q + odd_q;
    w[4] = even_q - odd_q;
    w[5] = g[3];
  }
};

// ... and its output the taps.
struct TapLine {
  static constexpr int kFrom = kAround, kTo = kTaps;
  template <class T>
  PYDL_INLINE static void apply(const Vec<T> (&m)[kFrom], Vec<T> (&y)[kTo]) {
    const Vec<T> even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const Vec<T> even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + even_p + even_q;
    y[1] = fma(constant<T>(kP), odd_p, constant<T>(kQ) * odd_q);
    y[2] = fma(constant<T>(kP2), even_p, fma(constant<T>(kQ2), even_q, m[5]));
  }
};

// A square: all rows, then all columns, in registers. get(row, column) is called once for each
// element, in order of rows; put(row, column, value) in order of columns.
template <class Line, class T, class Get, class Put>
PYDL_INLINE void transform_square(Get get, Put put) {
  constexpr int kFrom = Line::kFrom, kTo = Line::kTo;
  Vec<T> rows[kFrom][kTo];
#pragma GCC unroll 8
  for (int r = 0; r < kFrom; ++r) {
    Vec<T> line[kFrom];
#pragma GCC unroll 8
    for (int s = 0; s < kFrom; ++s) line[s] = get(r, s);
    Line::apply(line, rows[r]);
  }
#pragma GCC unroll 8
  for (int s = 0; s < kTo; ++s) {
    Vec<T> line[kFrom], out[kTo];
#pragma GCC unroll 8
    for (int r = 0; r < kFrom; ++r) line[r] = rows[r][s];
    Line::apply(line, out);
#pragma GCC unroll 8
    for (int r = 0; r < kTo; ++r) put(r, s, out[r]);
  }
}

}  // namespace pydl::PYDL_ISA
