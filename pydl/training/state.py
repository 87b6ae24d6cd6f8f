"""Everything `compile` leaves on a model, and the programs made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from pydl import optimizers
from pydl.graph.node import Graph
from pydl.graph.trace import NeedsValue
from pydl.metrics import Mean, Metric
from pydl.optimizers import Optimizer
from pydl.placement import CPU, current_device, device, machine
from pydl.runtime import numerics
from pydl.runtime.cache import ProgramCache
from pydl.runtime.program import compile_graph
from pydl.runtime.variable import Variable
from pydl.training.checked import CheckedStep
from pydl.training.compile_loss import CompiledLoss
from pydl.training.compile_metrics import CompiledMetrics
from pydl.training.data import ArrayData, Signature, check_labels
from pydl.training.eager import EagerStep
from pydl.training.own_step import OwnStep, plain_logs, warn_eager
from pydl.training.resolve import check_names
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
        self.loss = CompiledLoss(loss, loss_weights, self.output_names)
        self.metrics = CompiledMetrics(metrics, weighted_metrics, self.output_names)
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
        #: The logs of own steps, by mode.
        self.logs: dict[str, dict[str, Any]] = {}
        #: What the functions of ``make_train_function`` and its like returned, by mode.
        self.function_logs: dict[str, dict[str, Any]] = {}
        #: The metrics of the model's layers, under what they depend on.
        self.own_metrics: tuple[Any, list[Metric]] | None = None
        self._warned: set[str] = set()
        #: Columns and structure of the inputs and labels trained on last, for `export`.
        self.inputs: tuple[Signature, Any] | None = None
        self.labels: tuple[Signature, Any] | None = None

    def compiled_metrics(self) -> list[Metric]:
        """The running loss, the metrics as one, the running losses of outputs."""
        metrics = self.metrics
        given = [metrics] if metrics.user_metrics or metrics.user_weighted else []
        return [self.loss_tracker, *given, *self.loss.trackers]

    def track_terms(self, values: Sequence[Any], rows: float) -> None:
        """Take the losses of several outputs into their running means."""
        for tracker, value in zip(self.loss.trackers, values, strict=False):
            tracker.update_state(value, sample_weight=rows)

    def results(self, mode: str = "train") -> dict[str, Any]:
        """What to log of the steps so far, by sorted name as in Keras."""
        if self.owns_step(mode):
            return plain_logs(self.logs.get(mode, {}))
        with device(CPU):  # some numbers: not worth a kernel
            return plain_logs(self.model.get_metrics_result())

    def epoch_results(self, mode: str) -> dict[str, Any]:
        """What `fit` and `evaluate` log: what a function of the user's returned."""
        if self.model.overrides(f"make_{mode}_function"):
            return plain_logs(self.function_logs.get(mode, {}))
        return self.results(mode)

    def output_names(self) -> list[str] | None:
        """The names of a functional model's outputs, or of a stack's last layer."""
        names = getattr(self.model, "output_names", None)
        if names is None and getattr(self.model, "owns_layers_in_order", False):
            names = [layer.name for layer in self.model.layers[-1:]]
        return list(names) if names else None

    def updates(self) -> int:
        """How often the optimizer was applied."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return int(optimizer._iterations.buffer)

    def owns_step(self, mode: str) -> bool:
        """Whether "train" or "test" steps, or what they log, are the user's own."""
        step = f"{mode}_step"
        names = (step, "compute_metrics", "get_metrics_result")
        found: bool = self.model.overrides(*names)
        return found

    def warn_eager(self, mode: str, error: NeedsValue) -> None:
        """Say once that a step cannot be compiled."""
        if mode not in self._warned:
            self._warned.add(mode)
            warn_eager(self.model, mode, error)

    def place(self) -> str:
        """The device that compiled steps made now run on; steps of ops take host
        arrays anyhow."""
        return CPU if self.run_eagerly else current_device()

    # -- programs ----------------------------------------------------------------------

    def train_step(self, data: ArrayData, batch: int, rows: int, halt: bool) -> Step:
        """The step that trains on batches of this size."""
        feed = Feed(data.signature, data.layout, batch, rows, data.firsts)
        trainable = tuple(id(v) for v in self.model.trainable_variables)
        version = self.model.structure_version
        key = ("train", feed.key, halt, version, trainable, machine())
        if self.owns_step("train"):
            step = self._own_step(key, "train", feed, halt)
        else:
            step = self._step(key, partial(trace_train, self, feed, halt=halt))
        self.inputs, self.labels = data.inputs(), data.labels()
        return step

    def test_step(self, data: ArrayData, batch: int, rows: int = 0) -> Step:
        """The step that evaluates batches of this size."""
        feed = Feed(data.signature, data.layout, batch, rows, data.firsts)
        key = ("test", feed.key, self.model.structure_version, machine())
        if self.owns_step("test"):
            return self._own_step(key, "test", feed, False)
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

    def _own_step(self, key: Any, mode: str, feed: Feed, halt: bool) -> Step:
        if self.run_eagerly:
            return OwnStep(self, mode, feed, halt)
        step: Step = self.programs.get(key, lambda: OwnStep(self, mode, feed, halt))
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
        when = "after" if self.owns_step("train") else "before"
        return ValueError(
            f"{' or '.join(self.expected)}; the one at flat index {stop - 1} of a "
            f"batch is not. The weights are those {when} that batch."
        )
