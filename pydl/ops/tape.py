"""`GradientTape`: gradients of what ran while the tape was open.

Outside a trace the tape writes down the eager ops that depend on what it watches and
walks back through them with the rules of `pydl.graph.registry`: the ops of that walk
are themselves seen by the tapes around it. Under a trace nothing is written down,
since the trace is the record; `pydl.graph.gradients` does the walk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self

import numpy as np

from pydl import tree
from pydl.graph.trace import TraceTensor, current_trace
from pydl.ops.apply import TENSORS, apply, emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.record import Recorder
from pydl.ops.span import TraceSpan
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable


class Tracker(Protocol):
    """What a tape does its work with: `Recorder` or `TraceSpan`."""

    def start(self) -> None:
        """Look on from here."""

    def stop(self) -> None:
        """Look away."""

    def watch(self, tensor: Any) -> None:
        """Take gradients with respect to this too."""

    def gradient(
        self, ys: Sequence[Any], xs: Sequence[Any], seeds: Sequence[Any]
    ) -> list[Any]:
        """One gradient, or None, per x."""


class GradientTape:
    """Records what runs in its ``with`` block, to differentiate it afterwards.

    Trainable variables that are read in the block are watched by themselves, other
    tensors after `watch`. Tapes may be nested: the gradient that an inner tape computes
    inside the block of an outer one is recorded there (second derivatives).

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: whether trainable variables are watched when read.

    >>> x = pydl.ops.convert_to_tensor(3.0)
    >>> with pydl.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(
        self, persistent: bool = False, watch_accessed_variables: bool = True
    ) -> None:
        self._persistent = bool(persistent)
        self._watch_variables = bool(watch_accessed_variables)
        self._tracker: Tracker | None = None
        self._open = False
        self._spent = False

    def __enter__(self) -> Self:
        if self._open:
            raise ValueError("GradientTape: the tape is recording already")
        if self._tracker is None or not self._persistent:
            self._tracker = self._new_tracker()
            self._spent = False
        self._start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open:
            self._stop()

    def _new_tracker(self) -> Tracker:
        trace = current_trace()
        if trace is None:
            return Recorder(self._watch_variables)
        return TraceSpan(trace, self._watch_variables)

    def _start(self) -> None:
        self._used().start()
        self._open = True

    def _stop(self) -> None:
        self._used().stop()
        self._open = False

    def _used(self) -> Tracker:
        if self._tracker is None:
            raise RuntimeError(
                "GradientTape: expected to be used as a context manager first: "
                "`with pydl.GradientTape() as tape:`"
            )
        return self._tracker

    def watch(self, tensor: Any) -> None:
        """Take gradients with respect to a tensor, or a structure of tensors.

        Raises TypeError for what is no float tensor, RuntimeError outside the block.
        """
        tracker = self._used()
        if not self._open:
            raise RuntimeError("GradientTape.watch: the tape is not recording")
        for x in tree.flatten(tensor):
            if not isinstance(x, TENSORS) or not is_float(x.dtype):
                raise TypeError(
                    "GradientTape.watch: expected float tensors or variables, received "
                    f"{x!r} of type {type(x).__name__}"
                )
            tracker.watch(x)

    @contextmanager
    def stop_recording(self) -> Any:
        """A context inside the tape's block that the tape does not see."""
        if not self._open:
            raise RuntimeError("GradientTape.stop_recording: the tape is not recording")
        self._stop()
        try:
            yield
        finally:
            self._start()

    def reset(self) -> None:
        """Forget what was recorded, and what was watched."""
        was_open = self._open
        if was_open:
            self._stop()
        self._tracker, self._spent = self._new_tracker(), False
        if was_open:
            self._start()

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """The gradient of the sum of `target` with respect to each of `sources`.

        Args:
            target: float tensors: one, or a structure of them.
            sources: tensors or variables: one, or a structure of them.
            output_gradients: weights of the targets' elements, of `target`'s structure;
                ones unless given.
            unconnected_gradients: ``"none"``: None where the target does not depend on
                a source; ``"zero"``: zeros.

        Returns:
            Gradients in the structure of `sources`, each of its source's shape.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                "GradientTape.gradient: unconnected_gradients: expected 'none' or "
                f"'zero', received {unconnected_gradients!r}"
            )
        self._take()
        ys = [_as_tensor("target", y) for y in tree.flatten(target)]
        xs = [_as_source(x) for x in tree.flatten(sources)]
        seeds = _seeds(ys, output_gradients)
        grads = self._used().gradient(ys, xs, seeds)
        if unconnected_gradients == "zero":
            grads = [
                _zeros(x) if g is None else g for x, g in zip(xs, grads, strict=True)
            ]
        return tree.pack_sequence_as(sources, grads)

    def jacobian(
        self, target: Any, sources: Any, unconnected_gradients: str = "none"
    ) -> Any:
        """The derivative of each element of `target` with respect to each element of
        each source: of shape ``target.shape + source.shape``, or None.

        One walk back per element of `target`.
        """
        self._take()
        y = _as_tensor("target", target)
        xs = [_as_source(x) for x in tree.flatten(sources)]
        size = math.prod(y.shape)
        rows = []
        for i in range(size):
            seed = np.zeros(size, y.dtype)
            seed[i] = 1
            rows.append(self._used().gradient([y], xs, [lift(seed.reshape(y.shape))]))
        found = [
            _joined([row[k] for row in rows], (*y.shape, *x.shape), 0)
            for k, x in enumerate(xs)
        ]
        if unconnected_gradients == "zero":
            found = [
                _zeros(x, y.shape) if g is None else g
                for x, g in zip(xs, found, strict=True)
            ]
        return tree.pack_sequence_as(sources, found)

    def batch_jacobian(self, target: Any, source: Any) -> Any:
        """The jacobian of each row of `target` by the same row of `source`, where rows
        do not depend on each other: shape ``(rows, *target row, *source row)``."""
        self._take()
        y, x = _as_tensor("target", target), _as_source(source)
        if not y.shape or not x.shape or y.shape[0] != x.shape[0]:
            raise ValueError(
                "GradientTape.batch_jacobian: expected target and source with equally "
                f"many rows, received shapes {tuple(y.shape)} and {tuple(x.shape)}"
            )
        size = math.prod(y.shape[1:])
        columns = []
        for i in range(size):
            seed = np.zeros((y.shape[0], size), y.dtype)
            seed[:, i] = 1
            seeds = [lift(seed.reshape(y.shape))]
            columns.append(self._used().gradient([y], [x], seeds)[0])
        return _joined(columns, (*y.shape, *x.shape[1:]), 1)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables watched so far, in the order they were read."""
        return tuple(self._used().variables())  # type: ignore[attr-defined]

    def _take(self) -> None:
        self._used()
        if self._spent:
            raise RuntimeError(
                "GradientTape: a tape that is not persistent gives gradients once; "
                "make it with GradientTape(persistent=True)"
            )
        if not self._persistent:
            self._spent = True
            if self._open:
                self._stop()


