"""pydl on a GPU: `fit` for networks, kernels in loops of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
from pydl_worker import mlp
from serve import Run, repeated, serve

import pydl
from benchmarks.gpu_cases import (
    COLUMNS,
    LONG,
    PRODUCTS,
    ROWS,
    STEPS,
    STREAMS,
    WIDE,
    Product,
)
from pydl import ops
from pydl.graph.trace import Trace
from pydl.ops.apply import emit
from pydl.runtime import gpu
from pydl.runtime.program import compile_graph

DEVICE = "cuda:0"
MODES = {"fp32": "highest", "tf32": "high", "bf16": "highest"}


def looped(call: Callable[..., Any], arrays: Sequence[Any]) -> Run:
    """`call` of arrays on the GPU in a loop that the GPU itself runs."""
    with Trace("bench") as trace:
        count = trace.input("steps", (1,), "int64")
        trace.loop(count)
        inputs = [
            trace.input(str(i), gpu.shape_of(array), gpu.dtype_of(array).name)
            for i, array in enumerate(arrays)
        ]
        output = call(*inputs)
        trace.output("out", output)
    program = compile_graph(trace.graph)
    feeds = {str(i): array for i, array in enumerate(arrays)}
    results = {"out": gpu.new(DEVICE, output.dtype, output.shape)}

    def once(steps: int) -> None:
        program.run({"steps": np.array([steps]), **feeds}, results)
        program.finish()

    once(2)
    once(2)  # the graph is there from now on
    steps = max(1, int(repeated(lambda: once(1), 0.02)()))

    def run() -> float:
        once(steps)
        return steps

    return run


def on_gpu(array: np.ndarray) -> Any:
    return gpu.upload(array, DEVICE)


def product(case: Product) -> Run:
    pydl.config.set_float32_matmul_precision(MODES[case.mode])
    dtype = ml_dtypes.bfloat16 if case.mode == "bf16" else np.float32
    operands = [on_gpu(array.astype(dtype)) for array in case.operands()]
    turned = int(case.mode == "tf32")
    call = partial(emit, "matmul", transpose_a=0, transpose_b=turned)
    return looped(call, operands)


def stream(name: str) -> Run:
    rng = np.random.default_rng(0)
    x = on_gpu(rng.standard_normal(LONG, np.float32).reshape(ROWS, COLUMNS))
    if name == "adam":
        return adam(x)
    if name == "elementwise":
        y = on_gpu(rng.standard_normal(LONG, np.float32).reshape(ROWS, COLUMNS))
        return looped(lambda x, y: ops.relu(x * y + x), [x, y])
    calls: dict[str, Callable[[Any], Any]] = {
        "copy": lambda x: emit("copy", x),
        "sum-rows": lambda x: ops.sum(x, axis=1),
        "sum-columns": lambda x: ops.sum(x, axis=0),
        "softmax": ops.softmax,
        "dropout": lambda x: pydl.random.dropout(x, 0.5, seed=1),
    }
    return looped(calls[name], [x])


def adam(grad: Any) -> Run:
    weight = pydl.Variable(np.zeros((ROWS, COLUMNS), np.float32))
    optimizer = pydl.optimizers.Adam()
    optimizer.build([weight])
    with Trace("adam") as trace:
        count = trace.input("steps", (1,), "int64")
        trace.loop(count)
        optimizer.apply([trace.input("grad", weight.shape, "float32")], [weight])
    program = compile_graph(trace.graph)

    def run() -> float:
        program.run({"steps": np.array([20]), "grad": grad})
        program.finish()
        return 20

    return run


def setup(name: str) -> Run | None:
    pydl.config.set_float32_matmul_precision("highest")
    policy = "mixed_bfloat16" if name == WIDE.name else "float32"
    pydl.config.set_dtype_policy(policy)
    if name in PRODUCTS:
        return product(PRODUCTS[name])
    if name in STREAMS:
        return stream(name)
    return mlp(STEPS[name])


pydl.config.set_device(DEVICE)
serve(setup)
