"""A progress bar for loops of one's own."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from pydl import config


def print_message(message: str, line_break: bool = True) -> None:
    """To the standard output; to `logging` when interactive logging is off."""
    if config.is_interactive_logging_enabled():
        sys.stdout.write(message + "\n" if line_break else message)
        sys.stdout.flush()
    else:
        logging.getLogger("pydl").info(message.strip("\r\n\b"))


class Progbar:
    """Shows how far a loop is, with the means of values.

    Args:
        target: number of steps; None if it is not known.
        width: characters of the bar.
        verbose: 0 silent, 1 a bar that moves, 2 one line at the end.
        interval: least seconds between two outputs.
        stateful_metrics: names whose values are shown as they are, not averaged.
        stateless_metrics: the only names whose values are averaged.
        unit_name: what a step is called.

    >>> bar = Progbar(2, verbose=0)
    >>> bar.add(1, [("loss", 2.0)])
    >>> bar.add(1, [("loss", 1.0)])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided."
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None
        if stateless_metrics is not None:
            self.stateless_metrics = set(stateless_metrics)
        self._seen = 0
        self._values: dict[str, tuple[Any, float]] = {}
        self._start = time.time()
        self._shown = 0.0
        self._width_shown = 0

    def _averages(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Move to step `current`.

        Args:
            current: steps done.
            values: pairs of names and numbers.
            finalize: whether this is the end; None: when `target` is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            if not self._averages(name) or finalize:
                self._values[name] = (value, 1)
                continue
            weight = max(current - self._seen, 1)
            total, count = self._values.get(name, (0.0, 0))
            self._values[name] = (total + value * weight, count + weight)
        self._seen = current
        now = time.time()
        if self.verbose == 1 and (finalize or now - self._shown >= self.interval):
            self._show(current, now, finalize)
            self._shown = now
        elif self.verbose == 2 and finalize and self.target:
            print_message(self._line(current, now, True))

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Move on by `n` steps."""
        self.update(self._seen + n, values)

    def _show(self, current: int, now: float, finalize: bool) -> None:
        line = f"{self._bar(current)} {self._line(current, now, finalize)}"
        blanks = " " * max(self._width_shown - len(line), 0)
        self._width_shown = len(line)
        print_message(f"\r{line}{blanks}" + ("\n" if finalize else ""), False)

    def _bar(self, current: int) -> str:
        if not self.target:
            return f"{current:7d}/Unknown"
        digits = int(math.log10(self.target)) + 1
        done = min(int(self.width * current / self.target), self.width)
        bar = "━" * done + " " * (self.width - done)
        return f"{current:{digits}d}/{self.target} {bar}"

    def _line(self, current: int, now: float, finalize: bool) -> str:
        passed = now - self._start
        each = passed / current if current else 0.0
        left = passed
        if self.target and not finalize:
            left = each * (self.target - current)
        text = f"{left:.0f}s {_span(each)}/{self.unit_name}"
        if self.verbose == 2:
            text = f"{current}/{self.target} - {text}"
        for name, (total, count) in self._values.items():
            mean = float(np.mean(total)) / max(1, count)
            text += (
                f" - {name}: {mean:.4f}"
                if abs(mean) > 1e-3
                else (f" - {name}: {mean:.4e}")
            )
        return text


def _span(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
