"""Reductions: definitions with gradients, and Keras's functions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.axes import axes_list, one_axis
from pydl.ops.dtypes import is_float
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.ops.shape import stop_gradient

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "logsumexp",
    "max", "mean", "min", "norm", "std", "sum", "var",
]  # fmt: skip

Axis = int | Sequence[int] | None


def _kept(call: OpCall, x: Any) -> Any:
    """A result or its gradient with the reduced axes back, of size 1."""
    shape, axes = call.inputs[0].shape, call.attrs["axes"]
    if x.ndim == len(shape):
        return x
    return emit(
        "reshape", x, shape=[1 if i in axes else d for i, d in enumerate(shape)]
    )


def _spread(call: OpCall, grad: Any) -> Any:
    """The gradient repeated along the reduced axes."""
    axes, shape = call.attrs["axes"], call.inputs[0].shape
    leading = axes == list(range(len(axes)))  # broadcasting adds these by itself
    wide = grad if leading else _kept(call, grad)
    return emit("broadcast_to", wide, shape=list(shape)) if axes else wide


def _sum_rule(call: OpCall, grad: Any) -> list[Any]:
    return [lambda: _spread(call, grad)]


def _mean_rule(call: OpCall, grad: Any) -> list[Any]:
    count = math.prod(call.inputs[0].shape[axis] for axis in call.attrs["axes"])
    share = 1.0 / count if count else math.nan
    return [lambda: _spread(call, grad * share)]


def _extreme_rule(call: OpCall, grad: Any) -> list[Any]:
    """The gradient is shared by all elements that equal the extreme."""

    def back() -> Any:
        x, axes = call.inputs[0], call.attrs["axes"]
        hit = emit("equal", x, _kept(call, call.outputs[0]))
        hit = emit("cast", hit, dtype=x.dtype)
        count = emit("reduce_sum", hit, axes=axes, keepdims=1)
        return hit * (_kept(call, grad) / count)

    return [back]


def _prod_rule(call: OpCall, grad: Any) -> list[Any]:
    """The product of the others: of all over this one, and where one element is 0 the
    product of the others at its place alone."""

    def back() -> Any:
        x, axes = call.inputs[0], call.attrs["axes"]
        zero, one = lift(0.0, x.dtype), lift(1.0, x.dtype)
        empty = emit("equal", x, zero)
        count = emit("cast", empty, dtype=x.dtype)
        count = emit("reduce_sum", count, axes=axes, keepdims=1)
        others = emit("where", empty, one, x)
        product = emit("reduce_prod", others, axes=axes, keepdims=1)
        product = product * _kept(call, grad)
        at_zero = emit("where", emit("equal", count, one), product, zero)
        elsewhere = emit("where", emit("equal", count, zero), product, zero)
        return emit("where", empty, at_zero, elsewhere / others)

    return [back]


define("reduce_sum", simple(_sum_rule), "Sum over axes.")
define("reduce_mean", simple(_mean_rule), "Mean over axes.")
define("reduce_prod", simple(_prod_rule), "Product over axes.")
define("reduce_max", simple(_extreme_rule), "Greatest over axes; NaN wins.")
define("reduce_min", simple(_extreme_rule), "Least over axes; NaN wins.")
define("argmax", None, "The result is an index: nothing to differentiate.")


def _reduce(op: str, x: Any, axis: Axis, keepdims: bool) -> Any:
    axes = axes_list(op.removeprefix("reduce_"), axis, x.ndim)
    return emit(op, x, axes=axes, keepdims=int(keepdims))


def summable(x: Any) -> Any:
    """Small integers and bool are summed in 32 bits."""
    x = lift(x)
    if x.dtype in ("bool", "int8", "int16"):
        return lift(x, "int32")
    return lift(x, "uint32") if x.dtype in ("uint8", "uint16") else x


@public_op
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over `axis`."""
    return _reduce("reduce_sum", summable(x), axis, keepdims)


