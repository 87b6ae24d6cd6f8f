"""How alike two images look."""

from __future__ import annotations

from typing import Any

from pydl.ops.apply import lift
from pydl.ops.dtypes import result_type
from pydl.ops.image.filters import correlate_axis, gaussian_weights
from pydl.ops.image.layout import check_known, image_axes, image_tensor
from pydl.ops.public import public_op
from pydl.ops.reduce import mean


@public_op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """The structural similarity of pairs of images: 1 for equal ones, at least -1.

    Z. Wang et al. (2004), "Image quality assessment".

    Args:
        image1: one image ``(height, width, channels)``, or a batch.
        image2: what it is compared with, of the same shape.
        max_val: the largest value of a pixel.
        filter_size: rows and columns of the window.
        filter_sigma: the standard deviation of the weights in it.
        k1, k2: keep quotients of small numbers from growing.
        data_format: where the channels are; None: `pydl.config.image_data_format`.

    Returns:
        One number for each pair, in the dtype of `image1`.

    Raises:
        ValueError: shapes that differ, or images smaller than the window.

    >>> x = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
    >>> pydl.ops.image.ssim(x, x).tolist()
    [1.0, 1.0]
    """
    a, b = (
        image_tensor("ssim", image1, "image1"),
        image_tensor("ssim", image2, "image2"),
    )
    check_known("ssim", a)
    axes = image_axes(a, data_format)
    if a.shape != b.shape or filter_size > min(a.shape[i] for i in axes[:2]):
        raise ValueError(
            "ssim: expected images of one shape, at least filter_size="
            f"{filter_size} high and wide, received shapes {a.shape} and {b.shape}"
        )
    own, dtype = a.dtype, result_type(a.dtype, float)
    a, b = lift(a, dtype), lift(b, dtype)
    weights = gaussian_weights(filter_size, filter_sigma)

    def around(x: Any) -> Any:
        for axis in axes[:2]:
            x = correlate_axis(x, axis, weights, 0, 0)
        return x

    mean_a, mean_b = around(a), around(b)
    square_a, square_b, both = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
    spread = around(a * a + b * b) - square_a - square_b
    joint = around(a * b) - both
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    alike = (2.0 * both + c1) * (2.0 * joint + c2)
    alike = alike / ((square_a + square_b + c1) * (spread + c2))
    return lift(mean(alike, axis=[-3, -2, -1]), own)
