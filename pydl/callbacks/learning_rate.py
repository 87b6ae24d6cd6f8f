"""Changing the learning rate between epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.callbacks.monitor import MonitorCallback
from pydl.training.callback import Callback


def _rate(optimizer: Any) -> float:
    return float(np.asarray(optimizer.learning_rate))


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch.

    Args:
        schedule: ``schedule(epoch, learning_rate)`` returns the new rate.
        verbose: 1: say what happens.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, _rate(optimizer))
        except TypeError:  # a schedule of the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(
                "LearningRateScheduler: expected the schedule to return a float, "
                f"received {rate!r}"
            )
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: learning rate set to {rate}.", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = _rate(self.model.optimizer)


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a number has stopped improving.

    Args:
        monitor: its name in the logs.
        factor: the rate is multiplied by this, below 1.
        patience: epochs without improvement to wait.
        verbose: 1: say what happens.
        mode: "min" or "max" is better; "auto" goes by the name.
        min_delta: smaller changes are no improvement.
        cooldown: epochs to wait after lowering before counting again.
        min_lr: never go below this.
    """

    _remembered = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ValueError(
                f"ReduceLROnPlateau: unknown arguments: {', '.join(kwargs)}"
            )
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau: factor: expected < 1, received {factor}"
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the rate was lowered a short while ago."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = _rate(self.model.optimizer)
        value = self.current(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        old = _rate(self.model.optimizer)
        if old <= np.float32(self.min_lr):
            return False
        rate = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: learning rate lowered to {rate}.", flush=True)
        return True
