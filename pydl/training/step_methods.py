"""`train_step`, `test_step`, `predict_step`: what one batch does, to be overridden.

The steps here compute what the natively traced ones of `pydl.training.step` do; they
are used where a model overrides part of them, and by ``super().train_step(data)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from pydl.graph.gradients import gradients
from pydl.graph.trace import current_trace
from pydl.training.adapters.packing import unpack_x_y_sample_weight
from pydl.training.compiled import Compiled, rows_of
from pydl.training.eager import run_now
from pydl.training.step import call_compute_loss

Step = Callable[[Any, Any], Any]


def runs_anywhere(step: Step) -> Step:
    """Outside a trace the step runs op by op and its results are values."""

    @wraps(step)
    def called(self: Any, data: Any) -> Any:
        if current_trace() is not None:
            return step(self, data)
        return run_now(lambda: step(self, data))

    return called


class StepMethods(Compiled):
    """A mixin; the class it is mixed into has layers, variables and a `call`."""

    #: What `make_train_function` and its like have made; None: not called yet.
    train_function: Callable[[Iterator[Any]], Any] | None = None
    test_function: Callable[[Iterator[Any]], Any] | None = None
    predict_function: Callable[[Iterator[Any]], Any] | None = None

    @runs_anywhere
    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch; returns numbers to log, by name.

        `data` is ``x``, ``(x, y)`` or ``(x, y, sample_weight)``. Override it to train
        in another way: use `GradientTape` and ``self.optimizer.apply(...)``. The step
        is compiled if no value is needed while it is traced, else it runs op by op.
        """
        model: Any = self
        state = self._compiled("train_step")
        x, y, weight = unpack_x_y_sample_weight(data)
        y_pred = model(x, training=True)
        loss = call_compute_loss(model, x, y, y_pred, weight, True)
        state.loss_tracker.update_state(loss, sample_weight=rows_of(x))
        variables = list(model.trainable_variables)
        if variables:
            optimizer = self.optimizer
            optimizer.build(variables)
            grads = gradients([optimizer.scale_loss(loss)], variables)
            optimizer.apply(grads, variables)
        return self.compute_metrics(x, y, y_pred, sample_weight=weight)

    @runs_anywhere
    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch; returns numbers to log, by name. May be overridden."""
        model: Any = self
        state = self._compiled("test_step")
        x, y, weight = unpack_x_y_sample_weight(data)
        y_pred = model(x, training=False)
        loss = call_compute_loss(model, x, y, y_pred, weight, False)
        state.loss_tracker.update_state(loss, sample_weight=rows_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=weight)

    @runs_anywhere
    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch. May be overridden."""
        model: Any = self
        x, _, _ = unpack_x_y_sample_weight(data)
        return model(x, training=False)

    def overrides(self, *names: str) -> bool:
        """Whether a subclass, or the model itself, defines any of these methods."""
        return any(
            getattr(type(self), name) is not getattr(StepMethods, name)
            or name in self.__dict__
            for name in names
        )

    # -- functions of an iterator ------------------------------------------------------

    def make_train_function(self, force: bool = False) -> Any:
        """Set and return `train_function`: it takes an iterator over batches, trains on
        the next one and returns its logs. May be overridden: `fit` then calls it."""
        if self.train_function is None or force:
            self._set_function("train_function", self._batch_function("train"))
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """As `make_train_function`, for `evaluate`."""
        if self.test_function is None or force:
            self._set_function("test_function", self._batch_function("test"))
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """As `make_train_function`, for `predict`: returns the outputs."""
        if self.predict_function is None or force:
            self._set_function("predict_function", self._batch_function("predict"))
        return self.predict_function

    def _set_function(self, name: str, function: Any) -> None:
        object.__setattr__(self, name, function)

    def _batch_function(self, mode: str) -> Callable[[Iterator[Any]], Any]:
        def function(iterator: Iterator[Any]) -> Any:
            data = unpack_x_y_sample_weight(next(iterator))
            model: Any = self
            if mode == "predict":
                return model.predict_on_batch(data[0])
            run = model.train_on_batch if mode == "train" else model.test_on_batch
            return run(*data, return_dict=True)

        return function
