"""What `fit` takes besides arrays, as sources of batches.

Libraries are recognized by the names of their classes: none is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import _core
from pydl.training.adapters.packing import pack_x_y_sample_weight
from pydl.training.adapters.py_dataset import PyDataset
from pydl.training.data import ArrayData

_FORMS = "(input,) or (inputs, targets) or (inputs, targets, sample_weights)"

if TYPE_CHECKING:
    from pydl.training.adapters.parallel import Makers


class Source:
    """Batches as a user's object gives them.

    Attributes:
        kind: what it is called in messages.
        num_batches: batches of an epoch, None if unknown.
        repeats: whether `open` begins anew each time.
    """

    kind = "data source"
    num_batches: int | None = None
    repeats = True

    def open(self, skip: int = 0) -> Iterator[Any]:
        """The batches of an epoch (of all epochs if it does not repeat), the first
        `skip` left out."""
        raise NotImplementedError

    def close(self, batches: Iterator[Any]) -> None:
        """Give back what `open` took for these batches."""

    def on_epoch_begin(self) -> None:
        """An epoch begins."""

    def on_epoch_end(self) -> None:
        """An epoch has ended."""

    def shuffle(self, draw_seed: Callable[[], int]) -> None:
        """Take the batches of each epoch in a new order, where that is possible."""

    def check(self, batch: Any) -> Any:
        """The batch as a tuple ``(x, y, sample_weight)`` or shorter, or `x` alone."""
        return batch


class GeneratorSource(Source):
    """A Python generator or iterator."""

    kind = "generator"
    repeats = False

    def __init__(self, generator: Iterator[Any]) -> None:
        self._generator = generator

    def open(self, skip: int = 0) -> Iterator[Any]:
        for _ in range(skip):
            next(self._generator, None)
        return self._generator

    def check(self, batch: Any) -> Any:
        if not isinstance(batch, tuple):
            raise ValueError(
                "When passing a Python generator, the generator must return a tuple, "
                f"either {_FORMS}. Received: {_short(batch)}"
            )
        return batch


class IterableSource(Source):
    """An object that can be iterated over again and again: a DataLoader, a
    tf.data.Dataset, or anything else with ``__iter__``."""

    def __init__(self, iterable: Any, kind: str) -> None:
        self._iterable = iterable
        self.kind = kind
        self.num_batches = _length(iterable)

    def open(self, skip: int = 0) -> Iterator[Any]:
        batches: Iterator[Any] = iter(self._iterable)
        for _ in range(skip):
            next(batches, None)
        return batches

    def check(self, batch: Any) -> Any:
        return tuple(batch) if isinstance(batch, list) else batch


class PyDatasetSource(Source):
    """A `PyDataset`, its batches in order or shuffled."""

    kind = "PyDataset"

    def __init__(self, dataset: PyDataset) -> None:
        self._dataset = dataset
        self._draw_seed: Callable[[], int] | None = None
        self._makers: Makers | None = None
        self.num_batches = dataset.num_batches
        if self.num_batches == 0:
            raise ValueError("The PyDataset has length 0")

    def open(self, skip: int = 0) -> Iterator[Any]:
        self.num_batches = self._dataset.num_batches
        indices: Any = count(skip)
        if self.num_batches is not None:
            order = np.arange(self.num_batches, dtype="int64")
            if self._draw_seed is not None:
                _core.shuffle(order, self._draw_seed())
            indices = order[skip:].tolist()
        dataset = self._dataset
        if dataset.workers <= 1 and not dataset.use_multiprocessing:
            return (dataset[index] for index in indices)
        from pydl.training.adapters.parallel import Makers  # loads multiprocessing

        self._makers = Makers(dataset)
        return self._makers.batches(indices)

    def close(self, batches: Iterator[Any]) -> None:
        if self._makers is not None:
            self._makers.close()
            self._makers = None

    def shuffle(self, draw_seed: Callable[[], int]) -> None:
        if self._dataset.reorders:
            self._draw_seed = draw_seed

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._dataset.on_epoch_end()

    def check(self, batch: Any) -> Any:
        if not self._dataset.reorders and isinstance(batch, np.ndarray):
            return (batch,)  # one of pydl's own
        if not isinstance(batch, (tuple, dict)):
            raise ValueError(
                "PyDataset.__getitem__() must return a tuple or a dict. If a tuple, it "
                f"must be ordered either {_FORMS}. Received: {_short(batch)}"
            )
        return batch


class ArraySource(Source):
    """Arrays, batch by batch in Python: for steps that are functions of iterators."""

    kind = "array"

    def __init__(
        self, data: ArrayData, batch: int, draw_seed: Callable[[], int] | None
    ) -> None:
        self._data = data
        self._batch = min(batch, data.rows)
        self._draw_seed = draw_seed
        self.num_batches = -(-data.rows // self._batch)

    def open(self, skip: int = 0) -> Iterator[Any]:
        order = np.arange(self._data.rows, dtype="int64")
        if self._draw_seed is not None:
            _core.shuffle(order, self._draw_seed())
        begins = range(skip * self._batch, self._data.rows, self._batch)
        return (self._rows(order[begin : begin + self._batch]) for begin in begins)

    def _rows(self, rows: np.ndarray) -> Any:
        columns = [array[rows] for array in self._data.arrays]
        return pack_x_y_sample_weight(*self._data.unflatten(columns))


def find_source(x: Any, y: Any = None, sample_weight: Any = None) -> Source | None:
    """The source that `x` is, None if it is arrays. Raises ValueError if labels or
    weights are given beside a source, which holds them itself."""
    source = _recognize(x)
    if source is None:
        return None
    for name, value, what in (
        ("y", y, "the targets"),
        ("sample_weight", sample_weight, "the sample weights"),
    ):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {source.kind}, `{name}` should not be "
                f"passed. Instead, {what} should be included as part of the "
                f"{source.kind}."
            )
    return source


def _recognize(x: Any) -> Source | None:
    if isinstance(x, Source):
        return x
    if isinstance(x, PyDataset):
        return PyDatasetSource(x)
    if _has_base(x, "DatasetV2", "tensorflow.python."):
        return IterableSource(x, "tf.data.Dataset")
    if _has_base(x, "DataLoader", "torch.utils.data"):
        return IterableSource(x, "torch DataLoader")
    if hasattr(x, "__next__"):
        return GeneratorSource(x)
    arrays = (np.ndarray, list, tuple, dict, str, bytes)
    if isinstance(x, arrays) or hasattr(x, "shape") or not hasattr(x, "__iter__"):
        return None
    if hasattr(x, "__array__") or hasattr(x, "to_numpy"):
        return None
    return IterableSource(x, type(x).__name__)


def _has_base(x: Any, name: str, module: str) -> bool:
    return any(
        base.__name__ == name and module in str(base.__module__)
        for base in type(x).__mro__
    )


def _length(iterable: Any) -> int | None:
    """The number of batches, None if it is unknown or has no end."""
    try:
        size = len(iterable)
    except TypeError:  # unknown, or without end
        return None
    return size if size > 0 else None


def _short(batch: Any) -> str:
    return f"{str(batch)[:100]} of type {type(batch).__name__}"
