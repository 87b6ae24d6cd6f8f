"""`Model`: a layer that can be trained, saved and summarized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from pydl import tree
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.base.keras_tensor import map_shapes
from pydl.layers.base.output_spec import trace_output_spec
from pydl.models.state_tree import StateTree
from pydl.models.summary import html_summary, print_summary
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object
from pydl.training.trainer import Trainer


class Model(Trainer, StateTree):
    """A network with `fit`, `evaluate`, `predict` and `save_weights`.

    Made from symbolic tensors, ``Model(inputs, outputs, name=None)``, or by
    subclassing: layers in `__init__`, the computation in ``call(inputs)``.

    >>> x = pydl.Input((4,))
    >>> model = pydl.Model(x, pydl.layers.Dense(2)(x))
    >>> model.count_params()
    10
    """

    _keras_module = "keras"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and is_functional_call(args, kwargs):
            from pydl.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if is_functional_call(args, kwargs):
            self._become_functional(*args, **kwargs)
            return
        Trainer.__init__(self)
        mixed_in = super(Trainer, self).__init__
        if (
            getattr(mixed_in, "__func__", None) is not Layer.__init__
        ):  # class M(Model, SomeLayer)
            mixed_in(*args, **kwargs)
            return
        if args:
            raise TypeError(
                f"{type(self).__name__}: expected no positional arguments, or inputs "
                f"and outputs made of symbolic tensors; received {args!r}"
            )
        Layer.__init__(self, **kwargs)

    def _become_functional(self, *args: Any, **kwargs: Any) -> None:
        """A subclass called ``super().__init__(inputs, outputs)``."""
        from pydl.models.functional import Functional

        cls = type(self)
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        self.__class__ = type(cls.__name__, (cls, Functional), names)
        Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]

    # -- building -------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers by calling them on this shape of input."""
        if self._layer_build is not None:
            self._layer_build(self, input_shape)
            return
        if input_shape is None:
            raise ValueError(
                f"model '{self.name}': expected `input_shape`, a tuple such as (None, "
                "784), received None"
            )
        inputs = map_shapes(lambda s: KerasTensor(s, self.compute_dtype), input_shape)
        trace_output_spec(self.call, (inputs,), {})

    @property
    def _layer_build(self) -> Any:
        """The `build` of a layer that a subclass has for a second base."""
        build = super(Model, type(self)).build
        return None if build is Layer.build else build

    def _build_for(self, call: Any) -> None:
        if type(self).build is Model.build and self._layer_build is None:
            self.built = True  # the layers build themselves when they are called
        else:
            super()._build_for(call)

    # -- structure ------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers this model holds directly."""
        return [layer for layer in self._layers if isinstance(layer, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place of `layers`."""
        if (name is None) == (index is None):
            raise ValueError(
                "expected either a layer name or a layer index, received "
                f"name={name!r}, index={index!r}"
            )
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has "
                    f"{len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"No such layer: {name}. Existing layers are: "
            f"{[layer.name for layer in layers]}."
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers.

        Args:
            line_length: width of the table in characters.
            positions: right edges of the columns, as shares of the width.
            print_fn: receives the table as a string instead of the terminal.
            expand_nested: show the layers of models inside the model too.
            show_trainable: a column that says which layers are trained.
            layer_range: names of the first and the last layer to show.
        """
        print_summary(
            self,
            line_length,
            positions,
            print_fn,
            expand_nested,
            show_trainable,
            layer_range,
        )

    def _repr_html_(self) -> str:
        return html_summary(self)

    # -- saving ---------------------------------------------------------------------

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the model, what it was compiled with and its optimizer's state to a
        ``.keras`` file; see `pydl.saving.save_model`."""
        from pydl.saving.keras_file import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Write all weights to ``.safetensors`` or ``.weights.h5``; or, with
        `max_shard_size` in GiB, to several files and their map, ``.weights.json``.

        The file is complete or not there at all, whenever the process ends.
        """
        from pydl.saving.weights import save_weights

        save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
    ) -> None:
        """Read weights written by `save_weights`, those in a ``.keras`` file, or an
        ``.h5`` file of Keras 1 or 2. Nothing changes on an error.

        Args:
            filepath: the file.
            skip_mismatch: leave out weights that are missing or of another shape.
            kwargs: ``by_name=True`` matches the layers of a file of Keras 1 or 2 by
                name, not by order.
        """
        by_name = bool(kwargs.pop("by_name", False))
        if kwargs:
            raise ValueError(f"load_weights: unexpected arguments {sorted(kwargs)}")
        from pydl.saving.weights import load_weights

        load_weights(self, filepath, skip_mismatch, by_name)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON text; `kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The model of a `get_config` dict."""
        if cls is Model:
            from pydl.models.functional import Functional

            return Functional.from_config(config, custom_objects)  # type: ignore[return-value]
        return super().from_config(config)


def is_functional_call(args: Any, kwargs: Any) -> bool:
    """Whether a constructor was given symbolic inputs and outputs."""
    if len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs):
        return any(isinstance(x, KerasTensor) for x in tree.flatten(args[0]))
    return "inputs" in kwargs and "outputs" in kwargs


def model_from_json(
    json_string: str, custom_objects: dict[str, Any] | None = None
) -> Any:
    """The model of a `to_json` text."""
    import json

    return deserialize_keras_object(json.loads(json_string), custom_objects)
