"""From graphs to the text of a plan (format: csrc/plan/plan.h) and its state list."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydl.graph.node import END, Graph, Node, Shape, Value, guards_of, is_token
from pydl.plan.loops import Row
from pydl.plan.lower import Schedule, lower
from pydl.plan.memory import place_values

PRODUCER = "pydl 0.1.0"


@dataclass(frozen=True)
class Port:
    """A named input or output of an entry. `step`: bytes from one loop pass to the
    next, 0 when every pass sees the same memory."""

    name: str
    dtype: str
    shape: Shape
    step: int = 0


@dataclass(frozen=True)
class EntryInfo:
    """What a caller of one entry has to know."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    #: Variables the entry writes.
    written: tuple[Any, ...]
    #: Index into `inputs` of the loop count, -1 without a loop.
    count: int = -1


@dataclass(frozen=True)
class Emitted:
    """Plan text, the Variables and arrays of its state in slot order, the entries."""

    text: str
    state: list[Any]
    entries: list[EntryInfo]


@dataclass
class _StateTable:
    """The slots, shared by all entries: one for equal small constants."""

    items: list[Any] = field(default_factory=list)
    index: dict[Any, int] = field(default_factory=dict)

    def slot(self, item: Any) -> int:
        key: Any = id(item)
        if isinstance(item, np.ndarray) and item.nbytes <= 256:
            key = (item.dtype.name, item.shape, item.tobytes())
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.items)
            self.items.append(item)
        return found

    def describe(self) -> list[dict[str, Any]]:
        slots = []
        names: set[str] = set()
        for i, item in enumerate(self.items):
            constant = isinstance(item, np.ndarray)
            name = f"constant_{i}" if constant else str(item.path or item.name)
            if name in names:
                name = f"{name}_{i}"
            names.add(name)
            slots.append(
                {
                    "name": name,
                    "dtype": item.dtype.name if constant else item.dtype,
                    "shape": list(item.shape),
                    "trainable": 0 if constant else int(item.trainable),
                }
            )
        return slots


def emit(
    graphs: Graph | Sequence[Graph], notes: dict[str, str] | None = None
) -> Emitted:
    """The plan of one graph, or of several over one state (one entry each)."""
    if isinstance(graphs, Graph):
        graphs = [graphs]
    table = _StateTable()
    entries: list[dict[str, Any]] = []
    infos: list[EntryInfo] = []
    for graph in graphs:
        entry, info = _EntryWriter(graph, table).write()
        entries.append(entry)
        infos.append(info)
    plan = {
        "format": "pydl-plan",
        "version": 1,
        "producer": PRODUCER,
        "state": table.describe(),
        "entries": entries,
        "notes": notes or {},
    }
    text = json.dumps(plan, separators=(",", ":"), default=_plain, allow_nan=False)
    return Emitted(text, table.items, infos)


