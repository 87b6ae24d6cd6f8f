"""Splitting data into two, such as training and test data."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from pydl.training.adapters.py_dataset import PyDataset
from pydl.training.adapters.tensors import to_numpy
from pydl.utils.samples import SampleDataset


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[SampleDataset, SampleDataset]:
    """The first samples and the last, such as training and test data.

    Args:
        dataset: an array, a tuple or list of arrays of equal length, or a data set that
            can be iterated over: of samples, or a `SampleDataset` in batches.
        left_size: how many samples go left: a share in (0, 1) or an int; None: what is
            not right.
        right_size: the same for the right.
        shuffle: take samples in a random order.
        seed: of that order; None: another one each time.
        preferred_backend: accepted; there is one kind of result.

    Returns:
        Two data sets of samples. ``.batch(size)`` makes what `fit` takes of them; in
        batches already if `dataset` is.

    Raises:
        ValueError: a size is out of range, or one side would be empty.
        TypeError: of another type.

    >>> left, right = split_dataset(np.arange(10.0), left_size=0.8)
    >>> len(left), len(right), float(right[0])
    (8, 2, 8.0)
    """
    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. "
            "Received: left_size=None and right_size=None"
        )
    columns, single = _columns(dataset)
    total = len(columns[0])
    order = list(range(total))
    if shuffle:
        seed = random.randint(0, int(1e6)) if seed is None else seed
        random.Random(seed).shuffle(order)
    left, right = split_sizes(left_size, right_size, total)
    batch_size = dataset.batch_size if isinstance(dataset, SampleDataset) else None

    def part(indices: list[int]) -> SampleDataset:
        rows = np.asarray(indices, dtype="int64")

        def get(at: np.ndarray) -> Any:
            found = tuple(column[rows[at]] for column in columns)
            return found[0] if single else found

        return SampleDataset(get, len(rows), batch_size)

    return part(order[:left]), part(order[total - right :])


def _columns(dataset: Any) -> tuple[list[np.ndarray], bool]:
    """The samples of a data set as arrays, and whether a sample is a single array."""
    if isinstance(dataset, (tuple, list)):
        columns = [np.asarray(to_numpy(part)) for part in dataset]
        if not columns or len({len(column) for column in columns}) != 1:
            raise ValueError(
                "The `dataset` argument must hold arrays of equal length. Received "
                f"lengths {[len(column) for column in columns]}"
            )
        return columns, False
    if isinstance(dataset, SampleDataset):
        whole = dataset._get(np.arange(dataset.count))
        return (list(whole), False) if isinstance(whole, tuple) else ([whole], True)
    if not isinstance(dataset, PyDataset) and hasattr(to_numpy(dataset), "shape"):
        return [np.asarray(to_numpy(dataset))], True
    items = hasattr(dataset, "__iter__") or hasattr(dataset, "__getitem__")
    if not items or isinstance(dataset, (dict, str)):
        raise TypeError(
            "The `dataset` argument must be a data set, an array or a list/tuple of "
            f"arrays. Received: dataset={dataset!r} of type {type(dataset)}"
        )
    return _stacked(dataset)


def _stacked(dataset: Any) -> tuple[list[np.ndarray], bool]:
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        items = [dataset[index] for index in range(len(dataset))]
    else:
        items = list(dataset)
    if not items:
        raise ValueError("Received an empty dataset. `dataset` must not be empty.")
    if not isinstance(items[0], (tuple, list)):
        return [np.stack([np.asarray(to_numpy(item)) for item in items])], True
    parts = zip(*items, strict=True)
    return [np.stack([np.asarray(to_numpy(v)) for v in part]) for part in parts], False


def split_sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """Both sizes as numbers of samples."""
    counts: dict[str, int | None] = {}
    for name, size in (("left_size", left), ("right_size", right)):
        counts[name] = _size(name, size, total)
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than 1. It must be "
            "less than or equal to 1."
        )
    a, b = counts["left_size"], counts["right_size"]
    a = total - b if a is None and b is not None else a
    b = total - a if b is None and a is not None else b
    assert a is not None and b is not None  # one of them is given
    if a + b > total:
        raise ValueError(
            "The sum of `left_size` and `right_size` should be smaller than the "
            f"{total}. Received: left_size + right_size = {a + b} and total_length = "
            f"{total}"
        )
    for side, count in (("left", a), ("right", b)):
        if count == 0:
            raise ValueError(
                f"With `dataset` of length={total}, `left_size`={a} and `right_size`="
                f"{b}. Resulting {side} side dataset split will be empty. Adjust any "
                "of the aforementioned parameters"
            )
    return a, b


def _size(name: str, size: Any, total: int) -> int | None:
    if size is None:
        return None
    if type(size) not in (int, float):
        raise TypeError(
            f"Invalid `{name}` Type. Expected: int or float or None, Received: "
            f"type({name})={type(size)}."
        )
    if not 0 < size < (total if type(size) is int else 1):
        raise ValueError(
            f"`{name}` should be either a positive integer smaller than {total}, or a "
            f"float within the range `[0, 1]`. Received: {name}={size}"
        )
    return size if type(size) is int else round(size * total)
