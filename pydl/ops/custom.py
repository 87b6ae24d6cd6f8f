"""Functions with a gradient of their own: `custom_gradient`, and `remat`, which keeps
no intermediate results but computes them again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydl import tree
from pydl.graph.gradients import gradients
from pydl.graph.node import LEAVES, Node, Value
from pydl.graph.replay import replay, replay_calls, replay_stops
from pydl.graph.trace import CustomCall, Trace, TraceTensor, current_trace
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.public import public_op
from pydl.ops.record import Recorder
from pydl.ops.stateless import StatelessScope
from pydl.runtime import watchers
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

__all__ = ["custom_gradient"]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function a gradient of its own.

    Args:
        f: returns ``(outputs, grad)``. ``grad(*upstream)`` takes the gradient of each
            output tensor and returns that of each tensor among the arguments of `f`
            (None: no gradient), one alone or a list.

    Gradients reach the tensors that are passed as positional arguments; variables that
    `f` only mentions get none.

    >>> @pydl.ops.custom_gradient
    ... def log1pexp(x):
    ...     e = pydl.ops.exp(x)
    ...     def grad(upstream):
    ...         return upstream * (1.0 - 1.0 / (1.0 + e))
    ...     return pydl.ops.log(1.0 + e), grad
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        args = tree.map_structure(_lifted, args)
        inputs = [x for x in tree.flatten(args) if isinstance(x, TENSORS)]
        returned = f(*args, **kwargs)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise ValueError(
                f"custom_gradient: expected {_name(f)} to return (outputs, gradient "
                f"function), received {returned!r}"
            )
        outputs, grad = tree.map_structure(lift, returned[0]), returned[1]
        if not callable(grad):
            raise TypeError(
                f"custom_gradient: expected {_name(f)} to return a gradient function "
                f"second, received {grad!r}"
            )
        back = functools.partial(_custom_back, f, grad, inputs, tree.flatten(outputs))
        return _with_gradient(outputs, inputs, back)

    return public_op(call)


def _lifted(x: Any) -> Any:
    return lift(x) if isinstance(x, TENSORS) or hasattr(x, "__array__") else x


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", f))


def _custom_back(
    f: Any, grad: Any, inputs: Sequence[Any], outputs: Sequence[Any], grads: list[Any]
) -> list[Any]:
    """The gradients a user's function returns, checked."""
    upstream = [
        emit("full", shape=list(y.shape), dtype=y.dtype, value=0.0) if g is None else g
        for y, g in zip(outputs, grads, strict=True)
    ]
    found = tree.flatten(grad(*upstream))
    if len(found) != len(inputs):
        raise ValueError(
            f"custom_gradient: expected the gradient function of {_name(f)} to return "
            f"{len(inputs)} gradient(s), one per tensor argument, received {len(found)}"
        )
    return [_fitting(f, x, g) for x, g in zip(inputs, found, strict=True)]


def _fitting(f: Any, x: Any, grad: Any) -> Any:
    if grad is None or not is_float(x.dtype):
        return None
    grad = lift(grad, x.dtype)
    if tuple(grad.shape) != tuple(x.shape):
        raise ValueError(
            f"custom_gradient: expected a gradient of shape {tuple(x.shape)} from the "
            f"gradient function of {_name(f)}, received shape {tuple(grad.shape)}"
        )
    return grad


def _with_gradient(
    outputs: Any, inputs: Sequence[Any], back: Callable[..., Any]
) -> Any:
    """`outputs` as tensors whose gradient is what `back` makes of theirs."""
    trace = current_trace()
    flat = [lift(y) for y in tree.flatten(outputs)]
    if trace is not None:
        aliases = [emit("reshape", y, shape=list(y.shape)) for y in flat]
        values = tuple(y.value for y in aliases)
        call = CustomCall(tuple(x.value for x in inputs), values, back)
        trace.calls.update((value.node, call) for value in values)
    elif watchers.is_watched():
        aliases = [_renamed(y) for y in flat]
        watchers.note_call(inputs, aliases, back)
    else:
        aliases = flat
    return tree.pack_sequence_as(outputs, aliases)


def _renamed(x: Tensor) -> Tensor:
    """The same content as another tensor."""
    x.detach()
    return Tensor(x.array)


