"""Axes turned round, repeated and shifted; boxes whose place is a value."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import TENSORS, emit, emit_stack, lift
from pydl.ops.axes import axes_list, one_axis
from pydl.ops.creation import zeros
from pydl.ops.gather import take
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.ops.shape import concatenate, slice_axis, swapaxes

__all__ = [
    "flip", "fliplr", "flipud", "repeat", "roll", "rot90", "slice_update", "tile",
]  # fmt: skip


def _flip_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: emit("flip", g, axes=call.attrs["axes"])]


def _dynamic_slice_rule(call: OpCall, g: Any) -> list[Any]:
    x, start = call.inputs
    return [
        lambda: emit("dynamic_update_slice", zeros(x.shape, x.dtype), g, start),
        None,
    ]


def _dynamic_update_slice_rule(call: OpCall, g: Any) -> list[Any]:
    _, update, start = call.inputs
    sizes = list(update.shape)
    return [
        lambda: emit(
            "dynamic_update_slice", g, zeros(update.shape, update.dtype), start
        ),
        lambda: emit("dynamic_slice", g, start, sizes=sizes),
        None,
    ]


define("flip", simple(_flip_rule), "Axes in the opposite order.")
define("dynamic_slice", simple(_dynamic_slice_rule), "A box that begins at a value.")
define(
    "dynamic_update_slice",
    simple(_dynamic_update_slice_rule),
    "A box that begins at a value, replaced.",
)


@public_op
def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """The elements in the opposite order along `axis` (None: all axes)."""
    x = lift(x)
    axes = axes_list("flip", axis, x.ndim)
    return emit("flip", x, axes=axes) if axes else x


@public_op
def fliplr(x: Any) -> Any:
    """The columns (axis 1) in the opposite order."""
    return flip(x, 1)


@public_op
def flipud(x: Any) -> Any:
    """The rows (axis 0) in the opposite order."""
    return flip(x, 0)


def _rolled(x: Any, shift: int, axis: int) -> Any:
    size = x.shape[axis]
    shift = shift % size if size else 0
    if shift == 0:
        return x
    tail = slice_axis(x, axis, size - shift, size)
    return concatenate([tail, slice_axis(x, axis, 0, size - shift)], axis)


def _integers(given: int | Sequence[int]) -> list[int]:
    return [index(i) for i in given] if isinstance(given, Sequence) else [index(given)]


@public_op
def roll(
    x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None
) -> Any:
    """The elements moved on by `shift` places, those past the end to the front. `axis`
    None: of the flattened `x`, which keeps its shape."""
    x = lift(x)
    if axis is None:
        flat = emit("reshape", x, shape=[-1])
        total = builtins.sum(_integers(shift))
        return emit("reshape", _rolled(flat, total, 0), shape=list(x.shape))
    axes, shifts = _integers(axis), _integers(shift)
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(axes) == 1:
        axes *= len(shifts)
    if len(axes) != len(shifts):
        raise ValueError(
            "roll: expected one shift per axis, received "
            f"shift={shift!r}, axis={axis!r}"
        )
    for by, place in zip(shifts, axes, strict=True):
        x = _rolled(x, by, one_axis("roll", place, x.ndim))
    return x


@public_op
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turned by `k` quarters in the plane of two axes, from the first to the second."""
    x = lift(array)
    if len(axes) != 2:
        raise ValueError(f"rot90: expected two axes, received axes={axes}")
    first, second = (one_axis("rot90", axis, x.ndim) for axis in axes)
    if first == second:
        raise ValueError(f"rot90: expected different axes, received axes={axes}")
    turns = k % 4
    if turns == 2:
        return emit("flip", x, axes=sorted([first, second]))
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if turns else x


def _count(dims: Sequence[int]) -> int:
    """The number of elements, -1 when a size is not known yet (symbolic)."""
    return -1 if -1 in dims else math.prod(dims)


def _repeated(x: Any, shape: Sequence[int], times: int, out: Sequence[int]) -> Any:
    """`x` as `shape` [rows, 1, row], each row `times` times, as `out`."""
    rows = emit("reshape", x, shape=list(shape))
    wide = emit("broadcast_to", rows, shape=[shape[0], times, shape[2]])
    return emit("reshape", wide, shape=list(out))


@public_op
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """`x` laid side by side `repeats` times along each axis; fewer repeats than axes
    count for the last ones, more add axes in front."""
    x = lift(x)
    times = [repeats] if isinstance(repeats, int) else [int(r) for r in repeats]
    if builtins.any(r < 0 for r in times):
        raise ValueError(f"tile: expected repeats >= 0, received repeats={repeats}")
    rank = max(x.ndim, len(times))
    times = [1] * (rank - len(times)) + times
    shape = [1] * (rank - x.ndim) + list(x.shape)
    x = emit("reshape", x, shape=list(shape))
    for axis in reversed(range(rank)):
        if times[axis] == 1:
            continue
        rows, row = _count(shape[:axis]), _count(shape[axis:])
        shape[axis] *= times[axis] if shape[axis] >= 0 else 1
        x = _repeated(x, [rows, 1, row], times[axis], shape)
    return x


@public_op
def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each element along `axis` (None: of the flattened `x`) repeated, all `repeats`
    times or each its own number of times."""
    x = lift(x)
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
    place = one_axis("repeat", axis, x.ndim)
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu" or (counts < 0).any() or counts.ndim > 1:
        raise ValueError(
            "repeat: expected repeats to be integers >= 0, received "
            f"repeats={repeats!r}"
        )
    if counts.size == 1:
        times = int(counts.reshape(()))
        shape = list(x.shape)
        rows, row = _count(shape[: place + 1]), _count(shape[place + 1 :])
        shape[place] *= times if shape[place] >= 0 else 1
        return _repeated(x, [rows, 1, row], times, shape)
    if counts.size != x.shape[place]:
        raise ValueError(
            f"repeat: expected one number or {x.shape[place]}, as axis {axis} of x "
            f"{x.shape} has elements, received {counts.size}"
        )
    return take(x, np.repeat(np.arange(counts.size), counts), place)


def start_tensor(name: str, start: Any, x: Any) -> Any:
    """Where a box of `x` begins, int64 [rank]: a tensor, or numbers and tensors."""
    if isinstance(start, list | tuple):
        if builtins.any(isinstance(at, TENSORS) for at in start):
            parts = [emit("reshape", lift(at, "int64"), shape=[]) for at in start]
            start = emit_stack(parts)
        else:
            start = np.array(start, np.int64)
    start = lift(start, "int64")
    if start.shape != (x.ndim,):
        raise ValueError(
            f"{name}: expected one start index per axis of shape {x.shape}, received "
            f"start_indices of shape {start.shape}"
        )
    return start


@public_op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with the box of the shape of `updates` that begins at `start_indices`
    (integers or a tensor) replaced. A box that would stick out is moved inside."""
    x = lift(inputs)
    update = lift(updates, x.dtype)
    start = start_tensor("slice_update", start_indices, x)
    return emit("dynamic_update_slice", x, update, start)
