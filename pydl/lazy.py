"""How packages come by their members.

`members`: each loads when it is first asked for, since a script that uses three layers
should not wait for a hundred modules. The package still names all of its members once,
under ``if TYPE_CHECKING``, for readers and checkers.

`gather`: modules say in their `__all__` what is public, and the package takes it from
there; a stub beside it (``from pydl.ops.sort import *``) says so to checkers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any


def members(package: str, places: dict[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package: name -> module that defines it, or that it is.
    Raises AttributeError for other names. `dir` of the package names all of them."""
    space = vars(sys.modules[package])

    def get(name: str) -> Any:
        place = places.get(name)
        if place is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(place)
        itself = place == f"{package}.{name}"
        value = space[name] = module if itself else getattr(module, name)
        return value

    space["__dir__"] = lambda: sorted({*space, *places})
    return get


class ByName(Mapping[str, Any]):
    """What users may write -> a member of a package, loaded when it is looked up.

    `names`: what may be written -> the name of the member.
    """

    def __init__(self, package: str, names: dict[str, str]) -> None:
        self._package = package
        self._names = names

    def __getitem__(self, name: str) -> Any:
        return getattr(sys.modules[self._package], self._names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def gather(
    package: str, families: Iterable[str], without: Collection[str] = ()
) -> list[str]:
    """Put the public names of ``pydl.ops.sort`` and so on into a package.

    Args:
        package: the package's name.
        families: names of modules of `pydl.ops`.
        without: names to leave out.

    Returns:
        The names, sorted: the package's `__all__`.
    """
    space = vars(sys.modules[package])
    for family in families:
        module = importlib.import_module(f"pydl.ops.{family}")
        space.update({name: getattr(module, name) for name in module.__all__})
    for name in without:
        space.pop(name, None)
    found = {n for f in families for n in sys.modules[f"pydl.ops.{f}"].__all__}
    return sorted(found.difference(without))
