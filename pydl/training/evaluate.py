"""`evaluate`: loss and metrics over data."""

from __future__ import annotations

from typing import Any

from pydl.training.adapters.opening import Seeds, open_passes
from pydl.training.adapters.sources import Source
from pydl.training.adapters.stream import Stream
from pydl.training.callback import CallbackList
from pydl.training.data import ArrayData
from pydl.training.state import TrainingState


class Evaluation:
    """A data set to evaluate on, as often as wanted."""

    def __init__(
        self,
        state: TrainingState,
        data: ArrayData | Source,
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
        state.model.make_test_function()
        self.passes = open_passes(
            state,
            "test",
            data,
            batch,
            one,
            seeds=Seeds(False),
            steps=steps,
            often=often,
        )
        if isinstance(data, ArrayData):
            state.check_labels(data)
        self._asked = steps

    @property
    def steps(self) -> int | None:
        """Batches of a sweep; None: until the data ends."""
        known = self.passes.per_sweep
        if self._asked is None or known is None:
            return self._asked or known
        return min(self._asked, known)

    def _begin(self) -> None:
        passes = self.passes
        if isinstance(passes, Stream) and passes.source.repeats:
            passes.rewind()  # every sweep sees the same batches
        passes.restart()

    def run(self) -> dict[str, Any]:
        """Loss and metrics of one sweep."""
        state, callbacks = self.state, self.callbacks
        callbacks.on_test_begin()
        state.model.reset_metrics()
        self._begin()
        done = 0
        while self.steps is None or done < self.steps:
            if not self.passes.ready():
                break
            if self.batches_wanted:
                callbacks.on_test_batch_begin(done)
            done += self.passes.run(self.steps - done if self.steps else 1)
            stop = state.take_stop()
            if stop:
                raise state.fault_error(stop)
            if self.batches_wanted:
                callbacks.on_test_batch_end(done - 1, state.epoch_results("test"))
        self.passes.end()
        logs = state.epoch_results("test")
        callbacks.on_test_end(logs)
        return logs
