"""Reverse-mode differentiation of a running trace: the one implementation there is.

`gradients` appends to the trace it differentiates, so its results can be differentiated
again. It only walks: each op's rule stands beside the op, in `pydl.ops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.graph.node import Node, Value
from pydl.graph.registry import OpCall, opdef
from pydl.graph.trace import CustomCall, Trace, TraceTensor, current_trace


def gradients(
    ys: Sequence[TraceTensor],
    xs: Sequence[Any],
    seeds: Sequence[TraceTensor | None] | None = None,
    nodes: Sequence[Node] | None = None,
) -> list[TraceTensor | None]:
    """The gradients of ``sum(y * seed)`` over all `ys` with respect to each of `xs`.

    Args:
        ys: float tensors of the running trace.
        xs: tensors of the running trace, or Variables: the value they have here.
        seeds: one per y, of its shape and dtype; None stands for ones.
        nodes: the part of the trace to go through, all of it unless given.

    Returns:
        One tensor per x, or None where no y depends on it. Only what lies between
        `xs` and `ys` is visited and only wanted gradients are computed; the cost is
        linear in the length of the trace.
    """
    trace = current_trace()
    if trace is None:
        raise ValueError(
            "gradients: expected to be called under a trace, none is running"
        )
    sources = [
        x.value if isinstance(x, TraceTensor) else trace.read(x).value for x in xs
    ]
    _check(trace, [*ys, *(x for x in xs if isinstance(x, TraceTensor))])
    nodes = tuple(trace.graph.nodes if nodes is None else nodes)
    active = depending(trace, nodes, set(sources))
    grads = _Sums(trace)
    for y, seed in zip(ys, _seeds(trace, ys, seeds), strict=True):
        if y.value in active:
            grads.add(y.value, seed)
    for node in reversed(nodes):
        if not node.inputs:
            continue
        call = trace.calls.get(node)
        if call is not None:
            if node is call.outputs[0].node:  # the gradients of all results are there
                _call_back(trace, call, active, grads)
        elif any(out in grads for out in node.outputs):
            _step_back(trace, node, active, grads)
    return [grads.get(value) for value in sources]


class _Sums:
    """The gradient gathered so far for each value."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._sums: dict[Value, TraceTensor] = {}

    def __contains__(self, value: Value) -> bool:
        return value in self._sums

    def get(self, value: Value) -> TraceTensor | None:
        return self._sums.get(value)

    def add(self, value: Value, grad: TraceTensor) -> None:
        before = self._sums.get(value)
        if before is not None:
            (grad,) = self._trace.add("add", (before, grad), {})
        self._sums[value] = grad


def depending(trace: Trace, nodes: Sequence[Node], sources: set[Value]) -> set[Value]:
    """The float values that change, as gradients see it, when a source does."""
    active = {value for value in sources if "float" in value.dtype}
    for node in nodes:
        call = trace.calls.get(node)
        inputs = node.inputs if call is None else call.inputs
        if any(value in active for value in inputs):
            active.update(
                out
                for out in node.outputs
                if "float" in out.dtype and out not in trace.stopped
            )
    return active


def _call_back(
    trace: Trace, call: CustomCall, active: set[Value], grads: _Sums
) -> None:
    """Hand on the gradients of a call that has a gradient of its own."""
    wanted = [value in active for value in call.inputs]
    if not any(wanted) or not any(out in grads for out in call.outputs):
        return
    results = call.back([grads.get(out) for out in call.outputs])
    for value, want, grad in zip(call.inputs, wanted, results, strict=True):
        if want and grad is not None:
            grads.add(value, grad)


def _step_back(trace: Trace, node: Node, active: set[Value], grads: _Sums) -> None:
    """Hand the gradients of a node's results on to its operands."""
    wanted = [value in active for value in node.inputs]
    if not any(wanted):
        return
    rule = opdef(node.op).gradient
    if rule is None:
        raise ValueError(
            f"gradients: op {node.op!r} (made at {node.source or 'an unknown line'}) "
            "is not differentiable; use ops.stop_gradient if no gradient should pass"
        )
    call = OpCall(
        node.op,
        tuple(TraceTensor(trace, value) for value in node.inputs),
        tuple(TraceTensor(trace, value) for value in node.outputs),
        node.attrs,
    )
    trace.layers.append(node.layer)
    try:
        results = rule(call, [grads.get(out) for out in node.outputs])
        for value, want, result in zip(node.inputs, wanted, results, strict=True):
            grad = result() if want and callable(result) else result
            if want and grad is not None:
                grads.add(value, grad)
    finally:
        trace.layers.pop()


def _check(trace: Trace, tensors: Sequence[TraceTensor]) -> None:
    for tensor in tensors:
        if not isinstance(tensor, TraceTensor) or tensor.trace is not trace:
            raise ValueError(
                "gradients: expected tensors of the running trace "
                f"{trace.graph.name!r}, received {tensor!r}"
            )


def _seeds(
    trace: Trace,
    ys: Sequence[TraceTensor],
    seeds: Sequence[TraceTensor | None] | None,
) -> list[TraceTensor]:
    given = list(seeds) if seeds is not None else [None] * len(ys)
    if len(given) != len(ys):
        raise ValueError(
            f"gradients: expected one seed per y ({len(ys)}), received {len(given)}"
        )
    return [
        _ones(trace, y) if seed is None else _fitting(y, seed)
        for y, seed in zip(ys, given, strict=True)
    ]


def _ones(trace: Trace, y: TraceTensor) -> TraceTensor:
    if "float" not in y.dtype:
        raise ValueError(f"gradients: expected float ys, received {y!r}")
    if y.shape == ():
        return trace.constant(np.ones((), y.dtype))
    attrs: dict[str, Any] = {"shape": list(y.shape), "dtype": y.dtype, "value": 1.0}
    return trace.add("full", (), attrs)[0]


def _fitting(y: TraceTensor, seed: TraceTensor) -> TraceTensor:
    if seed.shape != y.shape or seed.dtype != y.dtype:
        raise ValueError(
            f"gradients: expected a seed of {y.dtype} {y.shape}, received {seed!r}"
        )
    return seed
