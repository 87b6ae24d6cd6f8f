"""What a tape writes down of eager ops, and the walk back through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from pydl.graph.registry import OpCall, opdef
from pydl.ops.dtypes import is_float
from pydl.ops.rows import add_gradients
from pydl.runtime import watchers
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

#: ``back(grads of the results) -> grad, None, or a function that makes it, per input``
Back = Callable[[list[Any]], Sequence[Any]]


class Entry(NamedTuple):
    """One call: an op with its attributes, or a function with a gradient of its own."""

    op: str
    inputs: tuple[Any, ...]
    results: tuple[Any, ...]
    attrs: dict[str, Any]
    back: Back | None


class Recorder:
    """The record of one tape outside traces. Tensors are known by identity; entries
    keep them alive, and with them the values that variables had."""

    def __init__(self, watch_variables: bool) -> None:
        self._watch_variables = watch_variables
        self._entries: list[Entry] = []
        self._tracked: dict[int, Any] = {}  # tensors that depend on what is watched
        self._reads: dict[int, tuple[Variable, dict[int, Tensor]]] = {}
        self._watched: set[int] = set()  # variables
        self._exit = ExitStack()

    def start(self) -> None:
        self._exit.enter_context(watchers.watching(self))

    def stop(self) -> None:
        self._exit.close()

    def watch(self, tensor: Any) -> None:
        if isinstance(tensor, Variable):
            self._watched.add(id(tensor))
            tensor = tensor.value  # read, and so tracked
        self._tracked[id(tensor)] = tensor

    def variables(self) -> list[Variable]:
        """The watched variables that were read."""
        return [
            variable
            for variable, tensors in self._reads.values()
            if any(key in self._tracked for key in tensors)
        ]

    # -- what `watchers` tells -------------------------------------------------------

    def on_op(
        self, op: str, inputs: Sequence[Any], attrs: dict[str, Any], results: Any
    ) -> None:
        if any(id(x) in self._tracked for x in inputs):
            self._enter(Entry(op, tuple(inputs), tuple(results), attrs, None))

    def on_call(self, inputs: Sequence[Any], results: Any, back: Any) -> None:
        if any(id(x) in self._tracked for x in inputs):
            self._enter(Entry("", tuple(inputs), tuple(results), {}, back))

    def on_read(self, variable: Any, tensor: Any) -> None:
        own = self._watch_variables and variable.trainable
        if (own or id(variable) in self._watched) and is_float(variable.dtype):
            self._tracked[id(tensor)] = tensor
            _, tensors = self._reads.setdefault(id(variable), (variable, {}))
            tensors[id(tensor)] = tensor

    def _enter(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._tracked.update((id(x), x) for x in entry.results if is_float(x.dtype))

    # -- the walk back ---------------------------------------------------------------

    def gradient(
        self, ys: Sequence[Any], xs: Sequence[Any], seeds: Sequence[Any]
    ) -> list[Any]:
        """One gradient, or None, per x: a variable's is the sum over its reads."""
        sources = [self._keys(x) for x in xs]
        entries = tuple(self._entries)  # an open tape records the walk as well
        active = _depending(entries, {key for keys in sources for key in keys})
        sums: dict[int, Any] = {}
        for y, seed in zip(ys, seeds, strict=True):
            if id(y) in active:
                _add(sums, y, seed)
        for entry in reversed(entries):
            if any(id(out) in sums for out in entry.results):
                _step_back(entry, active, sums)
        return [_total([sums.get(key) for key in keys]) for keys in sources]

    def _keys(self, x: Any) -> list[int]:
        if isinstance(x, Variable):
            return list(self._reads.get(id(x), (x, {}))[1])
        return [id(x)] if id(x) in self._tracked else []


def _depending(entries: Sequence[Entry], sources: set[int]) -> set[int]:
    """The float tensors that change when a source does."""
    active = set(sources)
    for entry in entries:
        if any(id(x) in active for x in entry.inputs):
            active.update(id(out) for out in entry.results if is_float(out.dtype))
    return active


def _step_back(entry: Entry, active: set[int], sums: dict[int, Any]) -> None:
    wanted = [id(x) in active for x in entry.inputs]
    if not any(wanted):
        return
    grads = [sums.get(id(out)) for out in entry.results]
    for x, want, result in zip(entry.inputs, wanted, _back(entry, grads), strict=True):
        grad = result() if want and callable(result) else result
        if want and grad is not None:
            _add(sums, x, grad)


def _back(entry: Entry, grads: list[Any]) -> Sequence[Any]:
    if entry.back is not None:
        return entry.back(grads)
    rule = opdef(entry.op).gradient
    if rule is None:
        raise ValueError(
            f"GradientTape: op {entry.op!r} is not differentiable; use "
            "ops.stop_gradient if no gradient should pass"
        )
    return rule(OpCall(entry.op, entry.inputs, entry.results, entry.attrs), grads)


def _add(sums: dict[int, Any], x: Any, grad: Any) -> None:
    before = sums.get(id(x))
    sums[id(x)] = grad if before is None else add_gradients(before, grad)


def _total(parts: Sequence[Any]) -> Any:
    found = [part for part in parts if part is not None]
    total = found[0] if found else None
    for part in found[1:]:
        total = add_gradients(total, part)
    return total
