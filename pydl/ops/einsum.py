"""Sums of products by subscripts: `einsum`.

The subscripts become terms: an operand and one label for each of its axes. Repeated
labels of one operand are diagonals; labels that stand nowhere else are summed at once.
Then pairs of terms are multiplied as batched matrix products, the cheapest pair first,
until one is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pydl.ops.apply import emit, lift
from pydl.ops.matmul import as_floats, product
from pydl.ops.public import public_op

__all__ = ["einsum"]

#: Labels of the axes an ellipsis stands for, the last axis first.
_DOTS = "0123456789"


@dataclass
class _Term:
    """An operand and one label for each axis."""

    x: Any
    labels: str


@public_op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """The sum of products that the subscripts describe, as in NumPy.

    Each operand has a term of letters, one for each axis; terms are separated by
    commas. Letters behind ``->`` are the axes of the result; without an arrow these
    are the letters that occur once, in alphabetical order. ``...`` stands for any
    leading axes, which broadcast. A letter repeated in one term takes the diagonal.

    Args:
        subscripts: for example ``"bij,bjk->bik"``.
        *operands: one tensor for each term.
        **kwargs: accepted as in Keras (``optimize``); the order of products is chosen
            by cost.

    Raises:
        ValueError: subscripts that are not understood or do not fit the shapes.

    >>> pydl.ops.einsum("ij,j->i", np.eye(2), np.array([3.0, 4.0]))
    """
    unknown = set(kwargs) - {"optimize"}
    if unknown:
        raise TypeError(f"einsum: unknown keyword arguments {sorted(unknown)}")
    if not operands:
        raise ValueError("einsum: expected at least one operand, received none")
    tensors, dtype = as_floats(*operands)
    inputs, result = _parse(subscripts, [x.ndim for x in tensors])
    _check_sizes(subscripts, inputs, tensors)
    terms = [_Term(x, labels) for x, labels in zip(tensors, inputs, strict=True)]
    terms = [_diagonal(term) for term in terms]
    terms = [_without_ones(terms, i) for i in range(len(terms))]
    return lift(_contract(terms, result, _sizes(tensors, inputs)), dtype)


# -- subscripts -----------------------------------------------------------------------


def _parse(subscripts: Any, ranks: list[int]) -> tuple[list[str], str]:
    """The labels of each operand and of the result; an ellipsis becomes digits."""
    if not isinstance(subscripts, str):
        raise TypeError(
            "einsum: expected subscripts to be a string such as 'ij,jk->ik', received "
            f"{subscripts!r} of type {type(subscripts).__name__}"
        )
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise ValueError(
            f"einsum: expected one operand for each of the {len(parts)} terms of "
            f"{subscripts!r}, received {len(ranks)}"
        )
    inputs = [_expand(subscripts, p, r) for p, r in zip(parts, ranks, strict=True)]
    dots = "".join(sorted({c for labels in inputs for c in labels if c in _DOTS}))
    if arrow:
        result = _checked_letters(subscripts, right).replace("...", dots[::-1])
    else:
        joined = "".join(inputs)
        once = sorted(c for c in set(joined) - set(_DOTS) if joined.count(c) == 1)
        result = dots[::-1] + "".join(once)
    if len(set(result)) != len(result) or not set(result) <= set("".join(inputs)):
        raise ValueError(
            "einsum: expected different letters behind '->', each of them in a term "
            f"before it, received {subscripts!r}"
        )
    return inputs, result


def _checked_letters(subscripts: str, part: str) -> str:
    letters = part.replace("...", "", 1)
    if not all(c.isascii() and c.isalpha() for c in letters):
        raise ValueError(
            "einsum: expected terms of letters and at most one '...', received "
            f"{part!r} in {subscripts!r}"
        )
    return part


def _expand(subscripts: str, part: str, rank: int) -> str:
    """The labels of one operand: the axes of ``...`` are digits, 0 the last."""
    letters = _checked_letters(subscripts, part).replace("...", "")
    dots = rank - len(letters)
    if dots < 0 or (dots > 0 and "..." not in part):
        raise ValueError(
            f"einsum: expected an operand of {len(letters)} axes for {part!r} in "
            f"{subscripts!r}, received one of {rank}"
        )
    return part.replace("...", _DOTS[:dots][::-1])


def _check_sizes(subscripts: str, inputs: list[str], tensors: list[Any]) -> None:
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, tensors, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            if size == -1:
                raise ValueError(
                    f"einsum: expected known sizes, received shape {x.shape}"
                )
            known = sizes.setdefault(label, size)
            if known != size and 1 not in (known, size):
                raise ValueError(
                    f"einsum: expected equal sizes where {subscripts!r} has the same "
                    f"letter, received shapes {[tuple(t.shape) for t in tensors]}"
                )
            sizes[label] = max(known, size) if 1 in (known, size) else size


def _sizes(tensors: Iterable[Any], inputs: Iterable[str]) -> dict[str, int]:
    """The length of each label's axis; a 1 gives way to any other length."""
    sizes: dict[str, int] = {}
    for x, labels in zip(tensors, inputs, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    return sizes


# -- one term -------------------------------------------------------------------------


def _diagonal(term: _Term) -> _Term:
    """Repeated labels: only the elements whose indices are equal there."""
    x, labels = term.x, term.labels
    while len(set(labels)) < len(labels):
        label = next(c for c in labels if labels.count(c) > 1)
        i, j = [k for k, c in enumerate(labels) if c == label][:2]
        rest = [k for k in range(len(labels)) if k not in (i, j)]
        n, m = x.shape[i], x.shape[j]
        if n != m:  # one of them is 1: it is repeated
            n = max(n, m)
            shape = [n if k in (i, j) else size for k, size in enumerate(x.shape)]
            x = emit("broadcast_to", x, shape=shape)
        others = [x.shape[k] for k in rest]
        x = emit("transpose", x, perm=[*rest, i, j])
        x = _diagonal_of_last(x, others, n)
        labels = "".join(labels[k] for k in rest) + label
    return _Term(x, labels)


def _diagonal_of_last(x: Any, others: list[int], n: int) -> Any:
    """Of ``[..., n, n]`` the elements n + 1 apart: ``[..., n]``."""
    if n == 0:
        return emit("reshape", x, shape=[*others, 0])
    rows = math.prod(others)
    flat = emit("reshape", x, shape=[rows, n * n])
    padded = emit("pad", flat, low=[0, 0], high=[0, n], value=0.0)
    square = emit("reshape", padded, shape=[rows, n, n + 1])
    first = emit("slice", square, begin=[0, 0, 0], end=[rows, n, 1], stride=[1, 1, 1])
    return emit("reshape", first, shape=[*others, n])


def _without_ones(terms: Sequence[_Term], index: int) -> _Term:
    """An axis of length 1 that is longer in another term says nothing."""
    term = terms[index]
    longer = {
        label
        for other in terms
        for label, size in zip(other.labels, other.x.shape, strict=True)
        if size != 1
    }
    kept = [
        (label, size)
        for label, size in zip(term.labels, term.x.shape, strict=True)
        if size != 1 or label not in longer
    ]
    if len(kept) == len(term.labels):
        return term
    x = emit("reshape", term.x, shape=[size for _, size in kept])
    return _Term(x, "".join(label for label, _ in kept))


def _summed(term: _Term, needed: set[str]) -> _Term:
    """Summed over the axes whose labels are not needed."""
    axes = [i for i, label in enumerate(term.labels) if label not in needed]
    if not axes:
        return term
    x = emit("reduce_sum", term.x, axes=axes, keepdims=0)
    return _Term(x, "".join(c for c in term.labels if c in needed))


def _ordered(term: _Term, labels: str) -> Any:
    """The term's tensor with its axes in the order of `labels`."""
    if term.labels == labels:
        return term.x
    return emit("transpose", term.x, perm=[term.labels.index(c) for c in labels])


# -- pairs ----------------------------------------------------------------------------


def _contract(terms: list[_Term], result: str, sizes: dict[str, int]) -> Any:
    while True:
        counts = "".join(term.labels for term in terms) + result
        terms = [
            _summed(t, {c for c in t.labels if counts.count(c) > 1}) for t in terms
        ]
        if len(terms) == 1:
            return _ordered(terms[0], result)
        i, j = _cheapest(terms, result, sizes)
        rest = [t for k, t in enumerate(terms) if k not in (i, j)]
        needed = set(result).union(*(t.labels for t in rest))
        last = result if not rest else ""
        terms = [*rest, _multiply(terms[i], terms[j], needed, sizes, last)]


def _cheapest(
    terms: list[_Term], result: str, sizes: dict[str, int]
) -> tuple[int, int]:
    """The pair whose product costs least beyond the memory it frees; of equal ones the
    first."""

    def cost(pair: tuple[int, int]) -> tuple[float, float]:
        a, b = (terms[k] for k in pair)
        others = [t.labels for k, t in enumerate(terms) if k not in pair]
        kept = (set(a.labels) | set(b.labels)) & set(result).union(*others)
        size = math.prod(sizes[c] for c in kept)
        freed = math.prod(a.x.shape) + math.prod(b.x.shape)
        work = math.prod(sizes[c] for c in set(a.labels) | set(b.labels))
        return float(work), float(size - freed)

    return min(combinations(range(len(terms)), 2), key=cost)


def _multiply(
    a: _Term, b: _Term, needed: set[str], sizes: dict[str, int], last: str
) -> _Term:
    """The product of two terms, summed over what both have and nobody else needs.

    Labels of both that are needed are batches, the others rows, columns and the inner
    axis of matrix products. `last` is the order of the result if this is it: rows and
    columns change places when that saves a transposition.
    """
    both = set(a.labels) & set(b.labels)
    batch = "".join(c for c in (last or a.labels) if c in both & needed)
    inner = "".join(c for c in a.labels if c in both - needed)
    rows = "".join(c for c in a.labels if c not in both)
    columns = "".join(c for c in b.labels if c not in both)
    if last and batch + columns + rows == last:
        a, b, rows, columns = b, a, columns, rows
    if not inner:
        return _product_without_sum(a, b, batch, rows, columns)
    left, ta = _as_factor(a, batch, rows, inner, sizes)
    right, tb = _as_factor(b, batch, columns, inner, sizes)
    out = product(left, right, ta, 1 - tb)
    labels = batch + rows + columns
    return _Term(emit("reshape", out, shape=[sizes[c] for c in labels]), labels)


def _product_without_sum(
    a: _Term, b: _Term, batch: str, rows: str, columns: str
) -> _Term:
    """Nothing is summed: elements are multiplied, broadcast."""
    x = _ordered(a, batch + rows)
    y = _ordered(b, batch + columns)
    x = emit("reshape", x, shape=[*x.shape, *[1] * len(columns)])
    lead = list(y.shape[: len(batch)])
    shape = [*lead, *[1] * len(rows), *y.shape[len(batch) :]]
    out = emit("mul", x, emit("reshape", y, shape=shape))
    return _Term(out, batch + rows + columns)


def _as_factor(
    term: _Term, batch: str, outside: str, inner: str, sizes: dict[str, int]
) -> tuple[Any, int]:
    """``[batch, outside, inner]`` or, if that is how the axes lie, ``[batch, inner,
    outside]`` (then the second result is 1). No batch axis without batches."""
    turned = int(term.labels == batch + inner + outside and outside != "")
    order = batch + inner + outside if turned else batch + outside + inner
    x = _ordered(term, order)
    count, long, deep = (
        math.prod(sizes[c] for c in part) for part in (batch, outside, inner)
    )
    shape = [deep, long] if turned else [long, deep]
    return emit("reshape", x, shape=[count, *shape] if batch else shape), turned
