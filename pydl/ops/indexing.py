"""``x[key]`` with NumPy's keys, and Keras's `slice`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from pydl.ops.apply import TENSORS, emit, lift, promote
from pydl.ops.axes import to_shape
from pydl.ops.gather import index_tensor, take
from pydl.ops.host import host_array
from pydl.ops.public import public_op
from pydl.ops.scatter import gather_nd
from pydl.ops.shape import broadcast_to
from pydl.ops.window import start_tensor

__all__ = ["get_item"]

_EXPECTED = (
    "expected integers, slices, `...`, None, and integer or bool arrays or tensors"
)


@public_op
def get_item(x: Any, key: Any) -> Any:
    """``x[key]`` by NumPy's rules: integers, slices with any step, ``...``, None,
    arrays and tensors of integers, and masks (whose result's shape depends on their
    values, so not under a trace)."""
    x = lift(x)
    keys = key if isinstance(key, tuple) else (key,)
    full = _full_keys(x.shape, _without_masks(keys))
    if any(_is_array(k) for k in full):
        return _advanced(x, full)
    return _basic(x, full)


def _is_array(key: Any) -> bool:
    return isinstance(key, (*TENSORS, np.ndarray))


def _without_masks(keys: tuple[Any, ...]) -> list[Any]:
    """The keys with lists as arrays and bool arrays as the indices of what is true."""
    plain: list[Any] = []
    for key in keys:
        if isinstance(key, list | tuple):
            is_mixed = any(isinstance(part, TENSORS) for part in key)
            key = lift(key) if is_mixed else np.asarray(key, None if key else np.int64)
        if _is_array(key) and str(key.dtype) == "bool":
            plain += np.nonzero(host_array("get_item with a mask", key))
        else:
            plain.append(key)
    return plain


def _full_keys(shape: tuple[int, ...], keys: Sequence[Any]) -> list[Any]:
    """The keys with ``...`` and missing ones written out as full slices."""
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > len(shape):
        raise IndexError(
            f"get_item: received {used} indices for a tensor of shape {shape}"
        )
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise IndexError("get_item: received more than one `...`")
    full = [slice(None)] * (len(shape) - used)
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    if at is None:
        return [*keys, *full]
    return [*keys[:at], *full, *keys[at + 1 :]]


# -- integers, slices, None -----------------------------------------------------------


def _basic(x: Any, keys: Sequence[Any]) -> Any:
    begin: list[int] = []
    end: list[int] = []
    stride: list[int] = []
    shape: list[int] = []
    turned: list[int] = []
    for entry in keys:
        if entry is None:
            shape.append(1)
            continue
        axis = len(begin)
        dim = x.shape[axis]
        start, stop, step, kept = _range(entry, dim, axis, x.shape)
        if step < 0:
            start, stop, step = _forward(start, stop, step, dim)
            turned.append(axis)
        begin.append(start)
        end.append(stop)
        stride.append(step)
        if kept:
            unknown = stop == -1
            shape.append(-1 if unknown else max(0, -(-(stop - start) // step)))
    if any(begin) or tuple(end) != x.shape or any(s != 1 for s in stride):
        x = emit("slice", x, begin=begin, end=end, stride=stride)
    if turned:
        x = emit("flip", x, axes=turned)
    return x if tuple(shape) == x.shape else emit("reshape", x, shape=shape)


def _range(
    key: Any, dim: int, axis: int, shape: tuple[int, ...]
) -> tuple[int, int, int, bool]:
    """``begin, end, stride`` of one axis, and whether the axis stays. -1: unknown."""
    if isinstance(key, slice):
        return (*_slice_range(key, dim), True)
    if isinstance(key, bool):
        raise TypeError(f"get_item: {_EXPECTED}; received {key!r}")
    try:
        at = index(key)
    except TypeError:
        raise TypeError(f"get_item: {_EXPECTED}; received {key!r}") from None
    if dim == -1:
        return max(at, 0), max(at, 0) + 1, 1, False  # any element has the same spec
    if not -dim <= at < dim:
        raise IndexError(
            f"get_item: index {at} is out of range on axis {axis} of shape {shape}"
        )
    at %= dim
    return at, at + 1, 1, False


def _slice_range(key: slice, dim: int) -> tuple[int, int, int]:
    step = 1 if key.step is None else index(key.step)
    if step == 0:
        raise ValueError(f"get_item: {_EXPECTED}; received a step of 0")
    if dim == -1:
        if step < 0 and (key.start is not None or key.stop is not None):
            raise ValueError(
                "get_item: expected a positive step, or neither start nor stop, on an "
                f"axis of unknown size; received {key!r}"
            )
        start = max(index(key.start or 0), 0)
        stop = -1 if key.stop is None else index(key.stop)
        return (start, stop, step) if stop >= start else (start, -1, step)
    start, stop, _ = key.indices(dim)
    return start, (max if step > 0 else min)(start, stop), step


def _forward(start: int, stop: int, step: int, dim: int) -> tuple[int, int, int]:
    """The same elements as a range with a positive step."""
    if dim == -1:
        return start, stop, -step
    count = -((start - stop) // step)  # of a backward range, rounded up
    if count == 0:
        return 0, 0, 1
    return start + (count - 1) * step, start + 1, -step


# -- arrays ---------------------------------------------------------------------------


def _advanced(x: Any, keys: Sequence[Any]) -> Any:
    """Slices first; then the elements that the arrays, broadcast together, name, in
    place of the axes they stand for, or in front when other keys lie between them."""
    arrays: list[tuple[int, Any]] = []  # axis of `x` after the slices, index
    basic: list[Any] = []
    places: list[int] = []  # among the keys
    for place, key in enumerate(keys):
        if _is_array(key) or not isinstance(key, slice | None):
            arrays.append((len(basic), key))
            places.append(place)
            key = slice(None)
        basic.append(key)
    x = _basic(x, basic)
    together = places == list(range(places[0], places[0] + len(places)))
    axes = [axis for axis, _ in arrays]
    if len(arrays) == 1:
        return take(x, arrays[0][1], axes[0])
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    out, count = _picked(x, axes, rest, [array for _, array in arrays])
    if not together:
        return out
    # The first `count` axes belong behind those of `rest` before the first array.
    before = sum(1 for axis in rest if axis < axes[0])
    perm = [*range(count, count + before), *range(count)]
    return emit("transpose", out, perm=[*perm, *range(count + before, out.ndim)])


def _picked(
    x: Any, axes: list[int], rest: list[int], arrays: list[Any]
) -> tuple[Any, int]:
    """The elements that the arrays name along `axes`, and the arrays' common rank."""
    sizes = [x.shape[axis] for axis in axes]
    named = [
        index_tensor("get_item", a, size) for a, size in zip(arrays, sizes, strict=True)
    ]
    shape = list(np.broadcast_shapes(*(a.shape for a in named)))
    columns = [
        emit("reshape", broadcast_to(a, shape), shape=[*shape, 1])
        for a in promote(*named)
    ]
    names = emit("concatenate", *columns, axis=len(shape))
    x = emit("transpose", x, perm=[*axes, *rest])
    return gather_nd("get_item", x, names), len(shape)


