"""Moving elements: definitions of the shape opcodes, and the functions made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.graph.trace import current_trace
from pydl.ops.apply import apply, emit, lift, promote
from pydl.ops.axes import axes_list, one_axis, to_shape
from pydl.ops.public import public_op
from pydl.ops.rules import simple, unbroadcast
from pydl.runtime.tensor import Tensor

__all__ = [
    "broadcast_to", "concatenate", "expand_dims", "flatten", "moveaxis", "ndim", "pad",
    "ravel", "reshape", "shape", "size", "split", "squeeze", "stack", "stop_gradient",
    "swapaxes", "transpose",
]  # fmt: skip


def _concatenate_rule(call: OpCall, grad: Any) -> list[Any]:
    axis, start, rules = call.attrs["axis"], 0, []
    for x in call.inputs:
        stop = start + x.shape[axis]
        rules.append(lambda start=start, stop=stop: slice_axis(grad, axis, start, stop))
        start = stop
    return rules


def _slice_rule(call: OpCall, grad: Any) -> list[Any]:
    """The gradient goes back to where it was cut from, zeros in between."""
    shape, begin = call.inputs[0].shape, call.attrs["begin"]

    def back() -> Any:
        spread = _interleave(grad, call.attrs["stride"])
        # The last stride may reach past the end of the operand.
        ends = [
            min(s, n - b) for s, n, b in zip(spread.shape, shape, begin, strict=True)
        ]
        kept = slice_box(spread, [0] * len(shape), ends)
        high = [n - b - e for n, b, e in zip(shape, begin, ends, strict=True)]
        return emit("pad", kept, low=list(begin), high=high, value=0.0)

    return [back]


def _interleave(x: Any, stride: Sequence[int]) -> Any:
    """`x` with ``stride - 1`` zeros after each element, along each axis."""
    for axis, step in enumerate(stride):
        if step == 1:
            continue
        merged = [*x.shape[:axis], x.shape[axis] * step, *x.shape[axis + 1 :]]
        rows, row = math.prod(x.shape[: axis + 1]), math.prod(x.shape[axis + 1 :])
        x = emit("reshape", x, shape=[rows, 1, row])
        x = emit("pad", x, low=[0, 0, 0], high=[0, step - 1, 0], value=0.0)
        x = emit("reshape", x, shape=merged)
    return x


def _pad_rule(call: OpCall, grad: Any) -> list[Any]:
    low, shape = call.attrs["low"], call.inputs[0].shape
    end = [start + dim for start, dim in zip(low, shape, strict=True)]
    return [lambda: slice_box(grad, low, end)]


def _inverse(perm: Sequence[int]) -> list[int]:
    return sorted(range(len(perm)), key=perm.__getitem__)


define(
    "reshape",
    simple(
        lambda call, g: [lambda: emit("reshape", g, shape=list(call.inputs[0].shape))]
    ),
    "The same elements in another shape; no data moves.",
)
define(
    "transpose",
    simple(
        lambda call, g: [
            lambda: emit("transpose", g, perm=_inverse(call.attrs["perm"]))
        ]
    ),
    "The axes in another order.",
)
define(
    "broadcast_to",
    simple(lambda call, g: [lambda: unbroadcast(g, call.inputs[0].shape)]),
    "Repeated along axes of size 1.",
)
define("concatenate", simple(_concatenate_rule), "Joined along an axis.")
define("slice", simple(_slice_rule), "A box of elements, with strides.")
define("pad", simple(_pad_rule), "Surrounded by a constant.")


def slice_box(x: Any, begin: Sequence[int], end: Sequence[int]) -> Any:
    """The elements between two corners."""
    if tuple(end) == x.shape and not any(begin):
        return x
    ones = [1] * len(begin)
    return emit("slice", x, begin=list(begin), end=list(end), stride=ones)


def slice_axis(x: Any, axis: int, start: int, stop: int) -> Any:
    """The elements from `start` to `stop` along one axis."""
    begin, end = [0] * x.ndim, list(x.shape)
    begin[axis], end[axis] = start, stop
    return slice_box(x, begin, end)


def move_to_last(x: Any, axis: int) -> Any:
    """Axis `axis` becomes the last one."""
    if axis == x.ndim - 1:
        return x
    return emit("transpose", x, perm=[*(i for i in range(x.ndim) if i != axis), axis])


def move_from_last(x: Any, axis: int) -> Any:
    """The last axis becomes axis `axis`."""
    if axis == x.ndim - 1:
        return x
    rest = list(range(x.ndim - 1))
    return emit("transpose", x, perm=[*rest[:axis], x.ndim - 1, *rest[axis:]])


@public_op
def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape; one entry may be -1."""
    x = lift(x)
    target = to_shape("reshape", newshape)
    if x.shape.count(-1) == 1 and target.count(-1) == 2 and x.shape[0] == target[0]:
        # Symbolic: the unknown first axis is kept, the rest is known.
        rest = math.prod(x.shape[1:])
        known = math.prod(d for d in target if d != -1)
        target[target.index(-1, 1)] = rest // known
    return x if tuple(target) == x.shape else emit("reshape", x, shape=target)


