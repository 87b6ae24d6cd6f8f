"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, promote
from pydl.ops.public import public_op
from pydl.ops.rules import simple


def _product(a: Any, b: Any, transpose_a: int, transpose_b: int) -> Any:
    return emit("matmul", a, b, transpose_a=transpose_a, transpose_b=transpose_b)


def _matmul_rule(call: OpCall, g: Any) -> list[Any]:
    """With ``C = op(A) op(B)``: ``d op(A) = G op(B)^T`` and ``d op(B) = op(A)^T G``,
    the operands exchanged where A or B itself is transposed."""
    a, b = call.inputs
    ta, tb = call.attrs.get("transpose_a", 0), call.attrs.get("transpose_b", 0)
    return [
        lambda: _product(b, g, tb, 1) if ta else _product(g, b, 0, 1 - tb),
        lambda: _product(g, a, 1, ta) if tb else _product(a, g, 1 - ta, 0),
    ]


define(
    "matmul", simple(_matmul_rule), "The product of two matrices, either transposed."
)
define(
    "gemm",
    None,
    "A matmul with an epilogue. Made by fusion, which runs after gradients.",
)


@public_op
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product: of matrices, vectors, or stacks of rows times one matrix."""
    x1, x2 = promote(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0 or x2.ndim > 2:
        raise ValueError(
            "matmul: expected x1 of 1 or more axes and x2 of 1 or 2 axes (stacks of "
            f"matrices on the right are not supported yet), received shapes {x1.shape} "
            f"and {x2.shape}"
        )
    rows = x1
    if x1.ndim != 2:
        lead = -1 if -1 in x1.shape else math.prod(x1.shape[:-1])
        rows = emit("reshape", x1, shape=[lead, _inner(x1, x2)])
    columns = x2 if x2.ndim == 2 else emit("reshape", x2, shape=[x2.shape[0], 1])
    out = _product(rows, columns, 0, 0)
    shape = (*x1.shape[:-1], *x2.shape[1:])
    return out if len(shape) == 2 else emit("reshape", out, shape=list(shape))


def _inner(x1: Any, x2: Any) -> int:
    """The length that is summed over; checked here, where both shapes are known."""
    length: int = x1.shape[-1]
    if length != x2.shape[0] and -1 not in (length, x2.shape[0]):
        raise ValueError(
            "matmul: expected the last axis of x1 to be as long as the first of x2, "
            f"received shapes {x1.shape} and {x2.shape}"
        )
    return length


@public_op
def dot(x1: Any, x2: Any) -> Any:
    """As `matmul`; a product where an operand is a number."""
    x1, x2 = promote(x1, x2)
    return x1 * x2 if x1.ndim == 0 or x2.ndim == 0 else matmul(x1, x2)
