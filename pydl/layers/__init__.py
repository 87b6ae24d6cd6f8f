"""Layers, under Keras's names."""

from typing import Any

from pydl.layers.base import InputSpec, Layer
from pydl.layers.core.activation import Activation, LeakyReLU, ReLU, Softmax
from pydl.layers.core.dense import Dense
from pydl.layers.core.dropout import Dropout
from pydl.layers.core.input_layer import Input, InputLayer
from pydl.layers.core.masking import Masking
from pydl.layers.core.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from pydl.layers.core.rescaling import Rescaling
from pydl.layers.core.reshaping import Flatten, Reshape
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object


def serialize(layer: Layer) -> Any:
    """The JSON form of a layer."""
    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer of a JSON form."""
    layer = deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(
            f"expected the configuration of a layer, received that of {layer!r}"
        )
    return layer


__all__ = [
    "Activation", "Add", "Average", "Concatenate", "Dense", "Dropout", "Flatten",
    "Input", "InputLayer", "InputSpec", "Layer", "LeakyReLU", "Masking", "Maximum",
    "Minimum", "Multiply", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract",
    "add", "average", "concatenate", "deserialize", "maximum", "minimum", "multiply",
    "serialize", "subtract",
]  # fmt: skip
