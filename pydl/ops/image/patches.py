"""Images cut into patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.config import standardize_data_format
from pydl.ops.apply import emit, lift
from pydl.ops.image.layout import check_known, check_option
from pydl.ops.public import public_op
from pydl.ops.shape import slice_axis

Size = int | Sequence[int]


@public_op
def extract_patches(
    images: Any,
    size: Size,
    strides: Size | None = None,
    dilation_rate: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """All patches of images (or volumes), each as one vector.

    Args:
        images: one image ``(height, width, channels)`` or a batch; for a size of three
            numbers a volume ``(depth, height, width, channels)`` or a batch.
        size: of a patch: an int, or two or three of them.
        strides: from a patch to the next; None: `size`.
        dilation_rate: from a pixel of a patch to the next.
        padding: ``"valid"``, or ``"same"``: zeros around, so that there are as many
            patches as strides.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        ``(batch, rows, columns, size[0] * size[1] * channels)``, or that of volumes, in
        the layout of the images.

    Raises:
        ValueError: sizes that do not fit, or an unknown padding.
        TypeError: a size that is no int and no tuple.

    >>> x = np.ones((2, 20, 20, 3), "float32")
    >>> pydl.ops.image.extract_patches(x, (5, 5)).shape
    (2, 4, 4, 75)
    """
    name = "extract_patches"
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(
            f"{name}: size: expected an int or a tuple, received {size!r} of type "
            f"{type(size).__name__}"
        )
    rank = 2 if isinstance(size, int) else len(size)
    if rank not in (2, 3):
        raise ValueError(
            f"{name}: size: expected two or three numbers, received {size!r}"
        )
    return _patches(
        name, images, rank, size, strides, dilation_rate, padding, data_format
    )


@public_op
def extract_patches_3d(
    volumes: Any,
    size: Size,
    strides: Size | None = None,
    dilation_rate: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """All patches of volumes, each as one vector; see `extract_patches`.

    >>> x = np.ones((2, 10, 10, 10, 3), "float32")
    >>> pydl.ops.image.extract_patches_3d(x, 3).shape
    (2, 3, 3, 3, 81)
    """
    name = "extract_patches_3d"
    return _patches(
        name, volumes, 3, size, strides, dilation_rate, padding, data_format
    )


def _patches(
    name: str, images: Any, rank: int, size: Any, strides: Any, dilation: Any,
    padding: str, data_format: str | None,
) -> Any:  # fmt: skip
    x = lift(images)
    check_option(name, "padding", padding, ("valid", "same"))
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"{name}: expected images of {rank + 1} axes, or {rank + 2} for a batch, "
            f"received shape {x.shape}"
        )
    check_known(name, x)
    single = x.ndim == rank + 1
    if single:
        x = emit("reshape", x, shape=[1, *x.shape])
    first = standardize_data_format(data_format) == "channels_first"
    if first:
        x = emit("transpose", x, perm=[0, *range(2, rank + 2), 1])
    sizes = _numbers(name, "size", size, rank)
    steps = sizes if not strides else _numbers(name, "strides", strides, rank)
    gaps = _numbers(name, "dilation_rate", dilation, rank)
    for i in reversed(range(rank)):  # axes before keep their places
        x = _windows(name, x, i + 1, sizes[i], steps[i], gaps[i], padding)
    # (batch, place, tap, place, tap, ..., channels)
    places, taps = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    x = emit("transpose", x, perm=[0, *places, *taps, 2 * rank + 1])
    out = [*x.shape[: rank + 1], math.prod(x.shape[rank + 1 :])]
    x = emit("reshape", x, shape=out)
    if first:
        x = emit("transpose", x, perm=[0, rank + 1, *range(1, rank + 1)])
    return emit("reshape", x, shape=list(x.shape[1:])) if single else x


def _numbers(name: str, argument: str, value: Any, rank: int) -> list[int]:
    given = [value] * rank if isinstance(value, int) else list(value)
    good = len(given) == rank and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in given
    )
    if not good:
        raise ValueError(
            f"{name}: {argument}: expected a positive integer or {rank} of them, "
            f"received {value!r}"
        )
    return given


def _windows(
    name: str, x: Any, axis: int, size: int, step: int, gap: int, padding: str
) -> Any:
    """An axis as two: the places of a window, and what it sees there."""
    reach = gap * (size - 1) + 1
    length = x.shape[axis]
    if padding == "same":
        places = -(-length // step)
        missing = max((places - 1) * step + reach - length, 0)
        low, high = [0] * x.ndim, [0] * x.ndim
        low[axis], high[axis] = missing // 2, missing - missing // 2
        if missing:
            x = emit("pad", x, low=low, high=high, value=0.0)
    else:
        places = (length - reach) // step + 1
    if places < 1:
        raise ValueError(
            f"{name}: expected images of at least {reach} pixels along axis {axis} for "
            f"patches of {size}, received shape {x.shape}"
        )
    before, behind = list(x.shape[:axis]), list(x.shape[axis + 1 :])
    if step == size and gap == 1:
        x = slice_axis(x, axis, 0, places * size)
        return emit("reshape", x, shape=[*before, places, size, *behind])
    begin, end, stride = [0] * x.ndim, list(x.shape), [1] * x.ndim
    stride[axis] = step
    parts = []
    for tap in range(size):
        begin[axis] = tap * gap
        end[axis] = tap * gap + (places - 1) * step + 1
        part = emit("slice", x, begin=list(begin), end=list(end), stride=stride)
        parts.append(emit("reshape", part, shape=[*before, places, 1, *behind]))
    return emit("concatenate", *parts, axis=axis + 1)
