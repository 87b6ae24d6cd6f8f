"""Colors: gray, and hue, saturation and value."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from pydl.ops.apply import emit, lift
from pydl.ops.arithmetic import abs as absolute
from pydl.ops.arithmetic import clip, maximum, minimum, where
from pydl.ops.compare import equal, greater, less
from pydl.ops.dtypes import is_float, result_type
from pydl.ops.image.layout import image_axes, image_tensor
from pydl.ops.integers import mod
from pydl.ops.matmul import product
from pydl.ops.public import public_op
from pydl.ops.shape import slice_axis

#: The luma of ITU-R BT.601, as TensorFlow rounds it.
_LUMA = (0.2989, 0.5870, 0.1140)


@public_op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """The brightness of colored images; gray ones are returned as they are.

    Args:
        images: one image ``(height, width, 3 or 1)``, or a batch.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of one channel, of the same dtype; integers are cut.

    Raises:
        ValueError: another number of axes or channels.

    >>> red = np.array([[[255, 0, 0]]], "uint8")
    >>> pydl.ops.image.rgb_to_grayscale(red).tolist()
    [[[76]]]
    """
    x = image_tensor("rgb_to_grayscale", images)
    axis = image_axes(x, data_format).channels
    if x.shape[axis] not in (1, 3):
        raise ValueError(
            "rgb_to_grayscale: expected images of 3 channels, or 1, received shape "
            f"{x.shape}"
        )
    if x.shape[axis] == 1:
        return x
    dtype = result_type(x.dtype, float)
    y = lift(x, dtype)
    if axis == x.ndim - 1:
        weights = lift(np.array(_LUMA)[:, None], dtype)
        rows = product(emit("reshape", y, shape=[-1, 3]), weights)
        out = emit("reshape", rows, shape=[*x.shape[:-1], 1])
    else:
        red, green, blue = (slice_axis(y, axis, i, i + 1) for i in range(3))
        out = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    return lift(out, x.dtype)


def _channels(name: str, images: Any, data_format: str | None) -> Any:
    """Images, the axis of their channels and these, each of size 1."""
    x = image_tensor(name, images)
    axis = image_axes(x, data_format).channels
    if not is_float(x.dtype):
        raise ValueError(f"{name}: expected images of floats, received dtype {x.dtype}")
    if x.shape[axis] != 3:
        raise ValueError(
            f"{name}: expected images of 3 channels, received shape {x.shape}"
        )
    return axis, [slice_axis(x, axis, i, i + 1) for i in range(3)]


@public_op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of colors, all in [0, 1] as the colors are.

    Args:
        images: floats in [0, 1]: one image ``(height, width, 3)``, or a batch.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype. Hue 0 is red, 1/3 green, 2/3 blue.

    Raises:
        ValueError: another number of axes or channels, or integers.

    >>> red = np.array([[[0.5, 0.0, 0.0]]], "float32")
    >>> pydl.ops.image.rgb_to_hsv(red).tolist()
    [[[0.0, 1.0, 0.5]]]
    """
    axis, planes = _channels("rgb_to_hsv", images, data_format)
    least = float(ml_dtypes.finfo(planes[0].dtype).eps)  # type: ignore[no-untyped-call]
    r, g, b = (where(less(absolute(p), least), 0.0, p) for p in planes)
    value = maximum(maximum(r, g), b)
    spread = value - minimum(minimum(r, g), b)
    safe_value = where(greater(value, 0.0), value, 1.0)
    saturation = where(greater(value, 0.0), spread / safe_value, 0.0)
    six = 6.0 * where(greater(spread, 0.0), spread, 1.0)  # 1 / six may be too large
    from_blue = (r - g) / six + 4.0 / 6.0
    hue = where(equal(value, g), (b - r) / six + 2.0 / 6.0, from_blue)
    hue = where(equal(value, r), (g - b) / six, hue)
    wrapped = where(less(hue, 0.0), 1.0, 0.0)
    hue = where(greater(spread, 0.0), hue, 0.0) + wrapped
    return emit("concatenate", *(lift(p, r.dtype) for p in (hue, saturation, value)),
                axis=axis)  # fmt: skip


@public_op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Colors of hue, saturation and value, all in [0, 1].

    Args:
        images: floats in [0, 1]: one image ``(height, width, 3)``, or a batch.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: another number of axes or channels, or integers.

    >>> blue = np.array([[[2 / 3, 1.0, 1.0]]], "float32")
    >>> pydl.ops.image.hsv_to_rgb(blue).numpy().round(3).tolist()
    [[[0.0, 0.0, 1.0]]]
    """
    axis, (hue, saturation, value) = _channels("hsv_to_rgb", images, data_format)
    sixths = mod(hue, 1.0) * 6.0
    shares = (
        clip(absolute(sixths - 3.0) - 1.0, 0.0, 1.0),
        clip(2.0 - absolute(sixths - 2.0), 0.0, 1.0),
        clip(2.0 - absolute(sixths - 4.0), 0.0, 1.0),
    )
    gray = 1.0 - saturation
    colors = [lift(value * (gray + saturation * s), hue.dtype) for s in shares]
    return emit("concatenate", *colors, axis=axis)
