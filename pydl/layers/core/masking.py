"""Masking of time steps."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import Layer
from pydl.layers.base.masks import set_mask


class Masking(Layer):
    """Marks the time steps whose features all equal a value as not there.

    ``(batch, steps, ..., features)`` -> the same shape, masked steps set to 0. The
    mask, ``(batch, steps, ...)``, is True where a step counts. Layers further on that
    take masks leave out the others.

    Args:
        mask_value: what the features of a step to leave out equal.
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        mask = self.compute_mask(inputs)
        outputs = ops.where(ops.expand_dims(mask, -1), inputs, 0)
        set_mask(outputs, mask)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
