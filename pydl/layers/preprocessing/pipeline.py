"""Layers one after the other, as one layer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Self

from pydl import tree
from pydl.layers.base import Layer
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


class Pipeline(Layer):
    """Applies layers in order: preparing data before a model, for example.

    Args:
        layers: the layers. `training` is True for them unless the call says otherwise.

    >>> layers = pydl.layers
    >>> pipe = layers.Pipeline([layers.Rescaling(2.0), layers.Rescaling(1.0, 1.0)])
    >>> pipe(np.array([1.0, 2.0], "float32")).tolist()
    [3.0, 5.0]
    """

    def __init__(self, layers: Sequence[Any], name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = list(layers)
        self._convert_input_args = False

    @property
    def layers(self) -> list[Any]:
        """The layers in order."""
        return list(self._pipeline_layers)

    def call(self, inputs: Any, training: bool | None = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            known = inspect.signature(layer.call).parameters
            given: dict[str, Any] = {}
            if "mask" in known:
                given["mask"] = mask
            if "training" in known and training is not None:
                given["training"] = training
            inputs = layer(inputs, **given)
            mask = tree.map_structure(lambda x: getattr(x, "_keras_mask", None), inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self._pipeline_layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            "layers": serialize_keras_object(self._pipeline_layers),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a `get_config` dict."""
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of "
                f"serialized layers. Received config with layers={layers}."
            )
        made = [deserialize_keras_object(layer) for layer in layers]
        return cls(made, name=config.get("name"))
