"""`evaluate`: loss and metrics over arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydl.training.callback import CallbackList
from pydl.training.data import ArrayData
from pydl.training.slices import Pace, Passes
from pydl.training.state import TrainingState


class Evaluation:
    """A data set to evaluate on, as often as wanted."""

    def __init__(
        self,
        state: TrainingState,
        data: ArrayData,
        batch: int,
        callbacks: CallbackList,
        steps: int | None = None,
        *,
        often: bool = False,
    ) -> None:
        self.state = state
        self.callbacks = callbacks
        self.batches_wanted = callbacks.wants_batches("test")
        one = callbacks.every_batch("test") or state.run_eagerly
        make_step = partial(state.test_step, data)
        pace = Pace(1 if one else None)
        self.passes = Passes(
            data, batch, make_step, pace, device=state.place(), often=often
        )
        state.check_labels(data)
        self.steps = min(steps or self.passes.per_sweep, self.passes.per_sweep)

    def run(self) -> dict[str, Any]:
        """Loss and metrics of one sweep."""
        state, callbacks = self.state, self.callbacks
        callbacks.on_test_begin()
        state.reset_metrics()
        self.passes.restart()
        done = 0
        while done < self.steps:
            if self.batches_wanted:
                callbacks.on_test_batch_begin(done)
            done += self.passes.run(self.steps - done)
            stop = state.take_stop()
            if stop:
                raise state.fault_error(stop)
            if self.batches_wanted:
                callbacks.on_test_batch_end(done - 1, state.results())
        logs = state.results()
        callbacks.on_test_end(logs)
        return logs
