"""What the image functions share: which axes images have, and products along one."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pydl.config import floatx, standardize_data_format
from pydl.ops.apply import emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.matmul import product

#: Lines of fewer numbers side by side are turned before they meet a matrix.
_NARROW = 16


class Axes(NamedTuple):
    """Where the axes of images are."""

    height: int
    width: int
    channels: int


def image_tensor(name: str, images: Any, argument: str = "images") -> Any:
    """Images as a tensor; ValueError unless they have 3 axes, or 4 for a batch."""
    x = lift(images)
    if x.ndim not in (3, 4):
        raise ValueError(
            f"{name}: expected {argument} of 3 axes (one image) or 4 (a batch), "
            f"received shape {x.shape}"
        )
    return x


def image_axes(x: Any, data_format: str | None) -> Axes:
    """The axes of a tensor of images."""
    if standardize_data_format(data_format) == "channels_last":
        return Axes(x.ndim - 3, x.ndim - 2, x.ndim - 1)
    return Axes(x.ndim - 2, x.ndim - 1, x.ndim - 3)


def check_known(name: str, x: Any) -> None:
    """ValueError if a size is unknown: code that computes with sizes needs them."""
    if -1 in x.shape:
        raise ValueError(
            f"{name}: expected images of known sizes, received shape {x.shape}"
        )


def check_option(name: str, argument: str, value: Any, known: Any) -> None:
    """ValueError unless `value` is one of the known ones."""
    if value not in known:
        raise ValueError(
            f"{name}: {argument}: expected one of {tuple(known)}, received {value!r}"
        )


def to_planes(x: Any, data_format: str | None) -> Any:
    """A batch of images with its channels first: what is the same for all channels then
    lies beside long rows, not beside three numbers."""
    if standardize_data_format(data_format) == "channels_first":
        return x
    return emit("transpose", x, perm=[0, 3, 1, 2])


def from_planes(x: Any, data_format: str | None) -> Any:
    """Undoes `to_planes`."""
    if standardize_data_format(data_format) == "channels_first":
        return x
    return emit("transpose", x, perm=[0, 2, 3, 1])


def as_batch(x: Any) -> Any:
    """One image as a batch of one."""
    return x if x.ndim == 4 else emit("reshape", x, shape=[1, *x.shape])


def like(out: Any, x: Any) -> Any:
    """A batch, or its only image where `x` is one image."""
    return out if x.ndim == 4 else emit("reshape", out, shape=list(out.shape[1:]))


def as_float(x: Any) -> Any:
    """`x`, integers as floatx."""
    return x if is_float(x.dtype) else lift(x, floatx())


def multiply_axis(x: Any, axis: int, matrix: Any) -> Any:
    """Each line of `x` along an axis times a matrix ``[out, in]``."""
    if isinstance(matrix, np.ndarray):
        matrix = matrix.astype(x.dtype)
    matrix = lift(matrix, x.dtype)
    out, size = matrix.shape
    lead, rest = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    shape = [*x.shape[:axis], out, *x.shape[axis + 1 :]]
    if rest == 1:
        y = product(emit("reshape", x, shape=[lead, size]), matrix, 0, 1)
    elif lead == 1:
        y = product(matrix, emit("reshape", x, shape=[size, rest]))
    elif rest < _NARROW:
        lines = emit("reshape", x, shape=[lead, size, rest])
        lines = emit("transpose", lines, perm=[0, 2, 1])
        lines = emit("reshape", lines, shape=[lead * rest, size])
        y = emit("reshape", product(lines, matrix, 0, 1), shape=[lead, rest, out])
        y = emit("transpose", y, perm=[0, 2, 1])
    else:
        wide = emit("reshape", matrix, shape=[1, out, size])
        wide = emit("broadcast_to", wide, shape=[lead, out, size])
        y = product(wide, emit("reshape", x, shape=[lead, size, rest]))
    return emit("reshape", y, shape=shape)
