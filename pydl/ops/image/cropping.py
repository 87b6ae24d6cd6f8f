"""Rows and columns cut off, or put around."""

from __future__ import annotations

from typing import Any

from pydl.ops.apply import emit
from pydl.ops.image.layout import check_known, image_axes, image_tensor
from pydl.ops.public import public_op
from pydl.ops.shape import slice_axis


@public_op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around.

    Of top, bottom and target height two are given, and of left, right and target width.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        top_padding, left_padding, bottom_padding, right_padding: rows and columns of
            zeros.
        target_height, target_width: sizes of the result.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Raises:
        ValueError: more or fewer arguments, or numbers below 0.

    >>> x = np.ones((15, 25, 3), "float32")
    >>> pydl.ops.image.pad_images(x, 2, 3, target_height=20, target_width=30).shape
    (20, 30, 3)
    """
    x = image_tensor("pad_images", images)
    axes = image_axes(x, data_format)
    check_known("pad_images", x)
    low, high = [0] * x.ndim, [0] * x.ndim
    for axis, names, given in (
        (axes.height, ("top_padding", "bottom_padding", "target_height"),
         (top_padding, bottom_padding, target_height)),
        (axes.width, ("left_padding", "right_padding", "target_width"),
         (left_padding, right_padding, target_width)),
    ):  # fmt: skip
        before, after, target = _checked("pad_images", names, given)
        if target is not None:
            rest = target - x.shape[axis]
            before = rest - after if before is None else before
            after = rest - before
        _check_sides("pad_images", names, (before, after), x.shape)
        low[axis], high[axis] = before, after
    return emit("pad", x, low=low, high=high, value=0.0)


@public_op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without their margins.

    Of top, bottom and target height two are given, and of left, right and target width.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        top_cropping, left_cropping, bottom_cropping, right_cropping: rows and columns
            to cut off.
        target_height, target_width: sizes of the result.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Raises:
        ValueError: more or fewer arguments, numbers below 0, or a box that does not lie
            inside the images.

    >>> pydl.ops.image.crop_images(np.ones((9, 9, 1)), 1, 2, 3, target_width=4).shape
    (5, 4, 1)
    """
    x = image_tensor("crop_images", images)
    axes = image_axes(x, data_format)
    check_known("crop_images", x)
    for axis, names, given in (
        (axes.height, ("top_cropping", "bottom_cropping", "target_height"),
         (top_cropping, bottom_cropping, target_height)),
        (axes.width, ("left_cropping", "right_cropping", "target_width"),
         (left_cropping, right_cropping, target_width)),
    ):  # fmt: skip
        before, after, target = _checked("crop_images", names, given)
        size = x.shape[axis]
        if target is not None:
            before = size - target - after if before is None else before
            after = size - target - before
        _check_sides("crop_images", names, (before, after), x.shape)
        if before + after > size:
            raise ValueError(
                f"crop_images: expected {names[0]} + {names[1]} to be at most {size} "
                f"for images of shape {x.shape}, received {before} and {after}"
            )
        x = slice_axis(x, axis, before, size - after)
    return x


def _checked(name: str, names: tuple[str, str, str], given: Any) -> Any:
    """The three arguments of an axis, of which one is None."""
    told = ", ".join(f"{n}={v!r}" for n, v in zip(names, given, strict=True))
    if sum(value is None for value in given) != 1:
        raise ValueError(
            f"{name}: expected exactly two of {', '.join(names)}, received {told}"
        )
    if any(value is not None and value < 0 for value in given):
        raise ValueError(f"{name}: expected numbers of at least 0, received {told}")
    return given


def _check_sides(name: str, names: Any, sides: tuple[int, int], shape: Any) -> None:
    for argument, value in zip(names, sides, strict=False):
        if value < 0:
            raise ValueError(
                f"{name}: {argument}: expected at least 0, received {value}, which the "
                f"target makes of images of shape {shape}"
            )
