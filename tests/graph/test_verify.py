"""What verify refuses, and what the printer shows."""

from __future__ import annotations

import numpy as np
import pytest

from pydl import ops
from pydl.graph.node import Graph, Loop, Node, Output
from pydl.graph.printer import graph_text
from pydl.graph.trace import Trace
from pydl.graph.verify import GraphError, verify
from pydl.runtime.variable import Variable


def sample() -> tuple[Graph, Variable]:
    v = Variable(np.zeros((3,), "float32"), name="v")
    with Trace("sample") as trace:
        x = trace.input("x", (3,), "float32")
        trace.assign(v, ops.add(v, ops.negative(x)))
        trace.output("y", ops.exp(x))
    return trace.graph, v


def test_a_trace_is_legal_and_prints() -> None:
    graph, _ = sample()
    verify(graph)
    text = graph_text(graph)
    assert "graph sample" in text and "%0 = input x float32 (3,)" in text
    assert "assign v = %" in text and "output y = %" in text and "exp(%0)" in text


def break_order(graph: Graph, v: Variable) -> None:
    graph.nodes.reverse()


def break_shape(graph: Graph, v: Variable) -> None:
    x = graph.nodes[0].outputs[0]
    graph.nodes.append(Node("neg", (x,), {}, [("float32", (4,))]))


def break_output(graph: Graph, v: Variable) -> None:
    lost = Node("neg", (graph.nodes[0].outputs[0],), {}, [("float32", (3,))])
    graph.outputs.append(Output("lost", lost.outputs[0]))


def break_name(graph: Graph, v: Variable) -> None:
    graph.outputs.append(Output("y", graph.outputs[0].value))


def break_assign(graph: Graph, v: Variable) -> None:
    wide = Variable(np.zeros((4,), "float32"), name="wide")
    graph.assigns[wide] = graph.assigns[v]


def break_step(graph: Graph, v: Variable) -> None:
    graph.outputs[0].step = True


def break_loop(graph: Graph, v: Variable) -> None:
    graph.loop = Loop(graph.nodes[0].outputs[0])


def break_guard(graph: Graph, v: Variable) -> None:
    x = graph.nodes[0].outputs[0]
    graph.nodes.append(Node("neg", (x,), {}, [("float32", (3,))], guard=x))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (break_order, "not made before"),
        (break_shape, "its operands give"),
        (break_output, "'lost' is not made"),
        (break_name, "same name"),
        (break_assign, "wide"),
        (break_step, "no loop"),
        (break_loop, "loop count"),
        (break_guard, "int64"),
    ],
)
def test_broken_graphs(spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    graph, v = sample()
    spoil(graph, v)
    with pytest.raises(GraphError, match=words):
        verify(graph)


def test_what_is_made_under_a_guard_stays_there() -> None:
    with Trace("leak") as trace:
        x = trace.input("x", (3,), "float32")
        with trace.skip_if(trace.input("flag", (1,), "int64")):
            inside = ops.exp(x)
        trace.output("y", ops.negative(inside))
    with pytest.raises(GraphError, match="outside it"):
        verify(trace.graph)
