"""Everything `compile` leaves on a model, and the programs made from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from pydl import optimizers, tree
from pydl.graph.node import Graph
from pydl.metrics import Mean, Metric
from pydl.optimizers import Optimizer
from pydl.placement import CPU, current_device, device, machine
from pydl.runtime import numerics
from pydl.runtime.cache import ProgramCache
from pydl.runtime.program import compile_graph
from pydl.runtime.variable import Variable
from pydl.training.checked import CheckedStep
from pydl.training.compile import CompiledLoss, CompiledMetrics, check_names
from pydl.training.data import ArrayData, Signature, check_labels
from pydl.training.eager import EagerStep
from pydl.training.step import Feed, Step, trace_test, trace_train


class TrainingState:
    """One call of `compile`: optimizer, losses, metrics, flags. Not tracked by the
    model."""

    def __init__(
        self, model: Any, optimizer: Any, loss: Any, loss_weights: Any, metrics: Any,
        weighted_metrics: Any, run_eagerly: bool, steps_per_execution: int,
    ) -> None:  # fmt: skip
        check_names(loss, metrics)
        check_names(None, weighted_metrics)
        self.model = model
        self.optimizer: Optimizer = optimizers.get(optimizer)
        self.loss = CompiledLoss(loss, loss_weights)
        self.metrics = CompiledMetrics(metrics, weighted_metrics)
        self.loss_tracker = Mean(name="loss")
        self.run_eagerly = bool(run_eagerly)
        self.steps_per_execution = steps_per_execution
        #: 0, or why a loop ended early: see `step.stop_value`.
        self.stop = Variable(
            np.zeros(1, "int64"), dtype="int64", trainable=False, name="stop"
        )
        #: What the ops of the steps expect of data, in order: see `step.fault_of`.
        self.expected: dict[str, None] = {}
        self.programs: ProgramCache[Any] = ProgramCache(limit=32)
        #: Columns and structure of the inputs and labels trained on last, for `export`.
        self.inputs: tuple[Signature, Any] | None = None
        self.labels: tuple[Signature, Any] | None = None

    def all_metrics(self) -> list[Metric]:
        """The loss, losses of outputs, metrics."""
        return [self.loss_tracker, *self.loss.trackers, *self.metrics.metrics]

    def metric_names(self) -> list[str]:
        """The names of `all_metrics` in logs."""
        return ["loss", *(t.name for t in self.loss.trackers), *self.metrics.names]

    def results(self) -> dict[str, float]:
        """The value of every metric, by name."""
        pairs = zip(self.metric_names(), self.all_metrics(), strict=True)
        with device(CPU):  # some numbers: not worth a kernel
            return {name: metric.read() for name, metric in pairs}

    def reset_metrics(self) -> None:
        """Start all metrics over."""
        for metric in self.all_metrics():
            metric.reset_state()

    def output_names(self, y_pred: Any) -> list[str]:
        """A name for each output."""
        if isinstance(y_pred, dict):
            return sorted(y_pred)
        count = len(tree.flatten(y_pred))
        names = list(getattr(self.model, "output_names", None) or [])
        return names if len(names) == count else [f"output_{i}" for i in range(count)]

    def place(self) -> str:
        """The device that compiled steps made now run on; steps of ops take host
        arrays anyhow."""
        return CPU if self.run_eagerly else current_device()

    # -- programs ----------------------------------------------------------------------

    def train_step(self, data: ArrayData, batch: int, rows: int, halt: bool) -> Step:
        """The step that trains on batches of this size."""
        feed = Feed(data.signature, data.layout, batch, rows)
        trainable = tuple(id(v) for v in self.model.trainable_variables)
        version = self.model.structure_version
        key = ("train", feed.key, halt, version, trainable, machine())
        step = self._step(key, partial(trace_train, self, feed, halt=halt))
        self.inputs, self.labels = data.inputs(), data.labels()
        return step

    def test_step(self, data: ArrayData, batch: int, rows: int = 0) -> Step:
        """The step that evaluates batches of this size."""
        feed = Feed(data.signature, data.layout, batch, rows)
        key = ("test", feed.key, self.model.structure_version, machine())
        return self._step(key, partial(trace_test, self, feed))

    def _step(self, key: Any, trace: Callable[..., Graph]) -> Step:
        if self.run_eagerly:
            return EagerStep(lambda open: trace(open=open))

        def make() -> Step:
            program = compile_graph(trace())
            if not numerics.enabled():
                return program
            return CheckedStep(program, EagerStep(lambda open: trace(open=open)))

        step: Step = self.programs.get((key, numerics.enabled()), make)
        return step

    # -- faults ------------------------------------------------------------------------

    def check_labels(self, data: ArrayData) -> None:
        """Range-check the labels of sparse losses. Needs a traced step: shapes are
        known."""
        labels = data.part("y")
        for (name, array), loss, classes in zip(
            labels, self.loss.resolved, self.loss.classes, strict=False
        ):
            if classes:
                check_labels(name, array, classes, getattr(loss, "ignore_class", None))

    def take_stop(self) -> int:
        """Why the last loop ended early, 0 if it did not; clears it."""
        stop = int(self.stop.buffer[0])
        if stop:
            self.stop.assign(np.zeros(1, "int64"))
        return stop

    def fault_error(self, stop: int) -> ValueError:
        """The error for bad data that a step found, such as unknown labels."""
        return ValueError(
            f"{' or '.join(self.expected)}; the one at flat index {stop - 1} of a "
            "batch is not. The weights are those before that batch."
        )
