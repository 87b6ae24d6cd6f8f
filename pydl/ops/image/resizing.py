"""Images in other sizes: a small product for each axis."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.axes import one_axis, to_shape
from pydl.ops.core import saturate_cast
from pydl.ops.dtypes import is_float
from pydl.ops.image.layout import (
    Axes,
    as_float,
    check_known,
    check_option,
    image_axes,
    image_tensor,
    multiply_axis,
)
from pydl.ops.image.resampling import (
    KERNELS,
    aspect_box,
    aspect_margins,
    check_method,
    checked_size,
    nearest_places,
    resize_matrix,
    taps,
    weight_matrix,
)
from pydl.ops.public import public_op
from pydl.ops.shape import slice_axis

_METHODS = {
    "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear",
    "triangle": "bilinear", "cubic": "bicubic", "bicubic": "bicubic",
    "tricubic": "bicubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip

#: Rows of at least so many numbers are worth gathering.
_LONG = 64


@public_op
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images brought to another height and width.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        size: the height and width wanted.
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos3"``,
            ``"lanczos5"``, ``"area"``, ``"gaussian"`` or ``"mitchellcubic"``.
        antialias: average over all pixels that a smaller image's pixel covers.
        crop_to_aspect_ratio: first cut the largest box out of the middle that has the
            proportions of `size`.
        pad_to_aspect_ratio: first pad to these proportions, evenly.
        fill_mode: ``"constant"``.
        fill_value: what is padded with.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same dtype; integers are rounded.

    Raises:
        ValueError: an argument that is none of these.

    >>> pydl.ops.image.resize(np.ones((2, 4, 4, 3), "float32"), (8, 6)).shape
    (2, 8, 6, 3)
    """
    x = image_tensor("resize", images)
    pair = checked_size("resize", size)
    check_method("resize", interpolation)
    check_option("resize", "fill_mode", fill_mode, ["constant"])
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "resize: expected one of crop_to_aspect_ratio and pad_to_aspect_ratio at "
            "most to be True, received both"
        )
    check_known("resize", x)
    axes = image_axes(x, data_format)
    if crop_to_aspect_ratio:
        x = _cut_to_ratio(x, axes, pair)
    elif pad_to_aspect_ratio:
        x = _padded_to_ratio(x, axes, pair, fill_value)
    if 0 in (x.shape[axes.height], x.shape[axes.width]):
        raise ValueError(
            f"resize: expected images of at least one pixel, received shape {x.shape}"
        )
    if interpolation == "nearest":
        return _nearest(_nearest(x, axes.height, pair[0]), axes.width, pair[1])
    return in_dtype(_resampled(x, axes, pair, interpolation, antialias), x.dtype)


def in_dtype(out: Any, dtype: str) -> Any:
    """A float result in the dtype of the images, rounded if that is an integer."""
    if out.dtype == dtype:
        return out
    return saturate_cast(out if is_float(dtype) else emit("round", out), dtype)


def _cut_to_ratio(x: Any, axes: Axes, size: tuple[int, int]) -> Any:
    height, width = x.shape[axes.height], x.shape[axes.width]
    top, left, rows, columns = aspect_box(height, width, size)
    x = slice_axis(x, axes.height, top, top + rows)
    return slice_axis(x, axes.width, left, left + columns)


def _padded_to_ratio(x: Any, axes: Axes, size: tuple[int, int], value: float) -> Any:
    height, width = x.shape[axes.height], x.shape[axes.width]
    margins = [0] * x.ndim
    margins[axes.height], margins[axes.width] = aspect_margins(height, width, size)
    if not any(margins):
        return x
    return emit("pad", x, low=margins, high=margins, value=float(value))


def _resampled(
    x: Any, axes: Axes, size: tuple[int, int], method: str, antialias: bool
) -> Any:
    """The most shrunk axis first; of two that grow the width, since images of few
    channels are turned for it."""
    x = as_float(x)
    pairs = [(axes.width, size[1]), (axes.height, size[0])]
    if size[0] / x.shape[axes.height] < min(size[1] / x.shape[axes.width], 1.0):
        pairs.reverse()
    for axis, out in pairs:
        if x.shape[axis] != out:
            matrix = resize_matrix(x.shape[axis], out, method, antialias)
            x = _weighed(x, axis, matrix)
    return x


