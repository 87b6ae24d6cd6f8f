"""The older form of configurations: ``{"class_name": ..., "config": {...}}``.

`pydl.saving` has the present one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydl.objects.registration import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
)

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """The older form of an object, or the name of a function; None stays None.

    Raises ValueError for what has neither.
    """
    instance = inspect.unwrap(instance) if callable(instance) else instance
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        config = {
            key: serialize_keras_object(value)
            if callable(value) or hasattr(value, "get_config")
            else value
            for key, value in instance.get_config().items()
        }
        return {"class_name": get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(
        f"Cannot serialize {instance!r} because it doesn't implement `get_config()`."
    )


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object of an older form.

    Args:
        identifier: the form; the name of a class or function; a function or None, which
            are returned.
        module_objects: what names stand for.
        custom_objects: more of them, which come first.
        printable_module_name: the word for errors.

    Raises:
        ValueError: a name that is not known, or no such form.

    >>> form = {"class_name": "Dense", "config": {"units": 2}}
    >>> deserialize_keras_object(form, {"Dense": pydl.layers.Dense}).units
    2
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    named = isinstance(identifier, str)
    if not named and not (isinstance(identifier, dict) and "class_name" in identifier):
        raise ValueError(
            f"Could not interpret serialized {printable_module_name}: {identifier}"
        )
    name = identifier if named else identifier["class_name"]
    found = get_registered_object(name, custom_objects, dict(module_objects or {}))
    if found is None:
        raise ValueError(
            f"Unknown {printable_module_name}: '{name}'. Please ensure you are using "
            "a `custom_object_scope` and that this object is included in the scope."
        )
    if named:
        return found() if inspect.isclass(found) else found
    with custom_object_scope(custom_objects or {}):
        config = identifier.get("config") or {}
        if hasattr(found, "from_config"):
            return found.from_config(config)
        return found(**config)
