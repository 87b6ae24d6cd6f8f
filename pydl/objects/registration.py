"""Which classes and functions a configuration may name.

Only registered objects and pydl's own can be made from a file: a name is looked up in a
table, never imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=Any)

_objects: dict[str, Any] = {}
_names: dict[Any, str] = {}
_local = threading.local()


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Class decorator: enter a class or function under ``package>name``.

    >>> @register_keras_serializable("my_package")
    ... class MyLayer(pydl.layers.Layer): ...
    """

    def decorator(target: T) -> T:
        registered = f"{package}>{name or target.__name__}"
        if isinstance(target, type) and not hasattr(target, "get_config"):
            raise ValueError(
                f"cannot register class {target.__name__}: it has no get_config() "
                "method"
            )
        _objects[registered] = target
        _names[target] = registered
        return target

    return decorator


def get_registered_name(obj: Any) -> str:
    """The registered name of a class or function, its own name if it has none."""
    return _names.get(obj) or str(obj.__name__)


def is_registered(target: Any) -> bool:
    """Whether the class or function was registered by name."""
    return target in _names


def get_registered_object(
    name: str,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """The object entered under this name, None if there is none."""
    for table in (
        get_custom_objects(),
        _objects,
        custom_objects or {},
        module_objects or {},
    ):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The names of the innermost `CustomObjectScope`."""
    scopes: list[dict[str, Any]] = getattr(_local, "scopes", None) or [{}]
    return scopes[-1]


class CustomObjectScope:
    """Names that configurations may use inside a ``with`` block.

    >>> with CustomObjectScope({"MyLayer": MyLayer}):
    ...     model = pydl.models.model_from_json(text)
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        scopes = getattr(_local, "scopes", None)
        if scopes is None:
            scopes = _local.scopes = [{}]
        scopes.append({**scopes[-1], **self.custom_objects})
        return self

    def __exit__(self, *exc: object) -> None:
        _local.scopes.pop()


custom_object_scope = CustomObjectScope
