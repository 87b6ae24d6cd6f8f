"""Medians and quantiles, by sorting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.arithmetic import (
    cast,
    floor,
    maximum,
    minimum,
    multiply,
    subtract,
    where,
)
from pydl.ops.axes import axes_list
from pydl.ops.compare import equal
from pydl.ops.creation import convert_to_numpy, zeros_like
from pydl.ops.gather import take
from pydl.ops.integers import ceil, round
from pydl.ops.public import public_op
from pydl.ops.reduce import sum
from pydl.ops.scatter import take_along_axis
from pydl.ops.shape import slice_axis

__all__ = [
    "median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile",
]  # fmt: skip

Axis = int | Sequence[int] | None
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _rows(name: str, x: Any, axis: Axis) -> tuple[Any, list[int]]:
    """`x` with the axes joined into a last one, and these axes."""
    axes = axes_list(name, axis, x.ndim)
    rest = [i for i in range(x.ndim) if i not in axes]
    x = emit("transpose", x, perm=[*rest, *axes])
    count = math.prod(x.shape[len(rest) :])
    return emit("reshape", x, shape=[*x.shape[: len(rest)], count]), axes


def _weights(place: np.ndarray, method: str) -> np.ndarray:
    """The share of the element above each place."""
    part = place - np.floor(place)
    shares: dict[str, np.ndarray] = {
        "linear": part,
        "lower": np.zeros_like(part),
        "higher": np.ceil(part),
        "midpoint": np.where(part > 0, 0.5, 0.0),
        "nearest": np.rint(place) - np.floor(place),  # ties to the even place
    }
    return shares[method]


def _quantiles(name: str, x: Any, q: np.ndarray, axis: Axis, method: str) -> Any:
    """Rows [..., q.size] of quantiles, NaN where a row holds one; and the axes."""
    rows, axes = _rows(name, promote_float(x)[0], axis)
    size = rows.shape[-1]
    if size == 0:
        raise ValueError(f"{name}: expected elements along axis={axis}, received none")
    ordered = emit("sort", rows)
    place = q.reshape(-1) * (size - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    share = lift(_weights(place, method).astype(ordered.dtype))
    below, above = take(ordered, low, -1), take(ordered, high, -1)
    one = lift(1.0, ordered.dtype)
    # Not below + share * (above - below), which an infinity on one side would spoil.
    mixed = below * emit("sub", one, share) + above * share
    whole = emit("equal", share, lift(0.0, ordered.dtype))
    mixed = emit(
        "where", whole, below, emit("where", emit("equal", share, one), above, mixed)
    )
    largest = slice_axis(ordered, ordered.ndim - 1, size - 1, size)
    is_number = emit("equal", largest, largest)  # NaN is sorted to the end
    return emit("where", is_number, mixed, largest), axes


def _nan_quantiles(name: str, x: Any, q: np.ndarray, axis: Axis, method: str) -> Any:
    """As `_quantiles`, of the numbers in each row; NaN where there are none."""
    rows, axes = _rows(name, promote_float(x)[0], axis)
    size = rows.shape[-1]
    if size == 0:
        raise ValueError(f"{name}: expected elements along axis={axis}, received none")
    ordered = emit("sort", rows)  # NaN last
    count = sum(cast(emit("equal", rows, rows), rows.dtype), axis=-1, keepdims=True)
    last = maximum(subtract(count, 1), 0)
    place = multiply(last, lift(q.reshape(-1).astype(rows.dtype)))
    low = floor(place)
    high = minimum(low + 1, last)
    share = _share(place, low, method)
    below, above = (
        take_along_axis(ordered, cast(at, "int32"), -1) for at in (low, high)
    )
    mixed = below * (1 - share) + above * share
    return where(equal(share, 0), below, where(equal(share, 1), above, mixed)), axes


def _share(place: Any, low: Any, method: str) -> Any:
    """`_weights`, of places that are known when the program runs."""
    part = place - low
    if method == "lower":
        return zeros_like(part)
    if method == "higher":
        return ceil(part)
    if method == "midpoint":
        return where(part > 0, 0.5, 0.0)
    return round(place) - low if method == "nearest" else part


def _checked(name: str, q: Any, top: float, method: str) -> np.ndarray:
    if method not in _METHODS:
        raise ValueError(
            f"{name}: expected method {', '.join(_METHODS)}, received method={method!r}"
        )
    values = np.asarray(convert_to_numpy(q), np.float64)
    if not ((values >= 0) & (values <= top)).all():
        raise ValueError(f"{name}: expected q between 0 and {top:g}, received q={q!r}")
    return values / top


def _result(
    name: str, x: Any, q: np.ndarray, axis: Axis, method: str, keep: bool
) -> Any:
    x = lift(x)
    find = _nan_quantiles if name.startswith("nan") else _quantiles
    out, axes = find(name, x, q, axis, method)
    last = out.ndim - 1
    out = emit("transpose", out, perm=[last, *range(last)])
    shape = [1 if i in axes else dim for i, dim in enumerate(x.shape)]
    if not keep:
        shape = [dim for i, dim in enumerate(x.shape) if i not in axes]
    return emit("reshape", out, shape=[*q.shape, *shape])


@public_op
def quantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The values that a share `q` (numbers in [0, 1]) of the elements over `axis` lie
    below; between two elements by `method`: linear, lower, higher, midpoint, nearest.
    The axes of `q` come first. NaN among the elements gives NaN."""
    share = _checked("quantile", q, 1.0, method)
    return _result("quantile", x, share, axis, method, keepdims)


@public_op
def percentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """As `quantile`, with `q` in [0, 100]."""
    share = _checked("percentile", q, 100.0, method)
    return _result("percentile", x, share, axis, method, keepdims)


@public_op
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle element over `axis`, or the mean of the two middle ones."""
    return _result("median", x, np.asarray(0.5), axis, "linear", keepdims)


@public_op
def nanquantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """As `quantile`, of the elements that are not NaN; NaN where there are none."""
    share = _checked("nanquantile", q, 1.0, method)
    return _result("nanquantile", x, share, axis, method, keepdims)


@public_op
def nanpercentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """As `nanquantile`, with `q` in [0, 100]."""
    share = _checked("nanpercentile", q, 100.0, method)
    return _result("nanpercentile", x, share, axis, method, keepdims)


@public_op
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """As `median`, of the elements that are not NaN; NaN where there are none."""
    return _result("nanmedian", x, np.asarray(0.5), axis, "linear", keepdims)
