"""Einstein sums of two tensors, composed of transposes and one matrix product."""

from __future__ import annotations

import math
from typing import Any

from pydl import ops


def contract(a: Any, b: Any, a_axes: str, b_axes: str, out_axes: str) -> Any:
    """The sum of ``a * b`` over all letters that are not in `out_axes`.

    Args:
        a, b: tensors with one letter per axis, none twice in one of them.
        a_axes, b_axes, out_axes: the letters.

    Letters of all three are a batch: without a product of stacks of matrices they are
    multiplied element by element and summed.

    >>> contract(np.eye(2), np.ones((2, 3)), "ab", "bc", "ac").shape
    (2, 3)
    """
    a, a_axes = _summed(a, a_axes, b_axes + out_axes)
    b, b_axes = _summed(b, b_axes, a_axes + out_axes)
    batch = [c for c in a_axes if c in b_axes and c in out_axes]
    inner = [c for c in a_axes if c in b_axes and c not in out_axes]
    left = [c for c in a_axes if c not in b_axes]
    right = [c for c in b_axes if c not in a_axes]
    size = {**_sizes(a, a_axes), **_sizes(b, b_axes)}
    if batch:
        out = _by_elements(a, b, (a_axes, b_axes), batch, (left, inner, right))
    else:
        rows = _matrix(a, a_axes, left, inner, size)
        columns = _matrix(b, b_axes, inner, right, size)
        out = ops.matmul(rows, columns)
    axes = [*batch, *left, *right]
    out = ops.reshape(out, [size[c] for c in axes])
    perm = [axes.index(c) for c in out_axes]
    return out if perm == sorted(perm) else ops.transpose(out, perm)


def _sizes(x: Any, axes: str) -> dict[str, int]:
    return dict(zip(axes, x.shape, strict=True))


def _summed(x: Any, axes: str, used: str) -> tuple[Any, str]:
    """`x` summed over the letters nobody else uses."""
    gone = [i for i, c in enumerate(axes) if c not in used]
    if not gone:
        return x, axes
    return ops.sum(x, axis=gone), "".join(c for c in axes if c in used)


def _matrix(x: Any, axes: str, rows: Any, columns: Any, size: dict[str, int]) -> Any:
    """`x` with `rows` and `columns` as its two axes."""
    perm = [axes.index(c) for c in (*rows, *columns)]
    if perm != sorted(perm):
        x = ops.transpose(x, perm)
    shape = [math.prod(size[c] for c in part) for part in (rows, columns)]
    return ops.reshape(x, shape)


def _by_elements(a: Any, b: Any, axes: Any, batch: Any, groups: Any) -> Any:
    """``(batch, left, right)``: products of all elements, summed over `inner`."""
    left, inner, right = groups
    wide = [*batch, *left, *right, *inner]

    def spread(x: Any, own: str) -> Any:
        order = [c for c in wide if c in own]
        size = _sizes(x, own)
        x = ops.transpose(x, [own.index(c) for c in order])
        return ops.reshape(x, [size.get(c, 1) for c in wide])

    product = ops.multiply(spread(a, axes[0]), spread(b, axes[1]))
    summed = list(range(len(wide) - len(inner), len(wide)))
    return ops.sum(product, axis=summed) if inner else product
