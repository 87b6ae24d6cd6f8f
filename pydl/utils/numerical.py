"""NumPy helpers for labels and features."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class indices -> one-hot rows (float64, as Keras).

    Args:
        x: integers of shape ``(...)`` or ``(..., 1)``.
        num_classes: number of columns; the largest index plus one if None.

    Returns:
        Array of shape ``(..., num_classes)``.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    labels = np.asarray(x, dtype="int64")
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    labels = labels.reshape(-1)
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    bad = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if bad.size:
        raise ValueError(
            f"to_categorical: expected labels in [0, {num_classes}), received "
            f"x[{bad[0]}]={labels[bad[0]]}"
        )
    one_hot = np.zeros((labels.size, num_classes))
    one_hot[np.arange(labels.size), labels] = 1
    return one_hot.reshape((*shape, num_classes))


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Scale `x` to norm 1 along `axis`; rows of norm 0 stay zero."""
    array = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(array, order, axis))
    norm[norm == 0] = 1
    return np.asarray(array / np.expand_dims(norm, axis))


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> np.ndarray:
    """Lists of different lengths as rows of one array.

    Args:
        sequences: lists of numbers.
        maxlen: length of the rows; None is that of the longest list.
        dtype: dtype of the array.
        padding: ``"pre"`` or ``"post"``: where `value` fills short rows.
        truncating: ``"pre"`` or ``"post"``: where long lists are cut.
        value: what fills short rows.

    >>> pad_sequences([[1], [2, 3]]).tolist()
    [[0, 1], [2, 3]]
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"{name}: expected 'pre' or 'post', received {side!r}")
    rows = [np.asarray(row, dtype=dtype) for row in sequences]
    length = max(map(len, rows), default=0) if maxlen is None else maxlen
    tail = next((row.shape[1:] for row in rows if len(row)), ())
    out = np.full((len(rows), length, *tail), value, dtype=dtype)
    for target, row in zip(out, rows, strict=True):
        kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        if len(kept):
            start = length - len(kept) if padding == "pre" else 0
            target[start : start + len(kept)] = kept
    return out
