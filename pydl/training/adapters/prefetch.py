"""A thread that reads batches ahead of the steps that use them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: Seconds between looks at whether to stop.
_TICK = 0.05
#: Seconds to wait for a thread that is still in the user's code.
_PATIENCE = 2.0


class _End:
    """Stands for the end of the data."""


class _Failure:
    """An error of the user's code, to be raised where its batch would be used."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Prefetcher(Generic[T]):
    """Reads an iterator ahead, in order.

    Args:
        batches: what to read.
        convert: applied to each item, in the thread.
        depth: how many items may wait.
    """

    def __init__(
        self, batches: Iterator[Any], convert: Callable[[Any], T], depth: int = 2
    ) -> None:
        self._batches = batches
        self._convert = convert
        self._queue: Queue[Any] = Queue(max(depth, 1))
        self._stopping = threading.Event()
        self._done = False
        self.raw: Any = None
        #: What was read but not used, once the thread has been closed.
        self.unused: list[Any] = []
        self._in_hand: list[Any] = []
        self._thread = threading.Thread(
            target=self._read, name="pydl-prefetch", daemon=True
        )
        self._thread.start()

    def _read(self) -> None:
        try:
            for batch in self._batches:
                self._in_hand = [batch]
                if not self._put((batch, self._convert(batch))):
                    return
                self._in_hand = []
            self._put(_End())
        except BaseException as error:  # it is raised by `next`, with its traceback
            self._put(_Failure(error))

    def _put(self, item: Any) -> bool:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=_TICK)
                return True
            except Full:
                continue
        return False

    def next(self) -> T | None:
        """The next item, None at the end; `raw` is what it was made of. Raises what the
        iterator raised."""
        if self._done:
            return None
        item = self._queue.get()
        if isinstance(item, _End):
            self._done = True
            return None
        if isinstance(item, _Failure):
            self._done = True
            raise item.error
        self.raw = item[0]
        result: T = item[1]
        return result

    def close(self) -> bool:
        """End the thread; False if the user's code keeps it for now: it ends when that
        returns."""
        self._stopping.set()
        self._done = True
        self._drain()
        self._thread.join(_PATIENCE)
        self._drain()  # it may have put one more
        if self._thread.is_alive():
            return False
        self.unused += self._in_hand
        self._in_hand = []
        return True

    def _drain(self) -> None:
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(item, tuple):
                self.unused.append(item[0])
