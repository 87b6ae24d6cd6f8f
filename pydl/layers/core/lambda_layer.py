"""Functions as layers, layers that do nothing, and masks of steps."""

from __future__ import annotations

import inspect
from typing import Any, Self

from pydl import tree
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.base.keras_tensor import map_shapes
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


class Lambda(Layer):
    """Any function of tensors as a layer.

    Args:
        function: called as ``function(inputs, **arguments)``; also given `training` and
            `mask` if it names them.
        output_shape: a shape without the batch axis, or a function of the input shape;
            None: found by tracing the function.
        mask: the mask of the output, or a function of the inputs and their mask.
        arguments: further arguments of the function.

    A layer with a Python ``lambda`` cannot be saved: nothing in a file is ever run. Use
    a named function registered with `pydl.saving.register_keras_serializable`.

    >>> layer = pydl.layers.Lambda(lambda x: x * 2)
    >>> layer(np.array([1.0], "float32")).tolist()
    [2.0]
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(
                f"Lambda: function: expected a callable, received {function!r}"
            )
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        names = inspect.signature(function).parameters
        self._extras = [name for name in ("mask", "training") if name in names]

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        extras = {name: given[name] for name in self._extras}
        return self.function(inputs, **self.arguments, **extras)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._output_shape is None:
            return super(Layer, self).compute_output_spec(*args, **kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            inputs = map_shapes(
                lambda s: KerasTensor(s, self.compute_dtype), input_shape
            )
            return tree.map_structure(
                lambda t: t.shape, self.compute_output_spec(inputs)
            )
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = tree.flatten(input_shape)[0]
        return map_shapes(lambda s: (batch, *s), self._output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "function": _named("function", self.function)}
        if self._output_shape is not None:
            config["output_shape"] = _named("output_shape", self._output_shape)
        if self.mask is not None:
            config["mask"] = _named("mask", self.mask)
        config["arguments"] = serialize_keras_object(self.arguments)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: Any = None
    ) -> Self:
        """The layer of a `get_config` dict; a Keras file's lambda is refused."""
        config = dict(config)
        for name in ("function", "output_shape", "mask", "arguments"):
            value = config.get(name)
            if isinstance(value, dict) and value.get("class_name") == "__lambda__":
                raise ValueError(
                    f"Requested the deserialization of a `Lambda` layer whose `{name}` "
                    "is a Python lambda. This carries a potential risk of arbitrary "
                    "code execution, so pydl never does it. Register a named function "
                    "and save the model with that."
                )
            if name in config:
                config[name] = deserialize_keras_object(value, custom_objects)
        shape = config.get("output_shape")
        if isinstance(shape, list) and all(not isinstance(s, list) for s in shape):
            config["output_shape"] = tuple(shape)
        return cls(**config)


def _named(name: str, value: Any) -> Any:
    """The serialized form of a function that has a name, or of a plain value."""
    if getattr(value, "__name__", "") == "<lambda>":
        raise ValueError(
            f"Lambda: {name} is a Python lambda, which cannot be saved. Expected a "
            "named function, registered with "
            "@pydl.saving.register_keras_serializable()"
        )
    return serialize_keras_object(value)


class Identity(Layer):
    """Returns its input, whatever its structure.

    >>> pydl.layers.Identity()(np.ones(2, "float32")).tolist()
    [1.0, 1.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, inputs: Any) -> Any:
        return tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype), inputs)
