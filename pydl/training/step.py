"""Tracing one step of training, testing or prediction into a program.

A step is a loop: its inputs either advance by one batch each pass (`step=True`), or
stand still while an `order` of row numbers advances and the rows are gathered in the
program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pydl import ops, tree
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph
from pydl.graph.trace import Trace, TraceTensor
from pydl.ops.apply import apply
from pydl.training.data import Layout, Signature, unflatten

if TYPE_CHECKING:
    from pydl.training.state import TrainingState

#: What the `stop` variable holds when TerminateOnNaN ended a loop; faults are positive.
HALTED = -1


@dataclass(frozen=True)
class Feed:
    """How the batches of a step come in. `rows`: of the arrays gathered from, 0:
    stepped. `firsts`: see `ArrayData`; nothing is gathered twice."""

    signature: Signature
    layout: Layout
    batch: int
    rows: int = 0
    firsts: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.signature, repr(self.layout), self.batch, self.rows, self.firsts)

    def bring_in(self, trace: Trace) -> tuple[Any, Any, Any]:
        """x, y and sample_weight of one batch."""
        stepped = self.rows == 0
        first = self.batch if stepped else self.rows
        columns = [
            trace.input(name, (first, *tail), dtype, step=stepped)
            for name, tail, dtype in self.signature
        ]
        if not stepped:
            order = trace.input("order", (self.batch,), "int64", step=True)
            taken = [apply("take", (column, order), {})[0] for column in columns]
            columns = [taken[i] for i in self.firsts] if self.firsts else taken
        return unflatten(self.layout, columns)


class Step(Protocol):
    """Something that makes passes: a compiled program, or ops run one by one."""

    def run_fast(
        self, inputs: Sequence[Any], outputs: Sequence[Any], wait: bool = True
    ) -> None:
        """Make passes; the inputs are the count, the columns, and the order if any.
        `wait` False: they may still be running on a GPU when this returns."""

    def finish(self) -> None:
        """Wait for passes that are still running."""


#: How a trace is opened: `Trace` itself, or one that computes as it goes (eager.py).
Open = Callable[[str], Trace]


def trace_train(
    state: TrainingState, feed: Feed, *, halt: bool = False, export: bool = False,
    name: str = "train", open: Open = Trace,
) -> Graph:  # fmt: skip
    """The graph of a training step.

    `halt`: a loss that is not finite ends the loop. `export`: the loss and the fault
    are outputs, and metrics are left out.
    """
    optimizer, model = state.optimizer, state.model
    with open(name) as trace:
        steps = trace.input("steps", (1,), "int64")
        x, y, weight = feed.bring_in(trace)
        y_pred = model(x, training=True)
        loss, each = loss_of(state, x, y, y_pred, weight, training=True)
        variables = list(model.trainable_variables)
        optimizer.build(variables)
        grads = gradients([optimizer.scale_loss(loss)], variables)
        trace.graph.regions.append([g.value for g in grads if g is not None])
        fault = fault_of(state, trace)
        if fault is not None:
            trace.guard_assigned(fault)
        stop = stop_value(fault, loss if halt else None)
        if stop is not None:
            state.stop.assign(stop)
        with _guard(trace, fault):
            if variables:
                optimizer.apply(grads, variables)
            if not export:
                update_metrics(state, feed.batch, y, y_pred, weight, loss, each)
        if export:
            trace.output("loss", ops.reshape(loss, (1,)))
            trace.output("fault", fault if fault is not None else _no_fault())
        trace.loop(steps, stop=None if stop is None else state.stop)
    return trace.graph


def trace_test(state: TrainingState, feed: Feed, *, open: Open = Trace) -> Graph:
    """The graph of an evaluation step."""
    with open("test") as trace:
        steps = trace.input("steps", (1,), "int64")
        x, y, weight = feed.bring_in(trace)
        y_pred = state.model(x, training=False)
        loss, each = loss_of(state, x, y, y_pred, weight, training=False)
        fault = fault_of(state, trace)
        if fault is not None:
            trace.guard_assigned(fault)
            state.stop.assign(fault)
        with _guard(trace, fault):
            update_metrics(state, feed.batch, y, y_pred, weight, loss, each)
        trace.loop(steps, stop=None if fault is None else state.stop)
    return trace.graph


def trace_predict(
    model: Any, feed: Feed, *, name: str = "predict", open: Open = Trace
) -> tuple[Graph, Any]:
    """The graph of a prediction step, and the structure of what the model returns."""
    with open(name) as trace:
        steps = trace.input("steps", (1,), "int64")
        x, _, _ = feed.bring_in(trace)
        y_pred = model.predict_step(x if not isinstance(x, list) else (x,))
        flat = tree.flatten(y_pred)
        for i, tensor in enumerate(flat):
            label = "y" if len(flat) == 1 else f"y[{i}]"
            trace.output(label, ops.convert_to_tensor(tensor), step=True)
        trace.loop(steps)
    return trace.graph, tree.map_structure(lambda _: 0, y_pred)


def loss_of(
    state: TrainingState, x: Any, y: Any, y_pred: Any, weight: Any, training: bool
) -> tuple[Any, list[Any]]:
    """The loss to minimize: the model's own `compute_loss` where it has one."""
    if not state.model.overrides("compute_loss"):
        return total_loss(state, y, y_pred, weight)
    return call_compute_loss(state.model, x, y, y_pred, weight, training), []


