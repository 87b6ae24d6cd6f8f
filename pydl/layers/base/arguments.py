"""What a layer's constructor takes, as its configuration has to have it."""

from __future__ import annotations

from typing import Any

from pydl import tree
from pydl.objects.signatures import signature_of


def config_is_own(cls: type) -> bool:
    """Whether `get_config` knows the arguments of the `__init__` that is used: it
    stands at or below its class, or at a base whose `__init__` takes the same ones."""
    init = next(c for c in cls.__mro__ if "__init__" in c.__dict__)
    config = next(c for c in cls.__mro__ if "get_config" in c.__dict__)
    if issubclass(config, init):
        return True
    return _arguments(init) == _arguments(config)


def _arguments(cls: type) -> set[str]:
    parameters = signature_of(cls.__init__).parameters.values()  # type: ignore[misc]
    return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}


def accepted(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """The entries that the constructor takes, by name or among others."""
    parameters = signature_of(cls.__init__).parameters  # type: ignore[misc]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return config
    return {name: value for name, value in config.items() if name in parameters}


def is_plain(value: Any) -> bool:
    return all(
        x is None or isinstance(x, (str, bool, int, float)) or hasattr(x, "get_config")
        for x in tree.flatten(value)
    )
