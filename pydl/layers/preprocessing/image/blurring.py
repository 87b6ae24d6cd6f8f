"""Images blurred or sharpened by chance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pydl import ops
from pydl.layers.preprocessing.image.arguments import checked_factor
from pydl.layers.preprocessing.image.base import Shape, between, per_image
from pydl.layers.preprocessing.image.color import RandomColor
from pydl.ops.image.filters import filtered
from pydl.ops.image.layout import Axes


class RandomGaussianBlur(RandomColor):
    """Blurs chosen images, in training.

    Args:
        factor: the probability of each image to be changed, in [0, 1]: a number, or two
            that it is drawn between.
        kernel_size: columns and rows of the window: an odd integer, or two.
        sigma: the standard deviation, in [0, 1]: a number n for ``(0, n)``, or two that
            it is drawn between, for columns and rows.
        value_range: least and greatest value of pixels; the result is clipped to it.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> pydl.layers.RandomGaussianBlur(seed=1)(np.ones((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 3)
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )
        self.kernel_size = _odd_sizes(kernel_size)
        bounds = self._FACTOR_BOUNDS
        self.sigma = checked_factor("RandomGaussianBlur", sigma, bounds, "sigma")

    def _draw(self, shape: Shape, seed: Any) -> Any:
        chosen = self._chosen(shape, seed)
        sigma = between((2,), *self.sigma, seed)
        return {"should_apply_blur": chosen, "blur_factor": sigma + 1e-6}

    def _act(self, images: Any, transformation: Any) -> Any:
        sigma = ops.convert_to_tensor(transformation["blur_factor"])
        blurred = ops.image.gaussian_blur(
            images, self.kernel_size, sigma, "channels_first"
        )
        chosen = per_image(transformation["should_apply_blur"])
        return self._clipped(ops.where(chosen, blurred, images))

    def get_config(self) -> dict[str, Any]:
        sizes = {"kernel_size": self.kernel_size, "sigma": self.sigma}
        return {**super().get_config(), **sizes}


def _odd_sizes(value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else value
    good = isinstance(pair, (tuple, list)) and len(pair) == 2
    if not good or any(not isinstance(n, int) or n < 1 or n % 2 == 0 for n in pair):
        raise ValueError(
            "RandomGaussianBlur: the `kernel_size` argument should be an odd integer, "
            f"or two. Received: kernel_size={value!r}"
        )
    return pair[0], pair[1]


class RandomSharpness(RandomColor):
    """Sharpens or blurs each image, in training.

    Args:
        factor: in [0, 1], 0.5 for no change, 0 for blurred, 1 for sharpened: two
            numbers that it is drawn between, or one number n for ``(0, n)``.
        value_range: least and greatest value of pixels; the result is clipped to it.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> same = pydl.layers.RandomSharpness((0.5, 0.5))
    >>> same(np.array([[[1.0], [9.0]]])).tolist()
    [[[1.0], [9.0]]]
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        return {"factor": between((shape[0],), *self.factor, seed)}

    def _act(self, images: Any, transformation: Any) -> Any:
        """The blur counts a pixel 5/13 and each one around it 1/13: all nine alike,
        and the middle four times more."""
        ones = np.ones(3)
        around = filtered(images, Axes(2, 3, 1), ones, ones)
        smooth = around * (1.0 / 13.0) + images * (4.0 / 13.0)
        factor = ops.cast(per_image(transformation["factor"]), images.dtype) * 2.0
        return self._clipped(images + (1.0 - factor) * (smooth - images))
