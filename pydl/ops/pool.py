"""Largest values and means over windows of channels-last images, their gradients, and
Keras's functions made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.dtypes import is_float
from pydl.ops.images import channels_last, check_images, in_format, spatial_sizes
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.windows import UNKNOWN, pad_widths, padding_name, per_axis

__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool",
]  # fmt: skip

_SHARED = ("window", "strides", "low", "high", "count_padding")


def _shared(call: OpCall) -> dict[str, Any]:
    return {name: call.attrs[name] for name in _SHARED if name in call.attrs}


def _max_rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    (x,), index = call.inputs, call.outputs[1]
    attrs = _shared(call)
    return [
        lambda: emit("max_pool_grad", grads[0], index, size=spatial_sizes(x), **attrs)
    ]


def _max_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: _chosen(g, call.inputs[1], call.attrs), None]


def _chosen(x: Any, index: Any, attrs: dict[str, Any]) -> Any:
    """The elements of `x` that the windows chose, in the shape of `index`."""
    batch, *places, channels = index.shape
    size = spatial_sizes(x)
    starts = np.zeros((1, *[1] * len(places), 1), np.int64)
    steps = [math.prod(size[i + 1 :]) for i in range(len(size))]
    for i, step in enumerate(steps):
        start = np.arange(places[i]) * attrs["strides"][i] - attrs["low"][i]
        shape = [1] * starts.ndim
        shape[i + 1] = places[i]
        starts = starts + (start * step).reshape(shape)
    taps = np.indices(attrs["window"]).reshape(len(size), -1)
    moves = (taps * np.array(steps)[:, None]).sum(axis=0)
    pixel = lift(starts) + emit("take", lift(moves), lift(index, "int64"))
    images = np.arange(batch).reshape(batch, *[1] * len(places), 1) * math.prod(size)
    flat = (pixel + lift(images)) * channels + lift(np.arange(channels))
    return emit("take", emit("reshape", x, shape=[-1]), flat)


def _average_rule(call: OpCall, g: Any) -> list[Any]:
    (x,) = call.inputs
    return [lambda: emit("avg_pool_grad", g, size=spatial_sizes(x), **_shared(call))]


def _average_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: emit("avg_pool", g, **_shared(call))]


define("max_pool", _max_rule, "The largest of each window, and where it was.")
define("max_pool_grad", simple(_max_grad_rule), "Gradients, to where the largest were.")
define("avg_pool", simple(_average_rule), "The mean of each window.")
define("avg_pool_grad", simple(_average_grad_rule), "Gradients, shared by a window.")


@public_op
def max_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: Any = "valid",
    data_format: str | None = None,
) -> Any:
    """The largest value of each window, channel by channel; NaN wins.

    Args:
        inputs: images `[N, spatial..., C]` with one to three spatial axes, or
            `[N, C, spatial...]` with ``data_format="channels_first"``. Any number.
        pool_size: of the window, a number or one per axis, >= 1.
        strides: from window to window, >= 1; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up, what sticks out does not count; or a pair of numbers
            of places for each axis, less than the window.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        `[N, windows..., C]` in the layout of `inputs`.

    Raises:
        ValueError: shapes or arguments that do not fit, or no place for a window.

    >>> pydl.ops.max_pool(np.arange(6.0).reshape(1, 6, 1), 2).numpy().ravel().tolist()
    [1.0, 3.0, 5.0]
    """
    x = lift(inputs)
    if is_float(x.dtype):
        return _pooled("max_pool", x, pool_size, strides, padding, data_format)
    exact = lift(x, "float64")  # up to 2**53
    out = _pooled("max_pool", exact, pool_size, strides, padding, data_format)
    return lift(out, x.dtype)


@public_op
def average_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: Any = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window, channel by channel; see `max_pool` for the arguments.

    >>> x = np.arange(6.0).reshape(1, 6, 1)
    >>> pydl.ops.average_pool(x, 2).numpy().ravel().tolist()
    [0.5, 2.5, 4.5]
    """
    x = promote_float(inputs)[0]
    return _pooled("avg_pool", x, pool_size, strides, padding, data_format)


#: The opcode -> the function.
_NAMES = {"max_pool": "max_pool", "avg_pool": "average_pool"}


