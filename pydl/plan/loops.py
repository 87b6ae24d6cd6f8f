"""Loops inside a graph: from BEGIN, ROW and END to steps and places.

What a loop carries has one *cell* of memory, the root of the value in the body and of
that after the loop. A copy brings the first value there, another the next value at the
end of each pass, unless the step that makes it can write there itself. Rows have no
memory of their own: they stand in the array they are a row of, each pass in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydl.graph.node import (
    BEGIN,
    END,
    LEAVES,
    Node,
    Value,
    guards_of,
    is_inside,
    is_token,
)  # fmt: skip

if TYPE_CHECKING:
    from pydl.plan.lower import Schedule


@dataclass(frozen=True)
class Row:
    """Where a row stands: in which array, and in which loop it moves."""

    token: Value
    array: Value
    reverse: bool

    @property
    def most(self) -> int:
        """The passes of the loop."""
        return self.token.node.integer("most")


def together(nodes: Sequence[Node]) -> list[Node]:
    """The nodes of each loop side by side: what stands between them comes before."""
    ends = {node.inputs[0]: i for i, node in enumerate(nodes) if node.op == END}
    if not ends:
        return list(nodes)
    ordered: list[Node] = []
    at = 0
    while at < len(nodes):
        node = nodes[at]
        if node.op != BEGIN or node.outputs[0] not in ends:
            ordered.append(node)
            at += 1
            continue
        token = node.outputs[0]
        body = nodes[at + 1 : ends[token]]
        inside = [n for n in body if is_inside(n.guard, token)]
        ordered += together([n for n in body if not is_inside(n.guard, token)])
        ordered += [node, *together(inside), nodes[ends[token]]]
        at = ends[token] + 1
    return ordered


class LoopCopies:
    """The copies that loops need, and which of them can be spared."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.first: list[tuple[Node, Value]] = []  # copy of a first value, its cell
        self.following: list[tuple[Node, Value]] = []  # of a next value, its cell
        self.stacked: list[tuple[Node, Value]] = []  # of a row, its array
        #: Roots that have a cell or a row already.
        self.claimed: set[Value] = set()
        #: Under the end of a loop: operand of it -> what is copied as the pass begins.
        self.early: dict[Node, dict[int, Value]] = {}
        self.ends = {n.inputs[0]: n for n in schedule.graph.nodes if n.op == END}
        self.reads: dict[Value, list[int]] = {}

    # -- all copies ------------------------------------------------------------------

    def begin(self, begin: Node) -> None:
        """First values go to the cells; what the pass overwrites is saved."""
        token, *cells = begin.outputs
        for cell, value in zip(cells, begin.inputs[1:], strict=True):
            self.first.append((self._copy(value, begin.guard), cell))
            self.schedule.roots[self.first[-1][0].outputs[0]] = cell
            self.claimed.add(cell)
        end = self.ends[token]
        _, *values = end.inputs
        roots = [self.schedule.root(value) for value in values]
        early = self.early[end] = {}
        for i, root in enumerate(roots):
            if root not in cells or (i < len(cells) and root is cells[i]):
                continue
            copy = self._copy(values[i], token)
            early[i] = copy.outputs[0]
            if i >= len(cells):
                self._to_row(copy, end, i)

    def end(self, end: Node) -> None:
        """Rows are stored, next values go to the cells."""
        token, *values = end.inputs
        _, *cells = token.node.outputs
        early = self.early.pop(end)
        for i in range(len(cells), len(values)):
            if i not in early:
                copy = self._copy(values[i], token)
                self._to_row(copy, end, i)
                self.stacked.append((copy, end.outputs[i]))
        for i, cell in enumerate(cells):
            value = early.get(i, values[i])
            self.schedule.roots[end.outputs[i]] = cell
            if self.schedule.root(value) is cell:
                continue
            copy = self._copy(value, token)
            self.schedule.roots[copy.outputs[0]] = cell
            self.following.append((copy, cell))

    def _to_row(self, copy: Node, end: Node, i: int) -> None:
        row = Row(end.inputs[0], end.outputs[i], bool(end.attrs["reverse"]))
        self.schedule.rows[copy.outputs[0]] = row

    def _copy(self, value: Value, guard: Value | None) -> Node:
        node = value.node
        step = Node(
            "copy", (value,), {}, [(value.dtype, value.shape)],
            layer=node.layer, source=node.source, guard=guard,
        )  # fmt: skip
        self.schedule.steps.append(step)
        return step

    # -- fewer copies ----------------------------------------------------------------

    def spare(self) -> None:
        """Let steps write to cells and rows themselves where nothing needs what stands
        there. Uses the lives of all steps, which change with it."""
        if not self.ends:
            return
        spared = {
            copy for copy, cell in self.following if self._next_in_place(copy, cell)
        }
        spared.update(c for c, array in self.stacked if self._row_in_place(c, array))
        spared.update(c for c, cell in self.first if self._first_in_place(c, cell))
        self.schedule.steps = [s for s in self.schedule.steps if s not in spared]

    def _free_root(self, copy: Node, guard: Value | None) -> Value | None:
        """The root of what is copied, if its step may write elsewhere."""
        root = self.schedule.root(copy.inputs[0])
        movable = root.node.op not in LEAVES and root not in self.schedule.rows
        if not movable or root in self.claimed or root.node.guard is not guard:
            return None
        return root

    def _next_in_place(self, copy: Node, cell: Value) -> bool:
        schedule = self.schedule
        cell = schedule.root(cell)
        root = self._free_root(copy, copy.guard)
        if root is None or root.node.op == END:
            return False
        made_at = schedule.first[root]
        for position in self._reads(cell):
            inside = is_inside(schedule.steps[position].guard, copy.guard)
            if not inside or position < made_at:
                continue
            if position > made_at or not schedule.exact(root, cell):
                return False
        self._unite(root, schedule.root(cell))
        return True

    def _row_in_place(self, copy: Node, array: Value) -> bool:
        root = self._free_root(copy, copy.guard)
        if root is None or root.node.op == BEGIN:
            return False
        self.claimed.add(root)
        self.schedule.rows[root] = self.schedule.rows.pop(copy.outputs[0])
        return True

    def _first_in_place(self, copy: Node, cell: Value) -> bool:
        schedule = self.schedule
        if schedule.root(copy.inputs[0]) is schedule.root(cell):
            return True
        root = self._free_root(copy, copy.guard)
        if root is None or root.node.op == END or root in schedule.kept_roots():
            return False
        if any(schedule.steps[i] is not copy for i in self._reads(root)):
            return False
        self._unite(root, schedule.root(cell))
        return True

    def _unite(self, root: Value, cell: Value) -> None:
        self.claimed.add(root)
        for position in self.reads.pop(root, ()):
            self.reads.setdefault(cell, []).append(position)
        self.schedule.roots[root] = cell

    def _reads(self, root: Value) -> list[int]:
        """The steps that read a root."""
        if not self.reads:
            for position, step in enumerate(self.schedule.steps):
                for value in _read_by(step):
                    for found in self.schedule.stands_on(value):
                        self.reads.setdefault(found, []).append(position)
        return self.reads.get(root, [])


