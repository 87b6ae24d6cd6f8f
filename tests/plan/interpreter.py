"""Two independent ways to run a program in NumPy: a graph, value by value, and a plan,
on raw bytes. If placement is right they agree. The arena starts as garbage, and results
are written where the plan says, so bytes given away too early show.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from numpy_reference import reference
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
)  # fmt: skip

Array = np.ndarray


def evaluate(
    graph: Graph, inputs: dict[str, Array], state: dict[Any, Array]
) -> dict[str, Array]:
    """Outputs of a graph. `state` (variable -> content) is updated."""
    count = int(inputs[graph.loop.count.node.payload.name][0]) if graph.loop else 1
    stepped: dict[str, list[Array]] = {out.name: [] for out in graph.outputs}
    results: dict[str, Array] = {}
    for step in range(count):
        values = _evaluate_pass(graph, inputs, state, step)
        for out in graph.outputs:
            results[out.name] = values[out.value]
            stepped[out.name].append(values[out.value])
        for variable, value in graph.assigns.items():
            if value in values:
                state[variable] = values[value].copy()
        if graph.loop and graph.loop.stop is not None and state[graph.loop.stop][0]:
            break
    for out in graph.outputs:
        if out.step:
            results[out.name] = np.stack(stepped[out.name])
    return results


def _evaluate_pass(
    graph: Graph, inputs: dict[str, Array], state: dict[Any, Array], step: int
) -> dict[Value, Array]:
    values: dict[Value, Array] = {}
    for node in graph.nodes:
        if node.op == "input":
            array = inputs[node.payload.name]
            values[node.outputs[0]] = array[step] if node.payload.step else array
        elif node.op == "variable":
            values[node.outputs[0]] = state[node.payload]
        elif node.op == "constant":
            values[node.outputs[0]] = node.payload
    nodes = [node for node in graph.nodes if node.op not in LEAVES]
    _evaluate_nodes(nodes, values, 0)
    return values


def _evaluate_nodes(nodes: list[Node], values: dict[Value, Array], step: int) -> None:
    """Nodes of one pass. Those of a loop are evaluated when its end is met."""
    bodies: dict[Value, list[Node]] = {}
    waiting: set[Value] = set()
    for node in nodes:
        loops = [g for g in guards_of(node) if g in waiting]
        if loops:
            bodies[loops[-1]].append(node)
            continue
        if node.op == END:
            token = node.inputs[0]
            waiting.discard(token)
            if token in bodies and not _left_out(node, values):
                _evaluate_loop(node, bodies[token], values)
        elif _left_out(node, values):
            continue
        elif node.op == BEGIN:
            bodies[node.outputs[0]] = []
            waiting.add(node.outputs[0])
        elif node.op == ROW:
            array = values[node.inputs[1]]
            values[node.outputs[0]] = array[~step if node.attrs["reverse"] else step]
        elif node.op == JOIN:
            (values[node.outputs[0]],) = [values[v] for v in node.inputs if v in values]
        else:
            results = reference(node.op, [values[v] for v in node.inputs], node.attrs)
            values.update(zip(node.outputs, results, strict=True))


def _left_out(node: Node, values: dict[Value, Array]) -> bool:
    flags = [guard for guard in guards_of(node) if not is_token(guard)]
    return any(flag not in values or values[flag][0] != 0 for flag in flags)


def _evaluate_loop(end: Node, body: list[Node], values: dict[Value, Array]) -> None:
    token = end.inputs[0]
    begin, count = token.node, int(end.attrs["carries"])
    carried = [values[value] for value in begin.inputs[1:]]
    rows: list[list[Array]] = [[] for _ in end.outputs[count:]]
    passes = min(int(values[begin.inputs[0]][0]), begin.attrs["most"])
    for step in range(passes):
        inside = {**values, **dict(zip(begin.outputs[1:], carried, strict=True))}
        _evaluate_nodes(body, inside, step)
        carried = [inside[value] for value in end.inputs[1 : 1 + count]]
        for row, value in zip(rows, end.inputs[1 + count :], strict=True):
            row.append(inside[value])
        if end.attrs["stop"] >= 0 and carried[end.attrs["stop"]][0] != 0:
            break
    if end.attrs["reverse"]:
        rows = [row[::-1] for row in rows]
    arrays = [np.stack(row) for row in rows]
    values.update(zip(end.outputs, [*carried, *arrays], strict=True))


class PlanInterpreter:
    """Runs one entry of plan text on byte buffers."""

    def __init__(self, text: str, entry: int = 0) -> None:
        plan = json.loads(text)
        assert plan["format"] == "pydl-plan" and plan["version"] == 1
        self.slots = plan["state"]
        self.entry = plan["entries"][entry]
        self.steps = {
            "input": [port["step"] for port in self.entry["inputs"]],
            "output": [port["step"] for port in self.entry["outputs"]],
        }

    def run(
        self, state: list[Array], inputs: list[Array], outputs: list[Array]
    ) -> None:
        """Arrays in the order of slots and ports, written in place."""
        self.memory = {
            "arena": [np.full(self.entry["arena"], 0xA5, np.uint8)],
            "state": [_bytes(array) for array in state],
            "input": [_bytes(array) for array in inputs],
            "output": [_bytes(array) for array in outputs],
        }
        self.step = 0
        self.moved: dict[int, int] = {}  # value -> bytes, by inner loops
        self._run_range(0, len(self.entry["code"]))

    def _run_range(self, start: int, stop: int) -> None:
        at = start
        while at < stop:
            op, inputs, outputs, attrs, *_ = self.entry["code"][at]
            at += 1
            if op == "if":
                if self.view(inputs[0])[0] != 0:
                    at += attrs["skip"]
            elif op == "loop" and "most" in attrs:
                self._run_loop(at, inputs, attrs)
                at += attrs["body"]
            elif op == "loop":
                for step in range(int(self.view(inputs[0])[0])):
                    self.step = step
                    self._run_range(at, at + attrs["body"])
                    if len(inputs) > 1 and self.view(inputs[1])[0] != 0:
                        break
                at += attrs["body"]
            else:
                self._check_overlap(op, inputs, outputs)
                operands = [self.view(i).copy() for i in inputs]
                results = reference(op, operands, attrs)
                for i, result in zip(outputs, results, strict=True):
                    self.view(i)[...] = result

    def _run_loop(self, at: int, inputs: list[int], attrs: dict[str, Any]) -> None:
        steps = dict(zip(attrs["values"], attrs["steps"], strict=True))
        before = dict(self.moved)
        for step in range(min(int(self.view(inputs[0])[0]), attrs["most"])):
            for number, each in steps.items():
                self.moved[number] = before.get(number, 0) + step * each
            self._run_range(at, at + attrs["body"])
            if len(inputs) > 1 and self.view(inputs[1])[0] != 0:
                break
        self.moved = before

    def view(self, number: int) -> Array:
        """The value's array, on its place."""
        dtype, shape, place, index, offset = self.entry["values"][number]
        moves = number in self.moved
        offset += self.moved.get(number, 0)
        if place in self.steps:
            offset += self.step * self.steps[place][index]
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        memory = self.memory[place][index]
        assert 0 <= offset and offset + nbytes <= memory.size
        assert place != "arena" or offset % 64 == 0 or moves
        return memory[offset : offset + nbytes].view(dtype).reshape(shape)

    def _check_overlap(self, op: str, inputs: list[int], outputs: list[int]) -> None:
        """Point 6 of csrc/plan/plan.h."""
        ranges = [self._range(i) for i in inputs + outputs]
        for i, (place, start, stop) in enumerate(ranges[len(inputs) :]):
            others = ranges[: len(inputs)] + ranges[len(inputs) + i + 1 :]
            for j, (where, low, high) in enumerate(others):
                if where != place or high <= start or stop <= low:
                    continue
                same = (low, high) == (start, stop) and j < len(inputs)
                assert same and op not in _NEVER_IN_PLACE, (
                    f"{op}: result {i} overlaps {j}"
                )

    def _range(self, number: int) -> tuple[tuple[str, int], int, int]:
        dtype, shape, place, index, offset = self.entry["values"][number]
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        return (place, index), offset, offset + nbytes


_NEVER_IN_PLACE = frozenset(
    "transpose broadcast_to concatenate slice pad full one_hot flip dynamic_slice "
    "dynamic_update_slice take_along_axis take_along_axis_grad gather_nd "
    "scatter_nd scatter_update cumsum cumprod sort argsort top_k searchsorted "
    "reduce_sum reduce_mean reduce_max reduce_min argmax matmul gemm softmax "
    "log_softmax softmax_cross_entropy sparse_softmax_cross_entropy cross_entropy "
    "sparse_cross_entropy take take_grad random_uniform random_normal "
    "truncated_normal dropout square_norms row_sums".split()
)


def _bytes(array: Array) -> Array:
    assert array.flags.c_contiguous
    return array.reshape(-1).view(np.uint8)
