"""Boxes cut out of a tensor and put into one, at places known early or late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.graph.trace import TraceTensor
from pydl.ops.apply import TENSORS, apply, emit, lift
from pydl.ops.arithmetic import maximum, minimum
from pydl.ops.axes import to_shape
from pydl.ops.branches import has_value
from pydl.ops.public import public_op


@public_op
def slice_(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The box of `shape` that begins at `start_indices`. Known as ``ops.slice``.

    A size of -1 takes all up to the end. Traced starts that would move the box beyond
    the end are moved back.
    """
    x = lift(inputs)
    starts = starts_of("slice", start_indices, x.ndim)
    sizes = to_shape("slice", list(shape))
    if len(sizes) != x.ndim:
        raise ValueError(
            f"slice: expected one start and one size per axis of shape {x.shape}, "
            f"received start_indices={start_indices}, shape={shape}"
        )
    if any(isinstance(start, TraceTensor) for start in starts):
        return _moved_slice(x, starts, sizes)
    end = [
        dim if size == -1 else start + size
        for start, size, dim in zip(starts, sizes, x.shape, strict=True)
    ]
    return emit("slice", x, begin=starts, end=end, stride=[1] * x.ndim)


slice_.__name__ = slice_.__qualname__ = "slice"


def _moved_slice(x: Any, starts: list[Any], sizes: list[int]) -> Any:
    for axis, start in enumerate(starts):
        room = x.shape[axis]
        size = room if sizes[axis] == -1 else sizes[axis]
        if size > room:
            raise ValueError(
                f"slice: expected a size of at most {room} on axis {axis} of shape "
                f"{x.shape}, received {size}"
            )
        if size != room:
            first = _kept_inside(start, size, room)
            places = emit("add", lift(np.arange(size, dtype="int64")), first)
            x = _take_rows(x, places, axis)
    return x


def _kept_inside(start: Any, size: int, room: int) -> Any:
    return minimum(maximum(lift(start, "int64"), 0), room - size)


def starts_of(name: str, start_indices: Any, rank: int) -> list[Any]:
    """One start per axis: integers where they have values, else traced scalars."""
    if isinstance(start_indices, (*TENSORS, np.ndarray)):
        whole = lift(start_indices)
        starts = [whole[i] for i in range(whole.shape[0])] if whole.ndim else [whole]
    else:
        starts = list(start_indices)
    if len(starts) != rank:
        raise ValueError(
            f"{name}: expected one start index for each of {rank} axes, received "
            f"{len(starts)}: {start_indices!r}"
        )
    return [int(s) if has_value(s) else s for s in starts]


@public_op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with the box that begins at `start_indices` replaced by `updates`.

    Starts that would move the box beyond the end are moved back, as in JAX. Raises
    ValueError for updates that are larger than `inputs`.

    >>> pydl.ops.slice_update([0, 0, 0, 0], [1], [7, 8]).tolist()
    [0, 7, 8, 0]
    """
    x = lift(inputs)
    new = lift(updates, x.dtype)
    if new.ndim != x.ndim or any(
        n > d for n, d in zip(new.shape, x.shape, strict=True)
    ):
        raise ValueError(
            f"slice_update: expected updates that fit into inputs of shape {x.shape}, "
            f"received shape {new.shape}"
        )
    starts = starts_of("slice_update", start_indices, x.ndim)
    if any(isinstance(start, TraceTensor) for start in starts):
        return _moved_update(x, starts, new)
    begin = [
        min(max(s, 0), d - n)
        for s, d, n in zip(starts, x.shape, new.shape, strict=True)
    ]
    end = [b + n for b, n in zip(begin, new.shape, strict=True)]
    inside = np.zeros(x.shape, bool)
    inside[tuple(slice(b, e) for b, e in zip(begin, end, strict=True))] = True
    if inside.all():
        return new
    high = [d - e for d, e in zip(x.shape, end, strict=True)]
    padded = emit("pad", new, low=begin, high=high, value=0.0)
    return emit("where", lift(inside), padded, x)


def _moved_update(x: Any, starts: list[Any], new: Any) -> Any:
    """The box at a place known only when the program runs: each element of the result
    looks up whether it lies inside."""
    inside = None
    for axis, start in enumerate(starts):
        size, room = new.shape[axis], x.shape[axis]
        first = _kept_inside(start, size, room)
        place = emit("sub", lift(np.arange(room, dtype="int64")), first)
        here = emit("logical_and", place >= 0, place < size)
        shape = [1] * x.ndim
        shape[axis] = room
        here = emit("reshape", here, shape=shape)
        inside = here if inside is None else emit("logical_and", inside, here)
        new = _take_rows(new, minimum(maximum(place, 0), size - 1), axis)
    return emit("where", inside, new, x)


def _take_rows(x: Any, indices: Any, axis: int) -> Any:
    """Along one axis, by indices that are known to be in range."""
    perm = [axis, *(i for i in range(x.ndim) if i != axis)]
    rows = emit("transpose", x, perm=perm) if axis else x
    out = apply("take", (rows, indices), {})[0]
    back = sorted(range(x.ndim), key=perm.__getitem__)
    return emit("transpose", out, perm=back) if axis else out
