"""What passes are written with: a graph rebuilt node by node, and who uses a value.

Nodes are never changed. A pass walks the old graph in order and keeps, replaces or adds
nodes; a kept node is rebuilt only when one of its operands was replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pydl.graph.node import (
    JOIN,
    Attr,
    Graph,
    Loop,
    Node,
    Output,
    Shape,
    Value,
    unshaped,
)


class Rewriter:
    """The graph being rebuilt, and which old value became which new one."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self._now: dict[Value, Value] = {}

    def now(self, value: Value) -> Value:
        """The value in the new graph that stands for an old one."""
        return self._now.get(value, value)

    def current(self, node: Node) -> Node:
        """The node with its operands as they are now: itself, if none was replaced."""
        now = self._now
        guard = node.guard
        if guard is not None:
            guard = now.get(guard, guard)
        for value in node.inputs:
            if value in now:
                break
        else:
            if guard is node.guard:
                return node
        inputs = tuple([now.get(value, value) for value in node.inputs])
        copy = Node(
            node.op, inputs, node.attrs, [(v.dtype, v.shape) for v in node.outputs],
            layer=node.layer, source=node.source, guard=guard, payload=node.payload,
        )  # fmt: skip
        return copy

    def keep(self, node: Node, current: Node | None = None) -> Node:
        """Take the node over, as `current` if that is given."""
        current = current or self.current(node)
        self.nodes.append(current)
        if current is not node:
            for old, new in zip(node.outputs, current.outputs, strict=True):
                self._now[old] = new
        return current

    def add(
        self,
        op: str,
        inputs: Iterable[Value],
        attrs: dict[str, Attr],
        specs: list[tuple[str, Shape]],
        like: Node,
    ) -> Node:
        """A new node on values of the new graph, labelled and guarded as `like` is."""
        guard = self.now(like.guard) if like.guard is not None else None
        node = Node(
            op, tuple(inputs), attrs, specs,
            layer=like.layer, source=like.source, guard=guard,
        )  # fmt: skip
        self.nodes.append(node)
        return node

    def replace(self, old: Value, new: Value) -> None:
        """Let `new`, a value of the new graph, stand for `old` from here on."""
        self._now[old] = new

    def finish(self) -> Graph:
        """The new graph."""
        graph, now = self.graph, self.now
        loop = graph.loop
        return replace(
            graph,
            nodes=self.nodes,
            outputs=[Output(o.name, now(o.value), o.step) for o in graph.outputs],
            assigns={variable: now(value) for variable, value in graph.assigns.items()},
            loop=Loop(now(loop.count), loop.stop) if loop is not None else None,
            regions=[[now(value) for value in region] for region in graph.regions],
        )


class Uses:
    """Who reads each value of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.readers: dict[Value, list[Node]] = {}
        readers = self.readers
        for node in graph.nodes:
            for value in node.inputs:
                readers.setdefault(value, []).append(node)
            if node.guard is not None:
                readers.setdefault(node.guard, []).append(node)
        #: Values that must exist in memory: outputs, assigned ones, members of regions,
        #: sides of joins.
        self.kept: set[Value] = {output.value for output in graph.outputs}
        for node in graph.nodes:
            if node.op == JOIN:
                self.kept.update(node.inputs)
                self.kept.update(map(unshaped, node.inputs))
        self.kept.update(graph.assigns.values())
        for region in graph.regions:
            self.kept.update(region)

    def only_reader(self, value: Value) -> Node | None:
        """The one node that reads `value`, once, if nothing else needs it and it runs
        under the same guard."""
        readers = self.readers.get(value, ())
        if len(readers) != 1 or value in self.kept:
            return None
        return readers[0] if readers[0].guard is value.node.guard else None


def literal(value: Value) -> float | int | bool | None:
    """The number every element of `value` has, if the graph says so."""
    node = value.node
    while node.op in ("reshape", "broadcast_to"):
        node = node.inputs[0].node
    if node.op == "full":
        return _as_dtype(node.attrs["value"], value.dtype)
    if node.op == "constant" and node.payload.size == 1:
        return node.payload.item()  # type: ignore[no-any-return]
    return None


def _as_dtype(number: Any, dtype: str) -> float | int | bool:
    if dtype == "bool":
        return bool(number)
    return float(number) if "float" in dtype else int(number)


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The shape NumPy broadcasts these to; None if they do not fit."""
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for axis, dim in enumerate(shape, rank - len(shape)):
            if result[axis] == 1:
                result[axis] = dim
            elif dim not in (1, result[axis]):
                return None
    return tuple(result)
