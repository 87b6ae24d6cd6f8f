"""Images bent by smooth random fields."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.arithmetic import exp, floor, maximum, where
from pydl.ops.compare import less_equal
from pydl.ops.image.layout import (
    as_batch,
    as_float,
    check_known,
    check_option,
    from_planes,
    image_tensor,
    like,
    multiply_axis,
    to_planes,
)
from pydl.ops.image.sampling import FILL_MODES, ORDERS, sample_planes
from pydl.ops.public import public_op

#: Half of the window of a sigma that is a tensor, in lengths of the axis: one of more
#: than 4/3 of the length has a wider one, whose ends are left out of its sum.
_WIDEST = 4


@public_op
def elastic_transform(
    images: Any,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images whose pixels come from places moved by smooth random fields.

    P. Simard et al. (2003), "Best Practices for Convolutional Neural Networks".

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        alpha: how far pixels move.
        sigma: how smooth the fields are: the standard deviation of the blur, also that
            of the noise it smooths.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: of the mode ``"constant"``.
        seed: an integer, a `SeedGenerator`, or None for the global generator.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: another number of axes, or an unknown option.

    >>> x = np.ones((2, 8, 8, 3), "float32")
    >>> pydl.ops.image.elastic_transform(x, seed=1).shape
    (2, 8, 8, 3)
    """
    name = "elastic_transform"
    x = image_tensor(name, images)
    check_option(name, "interpolation", interpolation, ORDERS)
    check_option(name, "fill_mode", fill_mode, FILL_MODES)
    check_known(name, x)
    planes = to_planes(as_batch(x), data_format)
    if 0 in planes.shape:
        return x
    count, _, height, width = planes.shape
    fields = _fields((2, count, 1, height, width), sigma, seed) * alpha
    at_x = fields[0] + np.arange(width, dtype="float32")
    at_y = fields[1] + np.arange(height, dtype="float32")[:, None]
    out = sample_planes(
        planes, (at_y, at_x), ORDERS[interpolation], fill_mode, fill_value
    )
    return like(from_planes(out, data_format), x)


def _fields(shape: tuple[int, ...], sigma: Any, seed: Any) -> Any:
    """Smoothed noise; `random` stands above the ops, so it is asked for late."""
    noise = importlib.import_module("pydl.random").normal(shape, seed=seed) * sigma
    for axis in (3, 4):
        noise = multiply_axis(noise, axis, blur_matrix(shape[axis], sigma))
    return noise


def blur_matrix(size: int, sigma: Any) -> Any:
    """What a Gaussian window of ``int(6 sigma) | 1`` places makes of an axis, with
    zeros outside: ``[size, size]``. `sigma` may be a tensor: the matrix is that of the
    window that its value has."""
    distance = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    if not isinstance(sigma, TENSORS):
        width = max(float(sigma), 1e-6)
        reach = int(6 * width) // 2
        raised = np.exp(-0.5 * (distance / width) ** 2) * (distance <= reach)
        around = np.arange(-reach, reach + 1)
        return raised / np.exp(-0.5 * (around / width) ** 2).sum()
    sigma = maximum(as_float(lift(sigma)), 1e-6)
    reach = floor(sigma * 3.0)
    around = np.arange(-_WIDEST * size, _WIDEST * size + 1, dtype="float32")
    total = emit(
        "reduce_sum", _bell(np.abs(around), sigma, reach), axes=[0], keepdims=0
    )
    return _bell(distance.astype("float32"), sigma, reach) / total


def _bell(distance: np.ndarray, sigma: Any, reach: Any) -> Any:
    scaled = lift(distance) / sigma
    return where(less_equal(distance, reach), exp(scaled * scaled * -0.5), 0.0)
