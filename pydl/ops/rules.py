"""How gradient rules are written.

A rule gives, for each operand, None or a function of no arguments: `gradients` calls it
only when that operand's gradient is wanted, so nothing is computed in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl.graph.gradients import gradients
from pydl.graph.registry import GradientRule, OpCall, OpDef, define
from pydl.graph.trace import current_trace
from pydl.ops.apply import emit
from pydl.ops.record import Recorder

#: ``(grad, x, out)`` or, for two operands, ``(grad, a, b, out)`` -> gradient.
Partial = Callable[..., Any]


def unbroadcast(grad: Any, shape: tuple[int, ...]) -> Any:
    """Sum `grad` over the axes along which an operand of `shape` was repeated."""
    lead = grad.ndim - len(shape)
    axes = list(range(lead))
    axes += [
        lead + i
        for i, dim in enumerate(shape)
        if dim == 1 and grad.shape[lead + i] != 1
    ]
    if not axes:
        return grad
    summed = emit("reduce_sum", grad, axes=axes, keepdims=0)
    if summed.shape == shape:
        return summed
    return emit("reshape", summed, shape=list(shape))


def unary(name: str, partial: Partial | None, doc: str) -> OpDef:
    """Define an op of one operand; `partial` None: its derivative is zero."""

    def rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
        if partial is None:
            return [None]
        return [lambda: partial(grads[0], call.inputs[0], call.outputs[0])]

    return define(name, rule, doc)


def binary(
    name: str, partial_a: Partial | None, partial_b: Partial | None, doc: str
) -> OpDef:
    """Define an op of two operands that broadcast."""

    def rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
        def along(x: Any, partial: Partial | None) -> Any:
            if partial is None:
                return None
            a, b = call.inputs
            return lambda: unbroadcast(
                partial(grads[0], a, b, call.outputs[0]), x.shape
            )

        return [along(call.inputs[0], partial_a), along(call.inputs[1], partial_b)]

    return define(name, rule, doc)


def simple(rule: Callable[[OpCall, Any], Sequence[Any]]) -> GradientRule:
    """A rule of the first result's gradient alone."""
    return lambda call, grads: rule(call, grads[0])


def pull_back(
    formula: Callable[..., Any], operands: Sequence[Any], position: int, grad: Any
) -> Any:
    """The gradient of ``sum(formula(*operands) * grad)`` with respect to one operand,
    the others held: for second derivatives of ops that are formulas in others."""
    # Aliases, so that operands that depend on each other are still held.
    aliases = [emit("reshape", x, shape=list(x.shape)) for x in operands]
    if current_trace() is not None:
        return gradients([formula(*aliases)], [aliases[position]], [grad])[0]
    record = Recorder(watch_variables=False)
    record.watch(aliases[position])
    record.start()
    try:
        out = formula(*aliases)
    finally:
        record.stop()
    return record.gradient([out], [aliases[position]], [grad])[0]


def total(*terms: Any) -> Any:
    """The sum of the terms that are not None, or None."""
    present = [term for term in terms if term is not None]
    result = present[0] if present else None
    for term in present[1:]:
        result = emit("add", result, term)
    return result
