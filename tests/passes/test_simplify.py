"""Identities, literals, common subexpressions."""

from __future__ import annotations

import numpy as np
import pytest

from passes.samples import check_same, op_names
from pydl.graph.node import Graph
from pydl.graph.trace import Trace, TraceTensor
from pydl.passes.dead_code import dead_code
from pydl.passes.simplify import simplify
from pydl.runtime.variable import Variable


def simplified(graph: Graph) -> Graph:
    return dead_code(simplify(graph))


def traced(write) -> Graph:  # type: ignore[no-untyped-def]
    with Trace("sample") as trace:
        x = trace.input("x", (4, 6), "float64")
        trace.output("y", write(trace, x))
    return trace.graph


def number(trace: Trace, value: float) -> TraceTensor:
    return trace.constant(np.asarray(value, "float64"))


def one(trace: Trace, op: str, *inputs: TraceTensor, **attrs) -> TraceTensor:  # type: ignore[no-untyped-def]
    return trace.add(op, inputs, attrs)[0]


CASES = {
    "reshape of reshape": (
        lambda t, x: one(t, "reshape", one(t, "reshape", x, shape=[24]), shape=[6, 4]),
        [],
    ),
    "wider and back": (
        lambda t, x: one(
            t,
            "cast",
            one(
                t,
                "cast",
                one(t, "cast", one(t, "cast", x, dtype="float16"), dtype="float32"),
                dtype="float16",
            ),
            dtype="float64",
        ),
        ["cast", "cast"],
    ),
    "narrower and back": (
        lambda t, x: one(
            t, "cast", one(t, "cast", x, dtype="float32"), dtype="float64"
        ),
        ["cast", "cast"],
    ),
    "transposes that cancel": (
        lambda t, x: one(
            t, "transpose", one(t, "transpose", x, perm=[1, 0]), perm=[1, 0]
        ),
        [],
    ),
    "transpose of an axis of one": (
        lambda t, x: one(
            t, "transpose", one(t, "reshape", x, shape=[24, 1]), perm=[1, 0]
        ),
        [],
    ),
    "product of a transposed matrix": (
        lambda t, x: one(t, "matmul", one(t, "transpose", x, perm=[1, 0]), x),
        ["matmul"],
    ),
    "product with a transposed matrix": (
        lambda t, x: one(
            t, "matmul", x, one(t, "transpose", x, perm=[1, 0]), transpose_b=0
        ),
        ["matmul"],
    ),
    "batch of transposed matrices in a row": (
        lambda t, x: one(
            t, "batch_matmul", one(t, "reshape", x, shape=[4, 2, 3]),
            one(t, "reshape",
                one(t, "transpose", one(t, "reshape", x, shape=[2, 2, 2, 3]),
                    perm=[0, 1, 3, 2]),
                shape=[4, 3, 2]),
        ),
        ["batch_matmul"],
    ),
    "batch of matrices transposed otherwise": (
        lambda t, x: one(
            t, "batch_matmul", one(t, "reshape", x, shape=[2, 4, 3]),
            one(t, "transpose", one(t, "reshape", x, shape=[3, 4, 2]), perm=[2, 0, 1]),
        ),
        ["transpose", "batch_matmul"],
    ),
    "cast to its own dtype": (lambda t, x: one(t, "cast", x, dtype="float64"), []),
    "neg of neg": (lambda t, x: one(t, "neg", one(t, "neg", x)), []),
    "times one": (lambda t, x: one(t, "mul", number(t, 1.0), x), []),
    "plus zero": (lambda t, x: one(t, "add", x, number(t, 0.0)), []),
    "zero minus stays": (lambda t, x: one(t, "sub", number(t, 0.0), x), ["sub"]),
    "division by a power of two": (
        lambda t, x: one(t, "div", x, number(t, 8.0)),
        ["full", "mul"],
    ),
    "division by another number": (
        lambda t, x: one(t, "div", x, number(t, 3.0)),
        ["div"],
    ),
    "square": (lambda t, x: one(t, "pow", x, number(t, 2.0)), ["square"]),
    "literals": (
        lambda t, x: one(t, "mul", x, one(t, "add", number(t, 2.0), number(t, 0.5))),
        ["full", "mul"],
    ),
    "broadcast operand": (
        lambda t, x: one(
            t, "mul", x, one(t, "broadcast_to", number(t, 3.0), shape=[4, 6])
        ),
        ["mul"],
    ),
    "broadcast that gives the shape": (
        lambda t, x: one(
            t, "mul", number(t, 2.0), one(t, "broadcast_to", x, shape=[2, 4, 6])
        ),
        ["broadcast_to", "mul"],
    ),
    "common subexpressions": (
        lambda t, x: one(t, "add", one(t, "exp", x), one(t, "exp", x)),
        ["exp", "add"],
    ),
    "sum over axes of one": (
        lambda t, x: one(
            t, "reduce_sum", one(t, "reshape", x, shape=[4, 1, 6]), axes=[1], keepdims=0
        ),
        [],
    ),
    "sum of a literal": (
        lambda t, x: one(
            t, "mul", x,
            one(t, "reduce_sum", one(t, "full", shape=[5], dtype="float64", value=2.0),
                axes=[0], keepdims=0),
        ),
        ["full", "mul"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rules(name: str) -> None:
    write, left = CASES[name]
    graph = traced(write)
    assert op_names(check_same(graph, simplified, rtol=0)) == left


def test_random_ops_of_different_seeds_stay() -> None:
    with Trace("random") as trace:
        seeds = [trace.input(f"seed{i}", (2,), "uint32") for i in range(2)]
        attrs = {"shape": [4], "dtype": "float32", "low": 0.0, "high": 1.0}
        drawn = [trace.add("random_uniform", (seeds[i],), attrs)[0] for i in (0, 0, 1)]
        for i, value in enumerate(drawn):
            trace.output(f"y{i}", value)
    assert op_names(simplified(trace.graph)) == ["random_uniform"] * 2


def test_a_guarded_assignment_keeps_its_copy() -> None:
    v = Variable(np.zeros(4), dtype="float64", name="v")
    with Trace("guarded") as trace:
        x = trace.input("x", (4,), "float64")
        with trace.skip_if(trace.input("flag", (1,), "int64")):
            trace.assign(v, x)
    inputs = {"x": np.ones(4), "flag": np.array([1])}
    graph = check_same(trace.graph, simplified, inputs)
    assert op_names(graph) == ["copy"] and graph.nodes[-1].guard is not None


def test_the_gradient_of_relu_and_dropout_draws_nothing() -> None:
    with Trace("drop") as trace:
        x = trace.input("x", (4, 6), "float64")
        seed = trace.input("seed", (2,), "uint32")
        grad = trace.input("grad", (4, 6), "float64")
        (out,) = trace.add("relu", (x,), {})
        (dropped,) = trace.add("dropout", (out, seed), {"rate": 0.4})
        (back,) = trace.add("dropout", (grad, seed), {"rate": 0.4})
        trace.output("y", dropped)
        trace.output("grad_x", trace.add("relu_grad", (back, out), {})[0])
    graph = check_same(trace.graph, simplified)
    reader = next(node for node in graph.nodes if node.op == "relu_grad")
    assert [value.node.op for value in reader.inputs] == ["mul", "dropout"]
    assert op_names(graph).count("dropout") == 1
