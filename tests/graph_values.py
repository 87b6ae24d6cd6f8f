"""Runs a traced graph node by node, without passes, plans or memory placement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.graph.node import Graph, Value
from pydl.graph.trace import TraceTensor

Run = Callable[[str, list[Any], dict[str, Any]], list[Any]]


def run_kernel(op: str, inputs: list[Any], attrs: dict[str, Any]) -> list[Any]:
    if op == "reshape":
        specs = [(x.dtype.name, x.shape) for x in inputs]
        return [inputs[0].reshape(_core.infer(op, specs, attrs)[0][1])]
    return _core.run_op(op, inputs, attrs)


def values(
    graph: Graph,
    wanted: Sequence[TraceTensor],
    feeds: dict[str, Any],
    run: Run = run_kernel,
) -> list[Any]:
    """The arrays of `wanted`, the inputs being `feeds` by name."""
    known: dict[Value, Any] = {}
    for node in graph.nodes:
        if node.op == "input":
            results = [feeds[node.payload.name]]
        elif node.op == "variable":
            results = [node.payload.numpy()]
        elif node.op == "constant":
            results = [node.payload]
        else:
            inputs = [np.ascontiguousarray(known[x]) for x in node.inputs]
            shaped = [
                x.reshape(v.shape) for x, v in zip(inputs, node.inputs, strict=True)
            ]
            results = run(node.op, shaped, node.attrs)
        for value, result in zip(node.outputs, results, strict=True):
            assert result.shape == value.shape and result.dtype.name == value.dtype
            known[value] = result
    return [known[tensor.value] for tensor in wanted]
