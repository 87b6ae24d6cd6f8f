"""The normalization of the networks before batch normalization."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.applications.blocks import channel_axis
from pydl.layers.base import Layer


class LocalResponseNormalization(Layer):
    """Channels divided by what their neighbours at the same pixel add up to.

    A. Krizhevsky et al. (2012), "ImageNet Classification with Deep Convolutional Neural
    Networks", section 3.3: ``x / (bias + alpha * sum of squares) ** beta``, the sum
    over `size` channels around each. Shapes in and out are the same.

    Args:
        size: how many channels, the one in the middle included; odd.
        bias: keeps the divisor from 0.
        alpha: factor of the sum of squares.
        beta: the exponent.

    >>> layer = LocalResponseNormalization(size=1, bias=1.0, alpha=3.0, beta=0.5)
    >>> layer(np.ones((1, 1, 1, 2), "float32")).tolist()
    [[[[0.5, 0.5]]]]
    """

    _keras_module = "pydl.applications"

    def __init__(
        self,
        size: int = 5,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if type(size) is not int or size < 1 or size % 2 == 0:
            raise ValueError(
                "LocalResponseNormalization: `size` should be a positive odd integer. "
                f"Received: size={size!r}"
            )
        self.size = size
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.axis = channel_axis()
        self.built = True

    def call(self, inputs: Any) -> Any:
        rank, half = len(inputs.shape), self.size // 2
        margins = [(half, half) if i == self.axis else (0, 0) for i in range(rank)]
        squares = ops.pad(ops.square(inputs), margins)
        total = self._shifted(squares, 0, inputs.shape[self.axis])
        for i in range(1, self.size):
            total = total + self._shifted(squares, i, inputs.shape[self.axis])
        return inputs * ops.power(self.bias + self.alpha * total, -self.beta)

    def _shifted(self, x: Any, start: int, count: int) -> Any:
        """`count` channels of `x` from `start` on."""
        key = [slice(None)] * len(x.shape)
        key[self.axis] = slice(start, start + count)
        return x[tuple(key)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
