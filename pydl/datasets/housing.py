"""What the data sets of house prices share."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.datasets.files import RemoteFile

Pair = tuple[np.ndarray, np.ndarray]


def check_split(test_split: float) -> None:
    """Raise ValueError unless the share is in [0, 1)."""
    if not 0 <= test_split < 1:
        raise ValueError(
            f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 "
            "(exclusive of 1)."
        )


def shuffled(seed: int, *arrays: Any) -> list[Any]:
    """Arrays in one random order, the same with every NumPy."""
    order = np.arange(len(arrays[0]))
    np.random.RandomState(seed).shuffle(order)
    return [array[order] for array in arrays]


def load_table(
    file: RemoteFile, path: str, test_split: float, seed: int, limit: int | None
) -> tuple[Pair, Pair]:
    """Features and prices of an ``.npz`` file, shuffled and split."""
    check_split(test_split)
    with np.load(file.locate(path), allow_pickle=False) as stored:
        x, y = stored["x"][:limit], stored["y"][:limit]
    x, y = shuffled(seed, x, y)
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
