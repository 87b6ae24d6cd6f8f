"""From a graph to the steps of a plan: aliases resolved, every destination decided.

A value's *root* is the value whose bytes it stands on: `reshape` makes no bytes of its
own, and the sides of a `join` are written to the join's bytes. A root lives in memory
given from outside (a leaf), in a variable's slot, in an output, or in the arena.
Results are written straight to their destination when nothing still needs what stands
there; otherwise a `copy` step takes them there at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydl.graph.families import families
from pydl.graph.node import (
    BEGIN,
    END,
    JOIN,
    LEAVES,
    ROW,
    Graph,
    Node,
    Value,
    guards_of,
    is_token,
)
from pydl.plan.loops import LoopCopies, Row, extend_lives, together

#: Results may stand on exactly the bytes of an operand (csrc/plan/plan.h, point 6).
IN_PLACE = frozenset({"elementwise", "optimizer", "rows"})


@dataclass
class Schedule:
    """What `lower` found: the steps in order, and where the pinned roots live."""

    graph: Graph
    steps: list[Node] = field(default_factory=list)
    #: variable -> the leaves that read its buffer
    leaves: dict[Any, list[Value]] = field(default_factory=dict)
    #: reshape result -> its operand, side of a join -> the join (absent: a root)
    roots: dict[Value, Value] = field(default_factory=dict)
    #: root -> the row of an array that it is
    rows: dict[Value, Row] = field(default_factory=dict)
    #: root -> the variable whose slot it stands in; root -> the output, by number
    in_slot: dict[Value, Any] = field(default_factory=dict)
    in_output: dict[Value, int] = field(default_factory=dict)
    #: root -> first and last step that touches it; the same if nothing reads it
    first: dict[Value, int] = field(default_factory=dict)
    last: dict[Value, int] = field(default_factory=dict)

    def root(self, value: Value) -> Value:
        """The value whose bytes `value` stands on."""
        roots = self.roots
        while value in roots:
            value = roots[value]
        return value

    def pinned(self, root: Value) -> bool:
        """Whether the root lives outside the arena."""
        if root in self.rows or root.node.op in LEAVES:
            return True
        return root in self.in_slot or root in self.in_output

    def stands_on(self, value: Value) -> Iterator[Value]:
        """The root of a value; of a row, also those of the arrays it is a row of."""
        root = self.root(value)
        yield root
        while root in self.rows:
            root = self.root(self.rows[root].array)
            yield root

    def exact(self, result: Value, operand: Value) -> bool:
        """Whether `result` may stand on exactly the bytes of `operand`."""
        return exact_alias(self, result, operand)

    def kept_roots(self) -> set[Value]:
        """Roots that outlive the steps: outputs, assigned values, region members."""
        graph = self.graph
        kept = [output.value for output in graph.outputs]
        kept += graph.assigns.values()
        kept += [value for region in graph.regions for value in region]
        return {self.root(value) for value in kept}


def lower(graph: Graph) -> Schedule:
    """Resolve aliases, choose destinations, add the copies that are needed."""
    schedule = Schedule(graph)
    copies = LoopCopies(schedule)
    _collect_steps(schedule, copies)
    if copies.ends:
        _find_lives(schedule)
        copies.spare()
    _sink_updates(schedule)
    wanted_slots, wanted_outputs = _copy_leaves(schedule)
    _find_lives(schedule)
    late: list[Node] = []
    for variable, value in wanted_slots:
        _pin_to_slot(schedule, variable, value, late)
    for index, value in enumerate(wanted_outputs):
        _pin_to_output(schedule, index, value, late)
    late.sort(key=lambda step: step.guard is None)  # before a flag's own slot changes
    end = len(schedule.steps)
    for offset, step in enumerate(late):
        _touch(schedule, step, end + offset)
    schedule.steps += late
    return schedule


def _collect_steps(schedule: Schedule, copies: LoopCopies) -> None:
    roots = schedule.roots
    for node in together(schedule.graph.nodes):
        if node.op == "reshape":
            roots[node.outputs[0]] = node.inputs[0]
        elif node.op == JOIN:
            roots.update((schedule.root(side), node.outputs[0]) for side in node.inputs)
        elif node.op == BEGIN:
            copies.begin(node)
        elif node.op == END:
            copies.end(node)
        elif node.op == ROW:
            token, array = node.inputs
            row = Row(token, array, bool(node.attrs["reverse"]))
            schedule.rows[node.outputs[0]] = row
        elif node.op == "variable":
            schedule.leaves.setdefault(node.payload, []).append(node.outputs[0])
        elif node.op not in LEAVES:
            schedule.steps.append(node)


def _sink_updates(schedule: Schedule) -> None:
    """Move to the end what only makes new values of variables from old ones (a seed
    that moves on, a count): there nothing reads the old ones, and no copy is needed."""
    read = {
        root
        for step in schedule.steps
        for value in (*step.inputs, *guards_of(step))
        for root in schedule.stands_on(value)
    }
    sunk = [step for step in schedule.steps if _is_update(schedule, step, read)]
    if not sunk or len(sunk) == len(schedule.steps):
        return
    moved = set(sunk)
    rest = [step for step in schedule.steps if step not in moved]
    sunk.sort(key=lambda step: step.guard is not rest[-1].guard)
    schedule.steps = rest + sunk


def _is_update(schedule: Schedule, step: Node, read: set[Value]) -> bool:
    return (
        families()[step.op] == "elementwise"
        and not any(map(is_token, guards_of(step)))
        and all(schedule.root(value).node.op in LEAVES for value in step.inputs)
        and not any(value in read or value in schedule.roots for value in step.outputs)
    )


def _copy_leaves(
    schedule: Schedule,
) -> tuple[list[tuple[Any, Value]], list[Value]]:
    """Leaves with a destination get a copy at the very start: leaves are only read.

    What is left to place is then made by a step: two variables that swap their values
    need no special care.
    """
    graph, front = schedule.graph, []

    def made(value: Value) -> Value:
        if schedule.root(value).node.op not in LEAVES:
            return value
        front.append(copy_of(value))
        return front[-1].outputs[0]

    slots = [
        (variable, made(value))
        for variable, value in graph.assigns.items()
        if schedule.root(value).node.payload is not variable
    ]
    outputs = [made(output.value) for output in graph.outputs]
    schedule.steps[:0] = front
    return slots, outputs


def copy_of(value: Value) -> Node:
    """A `copy` step of a value, under its guard."""
    node = value.node
    return Node(
        "copy", (value,), {}, [(value.dtype, value.shape)],
        layer=node.layer, source=node.source, guard=node.guard,
    )  # fmt: skip


def _find_lives(schedule: Schedule) -> None:
    schedule.first.clear()
    schedule.last.clear()
    for position, step in enumerate(schedule.steps):
        _touch(schedule, step, position)
    extend_lives(schedule)
    for step in schedule.steps:  # a guarded copy at the end reads its flag again
        for guard in guards_of(step):
            flag = schedule.root(guard)  # of a token: itself
            if flag.node.op == "variable":
                schedule.last[flag] = len(schedule.steps)


def _touch(schedule: Schedule, step: Node, position: int) -> None:
    first, last = schedule.first, schedule.last
    guard = step.guard
    for value in step.inputs:
        for root in schedule.stands_on(value):
            last[root] = position
    while guard is not None:
        if not is_token(guard):
            last[schedule.root(guard)] = position
        guard = guard.node.guard
    for value in step.outputs:
        for root in schedule.stands_on(value):
            first.setdefault(root, position)
            last[root] = max(last.get(root, 0), position)


def _pin_to_slot(
    schedule: Schedule, variable: Any, value: Value, late: list[Node]
) -> None:
    root = schedule.root(value)
    if not schedule.pinned(root) and _may_overwrite(schedule, variable, value, root):
        schedule.in_slot[root] = variable
        return
    copy = copy_of(value)
    late.append(copy)
    schedule.in_slot[copy.outputs[0]] = variable


def _may_overwrite(
    schedule: Schedule, variable: Any, value: Value, root: Value
) -> bool:
    """Whether the step that makes `root` may write over the variable's old content."""
    if root.node.guard is not value.node.guard:
        return (
            False  # a guarded assignment of a value made outside: copy under the guard
        )
    made_at = schedule.first[root]
    for leaf in schedule.leaves.get(variable, ()):
        last = schedule.last.get(leaf, -1)
        if last > made_at or (
            last == made_at and not exact_alias(schedule, root, leaf)
        ):
            return False
    return True


