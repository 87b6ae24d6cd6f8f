"""Values between the pixels, at places given by tensors.

A place lies between nodes: one, the nearest, or the two around it along each axis.
Elements are gathered at all combinations of nodes, times the products of the nodes'
weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from operator import mul
from typing import Any

import numpy as np

from pydl.ops.apply import emit, lift
from pydl.ops.arithmetic import abs as absolute
from pydl.ops.arithmetic import clip, floor, minimum, sign, where
from pydl.ops.compare import greater_equal, less_equal, logical_and
from pydl.ops.dtypes import is_float, result_type
from pydl.ops.image.layout import as_float, check_option
from pydl.ops.integers import mod
from pydl.ops.public import public_op

ORDERS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

#: Integers up to this are exact in float32.
_EXACT = 2**24


def round_away(x: Any) -> Any:
    """The nearest integer, of two equally near the one farther from 0."""
    return sign(x) * floor(absolute(x) + 0.5)


def _fixed(place: Any, size: int, fill_mode: str) -> Any:
    """The place inside the axis that stands for one that may lie outside."""
    if fill_mode == "wrap":
        return mod(place, float(size))
    if fill_mode == "mirror":
        turn = float(max(size - 1, 1))
        folded = absolute(mod(place + turn, 2 * turn) - turn)
        return minimum(folded, float(size - 1))
    if fill_mode == "reflect":
        folded = mod(place, 2.0 * size)
        return minimum(folded, 2.0 * size - 1.0 - folded)
    return clip(place, 0.0, float(size - 1))


def _node(place: Any, weight: Any, size: int, fill_mode: str) -> tuple[Any, Any]:
    """Where a node is read, and its weight; None stands for 1."""
    if fill_mode == "constant":
        inside = logical_and(
            greater_equal(place, 0.0), less_equal(place, float(size - 1))
        )
        weight = where(inside, 1.0 if weight is None else weight, 0.0)
    return _fixed(place, size, fill_mode), weight


def _nodes(at: Any, size: int, order: int, fill_mode: str) -> list[tuple[Any, Any]]:
    if order == 0:
        return [_node(round_away(at), None, size, fill_mode)]
    low = floor(at)
    share = at - low
    return [
        _node(low, 1.0 - share, size, fill_mode),
        _node(low + 1.0, share, size, fill_mode),
    ]


def sample(
    x: Any,
    sizes: Sequence[int],
    places: Sequence[Any],
    order: int,
    fill_mode: str,
    fill_value: float,
    first: Any = None,
) -> Any:
    """The values of images at the places named.

    Args:
        x: the elements of all images, ``(count,)``.
        sizes: the axes of an image.
        places: for each of these a float tensor; they broadcast.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: one of `FILL_MODES`: what lies outside.
        fill_value: of the mode ``"constant"``.
        first: the element at which the image of each place begins; integers that
            broadcast.

    Returns:
        A value for each place, in the dtype of `x`; integers are rounded.
    """
    if math.prod(sizes) > _EXACT:
        places = [lift(at, "float64") for at in places]
    axes = [
        _nodes(at, size, order, fill_mode)
        for at, size in zip(places, sizes, strict=True)
    ]
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    dtype = result_type(x.dtype, "float32")
    total, out = None, None
    for nodes in itertools.product(*axes):
        value, weight = _corner(x, nodes, steps, first, dtype)
        out = value if out is None else out + value
        if weight is not None:
            total = weight if total is None else total + weight
    if fill_mode == "constant" and fill_value != 0 and total is not None:
        out = out + lift((1.0 - total) * float(fill_value), dtype)
    if not is_float(x.dtype):
        out = round_away(out)
    return lift(out, x.dtype)


def _corner(
    x: Any, nodes: Any, steps: Sequence[int], first: Any, dtype: str
) -> tuple[Any, Any]:
    """What one combination of nodes adds, and its weight."""
    moves = [
        place if step == 1 else place * float(step)
        for (place, _), step in zip(nodes, steps, strict=True)
    ]
    index = lift(reduce(lambda a, b: a + b, moves), "int32")
    if first is not None:
        index = index + first
    value = lift(emit("take", x, index), dtype)
    weights = [weight for _, weight in nodes if weight is not None]
    if not weights:
        return value, None
    weight = reduce(mul, weights)
    return value * lift(weight, dtype), weight


def sample_planes(
    planes: Any, places: Sequence[Any], order: int, fill_mode: str, fill_value: float
) -> Any:
    """Images ``(batch, channels, height, width)`` at places ``(1 or batch, 1, ...)``,
    of the height and of the width."""
    batch, channels, height, width = planes.shape
    count = batch * channels
    dtype = "int32" if count * height * width < 2**31 else "int64"
    first = (np.arange(count) * (height * width)).astype(dtype)
    return sample(
        emit("reshape", planes, shape=[-1]), (height, width), places, order, fill_mode,
        fill_value, lift(first.reshape(batch, channels, 1, 1)),
    )  # fmt: skip


@public_op
def map_coordinates(
    inputs: Any,
    coordinates: Any,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Any:
    """The values of a tensor at places between its elements.

    Args:
        inputs: a tensor of any rank.
        coordinates: ``(rank, ...)``: for each axis of `inputs` where to look.
        order: 0 takes the nearest element, 1 interpolates linearly.
        fill_mode: what lies outside: ``"constant"`` (`fill_value`), ``"nearest"`` (the
            element at the edge), ``"wrap"`` (``abcd|abcd``), ``"mirror"``
            (``dcb|abcd|cba``) or ``"reflect"`` (``dcba|abcd|dcba``).
        fill_value: of the mode ``"constant"``.

    Returns:
        ``coordinates.shape[1:]``, in the dtype of `inputs`; integers are rounded.

    Raises:
        ValueError: coordinates of another rank than `inputs`, or an unknown option.

    >>> x = np.array([10.0, 20.0, 30.0], "float32")
    >>> pydl.ops.image.map_coordinates(x, [[0.5, 1.75]], order=1).tolist()
    [15.0, 27.5]
    """
    name = "map_coordinates"
    check_option(name, "fill_mode", fill_mode, FILL_MODES)
    check_option(name, "order", order, (0, 1))
    x, at = lift(inputs), as_float(lift(coordinates))
    if at.ndim < 2 or at.shape[0] != x.ndim:
        raise ValueError(
            f"{name}: expected coordinates of shape ({x.ndim}, ...), one for each axis "
            f"of inputs {x.shape}, received shape {at.shape}"
        )
    if -1 in (*x.shape, *at.shape) or 0 in x.shape:
        raise ValueError(
            f"{name}: expected inputs of known sizes of at least 1, received inputs of "
            f"shape {x.shape} and coordinates of shape {at.shape}"
        )
    flat = emit("reshape", x, shape=[-1])
    places = [at[i] for i in range(x.ndim)]
    return sample(flat, x.shape, places, order, fill_mode, fill_value)