def call_compute_loss(
    model: Any, x: Any, y: Any, y_pred: Any, weight: Any, training: bool
) -> Any:
    """``model.compute_loss``, which may lack the argument `training`."""
    parameters = inspect.signature(model.compute_loss).parameters
    takes = "training" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )
    loss = model.compute_loss(
        x=x, y=y, y_pred=y_pred, sample_weight=weight,
        **({"training": training} if takes else {}),
    )  # fmt: skip
    if loss is None or len(getattr(loss, "shape", ())):
        raise ValueError(
            f"{type(model).__name__}.compute_loss: expected a scalar tensor, received "
            f"{loss!r}"
        )
    return ops.convert_to_tensor(loss)


def total_loss(
    state: TrainingState, y: Any, y_pred: Any, weight: Any
) -> tuple[Any, list[Any]]:
    """The loss with regularization, and the loss of each term."""
    total, each = state.loss(y, y_pred, weight)
    for extra in state.model.losses:
        extra = ops.convert_to_tensor(extra)
        if len(extra.shape):
            extra = ops.sum(extra)
        total = extra if total is None else ops.add(total, extra)
    if total is None:
        raise ValueError(
            "there is no loss to minimize: pass loss=... to compile(), or add losses "
            "in layers"
        )
    return total, each


def update_metrics(
    state: TrainingState, batch: int, y: Any, y_pred: Any, weight: Any, loss: Any,
    each: Sequence[Any],
) -> None:  # fmt: skip
    """Take the batch into the running loss and the metrics."""
    rows = float(batch)
    state.loss_tracker.update_state(loss, sample_weight=rows)
    state.track_terms(each, rows)
    state.metrics.update_state(y, y_pred, weight)


def fault_of(state: TrainingState, trace: Trace) -> TraceTensor | None:
    """The faults that ops noted, as one int64 [1]; None if there are none. What they
    expect is kept for `TrainingState.fault_error`.

    The gathers of batches note none: their order comes from `fit` itself.
    """
    fault: Any = None
    for found, expected in trace.faults:
        fault = found if fault is None else ops.maximum(fault, found)
        state.expected[expected] = None
    return fault  # type: ignore[no-any-return]


def stop_value(fault: Any, loss: Any) -> Any:
    """The new value of the stop variable: a fault, `HALTED` for a loss that is not
    finite, or 0. None: nothing can stop the loop."""
    if loss is None:
        return fault
    bad = ops.reshape(ops.logical_not(ops.isfinite(loss)), (1,))
    halted = ops.multiply(ops.cast(bad, "int64"), np.asarray([HALTED], "int64"))
    return (
        halted if fault is None else ops.where(ops.not_equal(fault, 0), fault, halted)
    )


def _guard(trace: Trace, fault: TraceTensor | None) -> AbstractContextManager[None]:
    return nullcontext() if fault is None else trace.skip_if(fault)


def _no_fault() -> Any:
    return ops.convert_to_tensor(np.zeros(1, "int64"))
