"""Running passes over arrays in slices: one native call each, 20 to 100 ms long.

Between slices Python answers signals, shows progress and calls callbacks. What is
computed does not depend on where the slices end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.placement import CPU
from pydl.training.data import ArrayData
from pydl.training.rows import RowSource, choose_rows
from pydl.training.step import Step

#: Seconds a slice should take: long enough to cost nothing, short enough for Ctrl-C.
SLICE_SECONDS = 0.05


class Pace:
    """How many passes a slice makes, adapted to the time they took."""

    def __init__(self, fixed: int | None = None) -> None:
        self._fixed = fixed
        self._passes = 4.0

    def passes(self, left: int) -> int:
        """The length of the next slice."""
        return min(left, self._fixed or int(self._passes))

    def took(self, passes: int, seconds: float) -> None:
        """Learn from a slice. Grows at most eightfold: first passes are slow."""
        fitting = passes * SLICE_SECONDS / max(seconds, 1e-7)
        self._passes = max(1.0, min(fitting, self._passes * 8))


class Passes:
    """The batches of some arrays, one sweep after another, made by compiled steps.

    Args:
        data: the arrays.
        batch: rows of a batch; the last one of a sweep may be smaller.
        make_step: ``make_step(batch, rows)`` gives the step for a batch size; `rows` is
            the number of rows gathered from, 0 when batches are taken in order.
        pace: how long slices are.
        draw_seed: gives the seed of each sweep's order; None: rows in order.
        device: where the steps run.
        source: how rows come to them; None: as suits the device.
        often: more than one sweep is expected.
    """

    def __init__(
        self,
        data: ArrayData,
        batch: int,
        make_step: Callable[[int, int], Step],
        pace: Pace,
        draw_seed: Callable[[], int] | None = None,
        *,
        device: str = CPU,
        source: RowSource | None = None,
        often: bool = True,
    ) -> None:
        self.data = data
        self.batch = min(batch, data.rows)
        self.full, self.rest = divmod(data.rows, self.batch)
        self.per_sweep = self.full + (self.rest > 0)
        self._pace = pace
        self._draw_seed = draw_seed
        shuffled = draw_seed is not None
        self._source = source or choose_rows(data, self.batch, shuffled, device, often)
        self._on_host = device == CPU
        rows = data.rows if self._source.gathers else 0
        self._full_step = make_step(self.batch, rows)
        self._rest_step = make_step(self.rest, rows) if self.rest else None
        self._order = (
            np.arange(data.rows, dtype="int64") if draw_seed is not None else None
        )
        self._at = self.per_sweep  # passes made of the present sweep
        self._count = np.zeros(1, "int64")

    def restart(self) -> None:
        """Begin a new sweep with the next slice."""
        self._at = self.per_sweep

    def ready(self) -> bool:
        """Whether there is another batch: always, a new sweep begins then."""
        return True

    def end(self) -> None:
        """An epoch has ended: nobody needs to know."""

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def at(self) -> int:
        """Passes made of the present sweep, 0 when a new one begins next."""
        return self._at % self.per_sweep

    def resume(self, at: int, done: int) -> None:
        """Begin a sweep behind its first `at` passes."""
        if at:
            self._begin_sweep()
            self._at = at

    def peek(self, left: int) -> int:
        """How many passes `run` would make next, if `left` are wanted."""
        at = 0 if self._at >= self.per_sweep else self._at
        return self._next(at, left)

    def _next(self, at: int, left: int) -> int:
        """The length of a slice from this pass of the sweep on."""
        if at >= self.full:
            return 1
        most = self._source.most(at * self.batch, self.batch)
        left = min(left, self.full - at)
        return self._pace.passes(left if most is None else min(left, most))

    def run(self, left: int, outputs: Sequence[np.ndarray] = ()) -> int:
        """Make at most `left` passes, in one native call. Returns how many."""
        if self._at >= self.per_sweep:
            self._begin_sweep()
        passes = self.peek(left)
        step = self._full_step if self._at < self.full else self._rest_step
        assert step is not None
        begin, end = self._rows(self._at, passes)
        self._count[0] = passes
        start = time.perf_counter()
        if not self._on_host:
            self._source.prepare(begin, end, self._order)
        outs = [out[begin:end] for out in outputs]
        step.run_fast(self._inputs(begin, end), outs, wait=False)
        self._at += passes
        if not self._on_host:
            self._prepare_next(left - passes)
            step.finish()
        if step is self._full_step:
            self._pace.took(passes, time.perf_counter() - start)
        return passes

    def _rows(self, at: int, passes: int) -> tuple[int, int]:
        begin = at * self.batch
        return begin, min(begin + passes * self.batch, self.data.rows)

    def _prepare_next(self, left: int) -> None:
        """What follows in this sweep, while the step runs."""
        if left > 0 and self._at < self.per_sweep:
            begin, end = self._rows(self._at, self._next(self._at, left))
            self._source.prepare(begin, end, self._order)

    def _begin_sweep(self) -> None:
        self._at = 0
        self._source.restart()
        if self._order is not None and self._draw_seed is not None:
            self._order[:] = np.arange(len(self._order))
            _core.shuffle(self._order, self._draw_seed())

    def _inputs(self, begin: int, end: int) -> list[Any]:
        columns = self._source.columns(begin, end)
        if self._source.gathers and self._order is not None:
            return [self._count, *columns, self._order[begin:end]]
        return [self._count, *columns]
