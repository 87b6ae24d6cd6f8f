"""Progress of training: a live line on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, ClassVar

from pydl.training.callback import Callback


class ProgbarLogger(Callback):
    """Shows steps, time left, loss and metrics.

    On a terminal with ``verbose=1`` a bar drawn by rich; in a pipe or with
    ``verbose=2`` one line per epoch without control characters.
    """

    every_batch: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._start = 0.0
        self._seen = 0
        self._validating = False

    # -- training ----------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        epochs = self.params.get("epochs") or 1
        if self._verbose and epochs > 1:
            self._print(f"Epoch {epoch + 1}/{epochs}")
        self._begin()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._update(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._end(logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def abandon(self) -> None:
        self._close()

    # -- evaluation and prediction; silent inside fit ----------------------------------

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._validating = "epochs" in self.params
        if not self._validating:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._validating:
            self._update(batch + 1, logs)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._validating:
            self._end(logs)
        self._validating = False

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._begin()

    def on_predict_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._update(batch + 1, None)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._end(None)

    # -- drawing -----------------------------------------------------------------------

    @property
    def _verbose(self) -> int:
        return int(self.params.get("verbose") or 0)

    @property
    def _steps(self) -> int | None:
        return self.params.get("steps")

    def _begin(self) -> None:
        self._start = time.perf_counter()
        self._seen = 0
        if self._verbose == 1 and sys.stdout.isatty():
            self._bar = _Bar(self._steps)

    def _update(self, steps: int, logs: dict[str, Any] | None) -> None:
        self._seen = steps
        if self._bar is not None:
            self._bar.update(steps, _numbers(logs))

    def _end(self, logs: dict[str, Any] | None) -> None:
        steps = self._steps or self._seen
        self._close()
        if self._verbose:
            seconds = time.perf_counter() - self._start
            each = _span(seconds / max(steps, 1))
            numbers = _numbers(logs)
            tail = f" - {numbers}" if numbers else ""
            self._print(f"{steps}/{steps} - {seconds:.0f}s - {each}/step{tail}")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def _print(line: str) -> None:
        print(line, flush=True)


class _Bar:
    """A line of rich's that goes away when it is done; rich is imported only here."""

    def __init__(self, steps: int | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        fixed, rest = Column(no_wrap=True), Column(no_wrap=True, ratio=1)
        self._progress = Progress(
            TextColumn("{task.completed}/{task.total}", table_column=fixed),
            BarColumn(bar_width=20),
            TextColumn("ETA", table_column=fixed),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}", table_column=rest, markup=False),
            expand=True,
            transient=True,
        )
        self._task = self._progress.add_task("", total=steps)
        self._progress.start()

    def update(self, steps: int, numbers: str) -> None:
        self._progress.update(self._task, completed=steps, description=numbers)

    def close(self) -> None:
        self._progress.stop()


def _numbers(logs: dict[str, Any] | None) -> str:
    """``loss: 0.1234 - accuracy: 0.9000``."""
    return " - ".join(
        f"{name}: {_number(value)}" for name, value in (logs or {}).items()
    )


def _number(value: Any) -> str:
    number = float(value)
    small = number != 0 and abs(number) < 1e-3
    return f"{number:.4e}" if small else f"{number:.4f}"


def _span(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}us"
