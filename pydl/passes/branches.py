"""What only serves a result that is not chosen is left out.

A `where` with a condition of one element chooses between two whole arrays. The nodes
that only feed one side of such choices, one of them or several by the same flag, get a
guard, so that the plan has an `if` around them; the choice becomes a `join`: both sides
write the same memory. Sides with little to do are left as they are. Choices nest.

::

    %3 = exp(%x)                        %4 = logical_not(%flag)      (int64 [1])
    %5 = where(%flag, %3, %x)   becomes %3 = exp(%x)                 unless %4
                                        %6 = copy(%x)                unless %7
                                        %5 = join(%3, %6)
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from functools import reduce

from pydl.graph.families import families
from pydl.graph.node import (
    BEGIN,
    END,
    JOIN,
    LEAVES,
    NO_STEPS,
    ROW,
    Attr,
    Graph,
    Node,
    Shape,
    Value,
    is_token,
    unshaped,
)  # fmt: skip
from pydl.passes.rewrite import Rewriter, Uses

#: The least work of a side that gets an `if`, in bytes read and written. With the flag
#: made for it an `if` takes 0.15 us on the CPU; it wins from 8 KB on if the side is
#: left out, and from 16 KB on if it runs (the `where` is spared).
WORTH = 16 * 1024
#: What a byte of other families costs, in bytes of arithmetic.
_COSTS = {"random": 8.0, "sort": 16.0, "softmax": 4.0, "loss": 4.0, "cumulative": 4.0}
#: Bytes that a processor moves in the time of so many multiplications and additions.
_FLOPS_PER_BYTE = 4

#: A side of a choice: the flag, and whether it is taken when the flag holds.
Side = tuple[Value, bool]
#: The sides around a node, from the outermost; before them the guard it has already.
Path = tuple[Value | Side, ...]


def branches(graph: Graph) -> Graph:
    """The graph with guards around what serves one side of a choice."""
    if not any(_chooses(node) for node in graph.nodes):
        return graph
    paths = _paths(graph)
    worth = _worth(paths)
    if not worth:
        return graph
    return _Writer(graph, paths, worth).run()


def _chooses(node: Node) -> bool:
    return node.op == "where" and math.prod(node.inputs[0].shape) == 1


# -- which nodes serve one side --------------------------------------------------------


def _paths(graph: Graph) -> dict[Node, Path]:
    """The sides each node is on: those that all its readers have in common. Nodes that
    only serve sides that are never taken are left out."""
    uses = Uses(graph)
    paths: dict[Node, Path] = {}
    insides: dict[Value, Path] = {}  # token -> the path of what is in the loop
    for node in reversed(graph.nodes):
        own = _own_path(node, insides)
        if node.op in LEAVES or any(value in uses.kept for value in node.outputs):
            paths[node] = own
        elif node.op == BEGIN:
            paths[node] = insides.get(node.outputs[0], own)[:-1]
        else:
            seen = [
                path
                for value in node.outputs
                for reader in uses.readers.get(value, ())
                if reader in paths
                and (path := _seen_from(reader, value, paths, insides)) is not None
            ]
            if not seen:
                continue
            shared = _reachable(reduce(_shared, seen), own)
            paths[node] = shared if _has_sides(shared) else own
        if node.op == END:
            insides[node.inputs[0]] = (*paths[node], node.inputs[0])
    return paths


def _own_path(node: Node, insides: dict[Value, Path]) -> Path:
    if node.guard is None:
        return ()
    return insides.get(node.guard, (node.guard,))


def _reachable(path: Path, own: Path) -> Path:
    """The part of a path that is in no loop in which the node itself is not."""
    for i, part in enumerate(path):
        if not isinstance(part, tuple) and is_token(part) and part not in own:
            return path[:i]
    return path


def _seen_from(
    reader: Node, value: Value, paths: dict[Node, Path], insides: dict[Value, Path]
) -> Path | None:
    """The sides a value is on if only this reader has it; None if that has not even
    this one."""
    path = paths[reader]
    if reader.guard is value:
        return path if is_token(value) else ()
    if reader.op == END:
        return insides[reader.inputs[0]]
    if not _chooses(reader) or value is reader.inputs[0]:
        return path
    known = _known_choice(reader, path)
    if known is not None:
        return path if value is known else None
    flag, on_true, on_false = reader.inputs
    return path if on_true is on_false else (*path, (flag, value is on_true))


def _known_choice(node: Node, path: Path) -> Value | None:
    """What is chosen by a flag that has chosen the side the choice is on already."""
    flag = node.inputs[0]
    for on, value in zip((True, False), node.inputs[1:], strict=True):
        if (flag, on) in path and value.shape == node.outputs[0].shape:
            return value
    return None


def _has_sides(path: Path) -> bool:
    return any(isinstance(part, tuple) for part in path)


def _side_of(path: Path) -> Path:
    """The innermost side of a path, with what is around it."""
    length = len(path)
    while length and not isinstance(path[length - 1], tuple):
        length -= 1
    return path[:length]


def _shared(a: Path, b: Path) -> Path:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return a[:length]


def _worth(paths: dict[Node, Path]) -> set[Path]:
    """The sides with enough to do. What is inside a side is part of it."""
    work: dict[Path, float] = {}
    for node, path in paths.items():
        for length in range(1, len(path) + 1):
            if isinstance(path[length - 1], tuple):
                side = path[:length]
                work[side] = work.get(side, 0.0) + _work(node)
    return {side for side, amount in work.items() if amount >= WORTH}


def _work(node: Node) -> float:
    """About how many bytes could be moved in the time the node takes."""
    if node.op in LEAVES or node.op in NO_STEPS:
        return 0.0
    moved = float(sum(v.nbytes for v in (*node.inputs, *node.outputs)))
    moved *= _COSTS.get(families()[node.op], 1.0)
    return moved + 2.0 * _products(node) / _FLOPS_PER_BYTE


def _products(node: Node) -> float:
    """How often two numbers are multiplied and added, in products and convolutions."""
    if node.op in ("matmul", "batch_matmul"):
        a, out = node.inputs[0], node.outputs[0]
        depth = a.shape[-2 if node.attrs.get("transpose_a") else -1]
        return float(math.prod(out.shape) * depth)
    if families()[node.op] != "conv":
        return 0.0
    first, second, result = *node.inputs[:2], node.outputs[0]
    weight, out = {
        "conv": (second, result),
        "conv_grad_x": (second, first),
        "conv_grad_w": (result, second),
    }[node.op]
    return float(math.prod(weight.shape[:-1]) * math.prod(out.shape))


# -- the graph again, sides together ---------------------------------------------------


class _Writer:
    """Keeps the nodes of a side back until a choice needs them."""

    def __init__(self, graph: Graph, paths: dict[Node, Path], worth: set[Path]) -> None:
        self.graph = graph
        self.rewriter = Rewriter(graph)
        self.known = {n: _known_choice(n, p) for n, p in paths.items() if _chooses(n)}
        self.paths = {node: _worthy(path, worth) for node, path in paths.items()}
        #: The sides that have nodes, and those nodes as long as they wait.
        self.sides = {p[:n] for p in self.paths.values() for n in range(1, 1 + len(p))}
        self.held: dict[Path, list[Node]] = {}
        self.order = {node: i for i, node in enumerate(graph.nodes)}
        self.skips: dict[tuple[Value | None, Side], Value] = {}
        self.joined: set[Value] = set()  # roots that are sides of a join
        self.updates = _updates(graph)

    def run(self) -> Graph:
        for node in self.graph.nodes:
            path = self.paths.get(node)
            if path is None:
                continue
            side = _side_of(path)
            if side:
                self.held.setdefault(side, []).append(node)
            else:
                self._write(node, path, node.guard and self.rewriter.now(node.guard))
        return self.rewriter.finish()

    def _guard_in(self, node: Node, path: Path, skip: Value) -> Value:
        """The guard of a node on a side: that of the side, or its loop's inside it."""
        if node.guard is not None and is_token(node.guard) and node.guard == path[-1]:
            return self.rewriter.now(node.guard)
        return skip

    def _write(self, node: Node, path: Path, guard: Value | None) -> None:
        known = self.known.get(node)
        if known is not None:
            self.rewriter.replace(node.outputs[0], self.rewriter.now(known))
            return
        if _chooses(node):
            sides = [(node.inputs[0], on) for on in (True, False)]
            if any((*path, side) in self.sides for side in sides):
                self._write_choice(node, path, guard)
                return
        current = self.rewriter.current(node)
        if current.guard is not guard:
            specs = [(v.dtype, v.shape) for v in current.outputs]
            current = _node(
                current.op, current.inputs, current.attrs, specs, node, guard
            )
        self.rewriter.keep(node, current)

    def _write_choice(self, node: Node, path: Path, guard: Value | None) -> None:
        """What the sides hold back, under their guards; then the join."""
        flag, out = node.inputs[0], node.outputs[0]
        sources = []
        for on, value in zip((True, False), node.inputs[1:], strict=True):
            skip = self._skip(node, (flag, on), guard)
            side: Path = (*path, (flag, on))
            for held in self._take_held(side, node):
                inside = self.paths[held]
                self._write(held, inside, self._guard_in(held, inside, skip))
            if self.updates.get(out) is not value:
                sources.append(self._source(node, value, skip))
        if len(sources) == 1:  # an assignment under the guard is all that is left
            self.rewriter.replace(out, sources[0])
            return
        spec = [(out.dtype, out.shape)]
        join = _node(JOIN, tuple(sources), {}, spec, node, guard)
        self.rewriter.keep(node, join)

    def _take_held(self, side: Path, choice: Node) -> list[Node]:
        """The nodes of a side that came before a choice."""
        held = self.held.get(side, [])
        end = bisect_left(held, self.order[choice], key=self.order.__getitem__)
        self.held[side] = held[end:]
        return held[:end]

    def _skip(self, node: Node, side: Side, guard: Value | None) -> Value:
        """int64 [1]: not 0 when the side is not taken."""
        found = self.skips.get((guard, side))
        if found is not None:
            return found
        flag, on = side
        value = self.rewriter.now(flag)
        shape = value.shape
        if on:
            value = self._add("logical_not", value, {}, ("bool", shape), node, guard)
        attrs: dict[str, Attr] = {"dtype": "int64"}
        value = self._add("cast", value, attrs, ("int64", shape), node, guard)
        if shape != (1,):
            attrs = {"shape": [1]}
            value = self._add("reshape", value, attrs, ("int64", (1,)), node, guard)
        self.skips[guard, side] = value
        return value

    def _source(self, node: Node, value: Value, skip: Value) -> Value:
        """A side of the join: the value itself if it is made under the guard and is no
        side of another join, else a copy."""
        value, out = self.rewriter.now(value), node.outputs[0]
        root = unshaped(value)
        free = root.node.guard is skip and root not in self.joined and _movable(root)
        if free and value.shape == out.shape:
            self.joined.add(root)
            return value
        spec = (out.dtype, out.shape)
        if value.shape == out.shape:
            return self._add("copy", value, {}, spec, node, skip)
        attrs: dict[str, Attr] = {"shape": list(out.shape)}
        return self._add("broadcast_to", value, attrs, spec, node, skip)

    def _add(
        self,
        op: str,
        value: Value,
        attrs: dict[str, Attr],
        spec: tuple[str, Shape],
        like: Node,
        guard: Value | None,
    ) -> Value:
        node = _node(op, (value,), attrs, [spec], like, guard)
        self.rewriter.nodes.append(node)
        return node.outputs[0]


