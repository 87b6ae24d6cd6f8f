"""What a model is given, against what it was built for."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import KerasTensor
from pydl.layers.base.input_spec import fits, known_shape
from pydl.layers.base.masks import keep_mask
from pydl.layers.core.input_layer import InputLayer
from pydl.models.graph import maker


def standardize_input(
    x: Any, expected: KerasTensor, index: int, model_name: str
) -> Any:
    """`x` checked, with the rank and the dtype of a model's symbolic input.

    An axis of size 1 at the end is added or removed where that is what is missing.
    """
    if x is None:
        layer = maker(expected).operation
        if isinstance(layer, InputLayer) and layer.optional:
            return None
        raise ValueError(
            f"Layer '{model_name}': input {index} ('{expected.name}') is None"
        )
    if not isinstance(x, KerasTensor):
        x = keep_mask(ops.convert_to_tensor(x), x)
    x = keep_mask(_match_rank(x, expected), x)
    if not fits(expected.shape, known_shape(x)):
        raise ValueError(
            f"Input {index} with name '{expected.name}' of layer '{model_name}' is "
            f"incompatible with the layer: expected shape={expected.shape}, found "
            f"shape={known_shape(x)}"
        )
    if str(x.dtype) == expected.dtype or isinstance(x, KerasTensor):
        return x
    return keep_mask(ops.cast(x, expected.dtype), x)


def _match_rank(x: Any, expected: KerasTensor) -> Any:
    shape = known_shape(x)
    if len(shape) == expected.ndim + 1 and shape[-1] == 1:
        return ops.squeeze(x, axis=-1)
    if len(shape) == expected.ndim - 1 and expected.shape[-1] == 1:
        return ops.expand_dims(x, axis=-1)
    return x
