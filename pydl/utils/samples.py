"""Data sets of samples in memory, read one by one or in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pydl.training.adapters.py_dataset import PyDataset


class SampleDataset(PyDataset):
    """Samples ``get(indices)``, one by one or in batches; `fit` takes batches.

    Args:
        get: gives the samples of an int64 array of indices, stacked, as an array or a
            tuple of arrays.
        count: how many samples there are.
        batch_size: rows of a batch; None: samples one by one.
    """

    #: `fit` takes the batches in order: shuffle when the data set is made.
    reorders: ClassVar[bool] = False

    def __init__(
        self,
        get: Callable[[np.ndarray], Any],
        count: int,
        batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self._get = get
        self.count = count
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-self.count // (self.batch_size or 1))

    def cardinality(self) -> int:
        """The number of batches, or of samples where there are no batches."""
        return len(self)

    def batch(self, batch_size: int) -> SampleDataset:
        """The same samples in batches of so many rows; the last may have fewer."""
        if self.batch_size is not None:
            raise ValueError(
                f"batch: the samples are in batches of {self.batch_size} already"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size: expected an int >= 1, received {batch_size}")
        return SampleDataset(self._get, self.count, batch_size)

    def __getitem__(self, index: int) -> Any:
        """Batch, or sample, number `index`: a tuple, an array if it is only one."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} items")
        size = self.batch_size or 1
        begin = index % len(self) * size
        found = self._get(np.arange(begin, min(begin + size, self.count)))
        if self.batch_size is not None:
            return found
        if isinstance(found, tuple):
            return tuple(part[0] for part in found)
        return found[0]
