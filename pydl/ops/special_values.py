"""Closeness, signs, infinities and NaN; the parts of real numbers; copies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift, promote, promote_float
from pydl.ops.creation import convert_to_tensor, ones_like, zeros_like
from pydl.ops.dtypes import is_float, standardize_dtype
from pydl.ops.host import on_host
from pydl.ops.public import public_op
from pydl.ops.reduce import all as all_

__all__ = [
    "allclose", "array", "conj", "conjugate", "copy", "fmax", "fmin", "heaviside",
    "imag", "isclose", "isneginf", "isposinf", "isreal", "nan_to_num", "nextafter",
    "real", "signbit", "view",
]  # fmt: skip


@public_op
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Where ``|x1 - x2| <= atol + rtol * |x2|``; infinities are close to themselves,
    NaN to NaN if `equal_nan`."""
    x1, x2 = promote_float(x1, x2)
    bound = emit("abs", x2) * rtol + atol
    near = emit("less_equal", emit("abs", x1 - x2), bound)
    finite = emit("logical_and", emit("isfinite", x1), emit("isfinite", x2))
    near = emit("logical_and", near, finite)
    near = emit("logical_or", near, emit("equal", x1, x2))
    if equal_nan:
        both = emit("logical_and", emit("not_equal", x1, x1), emit("not_equal", x2, x2))
        near = emit("logical_or", near, both)
    return near


@public_op
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether all elements are close as `isclose` has it: one bool."""
    return all_(isclose(x1, x2, rtol, atol, equal_nan))


@public_op
def isneginf(x: Any) -> Any:
    """Where the elements are negative infinity."""
    x = promote_float(x)[0]
    return emit("equal", x, lift(-math.inf, x.dtype))


@public_op
def isposinf(x: Any) -> Any:
    """Where the elements are positive infinity."""
    x = promote_float(x)[0]
    return emit("equal", x, lift(math.inf, x.dtype))


@public_op
def isreal(x: Any) -> Any:
    """True everywhere: tensors hold real numbers."""
    return ones_like(x, "bool")


@public_op
def real(x: Any) -> Any:
    """`x`: tensors hold real numbers."""
    return lift(x)


@public_op
def imag(x: Any) -> Any:
    """Zeros: tensors hold real numbers."""
    return zeros_like(x)


@public_op
def conjugate(x: Any) -> Any:
    """`x`: tensors hold real numbers."""
    return lift(x)


@public_op
def conj(x: Any) -> Any:
    """The same as `conjugate`."""
    return conjugate(x)


@public_op
def copy(x: Any) -> Any:
    """`x` in storage of its own."""
    return emit("copy", lift(x))


@public_op
def array(x: Any, dtype: Any = None) -> Any:
    """`x` as a tensor of its own."""
    return convert_to_tensor(x, dtype)


@public_op
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """`x` with NaN replaced by `nan` and infinities by `posinf` and `neginf` (None: the
    greatest and the least finite number of the dtype)."""
    x = lift(x)
    if not is_float(x.dtype):
        return x
    high = float(np.finfo(x.dtype).max)
    infinite = lift(math.inf, x.dtype)
    for value, number in (
        (infinite, high if posinf is None else posinf),
        (emit("neg", infinite), -high if neginf is None else neginf),
    ):
        x = emit("where", emit("equal", x, value), lift(number, x.dtype), x)
    return without_nan(x, nan)


def without_nan(x: Any, value: float) -> Any:
    """`x` with `value` for NaN."""
    x = lift(x)
    if not is_float(x.dtype):
        return x
    return emit("where", emit("not_equal", x, x), lift(value, x.dtype), x)


@public_op
def signbit(x: Any) -> Any:
    """Where the sign is negative, also that of a zero. (The sign of a NaN counts as
    positive.)"""
    x = lift(x)
    zero = lift(0, x.dtype)
    if x.dtype == "bool":
        return emit("not_equal", x, x)
    if not is_float(x.dtype):
        return emit("less", x, zero)
    return emit("less", emit("atan2", x, lift(-1.0, x.dtype)), zero)


@public_op
def heaviside(x1: Any, x2: Any) -> Any:
    """0 where `x1` is negative, 1 where it is positive, `x2` where it is 0."""
    x1, x2 = promote_float(x1, x2)
    zero = lift(0.0, x1.dtype)
    above = lift(emit("greater", x1, zero), x1.dtype)
    step = emit("where", emit("equal", x1, zero), x2, above)
    return emit("where", emit("not_equal", x1, x1), x1, step)


def _without_nan(op: str, x1: Any, x2: Any) -> Any:
    x1, x2 = promote(x1, x2)
    if x1.dtype == "bool":
        return emit("logical_or" if op == "maximum" else "logical_and", x1, x2)
    chosen = emit(op, x1, x2)
    if not is_float(x1.dtype):
        return chosen
    first = emit("where", emit("not_equal", x1, x1), x2, chosen)
    return emit("where", emit("not_equal", x2, x2), x1, first)


@public_op
def fmax(x1: Any, x2: Any) -> Any:
    """The greater of each pair; a number wins over NaN."""
    return _without_nan("maximum", x1, x2)


@public_op
def fmin(x1: Any, x2: Any) -> Any:
    """The lesser of each pair; a number wins over NaN."""
    return _without_nan("minimum", x1, x2)


@public_op
def nextafter(x1: Any, x2: Any) -> Any:
    """The number after `x1` towards `x2`. Runs on the host, through NumPy: not under a
    trace."""
    x1, x2 = promote_float(x1, x2)
    return lift(on_host("nextafter", np.nextafter, x1, x2))


@public_op
def view(x: Any, dtype: Any = None) -> Any:
    """The same bytes read as another dtype, along the last axis. Runs on the host,
    through NumPy: not under a trace."""
    name = standardize_dtype(dtype) if dtype is not None else lift(x).dtype
    return lift(on_host("view", lambda a: np.ascontiguousarray(a).view(name), x).copy())
