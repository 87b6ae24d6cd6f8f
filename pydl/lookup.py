"""Finding objects by the names users write, and writing them down again.

Losses, metrics and optimizers are named by strings ("mse", "adam") or by configs, the
dictionaries of ``serialize``. Only classes entered in the module's own table (or given
as `custom_objects`) are ever made: a config names no module to import.
"""

from __future__ import annotations

import inspect
import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Any


def snake_case(name: str) -> str:
    """``MeanSquaredError`` -> ``mean_squared_error``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def object_name(value: Any) -> str:
    """The name of a metric, loss or function as it stands in logs."""
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name
    return snake_case(getattr(value, "__name__", type(value).__name__))


def find(name: str, table: Mapping[str, Any], kind: str) -> Any:
    """The entry of a table, or a ValueError that offers the nearest names."""
    found = table.get(name)
    if found is None:
        found = table.get(name.lower())
    if found is not None:
        return found
    import difflib  # costs import time; needed for mistakes only

    near = difflib.get_close_matches(name, list(table), n=3, cutoff=0.5)
    hint = "Did you mean " + " or ".join(map(repr, near)) + "? " if near else ""
    known = ", ".join(sorted(key for key in table if key.islower()))
    raise ValueError(f"unknown {kind} {name!r}. {hint}Known names: {known}")


def serialize_object(value: Any, module: str) -> Any:
    """A config of an object, or the name of a function."""
    if inspect.isfunction(value):
        return value.__name__
    return {
        "module": module,
        "class_name": type(value).__name__,
        "config": value.get_config(),
        "registered_name": None,
    }


def deserialize_object(
    config: Any,
    table: Mapping[str, Any],
    kind: str,
    custom_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The object a name or a config stands for."""
    known: Mapping[str, Any] = ChainMap(dict(custom_objects or {}), table)  # type: ignore[arg-type]
    if isinstance(config, str):
        return find(config, known, kind)
    if not isinstance(config, Mapping) or "class_name" not in config:
        raise ValueError(
            f"{kind}: expected a name or a config with 'class_name' and 'config', "
            f"received {config!r}"
        )
    cls = find(str(config["class_name"]), known, kind)
    return cls.from_config(dict(config.get("config", {})))
