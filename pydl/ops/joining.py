"""Tensors joined and cut, and choices among several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.ops.apply import emit, lift, promote, promote_float
from pydl.ops.axes import one_axis, to_shape
from pydl.ops.cumulative import cumprod, cumsum
from pydl.ops.dtypes import is_int
from pydl.ops.public import public_op
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import concatenate, expand_dims, ravel, split
from pydl.ops.special_values import without_nan

__all__ = [
    "append", "array_split", "cdist", "dsplit", "dstack", "hsplit", "hstack",
    "nancumprod", "nancumsum", "select", "unravel_index", "vsplit", "vstack",
]  # fmt: skip


@public_op
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`x2` after `x1` along `axis`; None: both as vectors."""
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)])
    return concatenate([x1, x2], axis)


def _of_rank(xs: Sequence[Any], rank: int) -> list[Any]:
    """As ``numpy.atleast_1d`` and its kin."""
    out = []
    for x in map(lift, xs):
        shape = list(x.shape)
        if rank == 3 and len(shape) == 2:
            shape.append(1)
        elif rank == 3 and len(shape) < 2:
            shape = [1, *(shape or [1]), 1]
        while len(shape) < rank:
            shape.insert(0, 1)
        same = tuple(shape) == x.shape
        out.append(x if same else emit("reshape", x, shape=shape))
    return out


@public_op
def hstack(xs: Sequence[Any]) -> Any:
    """The tensors joined side by side: along axis 1, vectors along axis 0."""
    tensors = _of_rank(xs, 1)
    return concatenate(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


@public_op
def vstack(xs: Sequence[Any]) -> Any:
    """The tensors joined along axis 0, vectors as rows."""
    return concatenate(_of_rank(xs, 2), 0)


@public_op
def dstack(xs: Sequence[Any]) -> Any:
    """The tensors joined along axis 2, matrices as layers."""
    return concatenate(_of_rank(xs, 3), 2)


@public_op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As `split`, also into sections that are not equal: the first ones are longer by
    one element."""
    x = lift(x)
    place = one_axis("array_split", axis, x.ndim)
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, place)
    count = indices_or_sections
    if count < 1:
        raise ValueError(f"array_split: expected 1 or more sections, received {count}")
    least, longer = divmod(x.shape[place], count)
    cuts = [k * least + min(k, longer) for k in range(1, count)]
    return split(x, cuts, place)


def _cut(name: str, x: Any, indices_or_sections: Any, axis: int) -> list[Any]:
    x = lift(x)
    if x.ndim <= axis:
        raise ValueError(
            f"{name}: expected {axis + 1} or more axes, received x of shape {x.shape}"
        )
    return split(x, indices_or_sections, axis)


@public_op
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 1, of vectors along axis 0."""
    x = lift(x)
    return _cut("hsplit", x, indices_or_sections, 0 if x.ndim == 1 else 1)


@public_op
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 0 of a tensor of 2 or more axes."""
    x = lift(x)
    if x.ndim < 2:
        raise ValueError(f"vsplit: expected 2 or more axes, received shape {x.shape}")
    return split(x, indices_or_sections, 0)


@public_op
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 2."""
    return _cut("dsplit", x, indices_or_sections, 2)


@public_op
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Elements of the first of `choicelist` whose condition is true, else `default`.
    All broadcast."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            "select: expected as many choices as conditions, one or more, received "
            f"{len(choicelist)} and {len(condlist)}"
        )
    *choices, out = promote(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        out = emit("where", lift(condition, "bool"), choice, out)
    return out


@public_op
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """The places, one tensor per axis, of flat indices into a tensor of this shape;
    negative ones count from the end."""
    flat, dims = lift(indices), to_shape("unravel_index", shape)
    if not is_int(flat.dtype):
        raise TypeError(f"unravel_index: expected integers, received {flat.dtype}")
    places = []
    rest = emit("mod", flat, lift(math.prod(dims), flat.dtype))
    for dim in reversed(dims):
        size = lift(dim, flat.dtype)
        places.append(emit("mod", rest, size))
        rest = emit("floor_div", rest, size)
    return tuple(reversed(places))


@public_op
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The running sum along `axis` (None: of the flattened `x`), NaN counted as 0."""
    return cumsum(without_nan(x, 0.0), axis, dtype)


@public_op
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The running product along `axis` (None: of the flattened `x`), NaN counted as
    1."""
    return cumprod(without_nan(x, 1.0), axis, dtype)


@public_op
def cdist(x: Any, y: Any) -> Any:
    """The Euclidean distances of the rows of `x` ``[..., n, d]`` and `y` ``[..., m,
    d]``, each to each: ``[..., n, m]``."""
    x, y = promote_float(x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            "cdist: expected rows of equal length in tensors of 2 or more axes, "
            f"received shapes {x.shape} and {y.shape}"
        )
    difference = expand_dims(x, -2) - expand_dims(y, -3)
    return emit("sqrt", sum_(emit("square", difference), -1))
