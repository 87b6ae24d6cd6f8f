"""Rounding, quotients and remainders, and the bits of integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.ops.apply import emit, lift, promote
from pydl.ops.arithmetic import absolute
from pydl.ops.dtypes import is_float, is_int
from pydl.ops.public import public_op
from pydl.ops.trigonometry import unary_float

__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "ceil", "fabs", "floor_divide", "fmod", "gcd",
    "lcm", "left_shift", "mod", "right_shift", "round", "trunc",
]  # fmt: skip


@public_op
def ceil(x: Any) -> Any:
    """The least integer not below each element, as a float."""
    return unary_float("ceil", x)


@public_op
def trunc(x: Any) -> Any:
    """The nearest integer towards 0. Integers are returned as they are."""
    x = lift(x)
    return emit("trunc", x) if is_float(x.dtype) else x


@public_op
def round(x: Any, decimals: int = 0) -> Any:
    """`x` rounded to `decimals` decimals (negative: to tens, hundreds, ...), to the
    even one of two equally near.

    >>> round([0.5, 1.5, 2.345], decimals=0).numpy()
    array([0., 2., 2.], dtype=float32)
    """
    x = lift(x)
    if is_float(x.dtype):
        return _round_float(x, decimals)
    if x.dtype == "bool":
        raise TypeError("round: expected numbers, received x of dtype bool")
    if decimals >= 0:
        return x
    return lift(_round_float(lift(x, floatx()), decimals), x.dtype)


def _round_float(x: Any, decimals: int) -> Any:
    if decimals == 0:
        return emit("round", x)
    factor = lift(math.pow(10, decimals), x.dtype)
    return emit("round", x * factor) / factor


@public_op
def fabs(x: Any) -> Any:
    """The absolute value, a float also of integers."""
    return unary_float("abs", x)


def _numbers(x1: Any, x2: Any) -> list[Any]:
    """Of a common dtype; bools count as int32."""
    x1, x2 = promote(x1, x2)
    if x1.dtype == "bool":
        return [lift(x1, "int32"), lift(x2, "int32")]
    return [x1, x2]


@public_op
def mod(x1: Any, x2: Any) -> Any:
    """The remainder of ``x1 / x2`` with the sign of `x2`, as Python's ``%``. Integers:
    0 where `x2` is 0.

    >>> mod([7, -7], 3).numpy()
    array([1, 2], dtype=int32)
    """
    return emit("mod", *_numbers(x1, x2))


@public_op
def fmod(x1: Any, x2: Any) -> Any:
    """The remainder of ``x1 / x2`` with the sign of `x1`, as C's ``fmod``."""
    x1, x2 = _numbers(x1, x2)
    rest = emit("mod", absolute(x1), absolute(x2))
    if x1.dtype.startswith("uint"):
        return rest
    negative = emit("less", x1, lift(0, x1.dtype))
    return emit("where", negative, emit("neg", rest), rest)


@public_op
def floor_divide(x1: Any, x2: Any) -> Any:
    """``x1 / x2`` rounded down, as Python's ``//``. Integers: 0 where `x2` is 0."""
    return emit("floor_div", *_numbers(x1, x2))


def _integers(name: str, x: Any, y: Any) -> list[Any]:
    x, y = promote(x, y)
    if not is_int(x.dtype) and x.dtype != "bool":
        raise TypeError(
            f"{name}: expected integers, received operands of common dtype {x.dtype}"
        )
    return [x, y]


@public_op
def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor, by Euclid's algorithm: as many steps as numbers of
    this width may need (those of Fibonacci), 24 for each 16 bits."""
    x1, x2 = _integers("gcd", x1, x2)
    if x1.dtype == "bool":
        return emit("logical_or", x1, x2)
    a, b = absolute(x1), absolute(x2)
    zero = lift(0, a.dtype)
    for _ in range(3 * np.dtype(a.dtype).itemsize * 4):
        rest = emit("mod", a, b)  # 0 where b is
        a, b = emit("where", emit("equal", b, zero), a, b), rest
    return a


@public_op
def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple; 0 where one of the two is 0."""
    x1, x2 = _integers("lcm", x1, x2)
    if x1.dtype == "bool":
        return emit("logical_and", x1, x2)
    # Division by 0 gives 0.
    return absolute(x2) * emit("floor_div", absolute(x1), gcd(x1, x2))


def _bitwise(op: str, of_bools: str, x: Any, y: Any) -> Any:
    x, y = _integers(op, x, y)
    return emit(of_bools if x.dtype == "bool" else op, x, y)


@public_op
def bitwise_and(x: Any, y: Any) -> Any:
    """The bits that are set in both."""
    return _bitwise("bitwise_and", "logical_and", x, y)


@public_op
def bitwise_or(x: Any, y: Any) -> Any:
    """The bits that are set in one or both."""
    return _bitwise("bitwise_or", "logical_or", x, y)


@public_op
def bitwise_xor(x: Any, y: Any) -> Any:
    """The bits that are set in exactly one."""
    return _bitwise("bitwise_xor", "not_equal", x, y)


@public_op
def bitwise_invert(x: Any) -> Any:
    """All bits turned over; of bools the logical not."""
    x, _ = _integers("bitwise_invert", x, x)
    return emit("logical_not" if x.dtype == "bool" else "bitwise_not", x)


@public_op
def bitwise_not(x: Any) -> Any:
    """The same as `bitwise_invert`."""
    return bitwise_invert(x)


def _shift(op: str, x: Any, y: Any) -> Any:
    x, y = _integers(op, x, y)
    if x.dtype == "bool":
        x, y = lift(x, "int32"), lift(y, "int32")
    return emit(op, x, y)


@public_op
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """``x * 2^y``: the bits moved up; 0 where `y` is negative or too large."""
    return _shift("left_shift", x, y)


@public_op
def left_shift(x: Any, y: Any) -> Any:
    """The same as `bitwise_left_shift`."""
    return bitwise_left_shift(x, y)


@public_op
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """``x // 2^y``: the bits moved down; 0 (of a negative `x`: -1) where `y` is
    negative or too large."""
    return _shift("right_shift", x, y)


@public_op
def right_shift(x: Any, y: Any) -> Any:
    """The same as `bitwise_right_shift`."""
    return bitwise_right_shift(x, y)
