"""Softmax and its logarithm."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, promote_float
from pydl.ops.axes import one_axis
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.ops.shape import move_from_last, move_to_last

__all__ = ["log_softmax", "softmax"]


def row_sum(x: Any) -> Any:
    """The sum over the last axis, which stays with size 1."""
    return emit("reduce_sum", x, axes=[x.ndim - 1], keepdims=1)


def _softmax_rule(call: OpCall, g: Any) -> list[Any]:
    y = call.outputs[0]
    return [lambda: y * (g - row_sum(g * y))]


def _log_softmax_rule(call: OpCall, g: Any) -> list[Any]:
    y = call.outputs[0]
    return [lambda: g - emit("exp", y) * row_sum(g)]


define("softmax", simple(_softmax_rule), "``exp(x) / sum(exp(x))`` over the last axis.")
define("log_softmax", simple(_log_softmax_rule), "The logarithm of softmax.")


def _along(op: str, x: Any, axis: int | None) -> Any:
    x = promote_float(x)[0]
    if axis is None:
        flat = emit("reshape", x, shape=[-1])
        return emit("reshape", emit(op, flat), shape=list(x.shape))
    place = one_axis(op, axis, x.ndim)
    return move_from_last(emit(op, move_to_last(x, place)), place)


@public_op
def softmax(x: Any, axis: int | None = -1) -> Any:
    """Positive numbers that sum to 1 along `axis` (None: over all elements)."""
    return _along("softmax", x, axis)


@public_op
def log_softmax(x: Any, axis: int | None = -1) -> Any:
    """``log(softmax(x))``, without underflow."""
    return _along("log_softmax", x, axis)
