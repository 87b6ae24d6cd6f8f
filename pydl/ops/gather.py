"""Rows by index."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.graph.trace import current_trace
from pydl.ops.apply import apply, emit, lift
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import is_int
from pydl.ops.public import public_op
from pydl.ops.rules import simple

__all__ = ["take"]


def _take_rule(call: OpCall, g: Any) -> list[Any]:
    x, indices = call.inputs
    return [lambda: emit("take_grad", g, indices, rows=x.shape[0]), None]


def _take_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: emit("take", g, call.inputs[1]), None]


define("take", simple(_take_rule), "Rows of the first axis, by index.")
define("take_grad", simple(_take_grad_rule), "The gradient of `take`.")


def note_fault(fault: Any, expected: str) -> None:
    """Raise if an op found bad data; under a trace, leave that to its caller."""
    trace = current_trace()
    if trace is not None:
        trace.faults.append((fault, expected))
    elif bad := int(fault):
        raise ValueError(f"{expected}; the one at flat index {bad - 1} is not")


@public_op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements of `x` along `axis` by index (None: of the flattened `x`). Negative
    indices count from the end."""
    x, indices = lift(x), lift(indices)
    if not is_int(indices.dtype):
        raise TypeError(f"take: expected integer indices, received {indices.dtype}")
    if indices.dtype not in ("int32", "int64"):
        indices = lift(indices, "int64")
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
    place = one_axis("take", axis, x.ndim)
    perm = [place, *(i for i in range(x.ndim) if i != place)]
    rows = emit("transpose", x, perm=perm) if place else x
    length = rows.shape[0]
    zero = lift(0, indices.dtype)
    wrapped = emit("add", indices, lift(length, indices.dtype))
    positive = emit("where", emit("less", indices, zero), wrapped, indices)
    out, fault = apply("take", (rows, positive), {})
    note_fault(fault, f"take: expected indices between {-length} and {length - 1}")
    if not place:
        return out
    count = indices.ndim
    back = [
        *range(count, count + place),
        *range(count),
        *range(count + place, out.ndim),
    ]
    return emit("transpose", out, perm=back)