@public_op
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in the order `axes`, reversed by default."""
    x = lift(x)
    perm = list(range(x.ndim))[::-1]
    if axes is not None:
        perm = [one_axis("transpose", axis, x.ndim) for axis in axes]
    return emit("transpose", x, perm=perm)


@public_op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes `source` moved to the places `destination`; the others keep their order."""
    x = lift(x)
    sources = source if isinstance(source, list | tuple) else [source]
    places = destination if isinstance(destination, list | tuple) else [destination]
    moved = [one_axis("moveaxis", a, x.ndim) for a in sources]
    perm = [axis for axis in range(x.ndim) if axis not in moved]
    targets = [one_axis("moveaxis", a, x.ndim) for a in places]
    if len(targets) != len(moved) or len(set(moved)) != len(moved):
        raise ValueError(
            "moveaxis: expected as many destinations as (different) sources, received "
            f"source={source}, destination={destination}"
        )
    for place, axis in sorted(zip(targets, moved, strict=True)):
        perm.insert(place, axis)
    return emit("transpose", x, perm=perm)


@public_op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = lift(x)
    perm = list(range(x.ndim))
    a, b = (one_axis("swapaxes", axis, x.ndim) for axis in (axis1, axis2))
    perm[a], perm[b] = b, a
    return emit("transpose", x, perm=perm)


@public_op
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """New axes of size 1 at the places `axis` of the result."""
    x = lift(x)
    count = len(axis) if isinstance(axis, list | tuple) else 1
    shape = list(x.shape)
    for place in axes_list("expand_dims", axis, x.ndim + count):
        shape.insert(place, 1)
    return emit("reshape", x, shape=shape)


@public_op
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Without the axes of size 1, or without those named."""
    x = lift(x)
    if axis is None:
        gone = [i for i, dim in enumerate(x.shape) if dim == 1]
    else:
        gone = axes_list("squeeze", axis, x.ndim)
    for place in gone:
        if x.shape[place] not in (1, -1):
            raise ValueError(
                f"squeeze: expected size 1 on axis {place}, received x of shape "
                f"{x.shape}"
            )
    return emit("reshape", x, shape=[d for i, d in enumerate(x.shape) if i not in gone])


@public_op
def ravel(x: Any) -> Any:
    """All elements on one axis."""
    return emit("reshape", lift(x), shape=[-1])


@public_op
def flatten(x: Any) -> Any:
    """The same as `ravel`."""
    return ravel(x)


@public_op
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape`, by NumPy's rules."""
    x = lift(x)
    target = to_shape("broadcast_to", shape)
    return x if tuple(target) == x.shape else emit("broadcast_to", x, shape=target)


@public_op
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """The tensors joined along an existing axis."""
    tensors = promote(*xs)
    if not tensors:
        raise ValueError("concatenate: expected one or more tensors, received none")
    place = one_axis("concatenate", axis, tensors[0].ndim)
    return apply("concatenate", tensors, {"axis": place})[0]


@public_op
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """The tensors joined along a new axis."""
    tensors = promote(*x)
    if not tensors:
        raise ValueError("stack: expected one or more tensors, received none")
    place = one_axis("stack", axis, tensors[0].ndim + 1)
    return concatenate([expand_dims(t, place) for t in tensors], axis=place)


@public_op
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """`x` cut into equal sections, or at the given indices."""
    x = lift(x)
    place = one_axis("split", axis, x.ndim)
    length = x.shape[place]
    if isinstance(indices_or_sections, int):
        sections = indices_or_sections
        if sections < 1 or length % sections:
            raise ValueError(
                f"split: expected axis {axis} of x {x.shape} to be a multiple of "
                f"indices_or_sections, received {sections}"
            )
        cuts = [i * (length // sections) for i in range(sections + 1)]
    else:
        inner = [
            min(max(i + length if i < 0 else i, 0), length) for i in indices_or_sections
        ]
        cuts = [0, *inner, length]
    pairs = zip(cuts, cuts[1:], strict=False)
    return [slice_axis(x, place, start, max(start, stop)) for start, stop in pairs]


@public_op
def pad(
    x: Any,
    pad_width: Any,
    mode: str = "constant",
    constant_values: float | None = None,
) -> Any:
    """`x` surrounded by a constant. `pad_width`: a number, ``(before, after)`` or one
    such pair per axis."""
    x = lift(x)
    if mode != "constant":
        raise ValueError(f"pad: expected mode='constant', received mode={mode!r}")
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
    except ValueError:
        widths = np.empty(0)
    if widths.dtype.kind not in "iu":
        raise ValueError(
            "pad: expected pad_width to be a number, a pair or one pair of integers "
            f"per axis of x {x.shape}, received pad_width={pad_width}"
        )
    low, high = widths.T.tolist()
    return emit("pad", x, low=low, high=high, value=float(constant_values or 0))


@public_op
def stop_gradient(variable: Any) -> Any:
    """The same value, through which no gradient passes."""
    x = lift(variable)
    trace = current_trace()
    if trace is None:
        x.detach()
        return Tensor(x.array)  # known to no tape
    alias = emit("reshape", x, shape=list(x.shape))  # a value of its own, no data moves
    trace.stopped.add(alias.value)
    return alias


@public_op
def shape(x: Any) -> tuple[int, ...]:
    """The shape as a tuple."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(lift(x).shape)


@public_op
def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape(x))


@public_op
def size(x: Any) -> int:
    """The number of elements."""
    return math.prod(shape(x))
