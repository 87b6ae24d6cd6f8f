"""Which elementwise nodes may run as one: groups that keep a legal order.

Every node has a position, at first its index; all operands stand before it. A group
stands at one position for all its members. A node joins a group if the group can stand
behind the node's operands and before everything outside that reads a member: so there
is a legal order at all times, and no search for cycles is needed.

A reduction of a member's value joins as a tail: the group's loop reduces the value on
its way. All tails of a group reduce the same axes, neighbours in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pydl.graph.families import families
from pydl.graph.node import Graph, Node, Shape, Value
from pydl.passes.rewrite import Uses, literal

FLOATS = frozenset({"float32", "float64", "float16", "bfloat16"})
MAX_STEPS = 64
MAX_OPERANDS = 16
#: Up to this many elements the cost of an instruction is being one: nodes group
#: although they have nothing in common.
SMALL = 16

#: Reductions that may be a chain's tails.
REDUCTIONS = frozenset({"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"})

Key = tuple[Shape, str, Value | None]  # of the result; and the guard


@dataclass(eq=False, slots=True)
class Group:
    """Nodes of one result shape, dtype and guard, in order."""

    key: Key
    position: float
    members: list[Node] = field(default_factory=list)
    tails: list[Node] = field(default_factory=list)
    operands: set[Value] = field(default_factory=set)
    #: Where the first node outside stands that reads a member.
    limit: float = math.inf
    #: The group that took this one in.
    into: Group | None = None


class Clusters:
    """The groups of a graph."""

    def __init__(self, graph: Graph, uses: Uses) -> None:
        self.uses = uses
        self.group_of: dict[Node, Group] = {}
        self.positions: dict[Node, float] = {}  # of nodes without a group
        self.literals: dict[Value, float | int | bool | None] = {}
        self._recent: dict[Key, Group] = {}  # the last of a key, if small
        self._readers: dict[Value, Group] = {}  # the last group that read a value
        self._families = families()
        self._held: set[Node] = set()  # bools that wait for their one reader
        for index, node in enumerate(graph.nodes):
            self._visit(node, float(index))

    def order(self, nodes: Iterable[Node]) -> list[Node | Group]:
        """Groups and other nodes, each once, in a legal order."""
        places: list[tuple[float, int, Node | Group]] = []
        seen: set[Group] = set()
        for index, node in enumerate(nodes):
            group = self.group_of.get(node)
            if group is None:
                places.append((self.positions[node], index, node))
            elif group not in seen:
                seen.add(group)
                places.append((group.position, index, group))
        places.sort(key=lambda place: place[:2])
        return [unit for _, _, unit in places]

    def is_literal(self, value: Value) -> bool:
        """Whether `value` may stand as a number in a step."""
        if value not in self.literals:
            number = literal(value)
            finite = number is not None and math.isfinite(number)
            self.literals[value] = number if finite else None
        return self.literals[value] is not None

    # -- one node ---------------------------------------------------------------------

    def _visit(self, node: Node, index: float) -> None:
        if self._families.get(node.op) == "elementwise":
            if self._is_held(node):
                self._held.add(node)
                self.positions[node] = index
                return
            if _eligible(node):
                self._place(node, index)
                return
        elif self._take_tail(node):
            return
        self.positions[node] = index
        for value in node.inputs:
            if value.node in self._held:
                self._release(value.node, index - 1, index)
        self._note_reads(_reads(node), index, None)

    def _take_tail(self, node: Node) -> bool:
        """Let a reduction join the group that makes its operand."""
        if node.op not in REDUCTIONS:
            return False
        value, out = node.inputs[0], node.outputs[0]
        group = self.group_of.get(value.node)
        if group is None or group.key != (value.shape, value.dtype, node.guard):
            return False
        if value.node in group.tails or value.shape == out.shape:
            return False
        if not _are_neighbours(value.shape, node.integers("axes")):
            return False
        if not _agree(group.tails, [node]):
            return False
        group.tails.append(node)
        self.group_of[node] = group
        return True

    def _is_held(self, node: Node) -> bool:
        """A bool result waits to be taken in by its reader, if that is only one."""
        out = node.outputs[0]
        if out.dtype != "bool" or node.op in ("cast", "copy"):
            return False
        reader = self.uses.only_reader(out)
        return (
            reader is not None
            and (_eligible(reader) or reader.outputs[0].dtype == "bool")
            and reader.outputs[0].shape == out.shape
            and self._families.get(reader.op) == "elementwise"
            and all(v.dtype in FLOATS or v.dtype == "bool" for v in node.inputs)
        )

    def _release(self, node: Node, low: float, high: float) -> None:
        """A bool that its reader does not take in stands for itself, just before it."""
        self._held.discard(node)
        position = self.positions[node] = (low + high) / 2
        for value in node.inputs:
            if value.node in self._held:
                self._release(value.node, low, position)
        self._note_reads(_reads(node), position, None)

    def _taken_in(self, node: Node, dtype: str, index: float) -> list[Node]:
        """The held bools that only `node` reads, theirs before them, if they compare
        this dtype; others are released."""
        nodes: list[Node] = []
        for value in node.inputs:
            maker = value.node
            if maker not in self._held:
                continue
            if all(v.dtype in (dtype, "bool") for v in maker.inputs):
                nodes += [*self._taken_in(maker, dtype, index), maker]
            else:
                self._release(maker, index - 1, index)
        return nodes

    def _place(self, node: Node, index: float) -> None:
        out = node.outputs[0]
        key = (out.shape, out.dtype, node.guard)
        nodes = [*self._taken_in(node, out.dtype, index), node]
        inside = {value for member in nodes for value in member.outputs}
        reads = [v for member in nodes for v in _reads(member) if v not in inside]
        group = self._choose(key, reads, len(nodes))
        if group is None:
            group = Group(key, index)
        elif group.position <= (floor := self._floor(group, reads)):
            position = index if index < group.limit else (floor + group.limit) / 2
            group.position = position
        self._add(group, nodes, reads)
        for value in reads:
            other = self.group_of.get(value.node)
            if other is not None and other is not group:
                self._merge(group, other)
        self._note_reads(reads, group.position, group)
        if math.prod(out.shape) <= SMALL:
            self._recent[key] = group

    def _add(self, group: Group, nodes: list[Node], reads: Iterable[Value]) -> None:
        group.members += nodes
        for member in nodes:
            self.group_of[member] = group
            self._held.discard(member)
        guard = group.key[2]
        group.operands.update(
            v for v in reads if v is not guard and not self.is_literal(v)
        )
        group.operands = {
            v for v in group.operands if self.group_of.get(v.node) is not group
        }

    def _merge(self, group: Group, other: Group) -> None:
        """Take in a group that `group` has just begun to read, if both can stand where
        the later one does."""
        position = max(group.position, other.position)
        if (
            group.key != other.key
            or position >= min(group.limit, other.limit)
            or len(group.members) + len(other.members) > MAX_STEPS
            or len(group.operands | other.operands) > MAX_OPERANDS
            or not _agree(group.tails, other.tails)
            or any(value.node in other.tails for value in group.operands)
        ):
            return
        group.tails += other.tails
        self.group_of.update(dict.fromkeys(other.tails, group))
        group.position = position
        group.limit = min(group.limit, other.limit)
        self._add(group, other.members, other.operands)
        other.into = group

    def _choose(self, key: Key, reads: list[Value], more: int) -> Group | None:
        """A group to join: of an operand, of another reader of one, or any if small."""
        candidates = [self.group_of.get(value.node) for value in reads]
        candidates += [
            self._readers.get(value) for value in reads if value.shape == key[0]
        ]
        candidates.append(self._recent.get(key))
        for group in candidates:
            while group is not None and group.into is not None:
                group = group.into
            if group is not None and self._fits(group, key, reads, more):
                return group
        return None

    def _fits(self, group: Group, key: Key, reads: list[Value], more: int) -> bool:
        if group.key != key or len(group.members) + more > MAX_STEPS:
            return False
        if any(value.node in group.tails for value in reads):
            return False
        floor = self._floor(group, reads)
        if group.position <= floor and not floor < (floor + group.limit) / 2:
            return False
        new = {v for v in reads if self.group_of.get(v.node) is not group}
        extra = sum(1 for v in new - group.operands if not self.is_literal(v))
        return len(group.operands) + extra <= MAX_OPERANDS

    def _floor(self, group: Group, reads: Iterable[Value]) -> float:
        """The position of the last of `reads` that is made outside the group. Literals
        do not count: they stand in the steps."""
        floor = -1.0
        for value in reads:
            if self.is_literal(value):
                continue
            maker = self.group_of.get(value.node)
            if maker is None:
                floor = max(floor, self.positions[value.node])
            elif maker is not group:
                floor = max(floor, maker.position)
        return floor

    def _note_reads(
        self, reads: Iterable[Value], position: float, group: Group | None
    ) -> None:
        for value in reads:
            maker = self.group_of.get(value.node)
            if maker is not None and maker is not group:
                maker.limit = min(maker.limit, position)
            if group is not None and not self.is_literal(value):
                self._readers[value] = group


def _agree(tails: list[Node], more: list[Node]) -> bool:
    """Whether reductions may be tails of one chain."""
    forms = [(tail.attrs["axes"], tail.attrs.get("keepdims", 0)) for tail in tails[:1]]
    forms += [(tail.attrs["axes"], tail.attrs.get("keepdims", 0)) for tail in more]
    return all(form == forms[0] for form in forms)


def _are_neighbours(shape: Shape, axes: Sequence[int]) -> bool:
    """Whether nothing lies between these axes but axes of size 1."""
    reduced = [axis in axes for axis, dim in enumerate(shape) if dim != 1]
    changes = sum(a != b for a, b in pairwise([False, *reduced, False]))
    return changes == 2


def _reads(node: Node) -> tuple[Value, ...]:
    return node.inputs if node.guard is None else (*node.inputs, node.guard)


def _eligible(node: Node) -> bool:
    """Whether the node can be a step that gives a result of the chain's dtype."""
    dtype = node.outputs[0].dtype
    if dtype not in FLOATS or node.op == "chain":
        return False
    if node.op == "cast":
        return node.inputs[0].dtype == "bool"
    return all(value.dtype in (dtype, "bool") for value in node.inputs)
