"""Decoded images of all sizes brought to one, in NumPy.

Workers do this for one image after the other, no two of one size: programs of `ops`,
which are made for a shape, would be made anew for each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from pydl.ops.image.resampling import (
    aspect_box,
    aspect_margins,
    nearest_places,
    resize_matrix,
    taps,
)

#: Lines of at most so many pixels meet a matrix; of longer ones pixels are gathered.
_SHORT = 128


@lru_cache(maxsize=256)
def _weights(size: int, out: int, method: str) -> Any:
    """The matrix ``[size, out]``, and what `taps` makes of it; folders hold many images
    of one size."""
    if method == "nearest":
        matrix = np.eye(size)[nearest_places(size, out)]
    else:
        matrix = resize_matrix(size, out, method, False)
    places, weights = taps(matrix)
    return matrix.T.astype("float32"), places, weights.astype("float32")


def _rows(x: np.ndarray, out: int, method: str) -> np.ndarray:
    """Another height: rows are gathered and weighed."""
    if x.shape[0] == out:
        return x
    _, places, weights = _weights(x.shape[0], out, method)
    total: Any = None
    for place, weight in zip(places, weights, strict=True):
        part = np.take(x, place, axis=0) * weight[:, None, None]
        total = part if total is None else np.add(total, part, out=total)
    return np.asarray(total)


def _columns(x: np.ndarray, out: int, method: str) -> np.ndarray:
    """Another width, one color after the other: three numbers are a short row."""
    size = x.shape[1]
    if size == out:
        return x
    matrix, places, weights = _weights(size, out, method)
    lines = np.ascontiguousarray(x.transpose(0, 2, 1))
    if size <= _SHORT:
        found = lines @ matrix
    else:
        parts = zip(places, weights, strict=True)
        found = sum(np.take(lines, place, axis=2) * weight for place, weight in parts)
    return np.ascontiguousarray(np.asarray(found).transpose(0, 2, 1))


def resize_array(
    x: np.ndarray, size: tuple[int, int], method: str, crop: bool, pad: bool
) -> np.ndarray:
    """An image ``(height, width, channels)`` as float32 ``(*size, channels)``: what
    `ops.image.resize` makes of it.

    Args:
        x: the image.
        size: the height and width wanted.
        method: how to interpolate.
        crop: keep the proportions by cutting.
        pad: keep them by zeros around.
    """
    height, width = x.shape[:2]
    if crop:
        top, left, rows, columns = aspect_box(height, width, size)
        x = x[top : top + rows, left : left + columns]
    elif pad:
        rows, columns = aspect_margins(height, width, size)
        x = np.pad(x, ((rows, rows), (columns, columns), (0, 0)))
    x = x.astype("float32")
    if size[0] <= x.shape[0]:  # fewer rows first, more of them last
        return _columns(_rows(x, size[0], method), size[1], method)
    return _rows(_columns(x, size[1], method), size[0], method)
