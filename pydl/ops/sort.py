"""Orders along an axis: definitions with gradients, and the functions made of them."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import apply, emit, lift, promote
from pydl.ops.axes import one_axis
from pydl.ops.gather import take
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.ops.scatter import take_along_axis
from pydl.ops.shape import move_from_last, move_to_last, slice_axis

__all__ = [
    "argpartition", "argsort", "digitize", "in_top_k", "isin", "searchsorted", "sort",
    "top_k",
]  # fmt: skip


def _to_places(grad: Any, order: Any, size: int) -> Any:
    """The gradients of the elements `order` names, where they came from."""
    axis = grad.ndim - 1
    return emit("take_along_axis_grad", grad, order, axis=axis, size=size)


def _sort_rule(call: OpCall, g: Any) -> list[Any]:
    x = call.inputs[0]
    return [lambda: _to_places(g, emit("argsort", x), x.shape[-1])]


def _top_k_rule(call: OpCall, g: Any) -> list[Any]:
    size = call.inputs[0].shape[-1]
    return [lambda: _to_places(g, call.outputs[1], size)]


define("sort", simple(_sort_rule), "The last axis in ascending order, NaN last.")
define("argsort", None, "The results are indices: nothing to differentiate.")
define("top_k", simple(_top_k_rule), "The largest of the last axis and their indices.")
define("searchsorted", None, "The results are indices: nothing to differentiate.")


def _sortable(x: Any) -> Any:
    x = lift(x)
    return lift(x, "uint8") if x.dtype == "bool" else x


def sorted_axis(op: str, x: Any, axis: int | None) -> Any:
    """`sort` or `argsort` along any axis (None: of the flattened `x`)."""
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
    place = one_axis(op, axis, x.ndim)
    return move_from_last(emit(op, move_to_last(x, place)), place)


@public_op
def sort(x: Any, axis: int | None = -1) -> Any:
    """The elements along `axis` (None: of the flattened `x`) in ascending order, NaN
    last."""
    x = lift(x)
    return lift(sorted_axis("sort", _sortable(x), axis), x.dtype)


@public_op
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The int32 indices that sort `x` along `axis` (None: of the flattened `x`); equal
    elements keep their order."""
    return sorted_axis("argsort", _sortable(x), axis)


@public_op
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, Any]:
    """The `k` largest elements of the last axis in descending order, and their int32
    indices. Of equal elements the first comes first. (They are sorted in any case.)"""
    x = lift(x)
    values, indices = apply("top_k", (_sortable(x),), {"k": int(k)})
    return lift(values, x.dtype), indices


@public_op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether ``predictions[i, targets[i]]`` is among the `k` largest of its row; those
    that equal the k-th largest are."""
    predictions, targets = lift(predictions), lift(targets)
    least = slice_axis(top_k(predictions, k)[0], predictions.ndim - 1, k - 1, k)
    column = emit("reshape", targets, shape=[*targets.shape, 1])
    hit = emit("greater_equal", take_along_axis(predictions, column, -1), least)
    return emit("reshape", hit, shape=list(targets.shape))


@public_op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Indices along `axis` that put the element which sorting puts at `kth` there, no
    larger ones before it, no smaller ones behind. (They sort all.)"""
    x = lift(x)
    size = x.shape[one_axis("argpartition", axis, x.ndim)] if axis is not None else -1
    if size >= 0 and not -size <= kth < size:
        raise ValueError(
            f"argpartition: expected kth between {-size} and {size - 1}, received "
            f"kth={kth}"
        )
    return argsort(x, axis)


def _found(sorted_values: Any, values: Any, side: str, name: str) -> Any:
    if side not in ("left", "right"):
        raise ValueError(f"{name}: expected side 'left' or 'right', received {side!r}")
    row, values = promote(sorted_values, values)
    if row.ndim != 1:
        raise ValueError(
            f"{name}: expected a sorted sequence of one axis, received shape "
            f"{row.shape}"
        )
    row, values = _sortable(row), _sortable(values)
    return emit("searchsorted", row, values, right=int(side == "right"))


@public_op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """For each of `values` the int32 place in the ascending `sorted_sequence` before
    which it can be put: of equals the first, or with `side` "right" past the last."""
    return _found(sorted_sequence, values, side, "searchsorted")


@public_op
def digitize(x: Any, bins: Any) -> Any:
    """For each element of `x` the int32 number of the ascending `bins` that are at most
    as large."""
    return _found(bins, x, "right", "digitize")


@public_op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """For each element of `x1` whether it is among those of `x2` (`invert`: is not)."""
    x1, x2 = (_sortable(x) for x in promote(x1, x2))
    row = emit("sort", emit("reshape", x2, shape=[-1]))
    if row.shape[0] == 0:
        return emit("not_equal" if not invert else "equal", x1, x1)
    last = lift(row.shape[0] - 1, "int32")
    at = emit("minimum", emit("searchsorted", row, x1, right=0), last)
    return emit("not_equal" if invert else "equal", take(row, at, 0), x1)
