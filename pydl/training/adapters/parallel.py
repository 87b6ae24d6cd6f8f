"""Batches of a `PyDataset` made ahead by threads or processes, in order."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from pydl.training.adapters.py_dataset import PyDataset

_dataset: PyDataset | None = None  # in a worker process: what it makes batches of


class Makers:
    """Threads or processes that make the batches of one epoch.

    Processes are new in every epoch: they see what `on_epoch_begin` did.
    """

    def __init__(self, dataset: PyDataset) -> None:
        self._dataset = dataset
        self._waiting = max(dataset.max_queue_size, dataset.workers, 1)
        workers = max(dataset.workers, 1)
        if dataset.use_multiprocessing:
            self._executor: Executor = ProcessPoolExecutor(
                workers, _context(), _become_worker, (dataset,)
            )
            # Processes are started here, by the caller's thread, not by a reader's.
            self._executor.submit(_nothing).result()
        else:
            self._executor = ThreadPoolExecutor(workers, "pydl-batches")

    def batches(self, indices: Iterable[int]) -> Iterator[Any]:
        """The batches of these numbers, in their order. An error in one of them is
        raised in its place."""
        ready: deque[Future[Any]] = deque()
        for index in indices:
            ready.append(self._submit(index))
            if len(ready) >= self._waiting:
                yield ready.popleft().result()
        while ready:
            yield ready.popleft().result()

    def _submit(self, index: int) -> Future[Any]:
        if self._dataset.use_multiprocessing:
            return self._executor.submit(_make_batch, index)
        return self._executor.submit(self._dataset.__getitem__, index)

    def close(self) -> None:
        """Stop; batches that are being made are finished and dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _context() -> Any:
    """Forked processes where there are any: the data set need not be picklable."""
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    return multiprocessing.get_context(method)


def _become_worker(dataset: PyDataset) -> None:
    global _dataset
    _dataset = dataset
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent


def _nothing() -> None:
    """Makes sure that the processes run."""


def _make_batch(index: int) -> Any:
    assert _dataset is not None
    return _dataset[index]
