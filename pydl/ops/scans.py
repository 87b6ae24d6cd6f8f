"""`associative_scan`: all partial results of an associative operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl import tree
from pydl.ops.apply import apply, emit, lift
from pydl.ops.axes import one_axis
from pydl.ops.public import public_op
from pydl.ops.shape import concatenate, moveaxis

__all__ = ["associative_scan"]

Combine = Callable[[list[Any], list[Any]], list[Any]]


@public_op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """``e[0], f(e[0], e[1]), f(f(e[0], e[1]), e[2]), ...`` along an axis.

    Args:
        f: associative; takes and returns structures like `elems`, for many places at
            once.
        elems: tensors of equal size along `axis`.
        reverse: from the last place to the first.
        axis: the axis to go along.

    Blelloch's even-odd recursion ("Prefix sums and their applications", 1990): about
    ``2 log2(n)`` calls of `f` for `n` places. Raises ValueError where sizes differ.

    >>> pydl.ops.associative_scan(lambda a, b: a * b, pydl.ops.arange(1, 5)).tolist()
    [1, 2, 6, 24]
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    flat = [lift(x) for x in tree.flatten(elems)]
    places = [one_axis("associative_scan", axis, x.ndim) for x in flat]
    sizes = {x.shape[place] for x, place in zip(flat, places, strict=True)}
    if len(sizes) != 1:
        raise ValueError(
            "associative_scan: expected tensors of equal size along axis "
            f"{axis}, received shapes {[tuple(x.shape) for x in flat]}"
        )
    rows = [moveaxis(x, place, 0) for x, place in zip(flat, places, strict=True)]

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        left, right = (_placed(elems, part, places) for part in (a, b))
        results = tree.flatten(f(left, right))
        return [moveaxis(lift(y), p, 0) for y, p in zip(results, places, strict=True)]

    if reverse:
        rows = [_flipped(x) for x in rows]
    rows = _scan(combine, rows)
    if reverse:
        rows = [_flipped(x) for x in rows]
    return _placed(elems, rows, places)


def _placed(structure: Any, rows: list[Any], places: list[int]) -> Any:
    moved = [moveaxis(x, 0, place) for x, place in zip(rows, places, strict=True)]
    return tree.pack_sequence_as(structure, moved)


def _scan(combine: Combine, rows: list[Any]) -> list[Any]:
    count = rows[0].shape[0]
    if count < 2:
        return rows
    pairs = combine([x[:-1:2] for x in rows], [x[1::2] for x in rows])
    odd = _scan(combine, pairs)  # the results at places 1, 3, ...
    if count == 2:
        even: list[Any] = []
    else:
        before = [y[: (count - 1) // 2] for y in odd]
        even = combine(before, [x[2::2] for x in rows])
    firsts = [x[:1] for x in rows]
    evens = [
        concatenate([first, even[i]]) if even else first
        for i, first in enumerate(firsts)
    ]
    return [_interleaved(a, b) for a, b in zip(evens, odd, strict=True)]


def _interleaved(even: Any, odd: Any) -> Any:
    """Rows in turn; `even` may have one more."""
    count, row = odd.shape[0], list(odd.shape[1:])
    parts = [emit("reshape", x, shape=[count, 1, *row]) for x in (even[:count], odd)]
    merged = emit(
        "reshape",
        apply("concatenate", parts, {"axis": 1})[0],
        shape=[2 * count, *row],
    )
    return merged if even.shape[0] == count else concatenate([merged, even[count:]])


def _flipped(x: Any) -> Any:
    order = np.arange(x.shape[0], dtype="int64")[::-1].copy()
    return apply("take", (x, lift(order)), {})[0]
