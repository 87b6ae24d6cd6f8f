"""Tracing: calling a model once with stand-ins, writing down the primitives it makes.

Under a trace, reading a `Variable` gives an input, assigning to one records its new
value, and later reads see it. Python runs once per trace.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydl import _core
from pydl.graph.node import (
    BEGIN,
    END,
    LEAVES,
    ROW,
    Attr,
    Graph,
    InputPort,
    Loop,
    Node,
    Output,
    Shape,
    Value,
    is_inside,
    is_token,
    scope_of,
)
from pydl.graph.trace_tensor import NeedsValue as NeedsValue
from pydl.graph.trace_tensor import TraceTensor as TraceTensor


@dataclass(frozen=True)
class CustomCall:
    """A run of nodes whose gradient is not that of the nodes: ``back(grads)`` takes a
    gradient or None for each of `outputs` and gives one for each of `inputs`.

    Each output is a node of its own; no other node comes between them. Where the nodes
    are copied, ``back.moved(trace, now)`` makes the gradient of the copy; a `back`
    without it serves copies in the same trace.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    back: Callable[[list[TraceTensor | None]], Sequence[Any]]

    @property
    def movable(self) -> bool:
        """Whether a copy in another trace has a gradient too."""
        return hasattr(self.back, "moved")


@dataclass
class _Frame:
    """What a trace was like when a loop began."""

    guard: Value | None
    current: dict[Any, Value]
    assigns: dict[Any, Value]


