"""Patches of images as columns, and blocks of pixels as channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.config import standardize_data_format
from pydl.ops.apply import emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.public import public_op
from pydl.windows import MOST, UNKNOWN, per_axis, places, spans

__all__ = ["depth_to_space", "fold", "space_to_depth", "unfold"]

Numbers = int | Sequence[int]


@public_op
def depth_to_space(
    x: Any, block_size: int, data_format: str | None = "channels_last"
) -> Any:
    """Channels spread over blocks of pixels: the inverse of `space_to_depth`.

    Args:
        x: `[N, H, W, C b^2]`, or `[N, C b^2, H, W]` with ``"channels_first"``.
        block_size: `b`, at least 2.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        `[N, H b, W b, C]`, or `[N, C, H b, W b]`.

    Raises:
        ValueError: another number of axes, or channels that `b^2` does not divide.

    >>> pydl.ops.depth_to_space(np.ones((1, 2, 3, 8)), 2).shape
    (1, 4, 6, 2)
    """
    name, last = "depth_to_space", _is_last(data_format)
    x, (n, h, w, c), b = _blocks(name, x, block_size, last)
    if c % (b * b):
        raise ValueError(
            f"{name}: expected channels that block_size**2 = {b * b} divides, received "
            f"shape {x.shape}"
        )
    c //= b * b
    if last:
        parts = emit("reshape", x, shape=[n, h, w, b, b, c])
        moved = emit("transpose", parts, perm=[0, 1, 3, 2, 4, 5])
        return emit("reshape", moved, shape=[n, h * b, w * b, c])
    parts = emit("reshape", x, shape=[n, c, b, b, h, w])
    moved = emit("transpose", parts, perm=[0, 1, 4, 2, 5, 3])
    return emit("reshape", moved, shape=[n, c, h * b, w * b])


@public_op
def space_to_depth(
    x: Any, block_size: int, data_format: str | None = "channels_last"
) -> Any:
    """Blocks of pixels as channels of one pixel.

    Args:
        x: `[N, H b, W b, C]`, or `[N, C, H b, W b]` with ``"channels_first"``.
        block_size: `b`, at least 2.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        `[N, H, W, C b^2]`, or `[N, C b^2, H, W]`.

    Raises:
        ValueError: another number of axes, or sizes that `b` does not divide.

    >>> pydl.ops.space_to_depth(np.ones((1, 4, 6, 2)), 2).shape
    (1, 2, 3, 8)
    """
    name, last = "space_to_depth", _is_last(data_format)
    x, (n, h, w, c), b = _blocks(name, x, block_size, last)
    if h % b or w % b:
        raise ValueError(
            f"{name}: expected rows and columns that block_size={b} divides, received "
            f"shape {x.shape}"
        )
    h, w = h // b, w // b
    if last:
        parts = emit("reshape", x, shape=[n, h, b, w, b, c])
        moved = emit("transpose", parts, perm=[0, 1, 3, 2, 4, 5])
        return emit("reshape", moved, shape=[n, h, w, c * b * b])
    parts = emit("reshape", x, shape=[n, c, h, b, w, b])
    moved = emit("transpose", parts, perm=[0, 1, 3, 5, 2, 4])
    return emit("reshape", moved, shape=[n, c * b * b, h, w])


def _is_last(data_format: str | None) -> bool:
    return standardize_data_format(data_format) == "channels_last"


def _blocks(name: str, x: Any, block_size: Any, last: bool) -> tuple[Any, Any, int]:
    """The tensor, its batch, rows, columns and channels, and the side of a block."""
    x = lift(x)
    (side,) = per_axis(f"{name}: block_size", block_size, 1, least=2)
    _check(name, x, 4)
    n, *rest = x.shape
    sizes = rest if last else [*rest[1:], rest[0]]
    return x, (n, *sizes), side


def _check(name: str, x: Any, rank: int) -> None:
    if x.ndim != rank:
        raise ValueError(f"{name}: expected {rank} axes, received shape {x.shape}")
    if UNKNOWN in x.shape[1:]:
        raise ValueError(
            f"{name}: expected known sizes of all axes but the first, received shape "
            f"{x.shape}"
        )


@public_op
def unfold(
    x: Any,
    kernel_size: Numbers,
    dilation: Numbers = 1,
    padding: Numbers = 0,
    stride: Numbers = 1,
) -> Any:
    """What each place of a window sees, as a column.

    Args:
        x: `[N, C, H, W]`.
        kernel_size: rows and columns of the window, one number or two.
        dilation: how far apart its taps are.
        padding: zeros on both sides of the rows, and of the columns.
        stride: from place to place.

    Returns:
        `[N, C * taps, places]`, taps and places row by row.

    Raises:
        ValueError: another number of axes, numbers out of range, or no place.

    >>> pydl.ops.unfold(np.ones((1, 2, 4, 4)), 2, stride=2).shape
    (1, 8, 4)
    """
    x = lift(x)
    _check("unfold", x, 4)
    n, channels, *size = x.shape
    seen = _seen("unfold", size, kernel_size, dilation, padding, stride)
    taps, count = seen.shape
    pixels = emit("reshape", x, shape=[n, channels, size[0] * size[1]])
    pixels = emit("transpose", pixels, perm=[2, 0, 1])
    columns = emit("take", pixels, lift(seen))  # zeros where there is no pixel
    columns = emit("transpose", columns, perm=[2, 3, 0, 1])
    return emit("reshape", columns, shape=[n, channels * taps, count])


@public_op
def fold(
    x: Any,
    output_size: Numbers,
    kernel_size: Numbers,
    dilation: Numbers = 1,
    padding: Numbers = 0,
    stride: Numbers = 1,
) -> Any:
    """The sum of columns, each where `unfold` takes it from.

    Args:
        x: `[N, C * taps, places]`.
        output_size: rows and columns of the result, one number or two.
        kernel_size, dilation, padding, stride: those of `unfold`.

    Returns:
        `[N, C, H, W]`.

    Raises:
        ValueError: shapes that do not fit, or numbers out of range.

    >>> pydl.ops.fold(np.ones((1, 8, 4)), 4, 2, stride=2).shape
    (1, 2, 4, 4)
    """
    x = lift(x)
    _check("fold", x, 3)
    size = per_axis("fold: output_size", output_size, 2)
    seen = _seen("fold", size, kernel_size, dilation, padding, stride)
    taps, count = seen.shape
    n, rows, columns = x.shape
    if rows % taps or columns != count:
        raise ValueError(
            f"fold: expected an axis 1 that the {taps} taps divide and {count} places "
            f"on axis 2, received shape {x.shape}"
        )
    dtype = x.dtype
    parts = lift(x, dtype if is_float(dtype) else "float64")
    parts = emit("reshape", parts, shape=[n, rows // taps, taps, count])
    parts = emit("transpose", parts, perm=[2, 3, 0, 1])
    pixels = emit("take_grad", parts, lift(seen), rows=size[0] * size[1])
    pixels = emit("transpose", pixels, perm=[1, 2, 0])
    return lift(emit("reshape", pixels, shape=[n, rows // taps, *size]), dtype)


def _seen(
    name: str, size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> np.ndarray:
    """The flat pixel that each tap `[taps, places]` sees; -1 where there is none."""
    window = per_axis(f"{name}: kernel_size", kernel_size, 2)
    apart = per_axis(f"{name}: dilation", dilation, 2)
    around = per_axis(f"{name}: padding", padding, 2, least=0)
    steps = per_axis(f"{name}: stride", stride, 2)
    counts = places(size, spans(window, apart), steps, (around, around))
    if min(counts) < 1 or counts[0] * counts[1] * window[0] * window[1] > MOST:
        raise ValueError(
            f"{name}: expected a window that fits, on at most {MOST} pixels in all, "
            f"received kernel_size={kernel_size!r}, dilation={dilation!r}, "
            f"padding={padding!r}, stride={stride!r} for images of {list(size)}"
        )
    found = []
    for axis in range(2):
        taps = np.arange(window[axis])[:, None] * apart[axis]
        at = taps + np.arange(counts[axis]) * steps[axis] - around[axis]
        found.append(np.where((at >= 0) & (at < size[axis]), at, -1))
    row, column = found[0][:, None, :, None], found[1][None, :, None, :]
    flat = np.where((row < 0) | (column < 0), -1, row * size[1] + column)
    return flat.reshape(window[0] * window[1], counts[0] * counts[1])
