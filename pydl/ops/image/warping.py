"""Images whose pixels come from places that a projection names."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift
from pydl.ops.dtypes import result_type
from pydl.ops.image.layout import (
    as_batch,
    as_float,
    check_known,
    check_option,
    from_planes,
    image_tensor,
    like,
    to_planes,
)
from pydl.ops.image.sampling import FILL_MODES, ORDERS, sample_planes
from pydl.ops.public import public_op
from pydl.ops.shape import concatenate


@public_op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images turned, moved, stretched or sheared.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        transform: ``(a0, a1, a2, b0, b1, b2, c0, c1)``, one for all images or one for
            each. The pixel ``(x, y)`` of the result is the one of the image at
            ``((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`` where
            ``k = c0 x + c1 y + 1``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: of the mode ``"constant"``.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: shapes that do not fit, or an unknown option.

    >>> x = np.arange(4, dtype="float32").reshape(1, 4, 1)
    >>> left = [1, 0, 1, 0, 1, 0, 0, 0]
    >>> pydl.ops.image.affine_transform(x, left)[0, :, 0].tolist()
    [1.0, 2.0, 3.0, 0.0]
    """
    name = "affine_transform"
    x = image_tensor(name, images)
    check_option(name, "fill_mode", fill_mode, FILL_MODES)
    t = as_float(lift(transform))
    rows = x.shape[0] if x.ndim == 4 else 1
    if (
        t.ndim not in (1, 2)
        or t.shape[-1] != 8
        or t.shape[:-1] not in ((), (1,), (rows,))
    ):
        raise ValueError(
            f"{name}: expected transform of shape (8,) or (batch, 8) for images of "
            f"shape {x.shape}, received shape {t.shape}"
        )
    t = emit("reshape", t, shape=[-1, 8])
    return projected(name, x, t, interpolation, fill_mode, fill_value, data_format)


def projected(
    name: str, x: Any, t: Any, interpolation: str, fill_mode: str, fill_value: float,
    data_format: str | None,
) -> Any:  # fmt: skip
    """The images at the places that transforms ``(1 or batch, 8)`` name."""
    check_option(name, "interpolation", interpolation, ORDERS)
    check_known(name, x)
    planes = to_planes(as_batch(x), data_format)
    if 0 in planes.shape:
        return x
    height, width = planes.shape[2:]
    columns = np.arange(width, dtype="float32").reshape(1, 1, 1, width)
    lines = np.arange(height, dtype="float32").reshape(1, 1, height, 1)
    a0, a1, a2, b0, b1, b2, c0, c1 = (
        emit("reshape", t[:, i], shape=[t.shape[0], 1, 1, 1]) for i in range(8)
    )
    k = c0 * columns + c1 * lines + 1.0
    at_x = (a0 * columns + a1 * lines + a2) / k
    at_y = (b0 * columns + b1 * lines + b2) / k
    out = sample_planes(
        planes, (at_y, at_x), ORDERS[interpolation], fill_mode, fill_value
    )
    return like(from_planes(out, data_format), x)


@public_op
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen from another side: four points come to four others.

    Args:
        images: one image ``(height, width, channels)``, or a batch.
        start_points: ``(4, 2)`` points ``(x, y)``, or ``(batch, 4, 2)``.
        end_points: where they come to, of the same shape.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: what lies outside.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        Images of the same shape and dtype. No three of the four points may lie on a
        line.

    Raises:
        ValueError: shapes that do not fit, or an unknown option.

    >>> corners = np.array([[0, 0], [3, 0], [0, 3], [3, 3]], "float32")
    >>> x = np.ones((4, 4, 1), "float32")
    >>> pydl.ops.image.perspective_transform(x, corners, corners).shape
    (4, 4, 1)
    """
    name = "perspective_transform"
    x = image_tensor(name, images)
    start, end = as_float(lift(start_points)), as_float(lift(end_points))
    rows = x.shape[0] if x.ndim == 4 else 1
    fits = start.shape in ((4, 2), (1, 4, 2), (rows, 4, 2))
    if not fits or start.shape != end.shape:
        raise ValueError(
            f"{name}: expected start_points and end_points of shape (4, 2) or (batch, "
            f"4, 2) for images of shape {x.shape}, received {start.shape} and "
            f"{end.shape}"
        )
    t = homography(*(emit("reshape", p, shape=[-1, 4, 2]) for p in (start, end)))
    return projected(name, x, t, interpolation, "constant", fill_value, data_format)


def homography(start_points: Any, end_points: Any) -> Any:
    """The projections ``(batch, 8)`` that bring end points ``(batch, 4, 2)`` to start
    points: from the end points to the unit square, and from there to the start points.

    P. Heckbert (1989), "Fundamentals of Texture Mapping and Image Warping", 2.2.3.
    Computed in float64: the entries are of very different sizes.
    """
    dtype = result_type(start_points.dtype, end_points.dtype)
    to_start = _from_square(lift(start_points, "float64"))
    from_end = _adjugate(_from_square(lift(end_points, "float64")))
    whole = [
        sum(to_start[3 * i + k] * from_end[3 * k + j] for k in range(3))
        for i in range(3)
        for j in range(3)
    ]
    entries = [
        emit("reshape", part / whole[8], shape=[part.shape[0], 1]) for part in whole[:8]
    ]
    return lift(concatenate(entries, 1), dtype)


def _from_square(p: Any) -> list[Any]:
    """The nine entries of the projection that brings the corners (0, 0), (1, 0),
    (0, 1), (1, 1) to four points, by the square's determinant."""
    x, y = ([p[:, i, axis] for i in range(4)] for axis in range(2))
    dx1, dx2, dy1, dy2 = x[1] - x[3], x[2] - x[3], y[1] - y[3], y[2] - y[3]
    sx, sy = x[0] - x[1] + x[3] - x[2], y[0] - y[1] + y[3] - y[2]
    det = dx1 * dy2 - dx2 * dy1
    g, h = sx * dy2 - dx2 * sy, dx1 * sy - sx * dy1
    return [
        (x[1] - x[0]) * det + g * x[1], (x[2] - x[0]) * det + h * x[2], x[0] * det,
        (y[1] - y[0]) * det + g * y[1], (y[2] - y[0]) * det + h * y[2], y[0] * det,
        g, h, det,
    ]  # fmt: skip


def _adjugate(m: list[Any]) -> list[Any]:
    """The inverse times the determinant, which a projection does not notice."""
    a, b, c, d, e, f, g, h, i = m
    return [
        e * i - f * h, c * h - b * i, b * f - c * e,
        f * g - d * i, a * i - c * g, c * d - a * f,
        d * h - e * g, b * g - a * h, a * e - b * d,
    ]  # fmt: skip
