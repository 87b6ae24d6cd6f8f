"""Running sums and products, and differences of neighbours."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, lift
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import standardize_dtype
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.ops.shape import slice_axis

__all__ = ["cumprod", "cumsum", "diff"]


def _run(op: str, x: Any, axis: int, reverse: int) -> Any:
    return emit(op, x, axis=axis, reverse=reverse)


def _cumsum_rule(call: OpCall, g: Any) -> list[Any]:
    axis, reverse = call.attrs["axis"], call.attrs.get("reverse", 0)
    return [lambda: _run("cumsum", g, axis, 1 - reverse)]


def _cumprod_rule(call: OpCall, g: Any) -> list[Any]:
    """``d out_j / d x_i = out_j / x_i`` for j from i on. The first zero of a line: the
    products without it instead; later elements have no share in any product but 0."""
    axis, reverse = call.attrs["axis"], call.attrs.get("reverse", 0)

    def back() -> Any:
        x, out = call.inputs[0], call.outputs[0]
        zero, one = lift(0.0, x.dtype), lift(1.0, x.dtype)
        is_zero = emit("equal", x, zero)
        order = _run("cumsum", emit("cast", is_zero, dtype="int32"), axis, reverse)
        first = emit("logical_and", is_zero, emit("equal", order, lift(1, "int32")))
        without = _run("cumprod", emit("where", first, one, x), axis, reverse)
        at_first = _run("cumsum", emit("mul", g, without), axis, 1 - reverse)
        others = _run("cumsum", emit("mul", g, out), axis, 1 - reverse)
        share = emit("div", others, emit("where", is_zero, one, x))
        share = emit("where", is_zero, zero, share)
        return emit("where", first, at_first, share)

    return [back]


define("cumsum", simple(_cumsum_rule), "The sum up to each position of an axis.")
define("cumprod", simple(_cumprod_rule), "The product up to each position of an axis.")


def _cumulative(op: str, x: Any, axis: int | None, dtype: Any) -> Any:
    x = lift(x)
    name = x.dtype if dtype is None else standardize_dtype(dtype)
    x = lift(x, "int32" if name == "bool" else name)
    if axis is None:
        x, axis = emit("reshape", x, shape=[-1]), 0
    return emit(op, x, axis=one_axis(op, axis, x.ndim), reverse=0)


@public_op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The sum of the elements up to each one along `axis` (None: of the flattened
    `x`). bool counts as int32."""
    return _cumulative("cumsum", x, axis, dtype)


@public_op
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The product of the elements up to each one along `axis` (None: of the flattened
    `x`). bool counts as int32."""
    return _cumulative("cumprod", x, axis, dtype)


@public_op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Each element's difference from the one before it along `axis`, `n` times over."""
    a = lift(a)
    if n < 0:
        raise ValueError(f"diff: expected n >= 0, received n={n}")
    place = one_axis("diff", axis, a.ndim)
    op = "not_equal" if a.dtype == "bool" else "sub"
    for _ in range(min(n, a.shape[place]) if a.shape[place] >= 0 else n):
        size = a.shape[place]
        later = slice_axis(a, place, min(1, size), size)
        a = emit(op, later, slice_axis(a, place, 0, max(size - 1, 0)))
    return a
