"""Models made of symbolic tensors."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydl import tree
from pydl.layers.base import KerasTensor, Layer, Operation
from pydl.layers.base.input_spec import known_shape
from pydl.layers.base.masks import set_mask
from pydl.layers.core.input_layer import Input
from pydl.models.functional_config import functional_config, functional_from_config
from pydl.models.graph import graph_nodes, maker, run_nodes
from pydl.models.inputs import standardize_input
from pydl.models.model import Model
from pydl.training.trainer import Trainer


class Functional(Model):
    """A graph of layers and ops between given inputs and outputs.

    Args:
        inputs: symbolic tensors, one or a list, tuple or dict of them.
        outputs: the same.
        name: the model's name.
    """

    owns_layers_in_order = True
    _holds_masking_layers = True
    _keras_module = "keras.src.models.functional"
    _untracked: ClassVar[frozenset[str]] = Model._untracked | {
        "_inputs", "_outputs", "_nodes", "_operations",
    }  # fmt: skip

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any
    ) -> None:
        trainable = kwargs.pop("trainable", None)
        Trainer.__init__(self)
        Layer.__init__(self, name=name, **kwargs)
        _check_symbolic("inputs", inputs)
        _check_symbolic("outputs", outputs)
        inputs, outputs = _from_input_layers(inputs, outputs)
        self._inputs = inputs
        self._outputs = outputs
        self._nodes = graph_nodes(tree.flatten(inputs), tree.flatten(outputs))
        self._operations = self._ordered_operations()
        for operation in self._operations:
            if isinstance(operation, Layer):
                self._track_layer(operation)
        self._convert_input_args = False
        self.built = True
        if trainable is not None:
            self.trainable = trainable

    def _ordered_operations(self) -> list[Operation]:
        inputs = [maker(tensor).operation for tensor in tree.flatten(self._inputs)]
        operations = {
            id(op): op for op in (*inputs, *(node.operation for node in self._nodes))
        }
        names: set[str] = set()
        for operation in operations.values():
            if operation.name in names:
                raise ValueError(
                    f"model '{self.name}': the name '{operation.name}' is used for "
                    "two layers; all layer names must be unique"
                )
            names.add(operation.name)
        return list(operations.values())

    @property
    def operations(self) -> list[Operation]:
        """Layers and ops, inputs first."""
        return list(self._operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return tree.flatten(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return tree.flatten(self._outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs as they were given."""
        return self._inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs as they were given."""
        return self._outputs

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs."""
        return tree.map_structure(lambda t: t.shape, self._inputs)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs."""
        return tree.map_structure(lambda t: t.shape, self._outputs)

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs."""
        return [maker(tensor).operation.name for tensor in self.outputs]

    def build(self, input_shape: Any) -> None:
        """Nothing to do: the layers were built when the graph was made."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        flat = self._standardize(inputs)
        for x, given in zip(flat, tree.flatten(mask), strict=False):
            if given is not None:
                set_mask(x, given)
        values = dict(zip(map(id, self.inputs), flat, strict=True))
        run_nodes(self._nodes, values)
        return tree.map_structure(lambda t: values[id(t)], self._outputs)

    def compute_output_spec(
        self, inputs: Any, training: bool | None = None, mask: Any = None
    ) -> Any:
        shapes = [known_shape(x) for x in self._standardize(inputs)]
        if shapes == [t.shape for t in self.inputs]:
            return tree.map_structure(
                lambda t: KerasTensor(t.shape, t.dtype), self._outputs
            )
        return Operation.compute_output_spec(self, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return Layer.compute_output_shape(self, input_shape)

    def _standardize(self, inputs: Any) -> list[Any]:
        """The inputs in order, checked, with the rank and dtype the graph expects."""
        flat = self._in_order(inputs)
        converted = []
        for index, (x, expected) in enumerate(zip(flat, self.inputs, strict=True)):
            converted.append(standardize_input(x, expected, index, self.name))
        return converted

    def _in_order(self, inputs: Any) -> list[Any]:
        names = [maker(tensor).operation.name for tensor in self.inputs]
        if isinstance(inputs, dict):
            keys = sorted(self._inputs) if isinstance(self._inputs, dict) else names
            missing = [key for key in keys if key not in inputs]
            if missing:
                raise ValueError(
                    f"Layer '{self.name}' expects inputs named {keys}, missing "
                    f"{missing}; received keys {list(inputs)}"
                )
            return [inputs[key] for key in keys]
        if isinstance(self._inputs, dict) and len(names) > 1:
            raise ValueError(
                f"Layer '{self.name}' expects {len(names)} named input(s) with keys "
                f"{list(self._inputs)}, but it received {len(tree.flatten(inputs))} "
                "input tensors. Pass inputs as a dict."
            )
        if (
            len(names) == 1
            and not tree.is_nested(self._inputs)
            and not _holds_tensors(inputs)
        ):
            return [inputs]
        flat = tree.flatten(inputs)
        if len(flat) != len(names):
            raise ValueError(
                f"Layer '{self.name}' expects {len(names)} input(s), but it received "
                f"{len(flat)} input tensors"
            )
        return flat

    def get_config(self) -> dict[str, Any]:
        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The model of a `get_config` dict."""
        if "layers" not in config:
            return cls(**config)
        inputs, outputs = functional_from_config(config, custom_objects)
        known = {"name": config["name"]} if "name" in config else {}
        model = cls(inputs, outputs, **known)
        # Not by the setter, which would set all layers: each has its own in its config.
        model._trainable = bool(config.get("trainable", True))
        return model


def _check_symbolic(what: str, tensors: Any) -> None:
    for x in tree.flatten(tensors):
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"Model: expected `{what}` to be made of symbolic tensors (of "
                f"`pydl.Input` and layers called on it), received {x!r} of type "
                f"{type(x).__name__}"
            )


def _from_input_layers(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Replace inputs that layers make by new ones, calling again what follows."""
    flat = tree.flatten(inputs)
    if all(maker(tensor).is_input for tensor in flat):
        return inputs, outputs
    fresh = [
        t if maker(t).is_input else Input(batch_shape=t.shape, dtype=t.dtype)
        for t in flat
    ]
    values = dict(zip(map(id, flat), fresh, strict=True))
    run_nodes(graph_nodes(flat, tree.flatten(outputs)), values)
    new_outputs = tree.map_structure(lambda t: values[id(t)], outputs)
    return tree.pack_sequence_as(inputs, fresh), new_outputs


def _holds_tensors(inputs: Any) -> bool:
    return tree.is_nested(inputs) and any(
        hasattr(x, "shape") for x in tree.flatten(inputs)
    )
