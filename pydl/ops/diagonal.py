"""Triangles, diagonals and grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import standardize_dtype
from pydl.ops.public import public_op
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import broadcast_to

__all__ = ["diag", "diagflat", "diagonal", "meshgrid", "trace", "tri", "tril", "triu"]


@public_op
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below diagonal `k` of an N x M matrix, zeros above."""
    return lift(np.tri(N, M, k, standardize_dtype(dtype)))


def _part(name: str, x: Any, k: int, lower: bool) -> Any:
    x = lift(x)
    if x.ndim < 2:
        raise ValueError(
            f"{name}: expected at least two axes, received shape {x.shape}"
        )
    rows, columns = x.shape[-2:]
    below = np.tri(rows, columns, k if lower else k - 1, bool)
    kept = lift(below if lower else ~below)
    return emit("where", kept, x, lift(np.zeros((), x.dtype)))


@public_op
def tril(x: Any, k: int = 0) -> Any:
    """The last two axes on and below diagonal `k`, zeros above."""
    return _part("tril", x, k, True)


@public_op
def triu(x: Any, k: int = 0) -> Any:
    """The last two axes on and above diagonal `k`, zeros below."""
    return _part("triu", x, k, False)


@public_op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the planes of two axes, as a last axis; `offset` > 0: above the
    main one."""
    x = lift(x)
    first, second = (one_axis("diagonal", axis, x.ndim) for axis in (axis1, axis2))
    if first == second:
        raise ValueError(
            f"diagonal: expected different axes, received axis1={axis1}, axis2={axis2}"
        )
    rest = [i for i in range(x.ndim) if i not in (first, second)]
    x = emit("transpose", x, perm=[*rest, first, second])
    rows, columns = x.shape[-2:]
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    x = emit("reshape", x, shape=[*x.shape[:-2], rows * columns])
    begin = offset if offset >= 0 else -offset * columns
    # From one element of a diagonal to the next: a row and a column.
    begin = begin if count else 0
    end = begin + (count - 1) * (columns + 1) + 1 if count else 0
    lead, ones = len(rest), [1] * len(rest)
    return emit(
        "slice",
        x,
        begin=[0] * lead + [begin],
        end=[*x.shape[:-1], end],
        stride=[*ones, columns + 1],
    )


@public_op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sums of the diagonals of the planes of two axes."""
    return sum_(diagonal(x, offset, axis1, axis2), axis=-1)


@public_op
def diag(x: Any, k: int = 0) -> Any:
    """Diagonal `k` of a matrix, or the matrix with a vector there and zeros."""
    x = lift(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag: expected one or two axes, received shape {x.shape}")
    side = x.shape[0] + abs(k)
    # Column j holds the element that belongs into it, in all rows.
    low, high = max(k, 0), max(-k, 0)
    number = x if x.dtype != "bool" else lift(x, "uint8")
    columns = emit("pad", number, low=[low], high=[high], value=0)
    square = emit("broadcast_to", columns, shape=[side, side])
    here = lift(np.eye(side, k=k, dtype=bool))
    return lift(emit("where", here, square, lift(np.zeros((), square.dtype))), x.dtype)


@public_op
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the elements of `x` on diagonal `k`."""
    return diag(emit("reshape", lift(x), shape=[-1]), k)


@public_op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """For vectors of lengths n, m, ... one tensor each of their common shape, whose
    elements vary along one axis: the axis of its place ("ij"), the first two exchanged
    ("xy")."""
    if indexing not in ("xy", "ij"):
        raise ValueError(
            f"meshgrid: expected indexing 'xy' or 'ij', received indexing={indexing!r}"
        )
    vectors = [emit("reshape", lift(v), shape=[-1]) for v in x]
    axes = list(range(len(vectors)))
    if indexing == "xy" and len(axes) > 1:
        axes[:2] = [1, 0]
    shape = [0] * len(axes)
    for vector, axis in zip(vectors, axes, strict=True):
        shape[axis] = vector.shape[0]
    grids = []
    for vector, axis in zip(vectors, axes, strict=True):
        own = [vector.shape[0] if i == axis else 1 for i in range(len(axes))]
        grids.append(broadcast_to(emit("reshape", vector, shape=own), shape))
    return grids