# -- boxes ----------------------------------------------------------------------------


@public_op
def slice_(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The box of `shape` that begins at `start_indices`. Known as ``ops.slice``. Starts
    that are tensors are moved so that the box does not stick out."""
    x = lift(inputs)
    sizes = to_shape("slice", list(shape))
    given = isinstance(start_indices, list | tuple)
    if not given or any(isinstance(at, TENSORS) for at in start_indices):
        if isinstance(start_indices, np.ndarray):
            start_indices = start_indices.tolist()
        else:
            start = start_tensor("slice", start_indices, x)
            return emit("dynamic_slice", x, start, sizes=_known(sizes, x.shape))
    begin = to_shape("slice", list(start_indices))
    if len(begin) != x.ndim or len(sizes) != x.ndim:
        raise ValueError(
            f"slice: expected one start and one size per axis of shape {x.shape}, "
            f"received start_indices={start_indices}, shape={shape}"
        )
    end = [
        dim if size == -1 else start + size
        for start, size, dim in zip(begin, sizes, x.shape, strict=True)
    ]
    return emit("slice", x, begin=begin, end=end, stride=[1] * x.ndim)


def _known(sizes: list[int], shape: tuple[int, ...]) -> list[int]:
    """The sizes with the whole axis for -1: a box that long is moved to its begin."""
    if len(sizes) == len(shape):
        sizes = [dim if n == -1 else n for n, dim in zip(sizes, shape, strict=True)]
    if len(sizes) != len(shape) or -1 in sizes:
        raise ValueError(
            f"slice: expected one size per axis of shape {shape}, known where the "
            f"starts are tensors, received shape={tuple(sizes)}"
        )
    return sizes


slice_.__name__ = slice_.__qualname__ = "slice"
