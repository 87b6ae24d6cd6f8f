"""Arithmetic of tensors, with NumPy's broadcasting and Keras's dtype promotion."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift, promote, promote_float
from pydl.ops.dtypes import is_float, is_int, standardize_dtype
from pydl.ops.public import public_op

__all__ = [
    "abs", "absolute", "add", "cast", "clip", "cos", "divide", "divide_no_nan", "erf",
    "exp", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log1p", "maximum",
    "minimum", "multiply", "negative", "power", "reciprocal", "rsqrt", "sign", "sin",
    "sqrt", "square", "subtract", "tanh", "true_divide", "where",
]  # fmt: skip


def _unary(op: str, x: Any) -> Any:
    return emit(op, *promote_float(x))


def _signed(op: str, x: Any) -> Any:
    """An op that takes floats and signed integers; bool counts as int32."""
    x = lift(x)
    if x.dtype == "bool":
        x = lift(x, "int32")
    return emit(op, x)


def _number(op: str, x1: Any, x2: Any) -> Any:
    x1, x2 = promote(x1, x2)
    if x1.dtype == "bool":
        x1, x2 = lift(x1, "int32"), lift(x2, "int32")
    return emit(op, x1, x2)


@public_op
def add(x1: Any, x2: Any) -> Any:
    """``x1 + x2``. Of two bools: their logical or, as in NumPy."""
    x1, x2 = promote(x1, x2)
    return emit("logical_or" if x1.dtype == "bool" else "add", x1, x2)


@public_op
def subtract(x1: Any, x2: Any) -> Any:
    """``x1 - x2``."""
    return _number("sub", x1, x2)


@public_op
def multiply(x1: Any, x2: Any) -> Any:
    """``x1 * x2``. Of two bools: their logical and, as in NumPy."""
    x1, x2 = promote(x1, x2)
    return emit("logical_and" if x1.dtype == "bool" else "mul", x1, x2)


@public_op
def divide(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, a float also for integers."""
    return emit("div", *promote_float(x1, x2))


@public_op
def true_divide(x1: Any, x2: Any) -> Any:
    """The same as `divide`."""
    return divide(x1, x2)


@public_op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, and 0 where ``x2`` is 0."""
    x1, x2 = promote_float(x1, x2)
    zero, one = lift(0.0, x2.dtype), lift(1.0, x2.dtype)
    empty = emit("equal", x2, zero)
    return emit("where", empty, zero, emit("div", x1, emit("where", empty, one, x2)))


@public_op
def power(x1: Any, x2: Any) -> Any:
    """``x1`` to the power ``x2``. Integers wrap around."""
    if isinstance(x2, int) and x2 == 2:
        return square(x1)
    negative_integer = isinstance(x2, int) and x2 < 0
    x1, x2 = promote(x1, x2)
    if is_float(x1.dtype):
        return emit("pow", x1, x2)
    if negative_integer:
        raise ValueError(
            "power: expected a float base for a negative exponent, received x1 of "
            f"dtype {x1.dtype}"
        )
    if x1.dtype == "bool":
        x1, x2 = lift(x1, "int32"), lift(x2, "int32")
    return emit("pow", x1, x2)


@public_op
def negative(x: Any) -> Any:
    """``-x``."""
    x = lift(x)
    if x.dtype.startswith("uint"):
        return emit("sub", lift(0, x.dtype), x)
    return _signed("neg", x)


@public_op
def absolute(x: Any) -> Any:
    """The absolute value."""
    x = lift(x)
    return x if x.dtype == "bool" or x.dtype.startswith("uint") else emit("abs", x)


@public_op
def abs(x: Any) -> Any:
    """The same as `absolute`."""
    return absolute(x)


@public_op
def sign(x: Any) -> Any:
    """-1, 0 or 1 by the sign of each element."""
    x = lift(x)
    if x.dtype.startswith("uint"):
        return emit("minimum", x, lift(1, x.dtype))
    return _signed("sign", x)


@public_op
def square(x: Any) -> Any:
    """``x * x``."""
    x = lift(x)
    return emit("mul", x, x) if x.dtype.startswith("uint") else _signed("square", x)


@public_op
def sqrt(x: Any) -> Any:
    """The square root; NaN of negative numbers."""
    return _unary("sqrt", x)


@public_op
def rsqrt(x: Any) -> Any:
    """``1 / sqrt(x)``."""
    return _unary("rsqrt", x)


@public_op
def reciprocal(x: Any) -> Any:
    """``1 / x``."""
    return _unary("reciprocal", x)


@public_op
def exp(x: Any) -> Any:
    """``e`` to the power ``x``."""
    return _unary("exp", x)


@public_op
def expm1(x: Any) -> Any:
    """``exp(x) - 1``, exact near 0."""
    return _unary("expm1", x)


@public_op
def log(x: Any) -> Any:
    """The natural logarithm."""
    return _unary("log", x)


@public_op
def log1p(x: Any) -> Any:
    """``log(1 + x)``, exact near 0."""
    return _unary("log1p", x)


@public_op
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return _unary("tanh", x)


@public_op
def erf(x: Any) -> Any:
    """The error function."""
    return _unary("erf", x)


@public_op
def floor(x: Any) -> Any:
    """The largest integer not above each element, as a float."""
    return _unary("floor", x)


@public_op
def sin(x: Any) -> Any:
    """The sine."""
    return _unary("sin", x)


@public_op
def cos(x: Any) -> Any:
    """The cosine."""
    return _unary("cos", x)


@public_op
def maximum(x1: Any, x2: Any) -> Any:
    """The greater of each pair; NaN wins."""
    x1, x2 = promote(x1, x2)
    return emit("logical_or" if x1.dtype == "bool" else "maximum", x1, x2)


@public_op
def minimum(x1: Any, x2: Any) -> Any:
    """The lesser of each pair; NaN wins."""
    x1, x2 = promote(x1, x2)
    return emit("logical_and" if x1.dtype == "bool" else "minimum", x1, x2)


@public_op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x` limited to ``[x_min, x_max]``."""
    return minimum(maximum(x, x_min), x_max)


@public_op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Elements of `x1` where `condition`, else of `x2`. All three broadcast."""
    if x1 is None or x2 is None:
        raise ValueError(
            "where: expected x1 and x2 (the indices of a condition alone have no "
            f"static shape), received x1={x1!r}, x2={x2!r}"
        )
    return emit("where", lift(condition, "bool"), *promote(x1, x2))


@public_op
def cast(x: Any, dtype: Any) -> Any:
    """`x` as another dtype. Float to integer truncates and saturates; NaN gives 0."""
    return lift(x, standardize_dtype(dtype))


@public_op
def isfinite(x: Any) -> Any:
    """Where the elements are neither infinite nor NaN."""
    x = lift(x)
    if not is_float(x.dtype):
        return emit("equal", x, x)
    return emit("isfinite", x)


@public_op
def isnan(x: Any) -> Any:
    """Where the elements are NaN."""
    x = lift(x)
    return emit("not_equal", x, x)


@public_op
def isinf(x: Any) -> Any:
    """Where the elements are infinite."""
    x = lift(x)
    if is_int(x.dtype) or x.dtype == "bool":
        return emit("not_equal", x, x)
    return emit("equal", emit("abs", x), lift(np.inf, x.dtype))
