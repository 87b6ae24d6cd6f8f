"""Small training graphs, and the check that a pass keeps what a graph computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plan.interpreter import evaluate
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.node import LEAVES, Graph
from pydl.graph.trace import Trace
from pydl.passes import run_passes
from pydl.runtime.variable import Variable

ROWS, FEATURES, HIDDEN, CLASSES = 6, 5, 8, 3


def op_names(graph: Graph) -> list[str]:
    """The opcodes of a graph, in order, without leaves and reshapes."""
    return [n.op for n in graph.nodes if n.op not in LEAVES and n.op != "reshape"]


def inputs_of(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays for every input; integers are labels, uint32 a seed."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for node in graph.leaves("input"):
        out = node.outputs[0]
        if out.dtype.startswith(("int", "uint")):
            array = rng.integers(0, CLASSES, out.shape)
        elif out.dtype == "bool":
            array = rng.random(out.shape) < 0.5
        else:
            array = rng.normal(size=out.shape)
        arrays[node.payload.name] = array.astype(out.dtype)
    return arrays


def check_same(
    graph: Graph,
    passes: Callable[[Graph], Graph] = run_passes,
    inputs: dict[str, np.ndarray] | None = None,
    rtol: float = 1e-12,
) -> Graph:
    """Run the passes; the result computes the same (in float64, so that fusing changes
    little). Returns it."""
    optimized = passes(graph)
    inputs = inputs or inputs_of(graph)
    variables = [node.payload for node in graph.leaves("variable")]
    states: list[dict[Any, np.ndarray]] = [
        {v: v.numpy() for v in variables} for _ in range(2)
    ]
    wanted = evaluate(graph, inputs, states[0])
    received = evaluate(optimized, inputs, states[1])
    for name, value in wanted.items():
        np.testing.assert_allclose(received[name], value, rtol, 1e-14, err_msg=name)
    for variable in variables:
        np.testing.assert_allclose(
            states[1][variable], states[0][variable], rtol, 1e-14, err_msg=variable.name
        )
    return optimized


def variable(name: str, *shape: int) -> Variable:
    """A float64 variable of random numbers, the same for each name and shape."""
    rng = np.random.default_rng(sum(map(ord, name)))
    return Variable(rng.normal(size=shape), dtype="float64", name=name)


def mlp(
    activation: str = "relu", dropout: float = 0.0, loss: str = "sparse_cross_entropy"
) -> tuple[Graph, list[Variable]]:
    """One hidden layer, softmax, a loss on probabilities, all gradients as outputs."""
    weights = [variable("w1", FEATURES, HIDDEN), variable("b1", HIDDEN)]
    weights += [variable("w2", HIDDEN, CLASSES), variable("b2", CLASSES)]
    with Trace("mlp") as trace:
        x = trace.input("x", (ROWS, FEATURES), "float64")
        seed = trace.input("seed", (2,), "uint32")
        hidden = getattr(ops, activation)(
            ops.add(ops.matmul(x, weights[0]), weights[1])
        )
        if dropout:
            (hidden,) = trace.add("dropout", (hidden, seed), {"rate": dropout})
        logits = ops.add(ops.matmul(hidden, weights[2]), weights[3])
        probabilities = ops.softmax(logits)
        if loss.startswith("sparse"):
            target = trace.input("y", (ROWS,), "int32")
        else:
            target = ops.softmax(trace.input("y", (ROWS, CLASSES), "float64"))
        rows = trace.add(loss, (probabilities, target), {})[0]
        mean = ops.mean(rows)
        trace.output("loss", mean)
        trace.output("guess", ops.argmax(probabilities, axis=-1))
        for weight, grad in zip(weights, gradients([mean], weights), strict=True):
            assert grad is not None
            trace.output(f"grad_{weight.name}", grad)
    return trace.graph, weights
