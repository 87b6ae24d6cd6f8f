"""Callbacks: code of the user's that training calls at its milestones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

Logs = dict[str, Any] | None


class Callback:
    """The base of callbacks. Override the hooks you need.

    Attributes:
        model: the model in training.
        params: ``{"epochs", "steps", "verbose"}``.

    A callback that overrides a batch hook makes `fit` return to Python after every
    batch; set `every_batch` to False on the class if now and then is enough.
    """

    #: Whether overridden batch hooks must see each batch.
    every_batch: ClassVar[bool] = True
    #: Whether a loss that is not finite has to end training at once.
    stops_on_nan: ClassVar[bool] = False
    #: Whether its hooks are called after those of the other callbacks.
    runs_last: ClassVar[bool] = False

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model in training."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training with its parameters."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before training with the model."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """An epoch of training begins."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """An epoch has ended; `logs` holds its metrics, also ``val_`` ones."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A training batch begins."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A training batch has ended; `logs` holds the metrics of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate` begins."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate` has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` has ended."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs = None) -> None:
        """`fit` has ended; `logs` holds those of the last epoch."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """`evaluate`, or validation, begins."""

    def on_test_end(self, logs: Logs = None) -> None:
        """`evaluate`, or validation, has ended."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """`predict` has ended."""

    def abandon(self) -> None:
        """An error, or Ctrl-C, ended `fit`: give back what is held open."""

    def on_invalid_loss(self, batch: int) -> None:
        """The loss of this batch was not finite (only where `stops_on_nan`)."""

    def resume(self, fitting: Any) -> int | None:
        """After `on_train_begin` of all callbacks: bring back what an earlier process
        kept of this training, and return the epoch to go on with; None: nothing."""
        return None

    def get_state(self) -> dict[str, Any]:
        """What the callback has to remember between processes: plain values and
        arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with what `get_state` returned in an earlier process."""


_BATCH_HOOKS = {
    "train": (
        "on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end",
    ),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}  # fmt: skip


class CallbackList:
    """Calls every hook of a list of callbacks.

    Args:
        callbacks: callbacks, or lists of them.
        add_history: add a `History` if there is none.
        add_progbar: add a `ProgbarLogger` if there is none.
        model: the model in training.
        params: handed to every callback.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = list(_flat(callbacks))
        if add_progbar:
            from pydl.training.progress import ProgbarLogger

            if not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
                self.callbacks.append(ProgbarLogger())
        if add_history:
            self._add_history(model)
        self.callbacks.sort(key=lambda callback: callback.runs_last)
        self.params: dict[str, Any] = {}
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _add_history(self, model: Any) -> None:
        from pydl.training.history import History

        found = [c for c in self.callbacks if isinstance(c, History)]
        if not found:
            found = [History()]
            self.callbacks.append(found[0])
        if model is not None:
            model.history = found[0]

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand parameters to every callback."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to every callback."""
        for callback in self.callbacks:
            callback.set_model(model)

    def wants_batches(self, mode: str) -> bool:
        """Whether any callback has a batch hook for "train", "test" or "predict"."""
        return any(_overrides(c, mode) for c in self.callbacks)

    def every_batch(self, mode: str) -> bool:
        """Whether any of those hooks must see each batch."""
        return any(c.every_batch and _overrides(c, mode) for c in self.callbacks)

    @property
    def stops_on_nan(self) -> bool:
        """Whether any callback ends training when the loss is not finite."""
        return any(c.stops_on_nan for c in self.callbacks)

    def _call(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_batch_end", batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_end", batch, logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._call("on_train_end", logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        self._call("on_test_end", logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._call("on_predict_end", logs)

    def abandon(self) -> None:
        self._call("abandon")

    def on_invalid_loss(self, batch: int) -> None:
        self._call("on_invalid_loss", batch)

    def resume(self, fitting: Any, initial_epoch: int) -> int:
        """The epoch to begin with: `initial_epoch` unless a callback resumes."""
        for callback in self.callbacks:
            epoch = callback.resume(fitting)
            if epoch is not None:
                return epoch
        return initial_epoch


def _flat(callbacks: Any) -> Iterable[Callback]:
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for item in callbacks:
            yield from _flat(item)
    elif isinstance(callbacks, Callback):
        yield callbacks
    else:
        raise TypeError(
            f"callbacks: expected Callback objects, received {callbacks!r} of type "
            f"{type(callbacks).__name__}"
        )


def _overrides(callback: Callback, mode: str) -> bool:
    """Whether a class, or the object itself, puts its own code in a batch hook."""
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(Callback, hook)
        for hook in _BATCH_HOOKS[mode]
    )
