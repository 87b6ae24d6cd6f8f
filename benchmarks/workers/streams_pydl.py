"""pydl's side of the stream cases: each op in a native loop of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from serve import Run, repeated

from benchmarks.stream_cases import STREAMS
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.runtime.program import compile_graph
from pydl.runtime.variable import aligned_copy

Work = Callable[..., Any]


def chain8(x: Any) -> Any:
    return ops.minimum(ops.square(ops.relu(x * 1.5 + 0.5) * 0.25 - 1.0) + 1.0, 4.0)


def layer_norm_grad(grad: Any, x: Any, gamma: Any, beta: Any) -> list[Any]:
    out = ops.layer_normalization(x, gamma, beta)
    return list(gradients([out], [x, gamma, beta], [grad]))


WORKS: dict[str, Work] = {
    "chain8": chain8,
    "mse": lambda a, b: ops.mean(ops.square(a - b)),
    "sum": ops.sum,
    "row_sum": lambda x: ops.sum(x, axis=-1),
    "column_sum": lambda x: ops.sum(x, axis=0),
    "softmax": ops.softmax,
    "layer_norm": ops.layer_normalization,
    "layer_norm_grad": layer_norm_grad,
}


def stream(name: str) -> Run:
    case = STREAMS[name]
    # Aligned, as values of a plan are: NumPy's arrays are so by chance only.
    arrays = [aligned_copy(array) for array in case.operands()]
    with Trace(name) as trace:
        count = trace.input("steps", (1,), "int64")
        trace.loop(count)
        inputs = [
            trace.input(str(i), array.shape, "float32")
            for i, array in enumerate(arrays)
        ]
        made = WORKS[case.op](*inputs)
        outputs = made if isinstance(made, list) else [made]
        for i, output in enumerate(outputs):
            trace.output(f"out{i}", output)
    program = compile_graph(trace.graph)
    feeds = {str(i): array for i, array in enumerate(arrays)}
    results = {
        f"out{i}": aligned_copy(np.zeros(t.shape, t.dtype))
        for i, t in enumerate(outputs)
    }

    def call(steps: int) -> None:
        program.run({"steps": np.array([steps], np.int64), **feeds}, results)

    steps = max(1, int(repeated(lambda: call(1))()))

    def run() -> float:
        call(steps)
        return steps

    return run
