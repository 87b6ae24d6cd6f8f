"""The arguments of `compile` as plain data, and back."""

from __future__ import annotations

from typing import Any

from pydl import tree
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object


def serialize_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `compile`, its optimizer made, as plain data."""
    return {key: _serialized(value) for key, value in arguments.items()}


def deserialize_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """What `serialize_arguments` gave, or Keras, as arguments of `compile`."""
    return {key: _deserialized(value) for key, value in config.items()}


def _serialized(value: Any) -> Any:
    return tree.map_structure(_serialized_leaf, value)


def _serialized_leaf(value: Any) -> Any:
    """Names stay as they are, and so do pydl's functions: names are resolved by
    shapes."""
    if callable(value) and not hasattr(value, "get_config"):
        if str(getattr(value, "__module__", "")).startswith("pydl."):
            return value.__name__
    return serialize_keras_object(value)


def _deserialized(value: Any) -> Any:
    """Configurations as objects; names stay."""
    if isinstance(value, dict) and "class_name" in value:
        return deserialize_keras_object(value)
    if isinstance(value, dict):
        return {key: _deserialized(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_deserialized(item) for item in value]
    return value
