"""Elements along an axis by index, and rows named by several indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import TENSORS, apply, emit, lift
from pydl.ops.axes import one_axis, to_shape
from pydl.ops.creation import zeros
from pydl.ops.gather import index_tensor, note_fault, pick
from pydl.ops.host import host_array
from pydl.ops.public import public_op
from pydl.ops.rules import simple, unbroadcast

__all__ = ["scatter", "scatter_update", "take_along_axis"]


def _take_along_axis_rule(call: OpCall, g: Any) -> list[Any]:
    x, indices = call.inputs
    axis = call.attrs["axis"]

    def back() -> Any:
        wide = emit("broadcast_to", indices, shape=list(g.shape))
        size = x.shape[axis]
        grad = emit("take_along_axis_grad", g, wide, axis=axis, size=size)
        return unbroadcast(grad, x.shape)

    return [back, None]


def _take_along_axis_grad_rule(call: OpCall, g: Any) -> list[Any]:
    axis = call.attrs["axis"]
    return [lambda: emit("take_along_axis", g, call.inputs[1], axis=axis), None]


def _gather_nd_rule(call: OpCall, g: Any) -> list[Any]:
    x, indices = call.inputs
    return [lambda: emit("scatter_nd", indices, g, shape=list(x.shape)), None]


def _scatter_nd_rule(call: OpCall, g: Any) -> list[Any]:
    return [None, lambda: emit("gather_nd", g, call.inputs[0])]


def _scatter_update_rule(call: OpCall, g: Any) -> list[Any]:
    x, indices, updates = call.inputs

    def to_updates() -> Any:
        """Only the last of equal names has a share."""
        names, depth = indices.shape[:-1], indices.shape[-1]
        number = lift(np.arange(math.prod(names), dtype=np.int64).reshape(names))
        rows = zeros(x.shape[:depth], "int64")
        winner = emit("scatter_update", rows, indices, number)
        last = emit("equal", emit("gather_nd", winner, indices), number)
        shape = [*names, *[1] * (updates.ndim - len(names))]
        last = emit("reshape", last, shape=shape)
        none = lift(0.0, updates.dtype)
        return emit("where", last, emit("gather_nd", g, indices), none)

    return [
        lambda: emit("scatter_update", g, indices, zeros(updates.shape, updates.dtype)),
        None,
        to_updates,
    ]


define("take_along_axis", simple(_take_along_axis_rule), "One element of each line.")
define(
    "take_along_axis_grad",
    simple(_take_along_axis_grad_rule),
    "The gradient of `take_along_axis`.",
)
define("gather_nd", simple(_gather_nd_rule), "Rows named by several indices.")
define("scatter_nd", simple(_scatter_nd_rule), "Rows added to named rows of zeros.")
define("scatter_update", simple(_scatter_update_rule), "Named rows replaced.")


@public_op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each place of `indices` the element of `x` at that index along `axis`, at the
    same place otherwise. Axes of size 1 broadcast. Negative indices count from the end.

    >>> take_along_axis([[3, 1, 2]], [[2, 0]], axis=1)
    [[2, 3]]
    """
    x = lift(x)
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
        indices = emit("reshape", lift(indices), shape=[-1])
    place = one_axis("take_along_axis", axis, x.ndim)
    size = x.shape[place]
    return pick("take_along_axis", x, indices, size, {"axis": place})


def _names(name: str, indices: Any, shape: tuple[int, ...]) -> tuple[Any, str]:
    """Indices [..., d] into the first d axes of `shape`, and what is expected."""
    shown = lift(indices).shape if isinstance(indices, TENSORS) else np.shape(indices)
    if not shown or shown[-1] > len(shape):
        raise ValueError(
            f"{name}: expected indices whose last axis has at most {len(shape)} "
            f"elements, as the value of shape {shape} has axes, received indices of "
            f"shape {shown}"
        )
    sizes = np.array(shape[: shown[-1]], np.int64)
    return (
        index_tensor(name, indices, sizes),
        f"{name}: expected indices into axes of sizes {tuple(sizes.tolist())}",
    )


def gather_nd(name: str, x: Any, indices: Any) -> Any:
    """The rows of `x` that the last axis of `indices` names."""
    where, expected = _names(name, indices, x.shape)
    out, fault = apply("gather_nd", (x, where), {})
    note_fault(fault, expected)
    return out


def _scatter_nd(name: str, indices: Any, values: Any, shape: tuple[int, ...]) -> Any:
    values = lift(values)
    where, expected = _names(name, indices, shape)
    out, fault = apply("scatter_nd", (where, values), {"shape": list(shape)})
    note_fault(fault, expected)
    return out


@public_op
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of `shape`, to whose elements or rows at `indices` [..., d] `values` are
    added: those of equal indices add up."""
    target = tuple(to_shape("scatter", shape))
    return _scatter_nd("scatter", indices, values, target)


#: What NumPy computes for `scatter_update`: eager only.
_ON_HOST = {"max": np.maximum, "min": np.minimum, "mul": np.multiply}


@public_op
def scatter_update(
    inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> Any:
    """`inputs` with the elements or rows at `indices` [..., d] replaced by `updates`
    (the last of equal indices wins), or joined with them by `reduction` "add", "max",
    "min" or "mul"; the last three run in NumPy, not under a trace."""
    x = lift(inputs)
    updates = lift(updates, x.dtype)
    if reduction == "add":
        return emit("add", x, _scatter_nd("scatter_update", indices, updates, x.shape))
    if reduction in _ON_HOST:
        what = f"scatter_update: reduction={reduction!r}"
        out = host_array(what, x).copy()
        names = np.moveaxis(host_array(what, indices), -1, 0)
        _ON_HOST[reduction].at(out, tuple(names), host_array(what, updates))
        return lift(out)
    if reduction is not None:
        raise ValueError(
            "scatter_update: expected reduction None, 'add', 'max', 'min' or 'mul', "
            f"received reduction={reduction!r}"
        )
    where, expected = _names("scatter_update", indices, x.shape)
    out, fault = apply("scatter_update", (x, where, updates), {})
    note_fault(fault, expected)
    return out
