"""Products, ranges and averages; reductions that leave NaN out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.ops.apply import dtype_of, emit, lift, promote_float
from pydl.ops.axes import axes_list, one_axis
from pydl.ops.dtypes import is_float, result_type, standardize_dtype
from pydl.ops.matmul import matmul
from pydl.ops.public import public_op
from pydl.ops.reduce import argmax, argmin, mean, summable
from pydl.ops.reduce import max as max_
from pydl.ops.reduce import min as min_
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import transpose

__all__ = [
    "average", "corrcoef", "nanargmax", "nanargmin", "nanmax", "nanmean", "nanmin",
    "nanprod", "nanstd", "nansum", "nanvar", "prod", "ptp",
]  # fmt: skip

Axis = int | Sequence[int] | None


@public_op
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product over `axis`; of nothing 1. Small integers and bools are multiplied in
    32 bits, or in `dtype`."""
    x = summable(x) if dtype is None else lift(x, standardize_dtype(dtype))
    axes = axes_list("prod", axis, x.ndim)
    return emit("reduce_prod", x, axes=axes, keepdims=int(keepdims))


@public_op
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The greatest element over `axis` less the least."""
    x = lift(x)
    return max_(x, axis, keepdims) - min_(x, axis, keepdims)


@public_op
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """The mean over `axis`, each element counted by its weight. `weights` has the shape
    of `x`, or is a vector along `axis`."""
    if weights is None:
        return mean(x, axis)
    dtype = result_type(dtype_of(x), dtype_of(weights), float)
    x, weights = lift(x, dtype), lift(weights, dtype)
    if weights.shape == x.shape:
        return sum_(x * weights, axis) / sum_(weights, axis)
    weighted = x * _along("average", x, axis, weights)
    return sum_(weighted, axis) / sum_(weights)


def _along(name: str, x: Any, axis: Axis, weights: Any) -> Any:
    """A vector of weights as one that broadcasts to `x`."""
    if not isinstance(axis, int):
        raise ValueError(
            f"{name}: expected one axis for weights of shape {weights.shape}, other "
            f"than that of x {x.shape}; received axis={axis}"
        )
    place = one_axis(name, axis, x.ndim)
    if weights.shape != (x.shape[place],):
        raise ValueError(
            f"{name}: expected weights of the shape of x {x.shape} or "
            f"({x.shape[place]},), received {weights.shape}"
        )
    wide = [d if i == place else 1 for i, d in enumerate(x.shape)]
    return emit("reshape", weights, shape=wide)


def _filled(x: Any, value: float) -> tuple[Any, Any]:
    """`x` with `value` for NaN, and where that is; None for integers."""
    x = lift(x)
    if not is_float(x.dtype):
        return x, None
    missing = emit("not_equal", x, x)
    return emit("where", missing, lift(value, x.dtype), x), missing


def _present(x: Any, missing: Any, axis: Axis, keepdims: bool) -> Any:
    """How many numbers there are, as a float like `x`."""
    return sum_(lift(emit("logical_not", missing), x.dtype), axis, keepdims)


def _or_nan(out: Any, count: Any) -> Any:
    """NaN where there was no number."""
    none = emit("equal", count, lift(0.0, count.dtype))
    return emit("where", none, lift(math.nan, out.dtype), out)


@public_op
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over `axis`, NaN left out."""
    return sum_(_filled(x, 0.0)[0], axis, keepdims)


@public_op
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product over `axis`, NaN left out."""
    return prod(_filled(x, 1.0)[0], axis, keepdims)


@public_op
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The greatest number over `axis`, NaN left out; NaN if there is no other."""
    filled, missing = _filled(x, -math.inf)
    out = max_(filled, axis, keepdims)
    if missing is None:
        return out
    return _or_nan(out, _present(filled, missing, axis, keepdims))


@public_op
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The least number over `axis`, NaN left out; NaN if there is no other."""
    filled, missing = _filled(x, math.inf)
    out = min_(filled, axis, keepdims)
    if missing is None:
        return out
    return _or_nan(out, _present(filled, missing, axis, keepdims))


@public_op
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over `axis`, NaN left out; NaN if there is no number."""
    filled, missing = _filled(promote_float(x)[0], 0.0)
    count = _present(filled, missing, axis, keepdims)
    return sum_(filled, axis, keepdims) / count


@public_op
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance over `axis` (divided by how many), NaN left out."""
    x = promote_float(x)[0]
    centred = x - nanmean(x, axis, keepdims=True)
    return nanmean(emit("square", centred), axis, keepdims)


@public_op
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The standard deviation over `axis`, NaN left out."""
    return emit("sqrt", nanvar(x, axis, keepdims))


def _nanarg(pick: Any, fill: float, x: Any, axis: int | None, keepdims: bool) -> Any:
    filled, missing = _filled(x, fill)
    place = pick(filled, axis, keepdims)
    if missing is None:
        return place
    count = _present(filled, missing, axis, keepdims)
    none = emit("equal", count, lift(0.0, count.dtype))
    return emit("where", none, lift(-1, place.dtype), place)


@public_op
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the greatest number, NaN left out; -1 if there is none; int32."""
    return _nanarg(argmax, -math.inf, x, axis, keepdims)


@public_op
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the least number, NaN left out; -1 if there is none; int32."""
    return _nanarg(argmin, math.inf, x, axis, keepdims)


@public_op
def corrcoef(x: Any) -> Any:
    """Pearson's correlation of the rows of `x` ``[variables, observations]``, each with
    each; of a vector 1."""
    x = promote_float(x)[0]
    if x.ndim > 2:
        raise ValueError(f"corrcoef: expected 1 or 2 axes, received x of {x.shape}")
    rows = x if x.ndim == 2 else emit("reshape", x, shape=[1, -1])
    centred = rows - mean(rows, 1, keepdims=True)
    size = emit("sqrt", sum_(emit("square", centred), 1, keepdims=True))
    out = matmul(centred, transpose(centred)) / matmul(size, transpose(size))
    out = emit("maximum", lift(-1.0, x.dtype), emit("minimum", out, lift(1.0, x.dtype)))
    return out if x.ndim == 2 else emit("reshape", out, shape=[])
