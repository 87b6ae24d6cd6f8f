"""Axes by name: ``"b h w c -> b (h w) c"``."""

from __future__ import annotations

import math
import re
from typing import Any

from pydl.ops.apply import lift
from pydl.ops.public import public_op
from pydl.ops.shape import reshape, transpose

__all__ = ["rearrange"]

_GROUP = re.compile(r"\w+|\(.*?\)")


@public_op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Split, permute and join axes.

    Args:
        tensor: any tensor.
        pattern: names of the axes before and after ``->``; names in parentheses share
            an axis, the last one changing fastest.
        **axes_lengths: lengths of axes that share one; one of each group may be left
            out.

    Raises:
        ValueError: the pattern does not fit the tensor, or names differ on both sides.

    >>> pydl.ops.rearrange(pydl.ops.ones((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
    (2, 3, 2, 3)
    """
    x = lift(tensor)
    before, after = _sides(pattern)
    sizes = _sizes(before, x.shape, axes_lengths, pattern)
    names = [name for group in before for name in group]
    target = [name for group in after for name in group]
    if sorted(names) != sorted(target) or len(set(names)) != len(names):
        raise ValueError(
            "rearrange: expected each name once on both sides of the arrow, received "
            f"pattern={pattern!r}"
        )
    x = reshape(x, [sizes[name] for name in names])
    x = transpose(x, [names.index(name) for name in target])
    return reshape(x, [math.prod(sizes[name] for name in group) for group in after])


def _sides(pattern: str) -> tuple[list[list[str]], list[list[str]]]:
    sides = re.split(r"\s*->\s*", pattern)
    if len(sides) != 2:
        raise ValueError(
            f"rearrange: expected one '->' in the pattern, received {pattern!r}"
        )
    before, after = ([re.findall(r"\w+", g) for g in _GROUP.findall(s)] for s in sides)
    return before, after


def _sizes(
    groups: list[list[str]], shape: Any, given: dict[str, int], pattern: str
) -> dict[str, int]:
    """The length of each axis by name."""
    if len(groups) != len(shape):
        raise ValueError(
            f"rearrange: pattern {pattern!r} has {len(groups)} axes, received a tensor "
            f"of shape {tuple(shape)}"
        )
    sizes = dict(given)
    for group, length in zip(groups, shape, strict=True):
        known = math.prod(sizes[name] for name in group if name in sizes)
        open_names = [name for name in group if name not in sizes]
        if len(open_names) > 1:
            raise ValueError(
                f"rearrange: the lengths of {open_names} cannot be known: give all but "
                f"one of them, received {given}"
            )
        if open_names and known:
            sizes[open_names[0]] = length // known
        if math.prod(sizes[name] for name in group) != length:
            raise ValueError(
                f"rearrange: axes {group} of lengths {[sizes.get(n) for n in group]} "
                f"do not make up an axis of length {length}"
            )
    return sizes
