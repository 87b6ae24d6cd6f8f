"""Means and variances, and what is normalized by them; gates and thresholds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.config import epsilon as default_epsilon
from pydl.ops.apply import emit, lift, promote, promote_float
from pydl.ops.arithmetic import clip
from pydl.ops.axes import axes_list, one_axis
from pydl.ops.creation import one_hot
from pydl.ops.dtypes import result_type, standardize_dtype
from pydl.ops.exponential import log10
from pydl.ops.norm import are_rows, normalized_rows
from pydl.ops.public import public_op
from pydl.ops.reduce import max as max_
from pydl.ops.reduce import mean, norm, var
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import move_from_last, move_to_last, slice_axis

__all__ = [
    "batch_normalization", "glu", "layer_normalization", "moments", "multi_hot",
    "normalize", "psnr", "rms_normalization", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "threshold",
]  # fmt: skip

Axis = int | Sequence[int]


@public_op
def glu(x: Any, axis: int = -1) -> Any:
    """The gated linear unit: the first half of `x` along `axis` times the sigmoid of
    the second (Dauphin et al., 2016)."""
    x = promote_float(x)[0]
    place = one_axis("glu", axis, x.ndim)
    length = x.shape[place]
    if length % 2:
        raise ValueError(
            f"glu: expected an even number of elements along axis {axis}, received x "
            f"of shape {x.shape}"
        )
    gate = slice_axis(x, place, length // 2, length)
    return slice_axis(x, place, 0, length // 2) * emit("sigmoid", gate)


@public_op
def sparse_plus(x: Any) -> Any:
    """0 up to -1, ``(x + 1)^2 / 4`` to 1, then `x`: a smooth relu with exact zeros."""
    x = promote_float(x)[0]
    held = clip(x, -1.0, 1.0) + 1.0
    # Where x is above 1 the held part is 1 and the rest is added.
    return held * held * 0.25 + emit("relu", x - 1.0)


@public_op
def sparse_sigmoid(x: Any) -> Any:
    """``(x + 1) / 2`` limited to ``[0, 1]``: the slope of `sparse_plus`."""
    return clip((promote_float(x)[0] + 1.0) * 0.5, 0.0, 1.0)


@public_op
def threshold(x: Any, threshold: Any, default_value: Any) -> Any:
    """`x` where it is above `threshold`, else `default_value`."""
    x, limit = promote(x, threshold)
    return emit("where", emit("greater", x, limit), *promote(x, default_value))


@public_op
def normalize(
    x: Any, axis: Axis = -1, order: int = 2, epsilon: float | None = None
) -> Any:
    """`x` over its norm of this order along `axis`, which counts as `epsilon` at
    least."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: expected an integer order >= 1, received {order}")
    x = promote_float(x)[0]
    x = x if x.ndim else emit("reshape", x, shape=[1])
    least = default_epsilon() if epsilon is None else epsilon
    if order == 2:
        inverse = emit("rsqrt", sum_(emit("square", x), axis, keepdims=True))
        return x * emit("minimum", inverse, lift(1.0 / least, x.dtype))
    if order == 1:
        size = norm(x, ord=1, axis=axis, keepdims=True)
    else:
        powers = emit("pow", emit("abs", x), lift(float(order), x.dtype))
        total = sum_(powers, axis, keepdims=True)
        size = emit("pow", total, lift(1.0 / order, x.dtype))
    return x / emit("maximum", size, lift(least, x.dtype))


@public_op
def moments(
    x: Any, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Any, Any]:
    """The mean and the variance over `axes`."""
    if synchronized:
        raise NotImplementedError(
            "moments: expected synchronized=False, received True: a program runs on "
            "one device"
        )
    x = promote_float(x)[0]
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@public_op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``, vectors along
    `axis`."""
    x = promote_float(x)[0]
    place = one_axis("batch_normalization", axis, x.ndim)
    wide = [x.shape[place] if i == place else 1 for i in range(x.ndim)]

    def column(name: str, value: Any) -> Any:
        value = lift(value, x.dtype)
        if value.shape != (x.shape[place],):
            raise ValueError(
                f"batch_normalization: expected {name} of shape ({x.shape[place]},) "
                f"for axis {axis} of x {x.shape}, received {value.shape}"
            )
        return emit("reshape", value, shape=wide)

    inverse = emit("rsqrt", column("variance", variance) + epsilon)
    if scale is not None:
        inverse = inverse * column("scale", scale)
    rest = -column("mean", mean) * inverse
    if offset is not None:
        rest = rest + column("offset", offset)
    return x * inverse + rest


def _wide(x: Any) -> tuple[Any, str]:
    """`x` in float32 at least, and the dtype of the result."""
    x = promote_float(x)[0]
    return lift(x, result_type(x.dtype, "float32")), x.dtype


def _normalized_rows(
    x: Any, axes: Sequence[int], epsilon: float, gamma: Any, beta: Any, centred: bool
) -> Any:
    """As `normalized_rows`; what is not a number per element broadcasts behind it."""
    learned = [None if v is None else lift(v, x.dtype) for v in (gamma, beta)]
    sizes = tuple(x.shape[axis] for axis in axes)
    fits = [v is None or _spans(v.shape, sizes, x.ndim) for v in learned]
    if all(fits):
        return normalized_rows(x, axes, epsilon, learned[0], learned[1], centred)
    out = normalized_rows(x, axes, epsilon, None, None, centred)
    out = out if learned[0] is None else out * learned[0]
    return out if learned[1] is None else out + learned[1]


def _spans(shape: Sequence[int], sizes: Sequence[int], rank: int) -> bool:
    """Whether a factor of this shape has an element for each of a row's."""
    lead = [1] * (rank - len(sizes))
    return list(shape) in ([*sizes], [*lead, *sizes])


