"""Rescaling of inputs."""

from __future__ import annotations

from typing import Any, Self

from pydl import ops
from pydl.layers.core.activation import Elementwise
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


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
        numbers = {"scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **serialize_keras_object(numbers)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """The layer of a `get_config` dict, arrays included."""
        numbers = {key: config[key] for key in ("scale", "offset") if key in config}
        return cls(**{**config, **deserialize_keras_object(numbers, custom_objects)})
