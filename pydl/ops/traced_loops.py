"""Loops of a trace as loops of its plan.

`run_loop` writes a loop of lists of tensors down, and gives it a gradient: a loop over
the same passes from the last to the first, which computes again what is cheap and reads
what is not from arrays of one row for each pass. `pydl.ops.body_loop` brings loops of
Python's structures here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pydl.graph.families import families
from pydl.graph.gradients import gradients
from pydl.graph.node import LEAVES, Node, Value, is_token
from pydl.graph.replay import replay, replay_calls, replay_stops
from pydl.graph.trace import CustomCall, Trace, TraceTensor
from pydl.ops.apply import emit
from pydl.ops.dtypes import is_float

Tensors = list[TraceTensor]
#: Takes the carried values and the rows of a pass; gives the next values and what is
#: stacked.
Body = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]

#: What the gradient does not compute again.
_COSTLY = frozenset(
    {"matmul", "conv", "sort", "softmax", "loss", "cumulative", "random", "gather"}
)


@dataclass
class Passes:
    """How often a loop runs."""

    #: The most passes; the number of passes where `count` is None.
    most: int
    count: TraceTensor | None = None
    #: Which carried value (int64 [1]) ends the loop after a pass when it is not 0.
    stop: int = -1
    reverse: bool = False
    #: What is said to somebody who asks for a gradient that there is not.
    no_gradient: str = ""


class NotALoopError(Exception):
    """A body cannot be that of a loop: why, for people."""


def run_loop(
    trace: Trace, passes: Passes, init: Tensors, xs: Tensors, body: Body
) -> tuple[Tensors, Tensors]:
    """The last carried values, and the stacked arrays."""
    count = passes.count
    if count is None:
        count = trace.constant(np.array([passes.most], "int64"))
    token, carried = trace.begin_loop(count, init, passes.most)
    begin = len(trace.graph.nodes)
    rows = [trace.row(token, x, passes.reverse) for x in xs]
    following, stacked = body(carried, rows)
    for before, after in zip(init, following, strict=True):
        if (before.dtype, before.shape) != (after.dtype, after.shape):
            raise NotALoopError(
                f"a value changes from {before.dtype} {before.shape} to {after.dtype} "
                f"{after.shape}"
            )
    nodes = trace.graph.nodes[begin:]
    finals, stacks = trace.end_loop(
        token, following, stacked, passes.stop, passes.reverse
    )
    end = trace.graph.nodes[-1]
    loop = _Loop(
        trace, passes, end, nodes, list(init), list(xs), carried, rows, following,
        stacked,
    )  # fmt: skip
    return loop.as_call(finals, stacks)


@dataclass
class _Loop:
    """A loop of a trace as a call with a gradient of its own."""

    trace: Trace
    passes: Passes
    end: Node
    nodes: list[Node]
    init: Tensors
    xs: Tensors
    carried: Tensors
    rows: Tensors
    following: Tensors
    stacked: Tensors
    outer: Tensors = field(default_factory=list)
    #: Whether the last carried values are among the results of the call.
    final_results: bool = True

    def as_call(self, finals: Tensors, stacks: Tensors) -> tuple[Tensors, Tensors]:
        """The results as those of a call with this gradient."""
        trace = self.trace
        if any(n in trace.calls and not trace.calls[n].movable for n in self.nodes):
            raise NotALoopError("there is a custom_gradient in it")
        self.outer = [TraceTensor(trace, v) for v in self._outer_values()]
        results = [emit("reshape", y, shape=list(y.shape)) for y in (*finals, *stacks)]
        outputs = tuple(y.value for y in results if is_float(y.dtype))
        inputs = tuple(x.value for x in self._inputs())
        if inputs and outputs:
            # The results that are floats stand together, as a call's results do.
            call = CustomCall(inputs, outputs, self)
            trace.calls.update((value.node, call) for value in outputs)
        return results[: len(finals)], results[len(finals) :]

    def _outer_values(self) -> list[Value]:
        """The float values from outside that the body reads."""
        inner = {v for n in self.nodes if n.op not in LEAVES for v in n.outputs}
        inner.update(x.value for x in self.carried)
        body = [n for n in self.nodes if n.op not in LEAVES]
        used = [v for n in body for v in n.inputs if not _reads_rows(n, self.rows)]
        used += [v for n in body if n in self.trace.calls
                 for v in self.trace.calls[n].inputs]  # fmt: skip
        used += [y.value for y in (*self.following, *self.stacked)]
        return [
            v
            for v in dict.fromkeys(used)
            if v not in inner and is_float(v.dtype) and v.node.op != "constant"
        ]

    def _inputs(self) -> Tensors:
        floats = [x for x in (*self.init, *self.xs) if is_float(x.dtype)]
        return [*floats, *self.outer]

    # -- the gradient ----------------------------------------------------------------

    def __call__(self, grads: Sequence[TraceTensor | None]) -> list[Any]:
        """The gradients of the inputs: a loop from the last pass to the first."""
        if self.passes.no_gradient:
            raise ValueError(self.passes.no_gradient)
        self._make_all_passes()
        given = iter(grads)
        of_finals = [
            next(given) if self.final_results and is_float(y.dtype) else None
            for y in self.following
        ]
        of_stacks = [next(given) if is_float(y.dtype) else None for y in self.stacked]
        back = _Back(self, of_stacks)
        init = [
            _zeros(x) if g is None else g
            for x, g in zip(self.carried, of_finals, strict=True)
            if is_float(x.dtype)
        ]
        init += [_zeros(x) for x in self.outer]
        passes = Passes(self.passes.most, reverse=not self.passes.reverse)
        finals, stacks = run_loop(self.trace, passes, init, back.xs, back.body)
        return back.found(finals, stacks)

    def _make_all_passes(self) -> None:
        """A gradient goes through all passes, so each has to leave its rows."""
        begin = self.end.inputs[0].node
        count = self.trace.constant(np.array([self.passes.most], "int64"))
        begin.inputs = (count.value, *begin.inputs[1:])
        self.end.attrs = {**self.end.attrs, "stop": -1}

    def stack_values(self, values: Sequence[Value]) -> Tensors:
        """What values of the body are in each pass, as results of the loop with a
        gradient of their own."""
        found = [self.trace.stack_more(self.end, value) for value in values]
        tensors = [TraceTensor(self.trace, value) for value in values]
        more = replace(self, stacked=tensors, final_results=False)
        return more.as_call([], found)[1]

    def moved(self, trace: Trace, now: Mapping[Value, TraceTensor]) -> _Loop:
        """The same for a copy of the nodes, in `trace`."""

        def copied(xs: Tensors) -> Tensors:
            return [now.get(x.value, x) for x in xs]

        nodes = [now[n.outputs[0]].value.node for n in self.nodes if n.op not in LEAVES]
        end = now[self.end.outputs[0]].value.node
        return _Loop(
            trace, self.passes, end, nodes, copied(self.init), copied(self.xs),
            copied(self.carried), copied(self.rows), copied(self.following),
            copied(self.stacked), copied(self.outer), self.final_results,
        )  # fmt: skip


def _reads_rows(node: Node, rows: Tensors) -> bool:
    return any(node is row.value.node for row in rows)


class _Back:
    """The loop of a gradient: what it reads by row, and its body."""

    def __init__(self, loop: _Loop, grads: list[TraceTensor | None]) -> None:
        self.loop = loop
        self.seeded = [y for y, g in zip(loop.stacked, grads, strict=True)
                       if g is not None]  # fmt: skip
        self.costly = _costly(loop)
        self.xs = [g for g in grads if g is not None]
        self.xs += loop.stack_values([*(x.value for x in loop.carried), *self.costly])
        self.xs += loop.xs
        self.known: list[bool] = []

    def body(self, carried: Tensors, rows: Tensors) -> tuple[Tensors, Tensors]:
        loop, trace = self.loop, self.loop.trace
        seeds, before, costly, xs = cut(
            rows, len(self.seeded), len(loop.carried), len(self.costly)
        )
        now = {
            x.value: known
            for x, known in zip(
                (*loop.carried, *loop.rows), (*before, *xs), strict=True
            )
        }
        begin = len(trace.graph.nodes)
        for x in loop.outer:
            now[x.value] = emit("reshape", x, shape=list(x.shape))
        _compute_again(trace, loop, now)
        ys = [y for y in loop.following if is_float(y.dtype)] + self.seeded
        sources = [x for x in loop.carried if is_float(x.dtype)]
        sources += loop.outer
        by_row = [row for row in loop.rows if is_float(row.dtype)]
        found = gradients(
            [now.get(y.value, y) for y in ys],
            [now[x.value] for x in (*sources, *by_row)],
            [*carried[: len(ys) - len(self.seeded)], *seeds],
            nodes=trace.graph.nodes[begin:],
        )
        count = len(ys) - len(self.seeded)
        self.known = [g is not None for g in found]
        grads, added, stacked = cut(found, count, len(loop.outer))
        following = [_or_zeros(g, x) for g, x in zip(grads, carried, strict=False)]
        for total, g in zip(carried[count:], added, strict=True):
            following.append(total if g is None else emit("add", total, g))
        rows_of = [_or_zeros(g, x) for g, x in zip(stacked, by_row, strict=True)]
        _read_instead(
            trace.graph.nodes[begin:],
            {
                now[v].value: row.value
                for v, row in zip(self.costly, costly, strict=True)
            },
        )
        return following, rows_of

    def found(self, finals: Tensors, stacks: Tensors) -> list[Any]:
        """One gradient, or None, for each input of the loop."""
        count = len(finals) - len(self.loop.outer)
        ordered = [*finals[:count], *stacks, *finals[count:]]
        known = [
            *([True] * count),
            *self.known[len(finals) :],
            *self.known[count : len(finals)],
        ]
        return [g if k else None for g, k in zip(ordered, known, strict=True)]


def _costly(loop: _Loop) -> list[Value]:
    """The values of a body that are kept for its gradient: those that take long and
    are made in every pass, outside its own branches and loops."""
    calls = (loop.trace.calls.get(node) for node in loop.nodes)
    optional = {
        node for call in calls if call is not None
        for node in getattr(call.back, "optional_nodes", ())
    }  # fmt: skip
    return [
        value
        for node in loop.nodes
        if families().get(node.op) in _COSTLY
        and node.guard is loop.end.inputs[0]
        and node not in optional
        for value in node.outputs
    ]


def _compute_again(trace: Trace, loop: _Loop, now: dict[Value, TraceTensor]) -> None:
    token = trace.guard
    assert token is not None and is_token(token)
    now[loop.end.inputs[0]] = TraceTensor(trace, token)
    nodes = [n for n in loop.nodes if not _reads_rows(n, loop.rows)]
    replay(trace, nodes, now, object())
    replay_stops(trace, trace, nodes, now)
    replay_calls(trace, trace, nodes, now)


def _read_instead(nodes: Sequence[Node], known: Mapping[Value, Value]) -> None:
    """Let nodes read values that are known in place of those computed again."""
    for node in nodes:
        if any(value in known for value in node.inputs):
            node.inputs = tuple(known.get(value, value) for value in node.inputs)


def cut(items: Sequence[Any], *lengths: int) -> list[list[Any]]:
    parts, at = [], 0
    for length in lengths:
        parts.append(list(items[at : at + length]))
        at += length
    return [*parts, list(items[at:])]


def _zeros(like: Any) -> Any:
    return emit("full", shape=list(like.shape), dtype=like.dtype, value=0.0)


def _or_zeros(grad: Any, like: Any) -> Any:
    return _zeros(like) if grad is None else grad