def exact_alias(schedule: Schedule, result: Value, operand: Value) -> bool:
    """Whether `result` may stand on exactly the bytes of the root `operand`, which its
    step reads: same shape, and each element read before it is written."""
    step = result.node
    family = families().get(step.op)  # a join has none
    aliased = family in IN_PLACE and step.op not in ("square_norms", "row_sums")
    if not aliased or "reduce" in step.attrs:
        return False
    if (result.dtype, result.nbytes) != (operand.dtype, operand.nbytes):
        return False
    if step.guard is not None and schedule.root(step.guard) is operand:
        return False
    read_at = [i for i, v in enumerate(step.inputs) if schedule.root(v) is operand]
    if family == "optimizer":
        return read_at == [_updated_operand(step, result.index)]
    if family == "rows":  # variable and slots are the last operands
        return read_at == [len(step.inputs) - len(step.outputs) + result.index]
    return all(step.inputs[i].shape == result.shape for i in read_at)


def _updated_operand(step: Node, result: int) -> int:
    """The operand of an optimizer step that a result is the new value of."""
    groups = step.integer("n")
    scalars = 1 + bool(step.attrs.get("has_scale")) + bool(step.attrs.get("has_decay"))
    width = len(step.outputs) // groups  # var', slot'...
    group, member = divmod(result, width)
    return scalars + group * (width + 1) + member + (member > 0)  # var, grad, slot...


def _pin_to_output(
    schedule: Schedule, index: int, value: Value, late: list[Node]
) -> None:
    root = schedule.root(value)
    if not schedule.pinned(root):
        schedule.in_output[root] = index
        return
    copy = copy_of(value)
    late.append(copy)
    schedule.in_output[copy.outputs[0]] = index
