"""Angles: trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.public import public_op
from pydl.ops.shape import stop_gradient

__all__ = [
    "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "cosh", "deg2rad", "hypot", "rad2deg", "sinc", "sinh", "tan",
]  # fmt: skip


def unary_float(op: str, x: Any) -> Any:
    """A float op; integers and bools become floatx first."""
    return emit(op, *promote_float(x))


@public_op
def tan(x: Any) -> Any:
    """The tangent.

    >>> tan([0.0, 0.5]).numpy()
    array([0.       , 0.5463025], dtype=float32)
    """
    return unary_float("tan", x)


@public_op
def arcsin(x: Any) -> Any:
    """The angle in ``[-pi/2, pi/2]`` with this sine; NaN beyond ``[-1, 1]``."""
    return unary_float("asin", x)


@public_op
def arccos(x: Any) -> Any:
    """The angle in ``[0, pi]`` with this cosine; NaN beyond ``[-1, 1]``."""
    return unary_float("acos", x)


@public_op
def arctan(x: Any) -> Any:
    """The angle in ``[-pi/2, pi/2]`` with this tangent."""
    return unary_float("atan", x)


@public_op
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle in ``[-pi, pi]`` of the point with ordinate `x1` and abscissa `x2`."""
    return emit("atan2", *promote_float(x1, x2))


@public_op
def sinh(x: Any) -> Any:
    """The hyperbolic sine."""
    return unary_float("sinh", x)


@public_op
def cosh(x: Any) -> Any:
    """The hyperbolic cosine."""
    return unary_float("cosh", x)


@public_op
def arcsinh(x: Any) -> Any:
    """The inverse of `sinh`."""
    return unary_float("asinh", x)


@public_op
def arccosh(x: Any) -> Any:
    """The inverse of `cosh`, not negative; NaN below 1."""
    return unary_float("acosh", x)


@public_op
def arctanh(x: Any) -> Any:
    """The inverse of `tanh`; NaN beyond ``[-1, 1]``."""
    return unary_float("atanh", x)


@public_op
def deg2rad(x: Any) -> Any:
    """Degrees to radians."""
    return promote_float(x)[0] * (math.pi / 180)


@public_op
def rad2deg(x: Any) -> Any:
    """Radians to degrees."""
    return promote_float(x)[0] * (180 / math.pi)


@public_op
def angle(x: Any) -> Any:
    """The angle of a real number in the complex plane: 0, or pi of negative ones."""
    x = promote_float(x)[0]
    return emit("atan2", lift(0.0, x.dtype), x)


@public_op
def hypot(x1: Any, x2: Any) -> Any:
    """``sqrt(x1^2 + x2^2)``, without overflow on the way."""
    x1, x2 = promote_float(x1, x2)
    a, b = emit("abs", x1), emit("abs", x2)
    high = stop_gradient(emit("maximum", a, b))
    zero, one = lift(0.0, high.dtype), lift(1.0, high.dtype)
    usual = emit("logical_and", emit("isfinite", high), emit("greater", high, zero))
    scale = emit("where", usual, high, one)
    squares = emit("square", a / scale) + emit("square", b / scale)
    # A root has no slope at 0.
    length = scale * emit("sqrt", emit("where", usual, squares, one))
    infinite = lift(math.inf, high.dtype)
    some = emit("logical_or", emit("equal", a, infinite), emit("equal", b, infinite))
    return emit("where", some, infinite, emit("where", usual, length, high))


@public_op
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, and 1 at 0."""
    x = promote_float(x)[0]
    zero, one = lift(0.0, x.dtype), lift(1.0, x.dtype)
    empty = emit("equal", x, zero)
    turned = emit("where", empty, one, x) * math.pi
    return emit("where", empty, one, emit("sin", turned) / turned)
