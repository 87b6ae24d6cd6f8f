"""Configurations of objects and files of weights."""

from typing import TYPE_CHECKING

from pydl.lazy import members
from pydl.objects.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object
from pydl.saving.weights import load_weights, save_weights

if TYPE_CHECKING:
    from pydl.saving.keras_file import load_model, save_model

__getattr__ = members(
    __name__,
    {
        "load_model": "pydl.saving.keras_file",
        "save_model": "pydl.saving.keras_file",
    },
)

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize_keras_object",
    "get_custom_objects", "get_registered_name", "get_registered_object",
    "load_model", "load_weights", "register_keras_serializable", "save_model",
    "save_weights",
    "serialize_keras_object",
]  # fmt: skip
