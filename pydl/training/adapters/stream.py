"""Passes over batches that come one by one."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from pydl.training.adapters.packing import (
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from pydl.training.adapters.prefetch import Prefetcher
from pydl.training.adapters.sources import Source
from pydl.training.data import ArrayData, weigh_classes

#: Makes a pass over the next batch of a stream.
Runner = Callable[["Stream"], None]

_RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or "
    "generator can generate at least `steps_per_epoch * epochs` batches. You may need "
    "to use the `.repeat()` function when building your dataset."
)


class Stream:
    """The batches of a source, read ahead by a thread, one native call for each.

    Has the methods of `slices.Passes` that `fit` and `evaluate` use.

    Args:
        source: where batches come from.
        run_batch: makes a pass over the next batch.
        steps: batches of an epoch; None: until the source ends.
        class_weight: ``{class: weight}``.
    """

    def __init__(
        self,
        source: Source,
        run_batch: Runner,
        steps: int | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self.source = source
        self.per_sweep = steps or source.num_batches
        self._asked = steps
        self._run_batch = run_batch
        self._class_weight = class_weight
        self._batches: Iterator[Any] | None = None
        self._reader: Prefetcher[ArrayData] | None = None
        self._waiting: ArrayData | None = None
        self._at = 0  # batches taken in the present epoch
        self._taken = 0  # batches taken since the source was opened
        self._skip = 0
        self._in_epoch = False
        self._fresh = False  # an epoch has begun, nothing has been taken

    # -- epochs ------------------------------------------------------------------------

    def restart(self) -> None:
        """Begin an epoch. With a given number of steps it goes on where the last one
        ended, unless the data ended there."""
        begun = self._fresh and self._reader is not None and self._at == 0
        self._at = 0
        if not begun:
            self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.end()
        self.source.on_epoch_begin()
        self._in_epoch = self._fresh = True
        if self._asked is None and self.source.repeats:
            self._drop_batches()
        self._read()

    def rewind(self) -> None:
        """Let the next epoch begin with the first batch again."""
        if not self._fresh or self._taken:
            self.end()
            self._drop_batches()
            self._fresh = False

    def _read(self) -> None:
        """Start reading ahead, as far as this epoch goes."""
        if self._batches is None:
            self._batches = self.source.open(self._skip)
            self._taken, self._skip = self._skip, 0
        steps = None if self._asked is None else self._asked - self._at
        self._reader = Prefetcher(islice(self._batches, steps), self._converted)
        self._waiting = None

    def _converted(self, batch: Any) -> ArrayData:
        x, y, weight = unpack_x_y_sample_weight(self.source.check(batch))
        if self._class_weight is not None:
            weight = weigh_classes(y, self._class_weight, weight)
        return ArrayData(x, y, weight)

    def _stop_reading(self) -> None:
        """End the thread. What it read too much of a source that does not repeat is
        read again next time."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        unused = [] if self._waiting is None else [reader.raw]
        self._waiting = None
        reader.close()
        unused += reader.unused
        if unused and self._batches is not None and not self.source.repeats:
            self._batches = chain(unused, self._batches)

    def end(self) -> None:
        """End an epoch: the thread stops, the source is told."""
        self._stop_reading()
        if self._in_epoch:
            self._in_epoch = False
            self.source.on_epoch_end()

    def _drop_batches(self) -> None:
        if self._batches is not None:
            batches, self._batches = self._batches, None
            self.source.close(batches)

    def close(self) -> None:
        """End the reading thread and give everything back."""
        self._stop_reading()
        with contextlib.suppress(Exception):
            self._drop_batches()

    # -- passes ------------------------------------------------------------------------

    def first(self) -> ArrayData:
        """The first batch of an epoch, without a pass: it comes again."""
        if self._reader is None:
            self.restart()
        data = self._peek()
        if data is None:
            raise ValueError(
                f"x: the {self.source.kind} must yield at least one batch, received an "
                "empty one"
            )
        return data

    def _peek(self) -> ArrayData | None:
        if self._waiting is None and self._reader is not None:
            self._waiting = self._reader.next()
        return self._waiting

    def ready(self) -> bool:
        """Whether there is another batch in this epoch."""
        if self._reader is None:
            self.restart()
        if self._peek() is None and self._taken and self.source.repeats:
            self._drop_batches()
            if self._at == 0:  # the last epoch ended where the data did
                self._read()
        if self._peek() is not None:
            return True
        if self._at == 0 or (self._asked is not None and self._at < self._asked):
            warnings.warn(_RAN_OUT, stacklevel=4)
        if self._asked is None:
            self.per_sweep = self._at or None
        return False

    def run(self, left: int, outputs: Sequence[np.ndarray] = ()) -> int:
        """Make a pass over the next batch. Returns 1."""
        self._run_batch(self)
        return 1

    def take(self) -> ArrayData:
        """The next batch. StopIteration where there is none."""
        data = self._peek()
        if data is None:
            raise StopIteration
        self._waiting, self._fresh = None, False
        self._at += 1
        self._taken += 1
        return data

    # -- where it stands ---------------------------------------------------------------

    @property
    def at(self) -> int:
        """Batches taken since the source was opened; 0 if it will be opened anew."""
        if not self.source.repeats:
            return self._taken
        ended = self.per_sweep is not None and self._at >= self.per_sweep
        if self._batches is None or (self._asked is None and ended):
            return 0
        return self._taken

    def resume(self, at: int, done: int) -> None:
        """Go on behind `at` batches of the source, `done` of them in this epoch."""
        self._stop_reading()
        self._in_epoch = self._fresh = False
        self._skip = at
        if self.source.repeats:
            self._drop_batches()
        elif self._batches is not None:  # read from, but nothing taken yet
            self._batches = islice(self._batches, at, None)
            self._taken, self._skip = at, 0
        self._at = done
        if at or not done:  # else the epoch is done but for its end
            self._begin_epoch()


class Unpacked:
    """An iterator of batches as tuples of arrays, for functions of the user's."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Unpacked:
        return self

    def __next__(self) -> Any:
        data = self._stream.take()
        return pack_x_y_sample_weight(*data.unflatten(data.arrays))
