"""What one output pixel takes of the input along an axis: matrices of weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.ops.image.layout import check_option

#: Sums of weights below this are taken for 0: the pixel lies outside.
_NOTHING = 1000 * float(np.finfo(np.float32).eps)

Kernel = Callable[[Any, Any], Any]


def _triangle(xp: Any, x: Any) -> Any:
    return xp.maximum(1.0 - x, 0.0)


def _keys(xp: Any, x: Any) -> Any:
    """R. Keys (1981), "Cubic convolution interpolation", with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return xp.where(x >= 2.0, 0.0, xp.where(x >= 1.0, far, near))


def _mitchell(xp: Any, x: Any) -> Any:
    """D. Mitchell and A. Netravali (1988), with B = C = 1/3."""
    near = ((7 / 6 * x - 2.0) * x) * x + 8 / 9
    far = ((-7 / 18 * x + 2.0) * x - 10 / 3) * x + 16 / 9
    return xp.where(x >= 2.0, 0.0, xp.where(x >= 1.0, far, near))


def _gaussian(xp: Any, x: Any) -> Any:
    """Standard deviation 1/2, cut at three of them."""
    return xp.where(x >= 1.5, 0.0, xp.exp(-2.0 * x * x))


def _lanczos(radius: float) -> Kernel:
    def kernel(xp: Any, x: Any) -> Any:
        waves = radius * xp.sin(math.pi * x) * xp.sin(math.pi / radius * x)
        below = math.pi**2 * x * x
        out = waves / xp.where(x > 1e-3, below, 1.0)
        return xp.where(x > radius, 0.0, xp.where(x > 1e-3, out, 1.0))

    return kernel


KERNELS: dict[str, Kernel] = {
    "bilinear": _triangle,
    "bicubic": _keys,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
    "gaussian": _gaussian,
    "mitchellcubic": _mitchell,
}
METHODS = ("nearest", *KERNELS, "area")


def weight_matrix(
    xp: Any, size: int, out: int, scale: Any, shift: Any, kernel: Kernel, soft: bool
) -> Any:
    """Weights ``[out, size]`` of an axis that is stretched by `scale` and moved.

    Args:
        xp: the functions to compute with: NumPy, or `pydl.ops` where `scale` and
            `shift` are tensors.
        size: pixels of the input.
        out: pixels of the output.
        scale: output pixels for each input pixel.
        shift: where the input begins in the output.
        kernel: weights by distance in input pixels.
        soft: widen the kernel where the output is coarser: no aliases.
    """
    step = 1.0 / scale
    centers = (np.arange(out, dtype="float32") + 0.5) * step - shift * step - 0.5
    distance = xp.abs(centers[:, None] - np.arange(size, dtype="float32")[None, :])
    if soft:
        distance = distance / xp.maximum(step, 1.0)
    weights = kernel(xp, distance)
    total = xp.sum(weights, axis=1, keepdims=True)
    counts = xp.abs(total) > _NOTHING
    inside = xp.logical_and(centers >= -0.5, centers <= size - 0.5)
    counts = xp.logical_and(counts, inside[:, None])
    return xp.where(counts, weights / xp.where(counts, total, 1.0), 0.0)


def _overlaps(size: int, out: int) -> np.ndarray:
    """The share of each input pixel in the stretch of an output pixel."""
    step = size / out
    begin = np.arange(out)[:, None] * step
    pixel = np.arange(size)[None, :]
    shared = np.minimum(begin + step, pixel + 1.0) - np.maximum(begin, pixel)
    shared = np.maximum(shared, 0.0)
    found: np.ndarray = shared / shared.sum(axis=1, keepdims=True)
    return found


def resize_matrix(size: int, out: int, method: str, antialias: bool) -> np.ndarray:
    """Weights ``[out, size]`` that bring an axis to another size. `method` is one of
    `METHODS` but ``"nearest"``."""
    if method == "area":
        return _overlaps(size, out)
    scale = np.float64(out / size)
    kernel = KERNELS[method]
    found: np.ndarray = weight_matrix(
        np, size, out, scale, np.float64(0.0), kernel, antialias
    )
    return found


def taps(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places ``(count, out)`` that matter to each output pixel, and their weights:
    most of a row of a matrix ``[out, size]`` is 0."""
    size = matrix.shape[1]
    used = matrix != 0
    first = used.argmax(axis=1)
    last = size - 1 - used[:, ::-1].argmax(axis=1)
    count = int((last - first).max()) + 1
    places = np.minimum(first, size - count)[None, :] + np.arange(count)[:, None]
    return places, np.take_along_axis(matrix, places.T, axis=1).T


def nearest_places(size: int, out: int) -> np.ndarray:
    """The input pixel nearest to the center of each output pixel."""
    return (2 * np.arange(out) + 1) * size // (2 * out)


def aspect_box(height: int, width: int, size: Any) -> tuple[int, int, int, int]:
    """The largest box in the middle with the proportions of `size`: its first row and
    column, its height and width."""
    rows = max(min(height, int(width * size[0] / size[1])), 1)
    columns = max(min(width, int(height * size[1] / size[0])), 1)
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def aspect_margins(height: int, width: int, size: Any) -> tuple[int, int]:
    """Rows above (and below), else columns left (and right), that give an image the
    proportions of `size`."""
    rows = (max(height, int(width * size[0] / size[1])) - height) // 2
    columns = (max(width, int(height * size[1] / size[0])) - width) // 2
    return rows, 0 if rows else columns


def checked_size(name: str, size: Any) -> tuple[int, int]:
    """A size as (height, width), both at least 1."""
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    numbers = pair and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in size
    )
    if not numbers or min(size) < 1:
        raise ValueError(
            f"{name}: size: expected two positive integers (height, width), received "
            f"{size!r}"
        )
    return int(size[0]), int(size[1])


def check_method(name: str, method: Any) -> None:
    """ValueError unless it is a way to interpolate."""
    check_option(name, "interpolation", method, METHODS)