def _weighed(x: Any, axis: int, matrix: np.ndarray) -> Any:
    """`multiply_axis`; rows of which few matter are gathered and weighed instead."""
    places, weights = taps(matrix)
    (count, out), size = places.shape, x.shape[axis]
    lead, row = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    if row < _LONG or count * out > size:
        return multiply_axis(x, axis, matrix)
    rows = emit("reshape", x, shape=[lead * size, row])
    first = np.arange(lead)[:, None] * size
    total = None
    for place, weight in zip(places, weights, strict=True):
        part = emit("take", rows, lift((first + place).astype("int64")))
        part = part * lift(weight[:, None].astype(x.dtype))
        total = part if total is None else total + part
    assert total is not None  # a pixel is made of at least one
    return emit("reshape", total, shape=[*x.shape[:axis], out, *x.shape[axis + 1 :]])


def _nearest(x: Any, axis: int, out: int) -> Any:
    """Whole repetitions and whole steps need no indices."""
    size = x.shape[axis]
    if size == out:
        return x
    lead, rest = list(x.shape[:axis]), list(x.shape[axis + 1 :])
    if out % size == 0:
        wide = emit("reshape", x, shape=[*lead, size, 1, *rest])
        wide = emit("broadcast_to", wide, shape=[*lead, size, out // size, *rest])
        return emit("reshape", wide, shape=[*lead, out, *rest])
    if size % out == 0:
        begin, end, stride = [0] * x.ndim, list(x.shape), [1] * x.ndim
        stride[axis] = size // out
        begin[axis] = stride[axis] // 2
        end[axis] = begin[axis] + (out - 1) * stride[axis] + 1
        return emit("slice", x, begin=begin, end=end, stride=stride)
    count, row = int(np.prod(lead)), int(np.prod(rest))
    rows = emit("reshape", x, shape=[count * size, row])
    places = np.arange(count)[:, None] * size + nearest_places(size, out)[None, :]
    found = emit("take", rows, lift(places.astype("int64")))
    return emit("reshape", found, shape=[*lead, out, *rest])


@public_op
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Images stretched and moved along some axes; what lies outside is 0.

    The place ``p`` of the input comes to ``p * scale + translation``, pixels having
    their centers at halves.

    Args:
        images: a tensor of any axes.
        output_shape: the shape of the result.
        scale: the factor of each spatial axis, ``(K,)``.
        translation: how far each is moved, ``(K,)``, in pixels of the output.
        spatial_dims: these K axes.
        method: ``"linear"`` (``"bilinear"``, ``"trilinear"``, ``"triangle"``),
            ``"cubic"`` (``"bicubic"``, ``"tricubic"``), ``"lanczos3"`` or
            ``"lanczos5"``.
        antialias: average over what a pixel covers where the scale is below 1.

    Raises:
        ValueError: a method, axes or shapes that do not fit.

    >>> x = np.arange(9, dtype="float32").reshape(3, 3)
    >>> scale = np.array([2.0, 2.0], "float32")
    >>> move = -(scale / 2 - 0.5)
    >>> stretched = pydl.ops.image.scale_and_translate
    >>> stretched(x, (5, 5), scale, move, (0, 1), "linear")[0].tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    name = "scale_and_translate"
    check_option(name, "method", method, _METHODS)
    x = as_float(lift(images))
    shape = to_shape(name, list(output_shape))
    axes = [one_axis(name, axis, x.ndim) for axis in spatial_dims]
    _check_axes(x, shape, axes, np.shape(scale), np.shape(translation))
    kernel = KERNELS[_METHODS[method]]
    if any(isinstance(part, TENSORS) for part in (scale, translation)):
        xp: Any = importlib.import_module("pydl.ops")
        factors, moves = as_float(lift(scale)), as_float(lift(translation))
    else:
        xp = np
        factors, moves = (np.asarray(part, "float64") for part in (scale, translation))
    for i, axis in enumerate(axes):
        matrix = weight_matrix(
            xp, x.shape[axis], shape[axis], factors[i], moves[i], kernel, antialias
        )
        x = multiply_axis(x, axis, matrix)
    return x


def _check_axes(x: Any, shape: Any, axes: Any, scale: Any, shift: Any) -> None:
    name = "scale_and_translate"
    check_known(name, x)
    if len(set(axes)) != len(axes) or scale != (len(axes),) or shift != (len(axes),):
        raise ValueError(
            f"{name}: expected one scale and one translation for each of different "
            f"spatial_dims, received spatial_dims={tuple(axes)}, scale of shape "
            f"{tuple(scale)}, translation of shape {tuple(shift)}"
        )
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    if len(shape) != x.ndim or any(shape[axis] != x.shape[axis] for axis in kept):
        raise ValueError(
            f"{name}: expected output_shape to differ from the shape of images "
            f"{x.shape} in spatial_dims={tuple(axes)} only, received {tuple(shape)}"
        )
