"""Rows by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.graph.trace import current_trace
from pydl.ops.apply import TENSORS, apply, emit, lift
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import is_int
from pydl.ops.public import public_op
from pydl.ops.rows import note_rows
from pydl.ops.rules import simple

__all__ = ["take"]


def _take_rule(call: OpCall, g: Any) -> list[Any]:
    x, indices = call.inputs

    def grad_x() -> Any:
        return note_rows(emit("take_grad", g, indices, rows=x.shape[0]), g, indices)

    return [grad_x, None]


def _take_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: emit("take", g, call.inputs[1]), None]


define("take", simple(_take_rule), "Rows of the first axis, by index.")
define("take_grad", simple(_take_grad_rule), "The gradient of `take`.")


def note_fault(fault: Any, expected: str) -> None:
    """Raise if an op found bad data; under a trace, leave that to its caller."""
    trace = current_trace()
    if trace is not None:
        trace.faults.append((fault, expected))
    elif bad := fault.item():
        raise ValueError(f"{expected}; the one at flat index {bad - 1} is not")


def _integers(name: str, indices: Any) -> Any:
    """`indices` as an int32 or int64 tensor, or as an array if they are no tensor."""
    if not isinstance(indices, TENSORS):
        indices = np.asarray(indices)
        if indices.size == 0 and indices.dtype.kind == "f":
            indices = indices.astype(np.int32)  # an empty list
        if indices.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: expected integer indices, received {indices.dtype}"
            )
        return indices.astype(np.int64, copy=False)
    indices = lift(indices)
    if not is_int(indices.dtype):
        raise TypeError(f"{name}: expected integer indices, received {indices.dtype}")
    return indices if indices.dtype in ("int32", "int64") else lift(indices, "int64")


def index_tensor(name: str, indices: Any, sizes: Any) -> Any:
    """`indices` as int32 or int64, negative ones counted from the end. `sizes`: of the
    axes they point into, a number or one for each of the last axis of `indices`."""
    indices = _integers(name, indices)
    if isinstance(indices, np.ndarray):
        return lift(np.where(indices < 0, indices + np.asarray(sizes), indices))
    zero = lift(0, indices.dtype)
    wrapped = emit("add", indices, lift(np.asarray(sizes, indices.dtype)))
    return emit("where", emit("less", indices, zero), wrapped, indices)


def pick(op: str, x: Any, indices: Any, size: int, attrs: dict[str, Any]) -> Any:
    """The op `take` or `take_along_axis`, indices from ``-size`` to ``size - 1``."""
    if current_trace() is None:  # try without: few indices are negative
        out, fault = apply(op, (x, lift(_integers(op, indices))), attrs)
        if not fault.item():
            return out
    out, fault = apply(op, (x, index_tensor(op, indices, size)), attrs)
    note_fault(fault, f"{op}: expected indices between {-size} and {size - 1}")
    return out


@public_op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements of `x` along `axis` by index (None: of the flattened `x`). Negative
    indices count from the end."""
    x = lift(x)
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
    place = one_axis("take", axis, x.ndim)
    if not place:
        return pick("take", x, indices, x.shape[0], {})
    perm = [place, *(i for i in range(x.ndim) if i != place)]
    out = pick("take", emit("transpose", x, perm=perm), indices, x.shape[place], {})
    count = out.ndim - x.ndim + 1
    back = [
        *range(count, count + place),
        *range(count),
        *range(count + place, out.ndim),
    ]
    return emit("transpose", out, perm=back)
