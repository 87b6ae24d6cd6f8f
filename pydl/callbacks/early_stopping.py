"""Ending training when it no longer helps."""

from __future__ import annotations

from typing import Any

from pydl.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Ends training when a number has stopped improving.

    Args:
        monitor: its name in the logs.
        min_delta: smaller changes are no improvement.
        patience: epochs without improvement to wait.
        verbose: 1: say what happens.
        mode: "min" or "max" is better; "auto" goes by the name.
        baseline: patience counts until this is beaten.
        restore_best_weights: go back to the weights of the best epoch.
        start_from_epoch: epochs to let pass first.
    """

    _remembered = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def get_monitor_value(self, logs: dict[str, Any] | None) -> float | None:
        """The watched number."""
        return self.current(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping", flush=True)
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(
                    f"Restoring the weights of epoch {self.best_epoch + 1}.", flush=True
                )
            self.model.set_weights(self.best_weights)