# -- remat ----------------------------------------------------------------------------


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function whose intermediate results are not kept for the gradient but
    computed again when it is: less memory, more arithmetic.

    Random numbers are the same the second time. Gradients reach the arguments and the
    variables that `f` reads.

    >>> layer = pydl.layers.Dense(4)
    >>> slim = pydl.remat(layer.__call__)
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is not None:
            return _remat_traced(trace, f, args, kwargs)
        if watchers.is_watched():
            return _remat_eager(f, args, kwargs)
        return f(*args, **kwargs)

    return public_op(call)


def _remat_traced(trace: Trace, f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    begin = len(trace.graph.nodes)
    outputs = f(*args, **kwargs)
    nodes = trace.graph.nodes[begin:]
    flat = [lift(y) for y in tree.flatten(outputs)]
    made = {v for node in nodes if node.op not in LEAVES for v in node.outputs}
    used = (v for node in nodes for v in node.inputs)
    outer = [
        v
        for v in dict.fromkeys([*used, *(y.value for y in flat)])
        if v not in made and is_float(v.dtype) and v.node.op != "constant"
    ]
    inputs = [TraceTensor(trace, v) for v in outer]
    return _with_gradient(outputs, inputs, _Recomputed(trace, nodes, inputs, flat))


@dataclass
class _Recomputed:
    """The gradient of nodes of a trace, which are written down once more for it."""

    trace: Trace
    nodes: Sequence[Node]
    inputs: Sequence[TraceTensor]
    outputs: Sequence[TraceTensor]

    @property
    def optional_nodes(self) -> Sequence[Node]:
        """The nodes whose results are not to be kept."""
        return self.nodes

    def __call__(self, grads: list[Any]) -> list[Any]:
        trace, nodes = self.trace, self.nodes
        begin = len(trace.graph.nodes)
        mark = object()  # or `simplify` would find that they are there already
        now: dict[Value, TraceTensor] = {}
        for x in self.inputs:
            (now[x.value],) = trace.add("reshape", (x,), {"shape": list(x.shape)})
            now[x.value].value.node.payload = mark
        replay(trace, nodes, now, mark)
        replay_stops(trace, trace, nodes, now)
        replay_calls(trace, trace, nodes, now)
        pairs = [
            (now[y.value], g)
            for y, g in zip(self.outputs, grads, strict=True)
            if g is not None and y.value in now
        ]
        ys, seeds = [y for y, _ in pairs], [g for _, g in pairs]
        part, xs = trace.graph.nodes[begin:], [now[x.value] for x in self.inputs]
        return list(gradients(ys, xs, seeds, nodes=part))

    def moved(self, trace: Trace, now: Mapping[Value, TraceTensor]) -> _Recomputed:
        """The same for a copy of the nodes, in `trace`."""
        nodes = [now[n.outputs[0]].value.node for n in self.nodes if n.op not in LEAVES]
        inputs = [now.get(x.value, x) for x in self.inputs]
        outputs = [now.get(y.value, y) for y in self.outputs]
        return _Recomputed(trace, nodes, inputs, outputs)


class _Reads:
    """The variables a function reads, with the values they had."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[Variable, Tensor]] = {}

    def on_read(self, variable: Any, tensor: Any) -> None:
        self.found.setdefault(id(variable), (variable, tensor))

    def on_op(self, op: str, inputs: Any, attrs: Any, results: Any) -> None:
        """Ops are not of interest."""

    def on_call(self, inputs: Any, results: Any, back: Any) -> None:
        """Nor are calls."""


def _remat_eager(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    args, kwargs = tree.map_structure(_lifted, (args, kwargs))
    reads = _Reads()
    with watchers.unwatched(), watchers.watching(reads):
        outputs = f(*args, **kwargs)
    state = list(reads.found.values())
    given = [x for x in tree.flatten((args, kwargs)) if isinstance(x, TENSORS)]
    for variable, tensor in state:
        watchers.note_read(variable, tensor)
    inputs = [x for x in (*given, *(t for _, t in state)) if is_float(x.dtype)]

    def back(grads: list[Any]) -> list[Any]:
        record = Recorder(watch_variables=False)
        for x in inputs:
            record.watch(x)
        record.start()
        try:
            with StatelessScope(state):
                again = [lift(y) for y in tree.flatten(f(*args, **kwargs))]
        finally:
            record.stop()
        pairs = [(y, g) for y, g in zip(again, grads, strict=True) if g is not None]
        return record.gradient([y for y, _ in pairs], inputs, [g for _, g in pairs])

    return _with_gradient(outputs, inputs, back)
