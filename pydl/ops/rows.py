"""Gradients of tables that are only looked up: rows and their indices.

The gradient of a lookup adds rows to a tensor of zeros as large as the table
(``take_grad``). Here it is known as what it is made of, so that an optimizer can leave
the rest of the table alone (`pydl.optimizers.rows`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydl.graph.node import Value
from pydl.graph.registry import define
from pydl.graph.trace import TraceTensor
from pydl.ops.apply import apply, emit, lift
from pydl.runtime.tensor import Tensor

#: More lookups of one table than this are not taken apart.
MOST_LOOKUPS = 64

_END = "Not differentiable, by decision: it ends a training step."
define("row_sums", None, f"Rows of equal indices added up at the first. {_END}")
define("sgd_row_update", None, f"Gradient descent of the rows looked up. {_END}")
define("adam_row_update", None, f"Adam of the rows looked up. {_END}")
define("adagrad_row_update", None, f"Adagrad of the rows looked up. {_END}")


class RowGradient(NamedTuple):
    """The gradient of a table: ``rows`` ``[n, ...]`` added to those at ``indices``
    ``[n]``; the others are zero."""

    rows: Any
    indices: Any

    def summed(self, count: int) -> RowGradient:
        """The rows of equal indices added up at the first of them, zeros at the rest.

        `count`: rows of the table.
        """
        return RowGradient(
            emit("row_sums", self.rows, self.indices, rows=count), self.indices
        )


def row_gradient(grad: Any) -> RowGradient | None:
    """What a gradient is made of, if only of the rows of lookups."""
    parts = _parts(grad)
    if parts is None:
        return None
    flat = [_flat(rows, indices) for rows, indices in parts]
    if len(flat) == 1:
        return RowGradient(*flat[0])
    wide = any(indices.dtype == "int64" for _, indices in flat)
    every = [lift(indices, "int64" if wide else "int32") for _, indices in flat]
    return RowGradient(
        apply("concatenate", [rows for rows, _ in flat], {"axis": 0})[0],
        apply("concatenate", every, {"axis": 0})[0],
    )


def note_rows(grad: Any, rows: Any, indices: Any) -> Any:
    """`grad`, an eager gradient remembering the rows it was made of."""
    if isinstance(grad, Tensor):
        grad.row_parts = ((rows, indices),)  # type: ignore[attr-defined]
    return grad


def add_gradients(a: Any, b: Any) -> Any:
    """The sum of two eager gradients; of rows it remembers those of both."""
    total = emit("add", a, b)
    first, second = _eager_parts(a), _eager_parts(b)
    if first and second and isinstance(total, Tensor):
        total.row_parts = (*first, *second)  # type: ignore[attr-defined]
    return total


Parts = tuple[tuple[Any, Any], ...]


def _parts(grad: Any) -> Parts | None:
    """Rows and indices of each lookup, in the order their gradients are added."""
    if not isinstance(grad, TraceTensor):
        return _eager_parts(grad)
    found: list[Any] = []
    waiting: list[Value] = [grad.value]
    while waiting:
        value = waiting.pop()
        node = value.node
        if node.op == "take_grad":
            rows, indices = node.inputs
            found.append(
                (TraceTensor(grad.trace, rows), TraceTensor(grad.trace, indices))
            )
        elif node.op == "add" and all(v.shape == value.shape for v in node.inputs):
            waiting += reversed(node.inputs)
        else:
            return None
        if len(found) + len(waiting) > MOST_LOOKUPS:
            return None
    return tuple(found)


def _eager_parts(grad: Any) -> Parts | None:
    return getattr(grad, "row_parts", None)


def _flat(rows: Any, indices: Any) -> tuple[Any, Any]:
    """With one axis of indices."""
    lead = indices.ndim
    if lead == 1:
        return rows, indices
    count = math.prod(indices.shape)
    shape = [count, *rows.shape[lead:]]
    return (
        emit("reshape", rows, shape=shape),
        emit("reshape", indices, shape=[count]),
    )
