"""Copies of models with new weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import tree
from pydl.layers.base import KerasTensor, Layer, Operation
from pydl.layers.core.input_layer import Input, InputLayer
from pydl.models.functional import Functional
from pydl.models.graph import maker, run_nodes
from pydl.models.model import Model
from pydl.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with freshly initialized weights.

    Args:
        model: what to copy.
        input_tensors: symbolic tensors to use instead of new inputs.
        clone_function: ``layer -> layer``, to copy otherwise than by configuration.
        call_function: ``(layer, *args, **kwargs) -> outputs``, to call otherwise.
        recursive: whether `clone_function` is applied inside nested models too.
    """
    if kwargs:
        raise ValueError(f"clone_model: unexpected arguments {sorted(kwargs)}")
    if not isinstance(model, (Functional, Sequential)):
        if (
            clone_function is not None
            or input_tensors is not None
            or call_function is not None
        ):
            raise ValueError(
                f"clone_model: `{type(model).__name__}` is a subclassed model, which "
                "is copied by its configuration alone; other arguments need a "
                "Functional or Sequential"
            )
        return type(model).from_config(model.get_config())
    clone = _cloner(clone_function, recursive)
    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors, clone)
    return _clone_functional(model, input_tensors, clone, call_function)


def _cloner(
    clone_function: Callable[[Any], Any] | None, recursive: bool
) -> Callable[[Operation], Any]:
    function = clone_function or (lambda op: type(op).from_config(op.get_config()))

    def clone(operation: Operation) -> Any:
        if recursive and isinstance(operation, (Functional, Sequential)):
            return clone_model(operation, clone_function=clone_function, recursive=True)
        copied = function(operation) if isinstance(operation, Layer) else operation
        if not isinstance(copied, Operation):
            raise ValueError(
                "clone_model: expected `clone_function` to return a layer, received "
                f"{copied!r} for layer '{operation.name}'"
            )
        return copied

    return clone


def _clone_sequential(
    model: Sequential, input_tensors: Any, clone: Callable[[Operation], Any]
) -> Sequential:
    layers = [clone(layer) for layer in model.layers]
    if input_tensors is not None:
        layers = [*tree.flatten(input_tensors), *layers]
    elif model._input_layer is not None:
        layers = [InputLayer.from_config(model._input_layer.get_config()), *layers]
    return Sequential(layers, name=model.name, trainable=model.trainable)


def _clone_functional(
    model: Functional,
    input_tensors: Any,
    clone: Callable[[Operation], Any],
    call_function: Callable[..., Any] | None,
) -> Functional:
    inputs: list[KerasTensor] = (
        [_new_input(tensor) for tensor in model.inputs]
        if input_tensors is None
        else tree.flatten(input_tensors)
    )
    clones: dict[int, Any] = {}

    def operation(original: Operation) -> Any:
        if id(original) not in clones:
            clones[id(original)] = clone(original)
        copied = clones[id(original)]
        if call_function is None:
            return copied
        return lambda *args, **kwargs: call_function(copied, *args, **kwargs)

    values: dict[int, Any] = dict(zip(map(id, model.inputs), inputs, strict=True))
    run_nodes(model._nodes, values, operation)
    outputs = tree.map_structure(lambda t: values[id(t)], model._outputs)
    packed = tree.pack_sequence_as(model._inputs, inputs)
    return Functional(packed, outputs, name=model.name)


def _new_input(tensor: KerasTensor) -> Any:
    config = maker(tensor).operation.get_config()
    return Input(
        batch_shape=config["batch_shape"], dtype=config["dtype"], name=config["name"],
        optional=config["optional"],
    )  # fmt: skip
