"""Numbers in order: windows, logarithmic ranges, powers, differences and products of
sequences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.graph.trace import TraceTensor
from pydl.ops.apply import emit, lift, promote
from pydl.ops.arithmetic import power
from pydl.ops.axes import one_axis
from pydl.ops.creation import eye, full_like, zeros
from pydl.ops.cumulative import diff
from pydl.ops.dtypes import standardize_dtype
from pydl.ops.public import public_op
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import concatenate, moveaxis, slice_axis, stack

__all__ = [
    "bartlett", "blackman", "correlate", "cross", "empty", "empty_like", "geomspace",
    "hamming", "hanning", "identity", "kaiser", "logspace", "trapezoid", "vander",
    "vdot",
]  # fmt: skip


@public_op
def identity(n: int, dtype: Any = None) -> Any:
    """The square matrix with ones on its diagonal, zeros elsewhere."""
    return eye(n, dtype=dtype)


@public_op
def empty(shape: Any, dtype: Any = None) -> Any:
    """A tensor of this shape; its elements are zeros."""
    return zeros(shape, dtype)


@public_op
def empty_like(x: Any, dtype: Any = None) -> Any:
    """A tensor of the shape (and dtype) of `x`; its elements are zeros."""
    return full_like(x, 0, dtype)


def _known(name: str, argument: str, value: Any) -> Any:
    """A number or array that the shape or the elements of a constant are made of."""
    if isinstance(value, TraceTensor):
        raise ValueError(
            f"{name}: expected {argument} to be a number or a tensor that holds "
            f"values, received {value!r}"
        )
    return value if isinstance(value, int | float) else lift(value).numpy()


def _window(name: str, make: Callable[[int], Any], x: Any) -> Any:
    length = int(_known(name, "x", x))
    return lift(make(length).astype(floatx()))


@public_op
def bartlett(x: Any) -> Any:
    """The triangular window of length `x`."""
    return _window("bartlett", np.bartlett, x)


@public_op
def blackman(x: Any) -> Any:
    """Blackman's window of length `x`."""
    return _window("blackman", np.blackman, x)


@public_op
def hamming(x: Any) -> Any:
    """Hamming's window of length `x`."""
    return _window("hamming", np.hamming, x)


@public_op
def hanning(x: Any) -> Any:
    """Hann's window of length `x`."""
    return _window("hanning", np.hanning, x)


@public_op
def kaiser(x: Any, beta: Any) -> Any:
    """Kaiser's window of length `x`; `beta` sets its width."""
    shape = float(_known("kaiser", "beta", beta))
    return _window("kaiser", lambda length: np.kaiser(length, shape), x)


@public_op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """`num` numbers from ``base^start`` to ``base^stop``, evenly spaced in their
    logarithm."""
    ends: Any = [_known("logspace", "start and stop", value) for value in (start, stop)]
    numbers = np.logspace(ends[0], ends[1], num, endpoint, base, axis=axis)
    return lift(numbers.astype(standardize_dtype(dtype)))


@public_op
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """`num` numbers from `start` to `stop`, each the same multiple of the last."""
    ends: Any = [
        _known("geomspace", "start and stop", value) for value in (start, stop)
    ]
    numbers = np.geomspace(ends[0], ends[1], num, endpoint, axis=axis)
    # Rounded first: a whole number just missed is not made the one below.
    return lift(np.round(numbers, 9).astype(standardize_dtype(dtype)))