def _as_tensor(what: str, y: Any) -> Any:
    if not isinstance(y, TENSORS):
        raise TypeError(
            f"GradientTape: {what}: expected tensors, received {y!r} of type "
            f"{type(y).__name__}"
        )
    y = lift(y)
    if not is_float(y.dtype):
        raise ValueError(
            f"GradientTape: {what}: expected a float tensor, received dtype {y.dtype}"
        )
    return y


def _as_source(x: Any) -> Any:
    if not isinstance(x, Tensor | TraceTensor | Variable):
        raise TypeError(
            "GradientTape: sources: expected tensors or variables, received "
            f"{x!r} of type {type(x).__name__}"
        )
    return x


def _seeds(ys: Sequence[Any], given: Any) -> list[Any]:
    flat = [None] * len(ys) if given is None else tree.flatten(given)
    if len(flat) != len(ys):
        raise ValueError(
            f"GradientTape.gradient: output_gradients: expected {len(ys)}, one per "
            f"target, received {len(flat)}"
        )
    seeds = []
    for y, seed in zip(ys, flat, strict=True):
        if seed is None:
            seed = emit("full", shape=list(y.shape), dtype=y.dtype, value=1.0)
        seed = lift(seed, y.dtype)
        if tuple(seed.shape) != tuple(y.shape):
            raise ValueError(
                "GradientTape.gradient: output_gradients: expected the target's shape "
                f"{tuple(y.shape)}, received {tuple(seed.shape)}"
            )
        seeds.append(seed)
    return seeds


def _zeros(x: Any, lead: Sequence[int] = ()) -> Any:
    return emit("full", shape=[*lead, *x.shape], dtype=x.dtype, value=0.0)


def _joined(parts: Sequence[Any], shape: Sequence[int], axis: int) -> Any:
    """Parts side by side along a new axis, in another shape; None if all are None."""
    shown = next((part for part in parts if part is not None), None)
    if shown is None:
        return None
    size = list(shown.shape)
    rows = [_zeros(shown) if part is None else part for part in parts]
    rows = [emit("reshape", r, shape=[*size[:axis], 1, *size[axis:]]) for r in rows]
    joined = apply("concatenate", rows, {"axis": axis})[0]
    return emit("reshape", joined, shape=list(shape))
