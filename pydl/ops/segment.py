"""Sums and extremes of groups; counts of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.ops.apply import apply, emit, lift, promote_float
from pydl.ops.arithmetic import maximum, minimum, multiply, where
from pydl.ops.dtypes import is_float, is_int
from pydl.ops.gather import take
from pydl.ops.host import host_array
from pydl.ops.public import public_op
from pydl.ops.shape import concatenate, size, slice_axis
from pydl.ops.sort import argsort

__all__ = [
    "bincount", "histogram", "segment_max", "segment_min", "segment_prod",
    "segment_sum",
]  # fmt: skip


def _segment_ids(name: str, data: Any, segment_ids: Any) -> Any:
    ids = lift(segment_ids)
    if not is_int(ids.dtype) or ids.ndim != 1 or ids.shape[:1] != data.shape[:1]:
        raise ValueError(
            f"{name}: expected one integer of segment_ids per element of the first "
            f"axis of data {data.shape}, received {ids.dtype} {ids.shape}"
        )
    return ids if ids.dtype in ("int32", "int64") else lift(ids, "int64")


def _count(name: str, ids: Any, num_segments: int | None) -> int:
    if num_segments is not None:
        return int(num_segments)
    values = host_array(f"{name} without num_segments", ids)
    return int(values.max(initial=-1)) + 1


@public_op
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The sums of the rows of `data` with the same id, in order of position.

    Args:
        data: ``(n, ...)``.
        segment_ids: an integer for each row; those outside ``[0, num_segments)`` are
            left out.
        num_segments: rows of the result; None: the greatest id + 1, which needs values
            and so cannot be under a trace.
        sorted: whether ids never fall, a promise that saves sorting where that is
            needed.

    Returns:
        ``(num_segments, ...)``, of the dtype of `data`.

    Raises:
        ValueError: ids that are no integers, or not one for each row.
    """
    data = lift(data)
    ids = _segment_ids("segment_sum", data, segment_ids)
    rows = _count("segment_sum", ids, num_segments)
    if is_float(data.dtype):
        return emit("take_grad", data, ids, rows=rows)
    names = emit("reshape", ids, shape=[*ids.shape, 1])
    return emit("scatter_nd", names, data, shape=[rows, *data.shape[1:]])


def _reduced(
    name: str, data: Any, segment_ids: Any, num_segments: int | None,
    is_sorted: bool, join: Callable[[Any, Any], Any], start: Callable[[str], Any],
) -> Any:  # fmt: skip
    """Groups joined by an operation without a primitive.

    Rows are put in order of their ids. Then each row takes in the one 1, 2, 4, ...
    places before, where that has the same id: the last row of a group has all of it.
    """
    data = lift(data)
    ids = _segment_ids(name, data, segment_ids)
    rows = _count(name, ids, num_segments)
    least = lift(start(data.dtype), data.dtype)
    empty = emit("broadcast_to", least, shape=[rows, *data.shape[1:]])
    count = data.shape[0]
    if count == 0 or rows == 0:
        return empty
    if not is_sorted:
        order = argsort(ids)
        data, ids = take(data, order, 0), take(ids, order, 0)
    column = emit("reshape", ids, shape=[count] + [1] * (data.ndim - 1))
    step = 1
    while step < count:
        late = slice_axis(data, 0, step, count)
        early = slice_axis(data, 0, 0, count - step)
        same = emit(
            "equal", slice_axis(column, 0, 0, count - step),
            slice_axis(column, 0, step, count),
        )  # fmt: skip
        grown = where(same, join(late, early), late)
        data = concatenate([slice_axis(data, 0, 0, step), grown], axis=0)
        step *= 2
    return _last_rows(data, ids, rows, empty)


def _last_rows(data: Any, ids: Any, rows: int, empty: Any) -> Any:
    """The last row of each group of sorted ids; a row of `empty` for a missing one."""
    names = lift(np.arange(rows), ids.dtype)
    first, end = (emit("searchsorted", ids, names, right=r) for r in (0, 1))
    last = maximum(emit("sub", end, lift(1, end.dtype)), 0)
    there = emit(
        "reshape", emit("less", first, end), shape=[rows] + [1] * (data.ndim - 1)
    )
    return where(there, take(data, last, 0), empty)


