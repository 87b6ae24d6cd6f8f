"""Rescaling of inputs."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.core.activation import Elementwise


class Rescaling(Elementwise):
    """``inputs * scale + offset``, in the layer's dtype whatever the input's.

    >>> pydl.layers.Rescaling(1 / 255)  # pixels to [0, 1]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, inputs: Any) -> Any:
        scaled = ops.cast(inputs, self.compute_dtype) * self.scale
        return scaled + self.offset

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
