"""Axis arguments: checked, made non-negative."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any


def one_axis(name: str, axis: Any, rank: int) -> int:
    """`axis` in ``[0, rank)``; raises ValueError naming the function and the rank."""
    try:
        number = index(axis)
    except TypeError:
        raise TypeError(
            f"{name}: expected axis to be an integer, received axis={axis!r} of type "
            f"{type(axis).__name__}"
        ) from None
    if not -rank <= number < rank:
        raise ValueError(
            f"{name}: expected axis between {-rank} and {rank - 1} for a tensor of "
            f"{rank} axes, received axis={axis}"
        )
    return number % rank


def axes_list(name: str, axis: int | Sequence[int] | None, rank: int) -> list[int]:
    """The axes, sorted and non-negative; None means all."""
    if axis is None:
        return list(range(rank))
    given = axis if isinstance(axis, list | tuple) else [axis]
    axes = sorted(one_axis(name, a, rank) for a in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: expected different axes, received axis={axis}")
    return axes


def to_shape(name: str, shape: Any) -> list[int]:
    """A shape argument as a list of integers."""
    given = shape if isinstance(shape, list | tuple) else [shape]
    try:
        dims = [-1 if dim is None else index(dim) for dim in given]
    except TypeError:
        raise TypeError(
            f"{name}: expected shape to be integers, received shape={shape!r}"
        ) from None
    if any(dim >= 2**63 or dim < -1 for dim in dims):
        raise ValueError(f"{name}: expected sizes of axes, received shape={shape!r}")
    return dims
