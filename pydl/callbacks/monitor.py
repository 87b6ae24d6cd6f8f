"""Callbacks that watch one number of the logs get better."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from pydl.training.callback import Callback

MODES = ("auto", "min", "max")


class MonitorCallback(Callback):
    """Knows whether a watched number has improved.

    Args:
        monitor: its name in the logs.
        mode: "min" or "max" is better; "auto" goes by the name.
        baseline: the best value so far.
        min_delta: smaller changes are no improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(
                f"{type(self).__name__}: mode: expected one of {MODES}, received "
                f"{mode!r}"
            )
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign = 0  # 1: larger is better, -1: smaller is

    #: Attributes that `get_state` keeps.
    _remembered: ClassVar[tuple[str, ...]] = ("best",)

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._remembered}

    def set_state(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def current(self, logs: dict[str, Any] | None) -> float | None:
        """The watched number, None with a warning if the logs lack it."""
        logs = logs or {}
        if self.monitor in logs:
            return float(logs[self.monitor])
        warnings.warn(
            f"{type(self).__name__}: {self.monitor!r} is not in the logs; there are "
            f"{', '.join(logs) or 'none'}",
            stacklevel=3,
        )
        return None

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if reference is None:
            return True
        if self._sign == 0:
            self._sign = self._direction()
        return self._sign * (value - reference) > self.min_delta

    def _direction(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        for metric in getattr(self.model, "metrics", []):
            if metric.name == name and getattr(metric, "_direction", None):
                return 1 if metric._direction == "up" else -1
        raise ValueError(
            f"{type(self).__name__}: it is not known whether {self.monitor!r} should "
            "be small or large: pass mode='min' or mode='max'"
        )
