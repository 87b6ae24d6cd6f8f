"""`fit`: epochs of training over arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from pydl import config
from pydl.placement import CPU, device
from pydl.random import global_seed_generator
from pydl.training.callback import CallbackList
from pydl.training.data import (
    ArrayData,
    check_batch_size,
    split_validation,
    unpack_validation,
    weigh_classes,
)
from pydl.training.evaluate import Evaluation
from pydl.training.slices import Pace, Passes
from pydl.training.state import TrainingState
from pydl.training.step import HALTED


def seed_stream() -> Callable[[], int]:
    """Seeds for the orders of one `fit`, the first drawn from the global generator."""
    with device(CPU):
        low, high = (int(word) for word in global_seed_generator().next().numpy())
    # The shuffle takes a signed 64-bit number; there is room to count upwards.
    return count((high << 32 | low) >> 2).__next__


class Fitting:
    """One call of `fit`, its arguments made ready."""

    def __init__(
        self,
        state: TrainingState,
        data: ArrayData,
        batch_size: int,
        callbacks: CallbackList,
        shuffle: bool,
        steps_per_epoch: int | None,
    ) -> None:
        self.state = state
        self.callbacks = callbacks
        self.batches_wanted = callbacks.wants_batches("train")
        one = callbacks.every_batch("train") or state.run_eagerly
        make_step: Callable[..., Any] = partial(
            state.train_step, data, halt=callbacks.stops_on_nan
        )
        self.passes = Passes(
            data, batch_size, make_step, Pace(1 if one else None),
            seed_stream() if shuffle else None, device=state.place(),
        )  # fmt: skip
        self.steps = steps_per_epoch or self.passes.per_sweep
        #: Steps the optimizer has made: a GPU need not be asked after every slice.
        self._steps_before = int(state.optimizer.iterations.buffer)
        if config.max_steps_per_epoch() is not None:
            self.steps = min(self.steps, config.max_steps_per_epoch() or 1)
        if steps_per_epoch is None:
            self.restart = self.passes.restart
        else:
            self.restart = _keep_going

    def epoch(self) -> dict[str, Any]:
        """Train for one epoch; returns its metrics."""
        state, callbacks, passes = self.state, self.callbacks, self.passes
        state.reset_metrics()
        self.restart()
        done = 0
        while done < self.steps:
            if self.batches_wanted:
                callbacks.on_train_batch_begin(done)
            made = passes.run(self.steps - done)
            stop = state.take_stop()
            if stop:  # in the middle of the slice
                ran = int(state.optimizer.iterations.buffer) - self._steps_before
                made = min(max(ran, 0), made)
                self._stopped(stop, done + made)
            done += made
            self._steps_before += made
            if self.batches_wanted:
                callbacks.on_train_batch_end(done - 1, state.results())
            if state.model.stop_training:
                break
        return state.results()

    def _stopped(self, stop: int, done: int) -> None:
        """A loop ended early: bad labels are an error, a loss that is not finite is for
        the callbacks. `done`: finished steps of the epoch."""
        if stop == HALTED:
            self.callbacks.on_invalid_loss(done - 1)
            return
        raise self.state.fault_error(stop)


def _keep_going() -> None:
    """With `steps_per_epoch` an epoch goes on where the last one ended."""


def prepare_data(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, validation_split: float,
    validation_data: Any,
) -> tuple[ArrayData, ArrayData | None]:  # fmt: skip
    """The arrays to train on, and those to validate with, if any."""
    if class_weight is not None:
        sample_weight = weigh_classes(y, class_weight, sample_weight)
    data = ArrayData(x, y, sample_weight)
    if validation_data is not None:
        return data, unpack_validation(validation_data)
    if validation_split:
        return split_validation(data, validation_split)
    return data, None


def resolve_verbose(verbose: Any) -> int:
    """0 silent, 1 progress, 2 one line per epoch; "auto" is 1."""
    if verbose == "auto":
        return 1
    if verbose not in (0, 1, 2, False, True):
        raise ValueError(f"verbose: expected 'auto', 0, 1 or 2, received {verbose!r}")
    return int(verbose)


@dataclass(frozen=True)
class Options:
    """The plain arguments of `fit`."""

    batch_size: int | None
    epochs: int
    initial_epoch: int
    verbose: Any
    shuffle: bool
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: Any


def fit(
    state: TrainingState,
    data: ArrayData,
    held_out: ArrayData | None,
    callbacks: Any,
    options: Options,
) -> Any:
    """See `Trainer.fit`."""
    model = state.model
    batch = check_batch_size(options.batch_size)
    model._ensure_built(data)
    level = resolve_verbose(options.verbose)
    hooks = CallbackList(
        callbacks, add_history=True, add_progbar=level != 0, model=model
    )
    fitting = Fitting(
        state, data, batch, hooks, bool(options.shuffle), options.steps_per_epoch
    )
    state.check_labels(data)
    hooks.set_params(
        {"verbose": level, "epochs": options.epochs, "steps": fitting.steps}
    )
    validation = None
    if held_out is not None:
        held_batch = check_batch_size(options.validation_batch_size or batch)
        steps = options.validation_steps
        validation = Evaluation(
            state, held_out, held_batch, hooks, steps, often=options.epochs > 1
        )
    _run_epochs(fitting, validation, options)
    return model.history


def _run_epochs(
    fitting: Fitting, validation: Evaluation | None, options: Options
) -> None:
    state, hooks = fitting.state, fitting.callbacks
    model = state.model
    model.stop_training = False
    epochs = min(options.epochs, config.max_epochs() or options.epochs)
    hooks.on_train_begin()
    logs: dict[str, Any] = {}
    try:
        for epoch in range(options.initial_epoch, epochs):
            hooks.on_epoch_begin(epoch)
            logs = fitting.epoch()
            if validation is not None and _due(epoch, options.validation_freq):
                logs.update({f"val_{k}": v for k, v in validation.run().items()})
            if epoch == epochs - 1 or model.stop_training:
                state.optimizer.finalize_variable_values(model.trainable_variables)
            hooks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        hooks.on_train_end(logs)
    except BaseException:
        hooks.abandon()
        raise


def _due(epoch: int, frequency: Any) -> bool:
    """Whether to validate after this epoch; `frequency` is a number or a list of
    epochs."""
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in list(frequency)
