"""A functional model's graph as plain dicts, and back, in Keras's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl import tree
from pydl.layers.base import KerasTensor, Operation, OpFunction
from pydl.objects.registration import custom_object_scope
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from pydl.models.functional import Functional


def functional_config(model: Functional) -> dict[str, Any]:
    """Layers with their configurations, and which call takes which tensors."""
    nodes = {id(node) for node in model._nodes}
    layers, place = [], {}
    for operation in model.operations:
        kept = [n for n in operation._inbound_nodes if id(n) in nodes]
        place.update({id(node): index for index, node in enumerate(kept)})
        layers.append((operation, kept))

    def reference(tensor: KerasTensor) -> list[Any]:
        history = tensor._keras_history
        assert history is not None  # checked when the model was made
        node = history.operation._inbound_nodes[history.node_index]
        return [history.operation.name, place.get(id(node), 0), history.tensor_index]

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [_layer_config(op, kept, reference) for op, kept in layers],
        "input_layers": tree.map_structure(reference, model._inputs),
        "output_layers": tree.map_structure(reference, model._outputs),
    }


def _layer_config(operation: Operation, nodes: Any, reference: Any) -> dict[str, Any]:
    def argument(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return serialize_keras_object(x)
        history = {"shape": x.shape, "dtype": x.dtype, "keras_history": reference(x)}
        return {"class_name": "__keras_tensor__", "config": history}

    calls = [
        {
            "args": list(tree.map_structure(argument, node.args)),
            "kwargs": tree.map_structure(argument, node.kwargs),
        }
        for node in nodes
    ]
    return {
        **serialize_keras_object(operation),
        "name": operation.name,
        "inbound_nodes": calls,
    }


def functional_from_config(
    config: dict[str, Any], custom_objects: Any
) -> tuple[Any, Any]:
    """The symbolic inputs and outputs of a `functional_config` dict."""
    with custom_object_scope(custom_objects or {}):
        return _Rebuild(config).run()


class _Rebuild:
    """Makes the layers and repeats their calls, each when its inputs are there."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.operations: dict[str, Operation] = {}
        self.results: dict[tuple[str, int], list[KerasTensor]] = {}

    def run(self) -> tuple[Any, Any]:
        pending: list[tuple[str, int, dict[str, Any]]] = []
        for data in self.config["layers"]:
            operation = deserialize_keras_object(data)
            self.operations[data["name"]] = operation
            if not data["inbound_nodes"]:
                self.results[data["name"], 0] = tree.flatten(operation.output)
            calls = enumerate(data["inbound_nodes"])
            pending.extend((data["name"], index, call) for index, call in calls)
        while pending:
            waiting = [entry for entry in pending if not self._call(*entry)]
            if len(waiting) == len(pending):
                raise ValueError(
                    f"the model's configuration has calls whose inputs are never made: "
                    f"{sorted({name for name, _, _ in waiting})}"
                )
            pending = waiting
        references = (self.config["input_layers"], self.config["output_layers"])
        inputs, outputs = (self._resolve_structure(r) for r in references)
        return inputs, outputs

    def _call(self, name: str, index: int, call: dict[str, Any]) -> bool:
        """Repeat one call; False if an input is still missing."""
        if index and (name, index - 1) not in self.results:
            return False
        try:
            args = [self._argument(x) for x in call["args"]]
            kwargs = {key: self._argument(x) for key, x in call["kwargs"].items()}
        except KeyError:
            return False
        operation = self.operations[name]
        if isinstance(operation, OpFunction):  # JSON has made lists of tuples
            args, kwargs = _tuples(tuple(args)), _tuples(kwargs)
        self.results[name, index] = tree.flatten(operation(*args, **kwargs))
        return True

    def _argument(self, x: Any) -> Any:
        if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
            name, index, tensor_index = x["config"]["keras_history"]
            return self.results[name, index][tensor_index]
        if isinstance(x, (list, tuple)):
            return type(x)(self._argument(item) for item in x)
        return deserialize_keras_object(x)

    def _resolve_structure(self, references: Any) -> Any:
        if isinstance(references, dict):
            return {key: self._resolve_structure(r) for key, r in references.items()}
        if len(references) == 3 and isinstance(references[0], str):
            name, index, tensor_index = references
            return self.results[name, index][tensor_index]
        return [self._resolve_structure(r) for r in references]


def _tuples(x: Any) -> Any:
    """The structure with tuples in place of lists: an index has to be one."""
    if isinstance(x, dict):
        return {key: _tuples(value) for key, value in x.items()}
    return tuple(map(_tuples, x)) if isinstance(x, (list, tuple)) else x
