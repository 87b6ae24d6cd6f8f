"""Further exponentials, logarithms and special functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.dtypes import is_int
from pydl.ops.public import public_op
from pydl.ops.trigonometry import unary_float

__all__ = [
    "cbrt", "erfc", "erfinv", "exp2", "i0", "ldexp", "log10", "log2", "logaddexp",
    "logaddexp2",
]  # fmt: skip


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's rule, lowest coefficient first."""
    result = lift(coefficients[-1], x.dtype)
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


@public_op
def exp2(x: Any) -> Any:
    """2 to the power `x`."""
    return unary_float("exp2", x)


@public_op
def log2(x: Any) -> Any:
    """The logarithm to base 2; exact for powers of 2."""
    return unary_float("log2", x)


@public_op
def log10(x: Any) -> Any:
    """The logarithm to base 10."""
    return unary_float("log10", x)


def _add_exponentials(x1: Any, x2: Any, exp: str, unit: float) -> Any:
    x1, x2 = promote_float(x1, x2)
    delta = x1 - x2
    rest = emit("log1p", emit(exp, -emit("abs", delta))) * unit
    # Equal infinities have no difference; their sum is what it should be.
    odd = emit("not_equal", delta, delta)
    equal = emit("equal", delta, lift(0.0, delta.dtype))
    # Equal ones share the slope.
    top = emit("where", equal, x1 * 0.5 + x2 * 0.5, emit("maximum", x1, x2))
    return emit("where", odd, x1 + x2, top + rest)


@public_op
def logaddexp(x1: Any, x2: Any) -> Any:
    """``log(exp(x1) + exp(x2))``, without overflow."""
    return _add_exponentials(x1, x2, "exp", 1.0)


@public_op
def logaddexp2(x1: Any, x2: Any) -> Any:
    """``log2(2^x1 + 2^x2)``, without overflow."""
    return _add_exponentials(x1, x2, "exp2", 1 / math.log(2))


@public_op
def ldexp(x1: Any, x2: Any) -> Any:
    """``x1 * 2^x2``, `x2` integers."""
    x1, x2 = promote_float(x1)[0], lift(x2)
    if not is_int(x2.dtype):
        raise TypeError(f"ldexp: expected x2 of an integer dtype, received {x2.dtype}")
    power = lift(x2, x1.dtype)
    first = emit(
        "floor", power * 0.5
    )  # two factors: neither overflows before the result
    return x1 * emit("exp2", first) * emit("exp2", power - first)


@public_op
def cbrt(x: Any) -> Any:
    """The cube root, negative of negative numbers: a power, then a step of Newton's
    method, which makes exact cubes exact."""
    x = promote_float(x)[0]
    zero, one = lift(0.0, x.dtype), lift(1.0, x.dtype)
    size = emit("abs", x)
    usual = emit("logical_and", emit("isfinite", x), emit("greater", size, zero))
    safe = emit("where", usual, size, one)
    root = emit("exp", emit("log", safe) * (1 / 3))
    root = root - (root - safe / (root * root)) * (1 / 3)
    return emit("where", usual, emit("sign", x) * root, x)


#: ``e^(x^2) erfc(x) (1 + 2 x)`` in ``(x - 2) / (x + 2)``, x from 1/2 to infinity: our
#: own fit, relative error below 1e-16.
_ERFC = (
    1.27697838155252869,
    -0.0927638265857458268,
    -0.166030397615274035,
    0.164051280033417563,
    -0.0542200009932537856,
    -0.00803401508115300935,
    0.00872265391312418704,
    0.00127133892893936513,
    -0.00145681453230665944,
    -0.000454340188253469123,
    0.000206372462808313227,
    0.000151032397329941589,
    -1.53818299340365453e-6,
    -0.0000363791857782931313,
    -0.0000134018973927613369,
    3.53226748939439261e-6,
    5.06817474387568776e-6,
    1.94140360057605802e-6,
    -6.23588317626531904e-7,
    -1.43961147300102422e-6,
    -9.22726384931039102e-8,
    5.27213926380678149e-7,
    -5.77634027328532121e-8,
    -3.3754412668772296e-8,
)


@public_op
def erfc(x: Any) -> Any:
    """``1 - erf(x)``, also where that is nearly 0. The relative error grows as ``x^2``
    units in the last place."""
    x = promote_float(x)[0]
    zero, half = lift(0.0, x.dtype), lift(0.5, x.dtype)
    size = emit("maximum", emit("abs", x), half)
    size = emit("minimum", size, lift(40.0, x.dtype))  # 0 from there on
    scaled = polynomial((size - 2.0) / (size + 2.0), _ERFC) / (size * 2.0 + 1.0)
    tail = emit("exp", -(size * size)) * scaled
    far = emit("where", emit("less", x, zero), 2.0 - tail, tail)
    near = emit("less", emit("abs", x), half)
    odd = emit("not_equal", x, x)
    return emit("where", emit("logical_or", near, odd), 1.0 - emit("erf", x), far)


@public_op
def erfinv(x: Any) -> Any:
    """The inverse of `erf`; infinite at -1 and 1, NaN beyond."""
    return unary_float("erfinv", x)


#: Of the power series in ``x^2 / 4`` and of the asymptotic one in ``1 / (8 x)``.
_I0_SERIES = tuple(1 / math.factorial(k) ** 2 for k in range(48))
_I0_ASYMPTOTIC = tuple(
    math.prod((2 * j - 1) ** 2 for j in range(1, k + 1)) / math.factorial(k)
    for k in range(26)
)


@public_op
def i0(x: Any) -> Any:
    """The modified Bessel function of order 0: its power series up to 20, then the
    asymptotic one (NIST Handbook of Mathematical Functions, 10.25 and 10.40)."""
    x = promote_float(x)[0]
    size = emit("abs", x)
    limit = lift(20.0, x.dtype)
    low, high = emit("minimum", size, limit), emit("maximum", size, limit)
    near = polynomial(low * low * 0.25, _I0_SERIES)
    series = polynomial(emit("reciprocal", high * 8.0), _I0_ASYMPTOTIC)
    half = emit("exp", high * 0.5)  # twice: overflows only with the result
    far = half * (emit("rsqrt", high * (2 * math.pi)) * series) * half
    return emit("where", emit("greater", size, limit), far, near)
