"""Elementwise nodes of one shape become one `chain`: one pass over memory.

`pydl.passes.clusters` finds which nodes may run as one; here each group is written as
the steps of a chain. Literals stand in the steps; comparisons feed `where` as 0 and 1
without being stored; a cast from bool is nothing at all.

::

    %2 = mul(%0, 0.5)
    %3 = add(%2, %1)        becomes   %4 = chain(%0, %1) {steps: "mul 0 #0.5;add 2 1;
    %4 = tanh(%3)                                         tanh 3", results: [4]}

Reductions at the end of a chain are taken along (`reduce`), so that what they read is
never in memory::

    %2 = sub(%0, %1)
    %3 = square(%2)                 becomes   %4 = chain(%0, %1) {steps: "sub 0 1;square
    %4 = reduce_mean(%3)                      2", results: [3], reduce: "reduce_mean"}
"""

from __future__ import annotations

from pydl.graph.node import Attr, Graph, Node, Value
from pydl.passes.clusters import MAX_OPERANDS, MAX_STEPS, Clusters, Group
from pydl.passes.rewrite import Rewriter, Uses, broadcast

MAX_RESULTS = 8


def chains(graph: Graph) -> Graph:
    """The graph with elementwise nodes fused, in an order that may be another."""
    uses = Uses(graph)
    clusters = Clusters(graph, uses)
    writer = _Writer(Rewriter(graph), uses, clusters)
    index = {node: i for i, node in enumerate(graph.nodes)}
    for unit in clusters.order(graph.nodes):
        if isinstance(unit, Group):
            writer.write(
                _in_order(unit.members, index, uses),
                sorted(unit.tails, key=index.__getitem__),
            )
        else:
            writer.rewriter.keep(unit)
    return writer.rewriter.finish()


def _in_order(members: list[Node], index: dict[Node, int], uses: Uses) -> list[Node]:
    """By their places, each bool just before what takes it in: so that a chain may be
    cut behind anything but a bool."""

    def place(node: Node) -> tuple[int, int]:
        taker: Node | None = node
        while taker is not None and taker.outputs[0].dtype == "bool":
            taker = uses.only_reader(taker.outputs[0])
        return index[taker or node], index[node]

    return sorted(members, key=place)


class _Writer:
    def __init__(self, rewriter: Rewriter, uses: Uses, clusters: Clusters) -> None:
        self.rewriter = rewriter
        self.uses = uses
        self.clusters = clusters

    def write(self, members: list[Node], tails: list[Node]) -> None:
        """Write nodes that may run as one: as a chain, as two if they are too many."""
        results = self._results(members, tails)
        if not results and not tails:
            return
        alone = len(members) == 1 and not tails and not self._gains(members[0])
        operands = [] if alone else self._operands(members)
        if not operands:
            for node in members:
                self._keep(node)
            for tail in tails:
                self.rewriter.keep(tail)
        elif (
            len(results) + len(tails) > MAX_RESULTS
            or len(operands) > MAX_OPERANDS
            or len(members) > MAX_STEPS
        ):
            self._write_halves(members, tails)
        else:
            self._write_chain(members, operands, results, tails)

    def _write_halves(self, members: list[Node], tails: list[Node]) -> None:
        half = self._split(members) if len(members) > 1 else 0
        if half == 0 or half == len(members):  # only tails are too many
            self.write(members, tails[:1])
            for tail in tails[1:]:
                self.rewriter.keep(tail)
            return
        first = set(members[:half])
        self.write(members[:half], [t for t in tails if t.inputs[0].node in first])
        self.write(members[half:], [t for t in tails if t.inputs[0].node not in first])

    def _gains(self, node: Node) -> bool:
        """Whether one node alone is better off as a chain: literals are not loaded."""
        return node.op != "cast" and any(
            self.clusters.is_literal(value) for value in node.inputs
        )

    def _split(self, members: list[Node]) -> int:
        """Where to cut: in the middle, but never behind a bool."""
        half = len(members) // 2
        while members[half - 1].outputs[0].dtype == "bool":
            half += 1
        return half

    def _results(self, members: list[Node], tails: list[Node]) -> list[Value]:
        """What is read outside, but for what only `tails` read."""
        inside = {*members, *tails}
        readers, kept = self.uses.readers, self.uses.kept
        return [
            value
            for node in members
            for value in node.outputs
            if value in kept or any(r not in inside for r in readers.get(value, ()))
        ]

    def _operands(self, members: list[Node]) -> list[Value]:
        """What comes from outside, in order of first use. A zero of the result's shape
        is added if only literals have it. Empty if no chain can work on them."""
        inside = {value for node in members for value in node.outputs}
        outer = dict.fromkeys(v for n in members for v in n.inputs if v not in inside)
        operands = [value for value in outer if not self.clusters.is_literal(value)]
        if not any(value.dtype != "bool" for value in operands):
            return []
        out = members[-1].outputs[0]
        if broadcast([value.shape for value in operands]) != out.shape:
            operands.append(self._full(out, 0.0, members[-1]))
        return operands

    def _keep(self, node: Node) -> None:
        """Leave the node as it is. Its literals may have stood behind it."""
        rewriter, is_literal = self.rewriter, self.clusters.is_literal
        if not any(map(is_literal, node.inputs)):
            rewriter.keep(node)
            return
        inputs = [
            self._full(value, float(self.clusters.literals[value] or 0), node)
            if is_literal(value)
            else rewriter.now(value)
            for value in node.inputs
        ]
        specs = [(value.dtype, value.shape) for value in node.outputs]
        kept = rewriter.add(node.op, inputs, node.attrs, specs, node)
        for old, new in zip(node.outputs, kept.outputs, strict=True):
            rewriter.replace(old, new)

    def _full(self, like: Value, number: float, node: Node) -> Value:
        attrs: dict[str, Attr] = {"shape": list(like.shape), "dtype": like.dtype}
        attrs["value"] = number
        spec = [(like.dtype, like.shape)]
        return self.rewriter.add("full", (), attrs, spec, node).outputs[0]

    def _write_chain(
        self,
        members: list[Node],
        operands: list[Value],
        results: list[Value],
        tails: list[Node],
    ) -> None:
        registers = {value: i for i, value in enumerate(operands)}
        steps: list[str] = []
        for node in members:
            steps.append(self._step(node, registers))
            registers[node.outputs[0]] = len(operands) + len(steps) - 1
        ends = [*results, *(tail.inputs[0] for tail in tails)]
        attrs: dict[str, Attr] = {
            "steps": ";".join(steps),
            "results": [registers[value] for value in ends],
        }
        if tails:
            names = ["none"] * len(results) + [tail.op for tail in tails]
            attrs["reduce"] = ";".join(names)
            attrs["axes"] = tails[0].attrs["axes"]
            attrs["keepdims"] = tails[0].attrs.get("keepdims", 0)
        outputs = [*results, *(tail.outputs[0] for tail in tails)]
        inputs = [self.rewriter.now(value) for value in operands]
        specs = [(value.dtype, value.shape) for value in outputs]
        like = tails[-1] if tails and not results else members[-1]
        chain = self.rewriter.add("chain", inputs, attrs, specs, like)
        for old, new in zip(outputs, chain.outputs, strict=True):
            self.rewriter.replace(old, new)

    def _step(self, node: Node, registers: dict[Value, int]) -> str:
        numbers = self.clusters.literals
        arguments = [
            str(registers[v]) if v in registers else f"#{float(numbers[v] or 0)!r}"
            for v in node.inputs
        ]
        op = "copy" if node.op == "cast" else node.op  # a bool register is 0 or 1
        return " ".join((op, *arguments))
