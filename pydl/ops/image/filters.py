"""Filters that are products of one for the rows and one for the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.arithmetic import exp
from pydl.ops.dtypes import is_float
from pydl.ops.image.layout import (
    Axes,
    as_batch,
    as_float,
    check_known,
    image_axes,
    image_tensor,
    like,
    multiply_axis,
)
from pydl.ops.public import public_op
from pydl.ops.shape import slice_axis

#: The largest area of a window that is worth a convolution of its own.
_SMALL = 49
#: Up to so many weights an axis is shifted and added, beyond it meets a matrix.
_FEW = 9


def correlate_axis(x: Any, axis: int, weights: Any, low: int, high: int) -> Any:
    """``out[i] = sum over r of weights[r] x[i + r - low]`` along an axis, with `low`
    and `high` zeros before and behind it. `weights`: an array or a tensor ``(n,)``."""
    count, size = weights.shape[0], x.shape[axis]
    out = size + low + high - count + 1
    if out < 1:
        raise ValueError(
            f"expected an axis of at least {count - low - high} for a window of "
            f"{count}, received {size} on axis {axis} of shape {x.shape}"
        )
    if count > _FEW:
        tap = np.arange(size)[None, :] - np.arange(out)[:, None] + low
        tap = np.where((tap < 0) | (tap >= count), count, tap)
        padded = emit("pad", lift(weights, x.dtype), low=[0], high=[1], value=0.0)
        return multiply_axis(x, axis, emit("take", padded, lift(tap)))
    if low or high:
        before, behind = [0] * x.ndim, [0] * x.ndim
        before[axis], behind[axis] = low, high
        x = emit("pad", x, low=before, high=behind, value=0.0)
    total = None
    for r in range(count):
        weight = weights[r] if isinstance(weights, TENSORS) else float(weights[r])
        if isinstance(weight, float) and weight == 0.0:
            continue
        part = slice_axis(x, axis, r, r + out)
        part = part if isinstance(weight, float) and weight == 1.0 else part * weight
        total = part if total is None else total + part
    assert total is not None  # no filter has zeros only
    return total


def same(size: int) -> tuple[int, int]:
    """The zeros before and behind an axis that keep its size under a window."""
    return (size - 1) // 2, size // 2


def filtered(x: Any, axes: Axes, down: Any, across: Any) -> Any:
    """Images under a window whose weights are products of those `down` and `across`;
    zeros lie outside. Small windows are a convolution of each channel."""
    rows, columns = down.shape[0], across.shape[0]
    if 0 in x.shape:
        return x
    if x.shape[axes.channels] > 1 and rows * columns <= _SMALL:
        return _convolved(x, axes, [(down, across)])
    x = correlate_axis(x, axes.height, down, *same(rows))
    return correlate_axis(x, axes.width, across, *same(columns))


def _convolved(x: Any, axes: Axes, pairs: Sequence[tuple[Any, Any]]) -> Any:
    """Each channel under several windows; their results are neighbors."""
    channels, first = x.shape[axes.channels], axes.channels < axes.height
    batch = as_batch(x)
    if first:
        batch = emit("transpose", batch, perm=[0, 2, 3, 1])
    windows = [_window(down, across, x.dtype) for down, across in pairs]
    weight = emit("concatenate", *windows * channels, axis=3)
    low, high = zip(*(same(size) for size in weight.shape[:2]), strict=True)
    ones = [1, 1]
    out = emit(
        "conv", batch, weight, strides=ones, dilations=ones, low=list(low),
        high=list(high), groups=channels,
    )  # fmt: skip
    if first:
        out = emit("transpose", out, perm=[0, 3, 1, 2])
    return like(out, x)


def _window(down: Any, across: Any, dtype: str) -> Any:
    """The products of weights, ``[rows, columns, 1, 1]``."""
    if isinstance(down, np.ndarray):
        return lift((down[:, None] * across)[:, :, None, None].astype(dtype))
    column = emit("reshape", lift(down, dtype), shape=[-1, 1, 1, 1])
    return column * emit("reshape", lift(across, dtype), shape=[1, -1, 1, 1])


def gaussian_weights(size: int, sigma: Any) -> Any:
    """Weights of sum 1 around the middle of a window. `sigma`: a number or a tensor."""
    distance = np.arange(size) - (size - 1) / 2
    if not isinstance(sigma, TENSORS):
        sigma = float(sigma)
        weights = np.exp(-0.5 * (distance / sigma) ** 2)
        return weights / weights.sum()
    scaled = lift(distance.astype("float32")) / sigma
    raised = exp(scaled * scaled * -0.5)
    return raised / emit("reduce_sum", raised, axes=[0], keepdims=1)


@public_op
def gaussian_blur(
    images: Any,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Each pixel as the mean of those around, weighted by a bell; zeros lie outside.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        kernel_size: columns and rows of the window.
        sigma: the standard deviation along columns and along rows: two numbers, or a
            tensor of two.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: another number of axes, or a window of less than one pixel.

    >>> dot = np.zeros((3, 3, 1), "float32")
    >>> dot[1, 1] = 100.0
    >>> pydl.ops.image.gaussian_blur(dot)[1, :, 0].numpy().round().tolist()
    [12.0, 20.0, 12.0]
    """
    x = image_tensor("gaussian_blur", images)
    check_known("gaussian_blur", x)
    sizes = tuple(kernel_size)
    if len(sizes) != 2 or any(int(n) != n or n < 1 for n in sizes):
        raise ValueError(
            "gaussian_blur: kernel_size: expected two positive integers, received "
            f"{kernel_size!r}"
        )
    if np.shape(sigma) != (2,):
        raise ValueError(
            f"gaussian_blur: sigma: expected two numbers, received {sigma!r}"
        )
    axes = image_axes(x, data_format)
    down, across = (gaussian_weights(int(sizes[i]), sigma[i]) for i in (1, 0))
    out = filtered(as_float(x), axes, down, across)
    return lift(out if is_float(x.dtype) else emit("round", out), x.dtype)


@public_op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How brightness changes down and across images, by Sobel's filters; zeros lie
    outside.

    Args:
        images: a batch ``(batch, height, width, channels)``.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        ``images.shape + (2,)``: the change down, then the change across.

    Raises:
        ValueError: no batch of images.

    >>> x = np.zeros((1, 3, 4, 1), "float32")
    >>> x[:, :, 2:] = 1.0
    >>> pydl.ops.image.sobel_edges(x)[0, 1, 1, 0].tolist()
    [0.0, 4.0]
    """
    x = image_tensor("sobel_edges", images)
    if x.ndim != 4:
        raise ValueError(
            f"sobel_edges: expected a batch of images of 4 axes, received {x.shape}"
        )
    check_known("sobel_edges", x)
    axes = image_axes(x, data_format)
    change, mean = np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0])
    y, first = as_float(x), axes.channels < axes.height
    if first:
        y = emit("transpose", y, perm=[0, 2, 3, 1])
    shape, windows = list(y.shape), ((change, mean), (mean, change))
    if shape[3] > 1 and 0 not in shape:
        both = _convolved(y, Axes(1, 2, 3), windows)
        both = emit("reshape", both, shape=[*shape, 2])
    else:
        edges = [filtered(y, Axes(1, 2, 3), *pair) for pair in windows]
        edges = [emit("reshape", e, shape=[*shape, 1]) for e in edges]
        both = emit("concatenate", *edges, axis=4)
    both = lift(both, x.dtype)
    return emit("transpose", both, perm=[0, 3, 1, 2, 4]) if first else both
