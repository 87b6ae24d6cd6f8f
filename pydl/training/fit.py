"""`fit`: epochs of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydl import config
from pydl.training.adapters.opening import Seeds, open_passes
from pydl.training.adapters.sources import Source, find_source
from pydl.training.adapters.stream import Stream
from pydl.training.callback import CallbackList
from pydl.training.data import (
    ArrayData,
    check_batch_size,
    split_validation,
    unpack_validation,
    weigh_classes,
)
from pydl.training.evaluate import Evaluation
from pydl.training.state import TrainingState
from pydl.training.step import HALTED


class Fitting:
    """One call of `fit`, its arguments made ready."""

    def __init__(
        self,
        state: TrainingState,
        data: ArrayData | Source,
        batch_size: int,
        callbacks: CallbackList,
        shuffle: bool,
        steps_per_epoch: int | None,
        class_weight: Any = None,
    ) -> None:
        self.state = state
        self.callbacks = callbacks
        self.batches_wanted = callbacks.wants_batches("train")
        one = callbacks.every_batch("train") or state.run_eagerly
        self.seeds = Seeds(shuffle)
        self.passes = open_passes(
            state, "train", data, batch_size, one, seeds=self.seeds,
            halt=callbacks.stops_on_nan, steps=steps_per_epoch,
            class_weight=class_weight,
        )  # fmt: skip
        self.given_steps = steps_per_epoch
        self._most_steps = config.max_steps_per_epoch()
        #: Batches of the present epoch that are done, and those done before a resume.
        self.done = 0
        self._resumed: int | None = None
        #: Steps the optimizer has made: a GPU need not be asked after every slice.
        self._steps_before = state.updates()

    @property
    def steps(self) -> int | None:
        """Batches of an epoch; None: until the data ends."""
        steps, limit = self.given_steps or self.passes.per_sweep, self._most_steps
        return min(steps or limit, limit) if limit is not None else steps

    def build_from(self, batch: ArrayData) -> None:
        """Make weights, optimizer state and metrics, which a first batch shows."""
        self.state.model._ensure_built(batch)
        if not self.state.model.overrides("make_train_function"):
            halt = self.callbacks.stops_on_nan
            self.state.train_step(batch, batch.rows, 0, halt)

    def _begin(self) -> None:
        """Start an epoch, or go on with one that another process began."""
        if self._resumed is not None:
            self.done, self._resumed = self._resumed, None
            return
        self.done = 0
        self.state.model.reset_metrics()
        if self.given_steps is None or isinstance(self.passes, Stream):
            self.passes.restart()  # else it goes on where the last one ended

    def epoch(self) -> dict[str, Any]:
        """Train for one epoch; returns its metrics."""
        state, callbacks, passes = self.state, self.callbacks, self.passes
        self._begin()
        while self.steps is None or self.done < self.steps:
            if not passes.ready():
                break
            if self.batches_wanted:
                callbacks.on_train_batch_begin(self.done)
            made = passes.run(self.steps - self.done if self.steps else 1)
            stop = state.take_stop()
            if stop:  # in the middle of the slice
                if made > 1:
                    ran = state.updates() - self._steps_before
                    made = min(max(ran, 0), made)
                self._stopped(stop, self.done + made)
            self.done += made
            self._steps_before += made
            if self.batches_wanted:
                callbacks.on_train_batch_end(
                    self.done - 1, state.epoch_results("train")
                )
            if state.model.stop_training:
                break
        passes.end()
        return state.epoch_results("train")

    def position(self, epoch_ended: bool) -> dict[str, int]:
        """Where training stands, for `resume` in another process: behind an epoch and
        what belongs to its end, or behind a batch."""
        at = self.passes.at
        seed = self.seeds.last if at else self.seeds.value
        return {"at": at, "seed": seed, "done": 0 if epoch_ended else self.done}

    def resume(self, position: dict[str, int]) -> None:
        """Go on from a `position`. The metrics' state is the caller's business."""
        self.seeds.value = position["seed"]
        self._steps_before = self.state.updates()
        self.passes.resume(position["at"], position["done"])
        if position["done"]:
            self._resumed = position["done"]

    def _stopped(self, stop: int, done: int) -> None:
        """A loop ended early: bad labels are an error, a loss that is not finite is for
        the callbacks. `done`: finished steps of the epoch."""
        if stop == HALTED:
            self.callbacks.on_invalid_loss(done - 1)
            return
        raise self.state.fault_error(stop)


def prepare_data(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, validation_split: float,
    validation_data: Any,
) -> tuple[ArrayData | Source, ArrayData | Source | None]:  # fmt: skip
    """The arrays or the source to train on, and what to validate with, if anything."""
    source = find_source(x, y, sample_weight)
    held_out = find_validation(validation_data)
    if source is not None:
        if validation_split and held_out is None:
            raise ValueError(
                "`validation_split` is only supported for Tensors or NumPy arrays, "
                f"found following types in the input: [{type(x)}]"
            )
        return source, held_out
    if class_weight is not None:
        sample_weight = weigh_classes(y, class_weight, sample_weight)
    data = ArrayData(x, y, sample_weight)
    if held_out is None and validation_split:
        return split_validation(data, validation_split)
    return data, held_out


def find_validation(validation_data: Any) -> ArrayData | Source | None:
    """What to validate with: arrays in a tuple, or a source of batches."""
    if validation_data is None or isinstance(validation_data, ArrayData):
        return validation_data
    return find_source(validation_data) or unpack_validation(validation_data)


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
    class_weight: Any = None


def fit(
    state: TrainingState,
    data: ArrayData | Source,
    held_out: ArrayData | Source | None,
    callbacks: Any,
    options: Options,
) -> Any:
    """See `Trainer.fit`."""
    model = state.model
    batch = check_batch_size(options.batch_size)
    if isinstance(data, ArrayData):
        model._ensure_built(data)
    level = resolve_verbose(options.verbose)
    hooks = CallbackList(
        callbacks, add_history=True, add_progbar=level != 0, model=model
    )
    model.make_train_function()
    fitting = Fitting(
        state, data, batch, hooks, bool(options.shuffle), options.steps_per_epoch,
        options.class_weight,
    )  # fmt: skip
    validation = None
    try:
        if isinstance(data, ArrayData):
            state.check_labels(data)
        else:
            assert isinstance(fitting.passes, Stream)
            fitting.build_from(fitting.passes.first())
        hooks.set_params(
            {"verbose": level, "epochs": options.epochs, "steps": fitting.steps}
        )
        if held_out is not None:
            validation = _validation(state, held_out, hooks, options, batch)
        _run_epochs(fitting, validation, options)
    finally:
        fitting.passes.close()
        if validation is not None:
            validation.passes.close()
    return model.history


def _validation(
    state: TrainingState,
    held_out: ArrayData | Source,
    hooks: CallbackList,
    options: Options,
    batch: int,
) -> Evaluation:
    """What runs over the held out data: in batches of its own size, or of fit's."""
    size = check_batch_size(options.validation_batch_size or batch)
    steps, often = options.validation_steps, options.epochs > 1
    return Evaluation(state, held_out, size, hooks, steps, often=often)


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
        begin = hooks.resume(fitting, options.initial_epoch)
        for epoch in range(begin, epochs):
            hooks.on_epoch_begin(epoch)
            logs = fitting.epoch()
            if fitting.done == 0:  # there was no batch left: not an epoch
                break
            if validation is not None and _due(epoch, options.validation_freq):
                logs.update({f"val_{k}": v for k, v in validation.run().items()})
            hooks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        if options.epochs > 0:
            state.optimizer.finalize_variable_values(model.trainable_variables)
        hooks.on_train_end(logs)
    except BaseException:
        hooks.abandon()
        raise


def _due(epoch: int, frequency: Any) -> bool:
    """Whether to validate after this epoch; `frequency` is a number or a list of
    epochs."""
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    if not isinstance(frequency, (list, tuple, set, range)):
        raise ValueError(
            "Expected `validation_freq` to be a list or int. Received: "
            f"validation_freq={frequency!r} of the type {type(frequency)}."
        )
    return epoch + 1 in frequency