@public_op
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Axis = -1,
    epsilon: float | None = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """`x` less its mean over `axis`, over its deviation, times `gamma` plus `beta` (Ba
    et al., 2016)."""
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: unexpected arguments {sorted(kwargs)}")
    x, dtype = _wide(x)
    axes = axes_list("layer_normalization", axis, x.ndim)
    least = default_epsilon() if epsilon is None else epsilon
    if not rms_scaling and are_rows(axes, x.shape):
        return lift(_normalized_rows(x, axes, least, gamma, beta, True), dtype)
    wide = [d if i in axes else 1 for i, d in enumerate(x.shape)]

    def factor(value: Any) -> Any:
        value = lift(value, x.dtype)
        if value.ndim == x.ndim or axes == [x.ndim - 1]:
            return value
        return emit("reshape", value, shape=wide)

    inverse = emit("rsqrt", var(x, axes, keepdims=True) + least)
    if rms_scaling:
        warnings.warn(
            "layer_normalization: rms_scaling is deprecated; use rms_normalization",
            stacklevel=2,
        )
        out = x * inverse
        return lift(out if gamma is None else out * factor(gamma), dtype)
    if gamma is not None:
        inverse = inverse * factor(gamma)
    rest = -mean(x, axes, keepdims=True) * inverse
    if beta is not None:
        rest = rest + factor(beta)
    return lift(x * inverse + rest, dtype)


@public_op
def rms_normalization(
    x: Any, scale: Any = None, axis: Axis = -1, epsilon: float | None = None
) -> Any:
    """`x` over the root of the mean of its squares over `axis`, times `scale` (Zhang
    and Sennrich, 2019)."""
    x, dtype = _wide(x)
    x = x if x.ndim else emit("reshape", x, shape=[1])
    least = default_epsilon() if epsilon is None else epsilon
    axes = axes_list("rms_normalization", axis, x.ndim)
    if are_rows(axes, x.shape):
        return lift(_normalized_rows(x, axes, least, scale, None, False), dtype)
    squares = mean(emit("square", x), axis, keepdims=True)
    out = x * emit("rsqrt", squares + least)
    return lift(out if scale is None else out * lift(scale, x.dtype), dtype)


@public_op
def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """The peak signal-to-noise ratio in decibel: ``20 log10(max_val) - 10 log10(mean
    squared difference)``."""
    x1, x2 = promote_float(x1, x2)
    if x1.shape != x2.shape:
        raise ValueError(
            f"psnr: expected equal shapes, received {x1.shape} and {x2.shape}"
        )
    error = mean(emit("square", x1 - x2))
    return log10(lift(max_val, x2.dtype)) * 20.0 - log10(error) * 10.0


@public_op
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """A row per sample with 1 at the place of each of its indices: those of axis 1, or
    all of a vector."""
    if num_classes is None:
        num_classes = kwargs.pop("num_tokens", None)
    if num_classes is None or kwargs:
        raise ValueError(
            f"multi_hot: expected num_classes, received num_classes={num_classes} and "
            f"{sorted(kwargs)}"
        )
    x = lift(inputs)
    x = x if x.dtype in ("int32", "int64") else lift(x, "int32")
    rows = one_hot(x, num_classes, axis, standardize_dtype(dtype), sparse)
    return max_(rows, axis=1 if x.ndim > 1 else 0)


@public_op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the probability simplex (Martins and Astudillo, 2016).

    ``max(x - tau, 0)``; of the candidates for tau, one for each number of largest
    elements that may be kept, the greatest is right. (Keras 3.15 computes another tau
    where more than one element is kept, and rows that do not sum to 1.)
    """
    x = promote_float(x)[0]
    place = one_axis("sparsemax", axis, x.ndim)
    rows = move_to_last(x, place)
    descending = -emit("sort", -rows)
    total = emit("cumsum", descending, axis=x.ndim - 1, reverse=0)
    count = lift(np.arange(1, rows.shape[-1] + 1).astype(x.dtype))
    tau = max_((total - 1.0) / count, -1, keepdims=True)
    return move_from_last(emit("relu", rows - tau), place)
