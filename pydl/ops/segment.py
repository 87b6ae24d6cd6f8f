"""Sums and extremes of groups; counts of values."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.ops.apply import apply, emit, lift, promote_float
from pydl.ops.dtypes import is_float, is_int
from pydl.ops.host import host_array
from pydl.ops.public import public_op
from pydl.ops.shape import size

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
    """The sums of the rows of `data` that have the same of the `segment_ids`, in order
    of position; ids outside ``[0, num_segments)`` are left out. `num_segments` None:
    the greatest id + 1, which needs values."""
    data = lift(data)
    ids = _segment_ids("segment_sum", data, segment_ids)
    rows = _count("segment_sum", ids, num_segments)
    if is_float(data.dtype):
        return emit("take_grad", data, ids, rows=rows)
    names = emit("reshape", ids, shape=[*ids.shape, 1])
    return emit("scatter_nd", names, data, shape=[rows, *data.shape[1:]])


def _on_host(
    name: str, fn: Any, data: Any, ids: Any, num_segments: int | None, start: Any
) -> Any:
    """What has no primitive: NumPy, on values."""
    values, where = host_array(name, data), host_array(name, ids)
    _segment_ids(name, values, where)
    rows = _count(name, ids, num_segments)
    out = np.full((rows, *values.shape[1:]), start(values.dtype), values.dtype)
    inside = (where >= 0) & (where < rows)
    fn.at(out, where[inside], values[inside])
    return lift(out)


def _least(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _greatest(dtype: Any) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


@public_op
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The greatest elements of the rows with the same id; the least number there is for
    an id without rows. Runs in NumPy, not under a trace."""
    name = "segment_max"
    return _on_host(name, np.maximum, data, segment_ids, num_segments, _least)


@public_op
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The least elements of the rows with the same id; the greatest number there is for
    an id without rows. Runs in NumPy, not under a trace."""
    name = "segment_min"
    return _on_host(name, np.minimum, data, segment_ids, num_segments, _greatest)


@public_op
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The products of the rows with the same id, 1 for an id without rows. Runs in
    NumPy, not under a trace."""
    name = "segment_prod"
    return _on_host(name, np.multiply, data, segment_ids, num_segments, lambda _: 1)


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