@public_op
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over `axis`, a float also for integers."""
    return _reduce("reduce_mean", promote_float(x)[0], axis, keepdims)


def _extreme(op: str, x: Any, axis: Axis, keepdims: bool, initial: Any) -> Any:
    x = lift(x)
    dtype = x.dtype
    out = _reduce(op, lift(x, "uint8") if dtype == "bool" else x, axis, keepdims)
    if initial is not None:
        binary = "maximum" if op == "reduce_max" else "minimum"
        out = emit(binary, out, lift(initial, out.dtype))
    return lift(out, dtype)


@public_op
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The greatest element over `axis`; NaN wins. At least `initial`, if given."""
    return _extreme("reduce_max", x, axis, keepdims, initial)


@public_op
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The least element over `axis`; NaN wins. At most `initial`, if given."""
    return _extreme("reduce_min", x, axis, keepdims, initial)


@public_op
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The same as `max`."""
    return max(x, axis, keepdims)


@public_op
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The same as `min`."""
    return min(x, axis, keepdims)


@public_op
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance over `axis` (divided by n)."""
    x = promote_float(x)[0]
    centred = x - mean(x, axis, keepdims=True)
    return _reduce("reduce_mean", emit("square", centred), axis, keepdims)


@public_op
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The standard deviation over `axis`."""
    return emit("sqrt", var(x, axis, keepdims))


@public_op
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether an element over `axis` is true (not 0)."""
    count = _reduce("reduce_sum", summable(lift(x, "bool")), axis, keepdims)
    return lift(count, "bool")


@public_op
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether every element over `axis` is true (not 0)."""
    missing = emit("logical_not", lift(x, "bool"))
    return emit("logical_not", any(missing, axis, keepdims))


@public_op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the greatest element, the first of equals; int32."""
    x = lift(x)
    x = lift(x, "uint8") if x.dtype == "bool" else x
    shape = [1] * x.ndim
    if axis is None:
        out = emit("argmax", emit("reshape", x, shape=[-1]), axis=0)
    else:
        place = one_axis("argmax", axis, x.ndim)
        shape = [1 if i == place else dim for i, dim in enumerate(x.shape)]
        out = emit("argmax", x, axis=place)
    return emit("reshape", out, shape=shape) if keepdims else out


@public_op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the least element, the first of equals; int32."""
    x = lift(x)
    x = lift(x, "uint8") if x.dtype == "bool" else x
    if is_float(x.dtype):
        return argmax(emit("neg", x), axis, keepdims)
    # The order reversed without overflow: all bits flipped.
    top = int(np.iinfo(x.dtype).max) if x.dtype.startswith("uint") else -1
    return argmax(emit("sub", lift(top, x.dtype), x), axis, keepdims)


@public_op
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many elements over `axis` are not 0; int32."""
    return sum(lift(x, "bool"), axis)


@public_op
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """``log(sum(exp(x)))`` over `axis`, without overflow."""
    x = promote_float(x)[0]
    top = stop_gradient(max(x, axis, keepdims=True))
    zero = lift(0.0, x.dtype)
    top = emit("where", emit("isfinite", top), top, zero)  # inf - inf would be NaN
    out = emit("log", sum(emit("exp", x - top), axis, keepdims=True)) + top
    if keepdims:
        return out
    axes = axes_list("logsumexp", axis, x.ndim)
    return emit(
        "reshape", out, shape=[d for i, d in enumerate(out.shape) if i not in axes]
    )


@public_op
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of vectors along `axis`: `ord` None or 2 (root of the sum of squares;
    of a whole tensor when `axis` is None), 1 or infinity."""
    x = lift(x)
    x = x if is_float(x.dtype) else lift(x, floatx())
    vector = (x.ndim if axis is None else len(axes_list("norm", axis, x.ndim))) == 1
    if ord is None or (ord in (2, "fro") and (vector is (ord == 2))):
        return emit("sqrt", sum(emit("square", x), axis, keepdims))
    if vector and ord == 1:
        return sum(emit("abs", x), axis, keepdims)
    if vector and builtins.abs(ord) == math.inf:
        pick = max if ord > 0 else min
        return pick(emit("abs", x), axis, keepdims)
    raise ValueError(
        "norm: expected ord None, or 1, 2, inf or -inf of vectors, or 'fro' of "
        f"matrices; received ord={ord!r}, axis={axis!r} for x of shape {x.shape}"
    )
