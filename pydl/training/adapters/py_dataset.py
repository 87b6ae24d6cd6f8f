"""`PyDataset`: batches by number, made by worker threads or processes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar


class PyDataset:
    """The base of data sets that make batch ``index`` on demand.

    Write ``__getitem__(index)``, which returns ``(x,)``, ``(x, y)`` or
    ``(x, y, sample_weight)``, and ``__len__`` (or `num_batches`; None: without end).

    Args:
        workers: how many batches are made at the same time.
        use_multiprocessing: by processes rather than threads.
        max_queue_size: how many batches may wait to be used.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, index):
    ...         x = np.arange(32.0)[:, None] + 32 * index
    ...         return x, x**2
    """

    #: Whether `fit` may take the batches in another order.
    reorders: ClassVar[bool] = True

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _argument(self, name: str, default: Any) -> Any:
        if name not in self.__dict__:
            warnings.warn(
                f"{type(self).__name__} should call `super().__init__(**kwargs)` in "
                "its constructor; `**kwargs` can include `workers`, "
                "`use_multiprocessing` and `max_queue_size`",
                stacklevel=3,
            )
            self.__dict__[name] = default
        return self.__dict__[name]

    @property
    def workers(self) -> int:
        """How many batches are made at the same time."""
        return int(self._argument("_workers", 1))

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether by processes rather than threads."""
        return bool(self._argument("_use_multiprocessing", False))

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches may wait to be used."""
        return int(self._argument("_max_queue_size", 10))

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch; None: without end."""
        length = getattr(self, "__len__", None)
        if length is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__ or the property num_batches"
            )
        return int(length())

    def __iter__(self) -> Iterator[Any]:
        count, index = self.num_batches, 0
        while count is None or index < count:
            yield self[index]
            index += 1

    def on_epoch_begin(self) -> None:
        """Called at the beginning of every epoch."""

    def on_epoch_end(self) -> None:
        """Called at the end of every epoch."""