@public_op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element of the vector `x`, from ``N - 1`` to 0 (or up)."""
    x = lift(x)
    if x.ndim != 1:
        raise ValueError(f"vander: expected a vector, received x of shape {x.shape}")
    count = x.shape[0] if N is None else N
    exponents = np.arange(count) if increasing else np.arange(count)[::-1]
    column = emit("reshape", x, shape=[x.shape[0], 1])
    return power(column, lift(exponents.astype("int32"), x.dtype))


@public_op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The integral of `y` along `axis` by the trapezoidal rule: at the places `x`, or
    `dx` apart."""
    y = lift(y)
    place = one_axis("trapezoid", axis, y.ndim)
    length = y.shape[place]
    pairs = slice_axis(y, place, 1, length) + slice_axis(y, place, 0, length - 1)
    if x is None:
        return sum_(pairs * dx * 0.5, place)
    widths = diff(x, axis=-1 if lift(x).ndim == 1 else axis)
    if widths.ndim == 1:
        shape = [length - 1 if i == place else 1 for i in range(y.ndim)]
        widths = emit("reshape", widths, shape=shape)
    return sum_(pairs * widths * 0.5, place)


@public_op
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
    axis: int | None = None,
) -> Any:  # fmt: skip
    """The cross product of vectors of 2 or 3 components, which stand along `axisa` and
    `axisb` and those of the result along `axisc` (`axis`: all three). Of two of 2
    components each the third component alone."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = promote(x1, x2)
    first, second = _components(x1, axisa), _components(x2, axisb)
    if len(first) == 2 and len(second) == 2:
        return first[0] * second[1] - first[1] * second[0]
    # A missing third component is 0.
    a, b = ([*v, v[0] * 0] if len(v) == 2 else v for v in (first, second))
    parts = [
        a[i] * b[k] - a[k] * b[i] for i, k in ((1, 2), (2, 0), (0, 1))
    ]  # by the cyclic rule
    return moveaxis(stack(parts, -1), -1, axisc)


def _components(x: Any, axis: int) -> list[Any]:
    place = one_axis("cross", axis, x.ndim)
    count = x.shape[place]
    if count not in (2, 3):
        raise ValueError(
            f"cross: expected 2 or 3 components on axis {axis}, received "
            f"shape {x.shape}"
        )
    rest = [d for i, d in enumerate(x.shape) if i != place]
    return [
        emit("reshape", slice_axis(x, place, i, i + 1), shape=rest)
        for i in range(count)
    ]


@public_op
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of all elements of `x1` and `x2`, in order."""
    x1, x2 = promote(x1, x2)
    if math.prod(x1.shape) != math.prod(x2.shape):
        raise ValueError(
            f"vdot: expected as many elements, received shapes {x1.shape} and "
            f"{x2.shape}"
        )
    flat = [emit("reshape", x, shape=[-1]) for x in (x1, x2)]
    return sum_(flat[0] * flat[1])


@public_op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The sums of products of the vectors as one is moved along the other: ``c[k] = sum
    over n of x1[n + k] * x2[n]``. `mode`: ``"valid"`` where they overlap fully,
    ``"same"`` as long as the longer one, ``"full"`` wherever they overlap. The work
    grows with the product of their lengths."""
    x1, x2 = promote(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1 or 0 in (*x1.shape, *x2.shape):
        raise ValueError(
            f"correlate: expected two vectors with elements, received shapes "
            f"{x1.shape} and {x2.shape}"
        )
    n, m = x1.shape[0], x2.shape[0]
    sides = {"valid": (0, 0), "full": (min(n, m) - 1,) * 2}
    short = min(n, m)
    sides["same"] = (short // 2, short - 1 - short // 2)
    if mode not in sides:
        raise ValueError(
            f"correlate: expected mode 'valid', 'same' or 'full', received {mode!r}"
        )
    long, other, (low, high) = x1, x2, sides[mode]
    if n < m:  # moved the other way; the result is turned round at the end
        long, other = x2, x1
    padded = emit("pad", long, low=[low], high=[high], value=0.0)
    count = padded.shape[0] - short + 1
    windows = [slice_axis(padded, 0, k, k + count) for k in range(short)]
    weights = [slice_axis(other, 0, k, k + 1) for k in range(short)]
    out = windows[0] * weights[0]
    for window, weight in zip(windows[1:], weights[1:], strict=True):
        out = out + window * weight
    if n < m:
        out = concatenate(
            [slice_axis(out, 0, k, k + 1) for k in reversed(range(count))]
        )
    return out
