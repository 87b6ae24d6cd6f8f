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
from typing import Any, NoReturn

import numpy as np

from pydl import _core
from pydl.graph.node import Attr, Graph, InputPort, Loop, Node, Output, Shape, Value
from pydl.graph.operators import Operators


class NeedsValue(TypeError):
    """Code asked for the value of a tensor that is only being traced."""


class TraceTensor(Operators):
    """A value of a running trace. Has a shape and a dtype but no data."""

    __slots__ = ("_keras_mask", "trace", "value")

    def __init__(self, trace: Trace, value: Value) -> None:
        self.trace = trace
        self.value = value

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def dtype(self) -> str:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor with no axes")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<TraceTensor shape={self.shape} dtype={self.dtype}>"

    def _no_value(self, what: str) -> NoReturn:
        raise NeedsValue(
            f"{what} needs the value of a tensor that is only being traced (shape "
            f"{self.shape}, made by {self.value.node.op!r} at "
            f"{self.value.node.source or 'an unknown line'}). Use ops such as "
            "`ops.where` instead, or compile the model (or mark the pydl.function) "
            "with run_eagerly=True."
        )

    def __bool__(self) -> bool:
        self._no_value("bool()")

    def __float__(self) -> float:
        self._no_value("float()")

    def __int__(self) -> int:
        self._no_value("int()")

    def __index__(self) -> int:
        self._no_value("an index")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._no_value("np.asarray()")

    def numpy(self) -> np.ndarray:
        self._no_value(".numpy()")

    def item(self) -> Any:
        self._no_value(".item()")

    def tolist(self) -> Any:
        self._no_value(".tolist()")

    def __format__(self, spec: str) -> str:
        return self._no_value("a format") if spec else str(self)


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
        if self._guard is not None and tensor.value.node.guard is not self._guard:
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
        node = Node(
            op, tuple(t.value for t in inputs), attrs, specs,
            layer="/".join(self.layers), source=user_line(), guard=self._guard,
        )  # fmt: skip
        self.graph.nodes.append(node)
        return tuple(TraceTensor(self, value) for value in node.outputs)

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
