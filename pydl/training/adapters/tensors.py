"""Arrays of other libraries as NumPy arrays, without importing those libraries."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_numpy(value: Any) -> Any:
    """The NumPy array of a tensor, table or series; anything else as it came.

    Knows pandas and polars (a series becomes one column, as in Keras), PyTorch (the
    gradient is left behind, the data fetched from its device), SciPy's sparse matrices,
    TensorFlow, JAX and whatever speaks ``__array__`` or DLPack.
    """
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "to_numpy"):
        return _table(value)
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return _torch(value)
    if hasattr(value, "toarray") and hasattr(value, "tocsr"):
        return value.toarray()
    if hasattr(value, "numpy") and callable(value.numpy):
        return np.asarray(value.numpy())
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    return value


def _table(value: Any) -> np.ndarray:
    array = np.asarray(value.to_numpy())
    if array.dtype == object:  # columns of several kinds, or of nullable numbers
        try:
            array = array.astype("float64")
        except (TypeError, ValueError):
            return array  # reported with the argument's name
    if array.ndim == 1 and type(value).__name__ == "Series":
        array = array[:, None]
    return array


def _torch(value: Any) -> np.ndarray:
    value = value.detach().cpu()
    if str(value.dtype) == "torch.bfloat16":  # NumPy has no such dtype
        value = value.float()
    return np.asarray(value.numpy())
