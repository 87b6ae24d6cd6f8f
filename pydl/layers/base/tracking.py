"""Finding a layer's variables and sublayers in its attributes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex

from pydl.random import SeedGenerator
from pydl.runtime.variable import Variable

_LISTS = (
    "_layers", "_trainable_variables", "_non_trainable_variables", "_seed_generators",
    "_metrics",
)  # fmt: skip


class TrackedList(list[Any]):
    """A list that reports what is put into it."""

    def __init__(self, values: Iterable[Any], track: Callable[[Any], Any]) -> None:
        super().__init__(track(value) for value in values)
        self._track = track

    def append(self, value: Any) -> None:
        super().append(self._track(value))

    def insert(self, index: SupportsIndex, value: Any) -> None:
        super().insert(index, self._track(value))

    def extend(self, values: Iterable[Any]) -> None:
        super().extend(self._track(value) for value in values)

    def __iadd__(self, values: Iterable[Any]) -> TrackedList:  # type: ignore[misc]
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, [self._track(item) for item in value])
        else:
            super().__setitem__(index, self._track(value))

    def __reduce__(self) -> Any:
        return (list, (list(self),))


class TrackedDict(dict[Any, Any]):
    """A dict that reports what is put into it."""

    def __init__(self, values: dict[Any, Any], track: Callable[[Any], Any]) -> None:
        super().__init__({key: track(value) for key, value in values.items()})
        self._track = track

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, self._track(value))

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class Tracked:
    """Keeps the variables, layers, metrics and seed generators set as attributes.

    `structure_version` rises whenever a layer, a variable or a `trainable` flag changes
    in this object or in one it holds: compiled programs are kept under it.
    """

    _layers: list[Any]
    _trainable_variables: list[Variable]
    _non_trainable_variables: list[Variable]
    _seed_generators: list[SeedGenerator]
    _metrics: list[Any]

    def _init_tracking(self) -> None:
        for name in _LISTS:
            object.__setattr__(self, name, [])
        object.__setattr__(self, "_owners", weakref.WeakSet())
        object.__setattr__(self, "_structure_version", 0)

    _owners: weakref.WeakSet[Any]
    _structure_version: int

    @property
    def structure_version(self) -> int:
        """A number that rises with every structural change."""
        return self._structure_version

    def structure_changed(self) -> None:
        """Raise the version of this object and of all that hold it."""
        pending: list[Tracked] = [self]
        seen: set[int] = set()
        while pending:
            item = pending.pop()
            if id(item) not in seen:
                seen.add(id(item))
                object.__setattr__(
                    item, "_structure_version", item._structure_version + 1
                )
                pending.extend(item._owners)

    def __setattr__(self, name: str, value: Any) -> None:
        previous = self.__dict__.get(name)
        object.__setattr__(self, name, self._track(value))
        if previous is not None and previous is not value:
            self._forget(previous)

    def __delattr__(self, name: str) -> None:
        previous = self.__dict__.get(name)
        object.__delattr__(self, name)
        if previous is not None:
            self._forget(previous)

    def _track(self, value: Any) -> Any:
        if isinstance(value, Tracked):
            self._track_layer(value)
        elif isinstance(value, Variable):
            self._track_variable(value)
        elif isinstance(value, SeedGenerator):
            self._add_once(self._seed_generators, value)
        elif type(value) is list:
            return TrackedList(value, self._track)
        elif type(value) is dict:
            return TrackedDict(value, self._track)
        elif type(value) is tuple:
            return tuple(self._track(item) for item in value)
        elif hasattr(type(value), "update_state") and hasattr(
            type(value), "reset_state"
        ):
            self._add_once(self._metrics, value)
        return value

    def _track_variable(self, variable: Variable) -> None:
        if variable.trainable:
            self._add_once(self._trainable_variables, variable)
        elif not any(v is variable for v in self._trainable_variables):
            self._add_once(self._non_trainable_variables, variable)
        if not getattr(self, "_trainable", True):
            variable.trainable = False  # until the layer thaws

    def _track_layer(self, layer: Tracked) -> None:
        self._add_once(self._layers, layer)
        layer._owners.add(self)

    def _add_once(self, items: list[Any], value: Any) -> None:
        if not any(item is value for item in items):
            items.append(value)
            if self.__dict__.get("built"):  # before, no program can have been compiled
                self.structure_changed()

    def _forget(self, value: Any) -> None:
        """Stop tracking what an attribute held, unless another attribute holds it."""
        if any(held is value for held in self.__dict__.values()):
            return
        for name in _LISTS:
            items = self.__dict__[name]
            kept = [item for item in items if item is not value]
            if len(kept) != len(items):
                items[:] = kept
                self.structure_changed()
