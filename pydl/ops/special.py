"""Definitions of further elementwise opcodes: angles, hyperbolic and special functions,
remainders, and the bits of integers."""

from __future__ import annotations

import math
from typing import Any

from pydl.graph.registry import define
from pydl.ops.apply import emit, lift
from pydl.ops.rules import binary, unary


def _rest(x: Any) -> Any:
    """``1 - x^2``, as exact near 1 as ``x`` is."""
    return (1.0 - x) * (1.0 + x)


#: Of the asymptotic series of the derivative of digamma, in ``1 / x^2``.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66)


def trigamma(x: Any) -> Any:
    """The derivative of digamma: moved up by ``f(x) = f(x + 1) + 1 / x^2``
    to 8, then the asymptotic series; mirrored for negative numbers (NIST Handbook of
    Mathematical Functions, 5.15). Relative error below 1e-11.
    """
    one = lift(1.0, x.dtype)
    mirrored = emit("less", x, lift(0.0, x.dtype))
    y = emit("where", mirrored, 1.0 - x, x)
    total = lift(0.0, x.dtype)
    for _ in range(8):
        low = emit("less", y, lift(8.0, x.dtype))
        share = emit("where", low, emit("reciprocal", emit("square", y)), 0.0 * one)
        total, y = total + share, emit("where", low, y + 1.0, y)
    inverse = emit("reciprocal", y)
    z = inverse * inverse
    series = lift(0.0, x.dtype)
    for coefficient in reversed(_BERNOULLI):
        series = series * z + coefficient
    result = total + inverse * (1.0 + inverse * 0.5 + z * series)
    sine = emit("sin", (x - emit("round", x)) * math.pi)
    sine = emit("where", mirrored, sine, one)
    slope = emit("square", math.pi * emit("reciprocal", sine))
    return emit("where", mirrored, slope - result, result)


def _atan2_first(g: Any, a: Any, b: Any, y: Any) -> Any:
    return g * (b / (a * a + b * b))


def _atan2_second(g: Any, a: Any, b: Any, y: Any) -> Any:
    return -(g * (a / (a * a + b * b)))


unary("ceil", None, "The least integer >= x. Gradient zero.")
unary("round", None, "The nearest integer, the even one of two. Gradient zero.")
unary("trunc", None, "The nearest integer towards 0. Gradient zero.")
unary("tan", lambda g, x, y: g * (y * y + 1.0), "Tangent.")
unary("asin", lambda g, x, y: g * emit("rsqrt", _rest(x)), "Inverse sine.")
unary("acos", lambda g, x, y: -(g * emit("rsqrt", _rest(x))), "Inverse cosine.")
unary("atan", lambda g, x, y: g / (x * x + 1.0), "Inverse tangent.")
unary("sinh", lambda g, x, y: g * emit("cosh", x), "Hyperbolic sine.")
unary("cosh", lambda g, x, y: g * emit("sinh", x), "Hyperbolic cosine.")
unary("asinh", lambda g, x, y: g * emit("rsqrt", x * x + 1.0), "Inverse of sinh.")
unary(
    "acosh",
    lambda g, x, y: g * emit("rsqrt", (x - 1.0) * (x + 1.0)),
    "Inverse of cosh, >= 0.",
)
unary("atanh", lambda g, x, y: g / _rest(x), "Inverse of tanh.")
unary("exp2", lambda g, x, y: g * (y * math.log(2)), "2 to the power ``x``.")
unary("log2", lambda g, x, y: g / (x * math.log(2)), "Logarithm to base 2.")
unary("log10", lambda g, x, y: g / (x * math.log(10)), "Logarithm to base 10.")
unary(
    "erfinv",
    lambda g, x, y: g * (emit("exp", y * y) * (math.sqrt(math.pi) / 2)),
    "The inverse of the error function.",
)
unary("lgamma", lambda g, x, y: g * emit("digamma", x), "``ln |gamma(x)|``.")
unary("digamma", lambda g, x, y: g * trigamma(x), "The derivative of lgamma.")
binary(
    "mod",
    lambda g, a, b, y: g,
    lambda g, a, b, y: -(g * emit("floor_div", a, b)),
    "The remainder, with the sign of ``b``.",
)
binary("floor_div", None, None, "The quotient rounded down. Gradient zero.")
binary("atan2", _atan2_first, _atan2_second, "The angle of the point (b, a).")

for _name in (
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "left_shift",
    "right_shift",
):  # fmt: skip
    define(_name, None, "Of integers: nothing to differentiate.")
