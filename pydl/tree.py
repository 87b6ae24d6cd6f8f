"""Nested structures: lists, tuples and dicts of leaves; dicts by sorted key."""

from __future__ import annotations

import warnings
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


def map_structure(
    func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True
) -> Any:
    """Apply `func` to the leaves of equal structures; the result is like the first.

    `none_is_leaf`: whether None is given to `func`; else it stays None.

    >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    if not structures:
        raise ValueError("Must provide at least one structure")
    if none_is_leaf:
        return _mapped(func, structures)
    return _mapped(lambda *x: None if x[0] is None else func(*x), structures)


def _mapped(func: Callable[..., Any], structures: tuple[Any, ...]) -> Any:
    first = structures[0]
    if isinstance(first, dict):
        _check_same(structures, dict, lambda s: sorted(s))
        return type(first)(
            (k, _mapped(func, tuple(s[k] for s in structures))) for k in first
        )
    if isinstance(first, (list, tuple)):
        _check_same(structures, (list, tuple), len)
        return _rebuild(
            first, [_mapped(func, g) for g in zip(*structures, strict=True)]
        )
    return func(*structures)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """Put leaves back into the shape of `structure`.

    >>> pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
    {'a': 1, 'b': [2, 3]}
    """
    leaves = list(flat_sequence)
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


class MAP_TO_NONE:
    """What the function of `traverse` returns to put None in a place."""


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves in order, each with the keys and positions that lead to it.

    >>> flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    if isinstance(structure, dict):
        parts = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, (list, tuple)):
        parts = list(enumerate(structure))
    else:
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key, part in parts
        for path, leaf in flatten_with_path(part)
    ]


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise ValueError unless both have the same containers at the same places.

    `check_types` is deprecated in Keras and has no effect.
    """
    if check_types is not None:
        warnings.warn(
            "The `check_types` argument is deprecated and no longer has any effect, "
            "please remove.",
            DeprecationWarning,
            stacklevel=2,
        )
    if not _same_structure(a, b):
        raise ValueError(
            f"`a` and `b` don't have the same structure. Received: a={a!r}, b={b!r}"
        )


def _same_structure(a: Any, b: Any) -> bool:
    if not is_nested(a) or not is_nested(b):
        return not is_nested(a) and not is_nested(b)
    if isinstance(a, dict):
        if not isinstance(b, dict) or sorted(a) != sorted(b):
            return False
        return all(_same_structure(a[key], b[key]) for key in a)
    if type(a) is not type(b) or len(a) != len(b):
        return False
    return all(_same_structure(x, y) for x, y in zip(a, b, strict=True))


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless the same paths lead to leaves; lists and tuples match."""
    paths = [{path for path, _ in flatten_with_path(s)} for s in (a, b)]
    if paths[0] != paths[1]:
        raise ValueError(
            "`a` and `b` don't have the same paths.\n"
            f"Paths in `a` missing in `b`:\n{paths[0] - paths[1]}\n"
            f"Paths in `b` missing in `a`:\n{paths[1] - paths[0]}"
        )


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Apply `func` to the structure and to its parts.

    Where it returns None the part stays and its own parts are visited; `MAP_TO_NONE`
    puts None there.

    Args:
        func: called with each part.
        structure: what to visit.
        top_down: parts before what is in them.

    >>> traverse(lambda x: x * 2 if isinstance(x, int) else None, [1, (2, "a")])
    [2, (4, 'a')]
    """
    if top_down:
        found = func(structure)
        if found is None:
            return _traverse_parts(func, structure, True)
    else:
        structure = _traverse_parts(func, structure, False)
        found = func(structure)
        if found is None:
            return structure
    return None if found is MAP_TO_NONE else found


def _traverse_parts(func: Callable[[Any], Any], structure: Any, top_down: bool) -> Any:
    if isinstance(structure, dict):
        parts = {k: traverse(func, structure[k], top_down) for k in sorted(structure)}
        return type(structure)((key, parts[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        return _rebuild(structure, [traverse(func, x, top_down) for x in structure])
    return structure


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in place of lists.

    >>> lists_to_tuples({"a": [1, [2]]})
    {'a': (1, (2,))}
    """
    if isinstance(structure, list):
        return tuple(lists_to_tuples(part) for part in structure)
    if isinstance(structure, tuple):
        return _rebuild(structure, [lists_to_tuples(part) for part in structure])
    if isinstance(structure, dict):
        return type(structure)((k, lists_to_tuples(v)) for k, v in structure.items())
    return structure


def map_structure_up_to(
    shallow_structure: Any, func: Callable[..., Any], *structures: Any
) -> Any:
    """Apply `func` to the parts that stand at the leaves of a shallow structure.

    >>> map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    if not structures:
        raise ValueError("Must provide at least one structure")
    shallow = shallow_structure
    if not is_nested(shallow):
        return func(*structures)
    kind: Any = dict if isinstance(shallow, dict) else (list, tuple)
    _check_same((shallow, *structures), kind, sorted if kind is dict else len)
    if isinstance(shallow, dict):
        return type(shallow)(
            (k, map_structure_up_to(shallow[k], func, *(s[k] for s in structures)))
            for k in shallow
        )
    groups = zip(shallow, *structures, strict=True)
    items = [map_structure_up_to(part, func, *rest) for part, *rest in groups]
    return _rebuild(shallow, items)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Apply `func` to the shapes in a structure: lists and tuples of numbers and None.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,)]})
    {'a': 2, 'b': [1]}
    """
    if _is_shape(structure):
        return func(tuple(structure))
    if isinstance(structure, dict):
        items = structure.items()
        return type(structure)((k, map_shape_structure(func, v)) for k, v in items)
    if isinstance(structure, (list, tuple)):
        return _rebuild(structure, [map_shape_structure(func, x) for x in structure])
    raise ValueError(f"Cannot map function to unknown object {structure!r}")


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in structure
    )
