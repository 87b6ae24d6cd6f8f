"""Packages whose members load when they are first asked for.

A script that uses three layers should not wait for a hundred modules. The package still
names all of its members once, under ``if TYPE_CHECKING``, for readers and checkers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def members(package: str, places: dict[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package: name -> module that defines it. Raises
    AttributeError for other names."""

    def get(name: str) -> Any:
        place = places.get(name)
        if place is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(place), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