class Trace:
    """A graph being written. Use as a context manager; the innermost one is current.

    >>> with Trace("double") as trace:
    ...     x = trace.input("x", (3,), "float32")
    ...     trace.output("y", x + x)
    >>> graph = trace.graph
    """

    #: Whether its tensors have values: true of those that run as they are traced.
    computes = False

    def __init__(self, name: str) -> None:
        self.graph = Graph(name)
        self.layers: list[str] = []  # the path of the layer being called
        #: Values no gradient passes through (see ``ops.stop_gradient``).
        self.stopped: set[Value] = set()
        #: Calls with a gradient of their own, under the nodes of their results.
        self.calls: dict[Node, CustomCall] = {}
        #: int64 [1] results of ops that read data: 0 when it was good, else 1 + the
        #: flat index of the first bad element; and what is expected of it.
        self.faults: list[tuple[TraceTensor, str]] = []
        self._variables: dict[Any, Value] = {}
        self._current: dict[Any, Value] = {}
        self._constants: dict[tuple[Any, ...], Value] = {}
        self._guard: Value | None = None
        self._frames: list[_Frame] = []

    def __enter__(self) -> Trace:
        _local.stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.stack.pop()

    # -- leaves ---------------------------------------------------------------------

    def input(
        self, name: str, shape: Sequence[int], dtype: str, *, step: bool = False
    ) -> TraceTensor:
        """A named input; a stepped one is an array of passes of this shape."""
        spec = (dtype, tuple(shape))
        return self._leaf("input", spec, InputPort(name, step))

    def constant(self, array: np.ndarray) -> TraceTensor:
        """An array owned by the graph; equal small ones are shared."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        small = array.size <= 16
        key = (array.dtype.name, array.shape, array.tobytes()) if small else ()
        if key and key in self._constants:
            return TraceTensor(self, self._constants[key])
        tensor = self._leaf("constant", (array.dtype.name, array.shape), array)
        if key:
            self._constants[key] = tensor.value
        return tensor

    def read(self, variable: Any) -> TraceTensor:
        """The variable's value here: the last assigned in this trace, else its own."""
        value = self._current.get(variable) or self._variables.get(variable)
        if value is None:
            spec = (variable.dtype, tuple(variable.shape))
            value = self._leaf("variable", spec, variable).value
            self._variables[variable] = value
        return TraceTensor(self, value)

    def first_values(self) -> dict[Any, Value]:
        """The variables the trace has read, with the values they had at its start."""
        return dict(self._variables)

    def variable_values(self) -> dict[Any, Value]:
        """The variables the trace has read, with the values they have by now."""
        return {**self._variables, **self._current}

    def assign(self, variable: Any, tensor: TraceTensor) -> None:
        """Record the value the variable has from here on."""
        if tensor.shape != tuple(variable.shape) or tensor.dtype != variable.dtype:
            raise ValueError(
                f"variable {variable.name!r}: expected {variable.dtype} "
                f"{tuple(variable.shape)}, received {tensor.dtype} {tensor.shape}"
            )
        guarded = self._guard is not None and not is_token(self._guard)
        if guarded and tensor.value.node.guard is not self._guard:
            tensor = self.add("copy", (tensor,), {})[0]  # guards what is assigned
        self.read(variable)  # its buffer is part of the program
        self._current[variable] = tensor.value
        self.graph.assigns[variable] = tensor.value

    @contextmanager
    def branch(self) -> Iterator[dict[Any, TraceTensor]]:
        """A part whose assignments do not last; gives them, by variable."""
        current, assigns = dict(self._current), dict(self.graph.assigns)
        assigned: dict[Any, TraceTensor] = {}
        try:
            yield assigned
        finally:
            for variable, value in self._current.items():
                if current.get(variable) is not value:
                    assigned[variable] = TraceTensor(self, value)
            self._current, self.graph.assigns = current, assigns

    # -- nodes ----------------------------------------------------------------------

    def add(
        self, op: str, inputs: Sequence[TraceTensor], attrs: dict[str, Attr]
    ) -> tuple[TraceTensor, ...]:
        """Check the call in C++, add a node, return its results."""
        specs = _core.infer(op, [(t.dtype, t.shape) for t in inputs], attrs)
        self._check_inside(inputs)
        return self._new(op, inputs, attrs, specs)

    def _new(
        self,
        op: str,
        inputs: Sequence[TraceTensor],
        attrs: dict[str, Attr],
        specs: list[tuple[str, Shape]],
    ) -> tuple[TraceTensor, ...]:
        node = Node(
            op, tuple(t.value for t in inputs), attrs, specs,
            layer="/".join(self.layers), source=user_line(), guard=self._guard,
        )  # fmt: skip
        self.graph.nodes.append(node)
        return tuple(TraceTensor(self, value) for value in node.outputs)

    def _check_inside(self, tensors: Sequence[TraceTensor]) -> None:
        for tensor in tensors:
            made = tensor.value.node
            if made.guard is self._guard and made.op != BEGIN:
                continue
            guard = scope_of(tensor.value)
            while guard is not None and not is_token(guard):
                guard = guard.node.guard
            if guard is None or is_inside(self._guard, guard):
                continue
            raise ValueError(
                f"a tensor of shape {tensor.shape} that is made inside a loop (at "
                f"{tensor.value.node.source or 'an unknown line'}) is used outside: "
                "what leaves the body of a loop has to be returned by it"
            )

    def add_copy(
        self, node: Node, inputs: Sequence[TraceTensor], guard: Value | None, mark: Any
    ) -> tuple[TraceTensor, ...]:
        """The same call on other operands, under `guard` or else under that of here."""
        copy = Node(
            node.op, tuple(t.value for t in inputs), node.attrs,
            [(v.dtype, v.shape) for v in node.outputs],
            layer=node.layer, source=node.source, guard=guard or self._guard,
            payload=object() if node.op == BEGIN else mark,
        )  # fmt: skip
        self.graph.nodes.append(copy)
        return tuple(TraceTensor(self, value) for value in copy.outputs)

    # -- loops ----------------------------------------------------------------------

    @property
    def guard(self) -> Value | None:
        """What nodes are added under: a flag, or the token of a loop."""
        return self._guard

    def begin_loop(
        self, count: TraceTensor, carried: Sequence[TraceTensor], most: int
    ) -> tuple[TraceTensor, list[TraceTensor]]:
        """Begin a loop of `count` (int64 [1]) passes, at most so many: what is added
        until `end_loop` is its body. Gives the token, and the carried values."""
        specs = [("int64", (1,)), *((t.dtype, t.shape) for t in carried)]
        attrs: dict[str, Attr] = {"most": most}
        self._check_inside(carried)
        token, *values = self._new(BEGIN, [count, *carried], attrs, specs)
        token.value.node.payload = object()  # no two loops are one
        frame = _Frame(self._guard, dict(self._current), dict(self.graph.assigns))
        self._frames.append(frame)
        self._guard = token.value
        return token, values

    def row(self, token: TraceTensor, x: TraceTensor, reverse: bool) -> TraceTensor:
        """The row of `x` that belongs to the pass; the last comes first in reverse."""
        attrs: dict[str, Attr] = {"reverse": int(reverse)}
        self._check_inside([x])
        return self._new(ROW, (token, x), attrs, [(x.dtype, x.shape[1:])])[0]

    def assigned_in_loop(self) -> dict[Any, TraceTensor]:
        """What the variables that the body has assigned are now."""
        before = self._frames[-1].assigns
        return {
            variable: TraceTensor(self, value)
            for variable, value in self.graph.assigns.items()
            if before.get(variable) is not value
        }

    def carry_variable(self, variable: Any, tensor: TraceTensor) -> None:
        """Let the body of a loop find a carried value where it reads the variable."""
        self._current[variable] = tensor.value

    def end_loop(
        self,
        token: TraceTensor,
        carried: Sequence[TraceTensor],
        stacked: Sequence[TraceTensor],
        stop: int = -1,
        reverse: bool = False,
    ) -> tuple[list[TraceTensor], list[TraceTensor]]:
        """End a loop. `stop`: which carried value (int64 [1]) ends it after a pass when
        it is not 0. Gives the last carried values, and the stacked arrays."""
        self.leave_loop()
        most = token.value.node.integer("most")
        specs = [(t.dtype, t.shape) for t in carried]
        specs += [(t.dtype, (most, *t.shape)) for t in stacked]
        attrs: dict[str, Attr] = {
            "carries": len(carried), "stop": stop, "reverse": int(reverse)
        }  # fmt: skip
        results = self._new(END, [token, *carried, *stacked], attrs, specs)
        return list(results[: len(carried)]), list(results[len(carried) :])

    def keep_outside(self, what: str) -> None:
        """Before something is kept for later: refused in a loop, which is unrolled."""
        if self._frames:
            raise ValueError(f"{what} is used in it")

    def leave_loop(self) -> None:
        """Outside the loop again, with the variables as they were before it."""
        frame = self._frames.pop()
        self._guard, self._current = frame.guard, frame.current
        self.graph.assigns = frame.assigns

    def stack_more(self, end: Node, value: Value) -> TraceTensor:
        """One more array of what the passes of a loop made, `end` being its end."""
        most = end.inputs[0].node.integer("most")
        stacked = Value(end, len(end.outputs), (most, *value.shape), value.dtype)
        end.inputs, end.outputs = (*end.inputs, value), (*end.outputs, stacked)
        return TraceTensor(self, stacked)

    @contextmanager
    def attempt(self) -> Iterator[Callable[[], None]]:
        """A part that may be taken back by what this gives, or by an error. Only
        leaves stay."""
        begin, frames = len(self.graph.nodes), len(self._frames)
        faults, notes = len(self.faults), len(self.graph.notes)

        def take_back() -> None:
            while len(self._frames) > frames:
                self.leave_loop()
            part = self.graph.nodes[begin:]
            self.graph.nodes[begin:] = [node for node in part if node.op in LEAVES]
            for node in part:
                self.calls.pop(node, None)
            del self.faults[faults:], self.graph.notes[notes:]

        try:
            yield take_back
        except BaseException:
            take_back()
            raise

    def output(self, name: str, tensor: TraceTensor, *, step: bool = False) -> None:
        """Give the caller this value under this name."""
        self.graph.outputs.append(Output(name, tensor.value, step))

    def loop(self, count: TraceTensor, stop: Any = None) -> None:
        """Repeat the whole graph; see `Loop`."""
        self.graph.loop = Loop(count.value, stop)

    @contextmanager
    def skip_if(self, flag: TraceTensor) -> Iterator[None]:
        """Leave out the nodes added inside when `flag` (int64 [1]) is not 0.

        Only assignments may leave such a block: nothing outside may read its values.
        """
        outer, self._guard = self._guard, flag.value
        try:
            yield
        finally:
            self._guard = outer

    def guard_assigned(self, flag: TraceTensor) -> None:
        """Leave out, when `flag` is not 0, the assignments recorded so far: those of
        layers, made before bad data was known of."""
        with self.skip_if(flag):
            for variable, value in list(self.graph.assigns.items()):
                if value.node.guard is not flag.value:
                    self.assign(variable, TraceTensor(self, value))

    @contextmanager
    def unguarded(self) -> Iterator[TraceTensor | None]:
        """Add nodes outside the `skip_if` block that is open, if one is: they may not
        read values made in it. Gives the block's flag, None if there is none."""
        outer, self._guard = self._guard, None
        try:
            yield None if outer is None else TraceTensor(self, outer)
        finally:
            self._guard = outer

    def _leaf(self, op: str, spec: tuple[str, Shape], payload: Any) -> TraceTensor:
        node = Node(op, (), {}, [spec], payload=payload)
        self.graph.nodes.append(node)
        return TraceTensor(self, node.outputs[0])


class _Local(threading.local):
    """The traces that run in a thread, the innermost last; None: outside them."""

    def __init__(self) -> None:
        self.stack: list[Trace | None] = []


_local = _Local()


def current_trace() -> Trace | None:
    """The innermost running trace of this thread."""
    stack = _local.stack
    return stack[-1] if stack else None


@contextmanager
def outside_trace() -> Iterator[None]:
    """Run ops at once although a trace is running (to create variables)."""
    _local.stack.append(None)
    try:
        yield
    finally:
        _local.stack.pop()


def user_line() -> str:
    """``file:line`` of the innermost frame outside this package, "" if none."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("pydl."):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
