"""Nested structures: lists, tuples and dicts of leaves; dicts by sorted key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def is_nested(structure: Any) -> bool:
    """Whether this is a list, tuple or dict rather than a leaf."""
    return isinstance(structure, (list, tuple, dict))


def flatten(structure: Any) -> list[Any]:
    """The leaves in order."""
    leaves: list[Any] = []
    _collect(structure, leaves)
    return leaves


def _collect(structure: Any, leaves: list[Any]) -> None:
    if isinstance(structure, dict):
        for key in sorted(structure):
            _collect(structure[key], leaves)
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            _collect(item, leaves)
    else:
        leaves.append(structure)


def map_structure(func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` to the leaves of equal structures; the result is like the first."""
    first = structures[0]
    if isinstance(first, dict):
        _check_same(structures, dict, lambda s: sorted(s))
        return type(first)(
            (k, map_structure(func, *(s[k] for s in structures))) for k in first
        )
    if isinstance(first, (list, tuple)):
        _check_same(structures, (list, tuple), len)
        items = [map_structure(func, *group) for group in zip(*structures, strict=True)]
        return _rebuild(first, items)
    return func(*structures)


def pack_sequence_as(structure: Any, flat: Iterable[Any]) -> Any:
    """Put leaves back into the shape of `structure`."""
    leaves = list(flat)
    expected = len(flatten(structure))
    if len(leaves) != expected:
        raise ValueError(
            f"pack_sequence_as: the structure has {expected} leaves, received "
            f"{len(leaves)}"
        )
    return _pack(structure, iter(leaves))


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, dict):
        packed = {key: _pack(structure[key], leaves) for key in sorted(structure)}
        return type(structure)((key, packed[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        return _rebuild(structure, [_pack(item, leaves) for item in structure])
    return next(leaves)


def _rebuild(model: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    if hasattr(model, "_fields"):  # a named tuple takes its items one by one
        return type(model)(*items)
    return tuple(items) if isinstance(model, tuple) else items


def _check_same(structures: Any, kind: Any, measure: Callable[[Any], Any]) -> None:
    first = measure(structures[0])
    for other in structures[1:]:
        if not isinstance(other, kind) or measure(other) != first:
            raise ValueError(
                f"the structures differ: expected one like {structures[0]!r}, "
                f"received {other!r}"
            )
