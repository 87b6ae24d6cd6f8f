"""The layer that ConvNeXt brings along."""

from __future__ import annotations

from typing import Any

from pydl import initializers
from pydl.layers.base import Layer


class LayerScale(Layer):
    """Each channel times a learned number.

    H. Touvron et al. (2021), "Going deeper with Image Transformers".

    Args:
        init_values: the first value of all numbers.
        projection_dim: how many channels the input has.
    """

    _keras_module = "keras.src.applications.convnext"

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _: Any) -> None:
        self.gamma = self.add_weight(
            (self.projection_dim,),
            initializers.Constant(self.init_values),
            name="gamma",
        )

    def call(self, x: Any) -> Any:
        return x * self.gamma

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "init_values": self.init_values,
            "projection_dim": self.projection_dim,
        }
