"""``x[key]`` with NumPy's basic keys, and Keras's `slice`."""

from __future__ import annotations

from operator import index
from typing import Any

from pydl.ops.apply import emit, lift
from pydl.ops.public import public_op

_EXPECTED = (
    "expected integers, slices with a positive step, `...` and None; use ops.take, "
    "ops.where or ops.one_hot for indices that are tensors"
)


@public_op
def get_item(x: Any, key: Any) -> Any:
    """``x[key]`` for integers, slices with positive steps, ``...`` and None."""
    x = lift(x)
    keys = _full_keys(x.shape, key if isinstance(key, tuple) else (key,))
    begin: list[int] = []
    end: list[int] = []
    stride: list[int] = []
    shape: list[int] = []
    for entry in keys:
        if entry is None:
            shape.append(1)
            continue
        dim = x.shape[len(begin)]
        start, stop, step, kept = _range(entry, dim, len(begin), x.shape)
        begin.append(start)
        end.append(stop)
        stride.append(step)
        if kept:
            unknown = stop == -1
            shape.append(-1 if unknown else max(0, -(-(stop - start) // step)))
    if any(begin) or tuple(end) != x.shape or any(s != 1 for s in stride):
        x = emit("slice", x, begin=begin, end=end, stride=stride)
    return x if tuple(shape) == x.shape else emit("reshape", x, shape=shape)


def _full_keys(shape: tuple[int, ...], keys: tuple[Any, ...]) -> list[Any]:
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
    if step < 1:
        raise ValueError(f"get_item: {_EXPECTED}; received a step of {step}")
    if dim == -1:
        start = max(index(key.start or 0), 0)
        stop = -1 if key.stop is None else index(key.stop)
        return (start, stop, step) if stop >= start else (start, -1, step)
    start, stop, _ = key.indices(dim)
    return start, max(start, stop), step
