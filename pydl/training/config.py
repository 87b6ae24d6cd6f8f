"""The arguments of `compile` as plain data, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import losses, metrics, optimizers, tree
from pydl.losses import Loss
from pydl.metrics import Metric


def serialize_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `compile`, its optimizer made, as plain data."""
    plain = {
        key: tree.map_structure(_serialized, value)
        for key, value in arguments.items()
        if key != "optimizer"
    }
    return {"optimizer": optimizers.serialize(arguments["optimizer"]), **plain}


def deserialize_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """What `serialize_arguments` gave, as arguments of `compile`."""
    arguments = dict(config)
    arguments["optimizer"] = optimizers.deserialize(arguments["optimizer"])
    for key, make in (
        ("loss", losses.get),
        ("metrics", metrics.get),
        ("weighted_metrics", metrics.get),
    ):
        arguments[key] = _deserialized(arguments.get(key), make)
    return arguments


def _serialized(value: Any) -> Any:
    if isinstance(value, Loss):
        return losses.serialize(value)
    if isinstance(value, Metric):
        return metrics.serialize(value)
    return value.__name__ if callable(value) else value


def _deserialized(value: Any, make: Callable[[Any], Any]) -> Any:
    """Configs to objects; names stay, they are resolved by shapes."""
    if isinstance(value, dict) and "class_name" in value:
        return make(value)
    if isinstance(value, dict):
        return {key: _deserialized(item, make) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_deserialized(item, make) for item in value]
    return value
