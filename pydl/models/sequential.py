"""A plain stack of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydl import tree
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.base.input_spec import known_shape
from pydl.layers.base.keras_tensor import map_shapes
from pydl.layers.base.masks import set_mask
from pydl.layers.core.input_layer import Input, InputLayer
from pydl.models.inputs import standardize_input
from pydl.models.model import Model
from pydl.objects.registration import custom_object_scope
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object


class Sequential(Model):
    """Layers called one after the other.

    Args:
        layers: the layers, in order; an `Input` first builds the model at once.
        trainable: whether the weights are updated.
        name: the model's name.

    >>> model = pydl.Sequential([pydl.Input((4,)), pydl.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    owns_layers_in_order = True
    _holds_masking_layers = True
    _untracked: ClassVar[frozenset[str]] = Model._untracked | {
        "_tensors",
        "_input_layer",
    }

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(trainable=True, name=name)
        self._input_layer: InputLayer | None = None
        #: The symbolic input, then each layer's symbolic output; empty before building.
        self._tensors: list[Any] = []
        for layer in layers or []:
            self.add(layer, rebuild=False)
        self._maybe_build()
        if not trainable:
            self.trainable = False

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack."""
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `pydl.Layer` can be added to a Sequential model. "
                f"Received: {layer!r} (of type {type(layer).__name__})"
            )
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. "
                f"Name '{layer.name}' is already the name of a layer in this model. "
                "Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer):
            self._set_input(layer)
            return
        if not self._layers and self._input_layer is None and layer._input_shape_arg:
            self._set_input(_input_layer(layer._input_shape_arg))
        self._track_layer(layer)
        if rebuild:
            self._maybe_build()

    def _set_input(self, layer: InputLayer) -> None:
        if self._layers or self._input_layer is not None:
            raise ValueError(
                f"model '{self.name}': an input can only be the first of its layers; "
                f"it already has {[other.name for other in self.layers]}"
            )
        self._input_layer = layer
        self._tensors = [layer.output]

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off the stack and return it."""
        if not self._layers:
            raise ValueError(f"model '{self.name}' has no layers to pop")
        layer: Layer = self._layers.pop()
        layer._owners.discard(self)
        if len(self._tensors) > len(self._layers) + 1:
            self._tensors.pop()
            layer._inbound_nodes.clear()
        self.built = self.built and bool(self._layers)
        self.structure_changed()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights. `input_shape` includes the batch axis: ``(None, 784)``."""
        if input_shape is None:
            if self._input_layer is None:
                raise ValueError(
                    "You must provide an `input_shape` argument to build model "
                    f"'{self.name}', or start it with an `Input`."
                )
        elif self._input_layer is None:
            self._set_input_for(map_shapes(lambda shape: shape, input_shape))
        if not self._layers:
            raise ValueError(
                f"Sequential model '{self.name}' cannot be built because it has no "
                "layers. Call `model.add(layer)`."
            )
        self._extend_tensors()

    def _set_input_for(self, input_shape: Any) -> None:
        if isinstance(input_shape, dict) or tree.is_nested(input_shape[0]):
            raise ValueError(
                f"Sequential model '{self.name}' takes a single input, received shapes "
                f"{input_shape}"
            )
        dtype = self.compute_dtype
        self._input_layer = InputLayer(batch_shape=input_shape, dtype=dtype)
        self._tensors = [self._input_layer.output]

    def _maybe_build(self) -> None:
        if self._input_layer is not None and self._layers:
            self.build()

    def _extend_tensors(self) -> None:
        """Call the layers that have not been called on the symbolic input yet."""
        while len(self._tensors) <= len(self._layers):
            layer = self._layers[len(self._tensors) - 1]
            self._tensors.append(layer(self._tensors[-1]))

    def _build_for(self, call: Any) -> None:
        shape = known_shape(call.first) if hasattr(call.first, "shape") else None
        if shape is not None and self._input_layer is None:
            self.build((None, *shape[1:]))
        elif self._input_layer is not None:
            self.build()

    def call(
        self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if self._tensors:
            inputs = standardize_input(inputs, self._tensors[0], 0, self.name)
        if mask is not None:
            set_mask(inputs, mask)
        for layer in self._layers:
            inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def compute_output_spec(
        self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if self._tensors:
            inputs = standardize_input(inputs, self._tensors[0], 0, self.name)
        for layer in self._layers:
            inputs = layer.compute_output_spec(inputs)
        return KerasTensor(inputs.shape, inputs.dtype) if not self._layers else inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return list(self._layers)

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The symbolic input in a list; None before building."""
        return self._tensors[:1] or None

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The symbolic output in a list; None before building."""
        return tree.flatten(self._tensors[-1]) if self._tensors else None

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._built_tensors("input")[0]

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._built_tensors("output")[-1]

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self.input.shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return tree.map_structure(lambda t: t.shape, self.output)

    @property
    def input_dtype(self) -> str:
        """The dtype float inputs are cast to."""
        return self.compute_dtype

    def _built_tensors(self, what: str) -> list[Any]:
        if not self._tensors:
            raise AttributeError(
                f"Sequential model '{self.name}' has no defined {what} yet: build it "
                "first"
            )
        return self._tensors

    def get_config(self) -> dict[str, Any]:
        inputs = [] if self._input_layer is None else [self._input_layer]
        config: dict[str, Any] = {
            **{
                k: v
                for k, v in Layer.get_config(self).items()
                if k in ("name", "trainable")
            },
            "dtype": serialize_keras_object(self.dtype_policy),
            "layers": [
                serialize_keras_object(layer) for layer in (*inputs, *self._layers)
            ],
        }
        if self._input_layer is not None:
            config["build_input_shape"] = self._input_layer.batch_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The model of a `get_config` dict."""
        with custom_object_scope(custom_objects or {}):
            model = cls(name=config.get("name"))
            for layer in config["layers"]:
                model.add(deserialize_keras_object(layer), rebuild=False)
        model._maybe_build()
        shape = config.get("build_input_shape")
        if not model.built and shape and model._layers:
            model.build(tuple(shape))
        if config.get("trainable") is False:
            model.trainable = False
        return model


def _input_layer(shape: Any) -> InputLayer:
    layer: InputLayer = Input(shape=shape)._keras_history.operation
    return layer
