"""What a legal graph is. Run after each pass under test (`graph.debug.verifying`)."""

from __future__ import annotations

from collections.abc import Sequence

from pydl import _core
from pydl.graph.node import (
    BEGIN,
    END,
    JOIN,
    LEAVES,
    ROW,
    Graph,
    InputPort,
    Node,
    Shape,
    Value,
    is_inside,
    scope_of,
    unshaped,
)


class GraphError(RuntimeError):
    """A pass or a trace made a graph that breaks the rules: a bug in pydl."""


def verify(graph: Graph, after: str = "trace") -> None:
    """Raise GraphError at the first broken rule, naming the stage it came after."""
    known: set[Value] = set()
    for node in graph.nodes:
        _check_node(graph, node, known, after)
        known.update(node.outputs)
    _check_ends(graph, known, after)
    _check_loop(graph, known, after)
    _check_names(graph, after)


def _fail(graph: Graph, after: str, what: str) -> None:
    raise GraphError(f"graph {graph.name!r} after {after}: {what}")


def _check_node(graph: Graph, node: Node, known: set[Value], after: str) -> None:
    for value in node.inputs:
        if value not in known:
            _fail(graph, after, f"{node} reads {value}, which is not made before it")
        guard = scope_of(value)
        if node.op == JOIN and guard is not None:
            guard = guard.node.guard
        if node.op == END and guard is node.inputs[0]:
            guard = node.guard
        if not is_inside(node.guard, guard):
            _fail(
                graph, after, f"{node} reads {value}, made inside a guard, outside it"
            )
    if node.guard is not None:
        if node.guard not in known:
            _fail(graph, after, f"the guard of {node} is not made before it")
        if (node.guard.dtype, node.guard.shape) != ("int64", (1,)):
            _fail(graph, after, f"the guard of {node} is {node.guard}, not int64 (1,)")
    if node.op in LEAVES:
        _check_leaf(graph, node, after)
        return
    found = [(value.dtype, value.shape) for value in node.outputs]
    if node.op == JOIN:
        guards = {unshaped(value).node.guard for value in node.inputs}
        joined = [(value.dtype, value.shape) for value in node.inputs]
        if None in guards or len(guards) != len(joined) or {*joined} != {*found}:
            _fail(graph, after, f"{node} joins {joined} under {len(guards)} guards")
        return
    if node.op in (BEGIN, ROW, END):
        _check_loop_node(graph, node, after)
        return
    specs = _core.infer(node.op, [(v.dtype, v.shape) for v in node.inputs], node.attrs)
    if [(dtype, tuple(shape)) for dtype, shape in specs] != found:
        _fail(graph, after, f"{node} has results {found}, its operands give {specs}")


def _check_loop_node(graph: Graph, node: Node, after: str) -> None:
    def specs(values: Sequence[Value]) -> list[tuple[str, Shape]]:
        return [(value.dtype, value.shape) for value in values]

    given, found = specs(node.inputs), specs(node.outputs)
    if node.op == BEGIN:
        wanted = [("int64", (1,)), *given[1:]]
        if given[:1] != wanted[:1] or not isinstance(node.attrs["most"], int):
            _fail(graph, after, f"{node} has no count")
    elif node.inputs[0].node.op != BEGIN:
        _fail(graph, after, f"{node} belongs to no loop")
    elif node.op == ROW:
        wanted = [(given[1][0], given[1][1][1:])]
    else:
        begin = node.inputs[0].node
        count = node.integer("carries")
        wanted = specs(begin.outputs)[1:]
        if given[1 : 1 + count] != wanted:
            _fail(graph, after, f"{node} carries {given[1 : 1 + count]}, not {wanted}")
        most = begin.integer("most")
        wanted += [(dtype, (most, *shape)) for dtype, shape in given[1 + count :]]
    if found != wanted:
        _fail(graph, after, f"{node} has results {found}, its operands give {wanted}")


def _check_leaf(graph: Graph, node: Node, after: str) -> None:
    if node.inputs or node.guard is not None or len(node.outputs) != 1:
        _fail(graph, after, f"leaf {node} has operands, a guard or several results")
    if node.op == "input":
        if not isinstance(node.payload, InputPort):
            _fail(graph, after, f"input {node} has no port")
        return
    value, payload = node.outputs[0], node.payload
    dtype = payload.dtype if isinstance(payload.dtype, str) else payload.dtype.name
    if (dtype, tuple(payload.shape)) != (value.dtype, value.shape):
        _fail(graph, after, f"{node} is {dtype} {payload.shape} in memory, not {value}")


def _check_ends(graph: Graph, known: set[Value], after: str) -> None:
    for output in graph.outputs:
        if output.value not in known:
            _fail(graph, after, f"output {output.name!r} is not made by the graph")
        if output.value.node.guard is not None:
            _fail(graph, after, f"output {output.name!r} is made inside a guard")
    for variable, value in graph.assigns.items():
        if value not in known:
            _fail(graph, after, f"the value of {variable.name!r} is not made")
        if (value.dtype, value.shape) != (variable.dtype, tuple(variable.shape)):
            _fail(
                graph,
                after,
                f"{value} is assigned to variable {variable.name!r} of "
                f"{variable.dtype} {tuple(variable.shape)}",
            )
    for region in graph.regions:
        for value in region:
            if value not in known:
                _fail(graph, after, f"{value} of a region is not made by the graph")


def _check_loop(graph: Graph, known: set[Value], after: str) -> None:
    stepped = any(output.step for output in graph.outputs) or any(
        node.payload.step for node in graph.leaves("input")
    )
    if graph.loop is None:
        if stepped:
            _fail(graph, after, "there is a stepped input or output but no loop")
        return
    count = graph.loop.count
    if count not in known or count.node.op != "input" or count.node.payload.step:
        _fail(graph, after, f"the loop count {count} is not a plain input")
    if (count.dtype, count.shape) != ("int64", (1,)):
        _fail(graph, after, f"the loop count is {count}, not int64 (1,)")
    stop = graph.loop.stop
    if stop is not None and (stop.dtype, tuple(stop.shape)) != ("int64", (1,)):
        _fail(graph, after, f"the stop variable is {stop.dtype} {stop.shape}")


def _check_names(graph: Graph, after: str) -> None:
    for kind, names in (
        ("input", [node.payload.name for node in graph.leaves("input")]),
        ("output", [output.name for output in graph.outputs]),
    ):
        if len(set(names)) != len(names):
            _fail(graph, after, f"two {kind}s have the same name: {sorted(names)}")