def _movable(root: Value) -> bool:
    """Whether the steps that make a value may write it elsewhere: not rows, nor arrays
    of rows."""
    node = root.node
    stacked = node.op == END and root.index >= node.integer("carries")
    return node.op != ROW and not stacked


def _node(
    op: str,
    inputs: tuple[Value, ...],
    attrs: dict[str, Attr],
    specs: list[tuple[str, Shape]],
    like: Node,
    guard: Value | None,
) -> Node:
    return Node(
        op, inputs, attrs, specs,
        layer=like.layer, source=like.source, guard=guard, payload=like.payload,
    )  # fmt: skip


def _worthy(path: Path, worth: set[Path]) -> Path:
    """Without the sides that do too little."""
    return tuple(
        part
        for i, part in enumerate(path)
        if not isinstance(part, tuple) or path[: i + 1] in worth
    )


def _updates(graph: Graph) -> dict[Value, Value]:
    """Choices between a new value of one variable and the one it has: choice -> the
    one it has. They need no join."""
    uses = Uses(graph)
    shared = Counter(graph.assigns.values())
    shown = {output.value for output in graph.outputs}
    shown.update(value for region in graph.regions for value in region)
    found = {}
    for variable, value in graph.assigns.items():
        if not _chooses(value.node) or shared[value] > 1:
            continue
        if value in uses.readers or value in shown:
            continue
        _, *sides = value.node.inputs
        old = [side for side in sides if side.node.payload is variable]
        if len(old) == 1 and old[0].shape == value.shape:
            found[value] = old[0]
    return found