def extend_lives(schedule: Schedule) -> None:
    """What stands before a loop and is read in it is needed to its end, and so are
    cells; arrays of rows are written from its first step on."""
    for token, (begin, end) in loop_ranges(schedule.steps).items():
        count = schedule.root(token.node.inputs[0])
        schedule.last[count] = max(schedule.last.get(count, -1), begin)
        for step in schedule.steps[begin : end + 1]:
            for value in _touched(schedule, step):
                first = schedule.first.get(value, -1)
                if first < begin:
                    schedule.last[value] = max(schedule.last.get(value, -1), end + 1)
        for row in schedule.rows.values():
            if row.token is token:
                array = schedule.root(row.array)
                if array.node.op == END and array.node.inputs[0] is token:
                    schedule.first[array] = min(schedule.first.get(array, begin), begin)
                    schedule.last[array] = max(schedule.last.get(array, -1), end + 1)


def _read_by(step: Node) -> list[Value]:
    return [v for v in (*step.inputs, *guards_of(step)) if not is_token(v)]


def _touched(schedule: Schedule, step: Node) -> Iterable[Value]:
    for value in (*_read_by(step), *step.outputs):
        yield from schedule.stands_on(value)


def loop_ranges(steps: Sequence[Node]) -> dict[Value, tuple[int, int]]:
    """The first and the last step of each loop, inner loops first."""
    ranges: dict[Value, tuple[int, int]] = {}
    for position, step in enumerate(steps):
        for guard in guards_of(step):
            if is_token(guard):
                ranges[guard] = (ranges.get(guard, (position, 0))[0], position)
    return dict(sorted(ranges.items(), key=lambda item: item[1][1] - item[1][0]))