def _pooled(
    op: str, x: Any, pool_size: Any, strides: Any, padding: Any, data_format: str | None
) -> Any:
    name = _NAMES[op]
    check_images(name, x)
    axes = x.ndim - 2
    window = per_axis(f"{name}: pool_size", pool_size, axes)
    steps = window if strides is None else per_axis(f"{name}: strides", strides, axes)
    x = channels_last(x, data_format)
    if isinstance(padding, str):
        padding = padding_name(name, padding, ("valid", "same"))
    low, high = pad_widths(name, padding, spatial_sizes(x), window, steps)
    out = emit(op, x, window=window, strides=steps, low=low, high=high)
    return in_format(out, data_format)


@public_op
def adaptive_max_pool(
    inputs: Any, output_size: int | Sequence[int], data_format: str | None = None
) -> Any:
    """The largest value of each of `output_size` windows that share an axis evenly:
    window `i` goes from ``i * size / output_size``, rounded down, to
    ``(i + 1) * size / output_size``, rounded up.

    Args:
        inputs: as in `max_pool`, floats.
        output_size: how many windows, a number or one per spatial axis, >= 1.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        `[N, output_size..., C]` in the layout of `inputs`.

    Raises:
        ValueError: shapes or arguments that do not fit.

    >>> pydl.ops.adaptive_max_pool(np.ones((1, 10, 8, 2)), 4).shape
    (1, 4, 4, 2)
    """
    return _adapted("max_pool", inputs, output_size, data_format)


@public_op
def adaptive_average_pool(
    inputs: Any, output_size: int | Sequence[int], data_format: str | None = None
) -> Any:
    """The mean of each of `output_size` windows that share an axis evenly; see
    `adaptive_max_pool` for the windows and the arguments.

    >>> x = np.arange(6.0).reshape(1, 6, 1)
    >>> pydl.ops.adaptive_average_pool(x, 4).numpy().ravel().tolist()
    [0.5, 1.5, 3.5, 4.5]
    """
    return _adapted("avg_pool", inputs, output_size, data_format)


def _adapted(op: str, inputs: Any, output_size: Any, data_format: str | None) -> Any:
    """Axes whose windows are all of one size in one step, the others one by one."""
    x = promote_float(inputs)[0]
    name = f"adaptive_{_NAMES[op]}"
    check_images(name, x)
    counts = per_axis(f"{name}: output_size", output_size, x.ndim - 2)
    x = channels_last(x, data_format)
    sizes = spatial_sizes(x)
    if min(sizes) < 1:
        kind = "known sizes" if UNKNOWN in sizes else "a place on each axis"
        raise ValueError(f"{name}: expected images of {kind}, received {x.shape}")
    even = [
        1 if size % count else size // count
        for size, count in zip(sizes, counts, strict=True)
    ]
    if max(even) > 1:
        none = [0] * len(even)
        x = emit(op, x, window=even, strides=even, low=none, high=none)
    for axis, count in enumerate(counts, 1):
        if x.shape[axis] != count:
            x = _uneven(op, x, axis, count)
    return in_format(x, data_format)


def _uneven(op: str, x: Any, axis: int, count: int) -> Any:
    """`count` windows along one axis, which overlap and differ in size by one."""
    size = x.shape[axis]
    steps = np.arange(count)
    starts, ends = steps * size // count, -((steps + 1) * -size // count)
    rows = starts[:, None] + np.arange((ends - starts).max())
    inside = rows < ends[:, None]
    perm = [axis, *(i for i in range(x.ndim) if i != axis)]
    indices = lift(np.minimum(rows, ends[:, None] - 1))
    seen = emit("take", emit("transpose", x, perm=perm), indices)
    if op == "max_pool":
        out = emit("reduce_max", seen, axes=[1], keepdims=0)  # twice the last is one
    else:
        ones = [1] * (x.ndim - 1)
        kept = lift(inside.reshape(*inside.shape, *ones))
        held = emit("where", kept, seen, lift(0.0, x.dtype))
        number = lift((ends - starts).reshape(count, *ones), x.dtype)
        out = emit("reduce_sum", held, axes=[1], keepdims=0) / number
    return emit("transpose", out, perm=sorted(range(x.ndim), key=perm.__getitem__))