def _attribute(value: Any) -> Any:
    """As a plan holds it: flags are 0 or 1; JSON has no infinities and no NaN, so their
    names stand for them."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return str(float(value))
    return value


def _plain(item: Any) -> Any:
    """NumPy scalars among the attributes, as JSON knows them."""
    if isinstance(item, np.generic):
        return item.item()
    raise TypeError(f"a plan cannot hold {item!r} of type {type(item).__name__}")


class _EntryWriter:
    """Writes one entry: ports, values, instructions."""

    def __init__(self, graph: Graph, table: _StateTable) -> None:
        self.graph = graph
        self.table = table
        self.values: list[list[Any]] = []
        self.numbers: dict[Value, int] = {}
        self.code: list[list[Any]] = []
        self.input_index: dict[Value, int] = {}
        self.loops: dict[Value, dict[str, Any]] = {}  # token -> attributes
        self.ends = {n.inputs[0]: n for n in graph.nodes if n.op == END}

    def write(self) -> tuple[dict[str, Any], EntryInfo]:
        graph = self.graph
        leaves = list(graph.leaves("input"))
        self.input_index = {node.outputs[0]: i for i, node in enumerate(leaves)}
        inputs = tuple(
            _port(node.payload.name, node.outputs[0], node.payload.step)
            for node in leaves
        )
        outputs = tuple(_port(out.name, out.value, out.step) for out in graph.outputs)
        for node in graph.leaves("variable"):
            self.table.slot(node.payload)
        self.schedule: Schedule = lower(graph)
        self.offsets, arena = place_values(self.schedule)
        self._write_code()
        entry = {
            "name": graph.name,
            "inputs": [_port_text(port) for port in inputs],
            "outputs": [_port_text(port) for port in outputs],
            "arena": arena,
            "values": self.values,
            "code": self.code,
        }
        count = self.input_index[graph.loop.count] if graph.loop else -1
        written = tuple(dict.fromkeys(self.schedule.in_slot.values()))
        return entry, EntryInfo(graph.name, inputs, outputs, written, count)

    def _write_code(self) -> None:
        loop = self.graph.loop
        head: list[Any] | None = None
        if loop is not None:
            operands = [self._number(loop.count)]
            if loop.stop is not None:
                operands.append(self._state_value(loop.stop))
            head = ["loop", operands, [], {"body": 0}]
            self.code.append(head)
        covering: list[_Range] = []  # from the outermost
        for step in self.schedule.steps:
            self._cover(covering, step)
            self.code.append(self._instruction(step))
            for around in covering:
                around.lengthen()
        if head is not None:
            head[3]["body"] = len(self.code) - 1

    def _cover(self, covering: list[_Range], step: Node) -> None:
        """End the ranges that the step is not in, begin those it is."""
        guards = guards_of(step)[::-1]
        same = 0
        while same < min(len(covering), len(guards)):
            if covering[same].guard is not guards[same]:
                break
            same += 1
        del covering[same:]
        for guard in guards[same:]:
            opened = (
                self._begin_loop(guard) if is_token(guard) else self._begin_if(guard)
            )
            for around in covering:
                around.lengthen()
            covering.append(opened)

    def _begin_if(self, guard: Value) -> _Range:
        attrs: dict[str, Any] = {"skip": 0}
        line = ["if", [self._number(guard)], [], attrs, *_label(guard.node)]
        self.code.append(line)
        return _Range(guard, attrs, "skip")

    def _begin_loop(self, token: Value) -> _Range:
        begin, end = token.node, self.ends[token]
        attrs: dict[str, Any] = {"body": 0, "most": begin.attrs["most"]}
        attrs |= {"values": [], "steps": []}
        operands = [self._number(begin.inputs[0])]
        stop = end.integer("stop")
        if stop >= 0:
            operands.append(self._number(begin.outputs[1 + stop]))
        self.loops[token] = attrs
        self.code.append(["loop", operands, [], attrs, *_label(begin)])
        return _Range(token, attrs, "body")

    def _instruction(self, step: Node) -> list[Any]:
        number = self._number
        line: list[Any] = [
            step.op,
            [number(value) for value in step.inputs],
            [number(value) for value in step.outputs],
            {name: _attribute(value) for name, value in step.attrs.items()},
        ]
        return [*line, *_label(step)]

    def _number(self, value: Value) -> int:
        found = self.numbers.get(value)
        if found is None:
            found = self.numbers[value] = len(self.values)
            place, index, offset = self._place(self.schedule.root(value), found)
            self.values.append([value.dtype, value.shape, place, index, offset])
        return found

    def _state_value(self, variable: Any) -> int:
        slot = self.table.slot(variable)
        self.values.append([variable.dtype, list(variable.shape), "state", slot, 0])
        return len(self.values) - 1

    def _place(self, root: Value, number: int) -> tuple[str, int, int]:
        schedule, node = self.schedule, root.node
        if root in schedule.rows:
            return self._row_place(schedule.rows[root], root.nbytes, number)
        if node.op == "input":
            return "input", self.input_index[root], 0
        if node.op in ("variable", "constant"):
            return "state", self.table.slot(node.payload), 0
        if root in schedule.in_slot:
            return "state", self.table.slot(schedule.in_slot[root]), 0
        if root in schedule.in_output:
            return "output", schedule.in_output[root], 0
        return "arena", 0, self.offsets[root]

    def _row_place(self, row: Row, nbytes: int, number: int) -> tuple[str, int, int]:
        """Where the row of the first pass stands; the loop moves the value on."""
        place, index, offset = self._place(self.schedule.root(row.array), number)
        attrs = self.loops[row.token]
        attrs["values"].append(number)
        attrs["steps"].append(-nbytes if row.reverse else nbytes)
        return place, index, offset + nbytes * (row.most - 1 if row.reverse else 0)


@dataclass
class _Range:
    """An `if` or `loop` whose range is being written."""

    guard: Value
    attrs: dict[str, Any]
    length: str

    def lengthen(self) -> None:
        self.attrs[self.length] += 1


def _label(node: Node) -> list[str]:
    label = " ".join(part for part in (node.layer, node.source) if part)
    return [label] if label else []


def _port(name: str, value: Value, step: bool) -> Port:
    return Port(name, value.dtype, value.shape, value.nbytes if step else 0)


def _port_text(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "dtype": port.dtype,
        "shape": list(port.shape),
        "step": port.step,
    }
