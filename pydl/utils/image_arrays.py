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


@lru_cache(maxsize=256)
def _taps(size: int, out: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """What `taps` gives, remembered: folders hold many images of one size."""
    if method == "nearest":
        places = nearest_places(size, out)[None, :]
        return places, np.ones(places.shape, "float32")
    places, weights = taps(resize_matrix(size, out, method, False))
    return places, weights.astype("float32")


def _resized_axis(x: np.ndarray, axis: int, out: int, method: str) -> np.ndarray:
    if x.shape[axis] == out:
        return x
    places, weights = _taps(x.shape[axis], out, method)
    shape = [1] * x.ndim
    shape[axis] = out
    total: Any = None
    for place, weight in zip(places, weights, strict=True):
        part = np.take(x, place, axis=axis) * weight.reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    return np.asarray(total)


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
    shrink = [size[axis] / x.shape[axis] for axis in range(2)]
    for axis in (0, 1) if shrink[0] <= shrink[1] else (1, 0):
        x = _resized_axis(x, axis, size[axis], method)
    return x
