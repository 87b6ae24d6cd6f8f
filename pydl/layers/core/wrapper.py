"""Layers around other layers."""

from __future__ import annotations

from typing import Any, Self

from pydl import ops
from pydl.layers.base import Layer
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


class Wrapper(Layer):
    """A layer that holds another one: the base of such layers.

    Args:
        layer: the wrapped layer.

    >>> pydl.layers.Wrapper(pydl.layers.Dense(2)).layer.units
    2
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. "
                "Please ensure wrapped layer is a valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The layer of a `get_config` dict."""
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


class TimeDistributed(Wrapper):
    """Applies a layer to every time step: ``(batch, time, ...)``.

    All steps go through the layer at once, as one batch of ``batch * time`` rows. A
    layer with weights that are not trained (moving statistics) is called step by step,
    as Keras does, so that each step has its own statistics.

    Args:
        layer: the layer to apply.

    `call` takes a `mask` ``(batch, time, ...)``, which is given to a layer that takes
    one.

    >>> layer = pydl.layers.TimeDistributed(pydl.layers.Dense(3))
    >>> layer(np.ones((2, 5, 4), "float32")).shape
    (2, 5, 3)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `TimeDistributed` layer with a `keras.layers.Layer` "
                f"instance. Received: {layer}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _inner_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at "
                f"least 3 dimensions, received: {input_shape}"
            )
        return (input_shape[0], *input_shape[2:])

    def compute_output_shape(self, input_shape: Any) -> Any:
        inner = self.layer.compute_output_shape(self._inner_shape(input_shape))
        return (inner[0], input_shape[1], *inner[1:])

    def build(self, input_shape: Any = None) -> None:
        super().build(self._inner_shape(input_shape))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        shape = tuple(inputs.shape)
        if mask is not None:
            _check_mask(tuple(mask.shape), shape)
        if any(not weight.trainable for weight in self.layer.weights):
            steps = [self._call(self._at(inputs, i), training, self._at(mask, i))
                     for i in range(shape[1])]  # fmt: skip
            return ops.stack(steps, axis=1)
        rows = shape[0] * shape[1]
        if mask is not None:
            mask = ops.reshape(mask, (rows, *mask.shape[2:]))
        out = self._call(ops.reshape(inputs, (rows, *shape[2:])), training, mask)
        return ops.reshape(out, (*shape[:2], *out.shape[1:]))

    @staticmethod
    def _at(x: Any, step: int) -> Any:
        return None if x is None else x[:, step]

    def _call(self, inputs: Any, training: bool | None, mask: Any) -> Any:
        parameters = self.layer._call_signature.parameters
        options: dict[str, Any] = {}
        if "training" in parameters and training is not None:
            options["training"] = training
        if "mask" in parameters and mask is not None:
            options["mask"] = mask
        return self.layer(inputs, **options)


def _check_mask(mask: tuple[int, ...], inputs: tuple[int, ...]) -> None:
    if len(mask) < 2:
        raise ValueError(
            "The `mask` passed to the `TimeDistributed` layer must be at least 2D "
            f"(e.g., `(batch_size, timesteps)`), but it has {len(mask)} dimension(s) "
            f"with shape {mask}."
        )
    if mask[:2] != inputs[:2]:
        raise ValueError(
            f"The `mask` passed to the `TimeDistributed` layer has a shape {mask} that "
            f"is incompatible with the input shape {inputs}. The first two dimensions "
            "of the mask (batch size and timesteps) must match the input's first two "
            f"dimensions. Expected mask shape prefix: {inputs[:2]}."
        )
