"""The ``get`` / ``serialize`` / ``deserialize`` trio every kind of small object has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl.objects.naming import to_snake_case
from pydl.objects.registration import get_registered_object
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object


class Family:
    """Classes that can be asked for by name: ``"glorot_uniform"``, ``"GlorotUniform"``.

    Args:
        kind: word for error messages, such as ``"initializer"``.
        base: every member is an instance of this class.
        classes: the members.
        aliases: further names.
        functions: whether any callable will do (initializers, regularizers).
    """

    def __init__(
        self,
        kind: str,
        base: type,
        classes: tuple[type, ...],
        aliases: dict[str, type] | None = None,
    ) -> None:
        self.kind = kind
        self.base = base
        self.by_name: dict[str, Callable[..., Any]] = {c.__name__: c for c in classes}
        self.by_name.update({to_snake_case(c.__name__): c for c in classes})
        self.by_name.update(aliases or {})

    def serialize(self, obj: Any) -> Any:
        """The JSON form."""
        return serialize_keras_object(obj)

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """The object of a JSON form; short forms without ``module`` are accepted."""
        if isinstance(config, dict) and config.get("module") is None:
            cls = self.by_name.get(str(config.get("class_name")))
            if cls is not None:
                return cls.from_config(config.get("config") or {})  # type: ignore[attr-defined]
        return deserialize_keras_object(config, custom_objects)

    def get(self, identifier: Any) -> Any:
        """None, an object, a class, a name or a configuration -> an object (or None)."""
        if identifier is None or isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            return self._by_name(identifier)
        if callable(identifier):
            return identifier() if isinstance(identifier, type) else identifier
        raise ValueError(
            f"Could not interpret {self.kind} identifier: {identifier!r} "
            f"(of type {type(identifier).__name__}). Expected a name, an instance, a "
            "configuration dict or a callable."
        )

    def _by_name(self, name: str) -> Any:
        found = self.by_name.get(name) or get_registered_object(name)
        if found is None:
            known = ", ".join(sorted(n for n in self.by_name if n.islower()))
            raise ValueError(
                f"Could not interpret {self.kind} identifier: {name!r}. Known names: {known}."
            )
        return found() if isinstance(found, type) else found