def _least(dtype: str) -> Any:
    return -np.inf if is_float(dtype) else np.iinfo(dtype).min


def _greatest(dtype: str) -> Any:
    return np.inf if is_float(dtype) else np.iinfo(dtype).max


@public_op
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The greatest elements of the rows of `data` with the same id; the least number
    there is for an id without rows. Arguments as those of `segment_sum`.

    >>> pydl.ops.segment_max([1, 2, 10, 20], [0, 0, 1, 1], 3).tolist()
    [2, 20, -2147483648]
    """
    return _reduced(
        "segment_max", data, segment_ids, num_segments, sorted, maximum, _least
    )


@public_op
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The least elements of the rows of `data` with the same id; the greatest number
    there is for an id without rows. Arguments as those of `segment_sum`."""
    return _reduced(
        "segment_min", data, segment_ids, num_segments, sorted, minimum, _greatest
    )


@public_op
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The products of the rows of `data` with the same id, 1 for an id without rows.
    Arguments as those of `segment_sum`."""
    return _reduced(
        "segment_prod", data, segment_ids, num_segments, sorted, multiply, lambda _: 1
    )


@public_op
def bincount(
    x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False
) -> Any:
    """How often each of 0, 1, ... occurs in `x` (of each row, when it has two axes):
    int32, or the sums of `weights`. The length is the greatest element + 1, at least
    `minlength`; it needs values, so not under a trace."""
    if sparse:
        raise ValueError("bincount: sparse tensors are not supported")
    values = host_array("bincount", x)
    if values.dtype.kind not in "iub" or values.ndim not in (1, 2):
        raise ValueError(
            "bincount: expected non-negative integers of one or two axes, received "
            f"{values.dtype} {values.shape}"
        )
    if values.size and values.min() < 0:
        raise ValueError(f"bincount: expected x >= 0, received {values.min()}")
    length = max(int(values.max(initial=-1)) + 1, int(minlength))
    names = values.astype(np.int64)[..., None]
    if values.ndim == 2:
        row = np.broadcast_to(np.arange(len(values))[:, None, None], names.shape)
        names = np.concatenate([row, names], axis=-1)
    shape = [*values.shape[:-1], length]
    counted = np.ones(values.shape, np.int32) if weights is None else weights
    return apply("scatter_nd", (lift(names), lift(counted)), {"shape": shape})[0]


@public_op
def histogram(
    x: Any, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Any, Any]:
    """How many elements fall into each of `bins` equal intervals of `range` (None: from
    the least to the greatest element, which needs values), and the `bins` + 1 edges.
    The last interval includes its end. Both are floats."""
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"histogram: expected bins >= 1, received bins={bins!r}")
    x = promote_float(x)[0]
    low, high = _limits(x, range)
    edges = lift(np.linspace(low, high, bins + 1).astype(x.dtype))
    flat = emit("reshape", x, shape=[size(x)])
    at = emit("searchsorted", edges, flat, right=1)
    last = emit("equal", flat, lift(np.asarray(edges_end(high, x.dtype))))
    at = emit("where", last, lift(bins, "int32"), at)
    names = emit("reshape", emit("sub", at, lift(1, "int32")), shape=[*flat.shape, 1])
    ones = emit("full", shape=list(flat.shape), dtype="int32", value=1)
    # Names outside [0, bins) are left out, as elements outside the range should be.
    counts = emit("scatter_nd", names, ones, shape=[bins])
    return lift(counts, x.dtype), edges


def edges_end(high: float, dtype: str) -> Any:
    """The last edge as the tensor of edges has it."""
    return np.asarray(high).astype(dtype)


def _limits(x: Any, limits: tuple[float, float] | None) -> tuple[float, float]:
    if limits is None:
        values = host_array("histogram without range", x)
        low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    else:
        low, high = limits
    low, high = float(low), float(high)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(
            "histogram: expected a finite range with its least element first, received "
            f"({low}, {high})"
        )
    return (low - 0.5, high + 0.5) if low == high else (low, high)
