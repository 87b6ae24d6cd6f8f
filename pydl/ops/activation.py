"""Activation functions, as in `keras.ops.nn`."""

from __future__ import annotations

import math
from typing import Any

from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.arithmetic import clip, maximum, minimum
from pydl.ops.public import public_op

__all__ = [
    "celu", "elu", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "log_sigmoid", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softplus", "softsign", "squareplus", "swish",
    "tanh_shrink",
]  # fmt: skip


def _float(x: Any) -> Any:
    return promote_float(x)[0]


@public_op
def relu(x: Any) -> Any:
    """``max(x, 0)``."""
    x = lift(x)
    if x.dtype == "bool" or x.dtype.startswith("uint"):
        return x
    return emit("relu", x)


@public_op
def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``."""
    return minimum(relu(x), 6)


@public_op
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return emit("sigmoid", _float(x))


@public_op
def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``."""
    return emit("softplus", _float(x))


@public_op
def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``."""
    x = _float(x)
    return x / (emit("abs", x) + 1.0)


@public_op
def silu(x: Any) -> Any:
    """``x * sigmoid(x)``."""
    x = _float(x)
    return x * emit("sigmoid", x)


@public_op
def swish(x: Any) -> Any:
    """The same as `silu`."""
    return silu(x)


@public_op
def log_sigmoid(x: Any) -> Any:
    """``log(sigmoid(x))``, exact for large negative numbers."""
    return -emit("softplus", -_float(x))


@public_op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """``x`` where positive, else ``negative_slope * x``."""
    x = _float(x)
    zero = lift(0.0, x.dtype)
    return emit("where", emit("less", x, zero), x * negative_slope, x)


@public_op
def hard_sigmoid(x: Any) -> Any:
    """``relu6(x + 3) / 6``."""
    return clip(_float(x) * (1 / 6) + 0.5, 0.0, 1.0)


@public_op
def hard_silu(x: Any) -> Any:
    """``x * hard_sigmoid(x)``."""
    x = _float(x)
    return x * hard_sigmoid(x)


@public_op
def hard_swish(x: Any) -> Any:
    """The same as `hard_silu`."""
    return hard_silu(x)


@public_op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where positive, else ``alpha * (exp(x) - 1)``."""
    x = _float(x)
    zero = lift(0.0, x.dtype)
    # The exponent is held at 0 where it is not used: overflow would spoil gradients.
    below = emit("expm1", minimum(x, 0.0)) * alpha
    return emit("where", emit("greater", x, zero), x, below)


@public_op
def selu(x: Any) -> Any:
    """The scaled exponential unit of self-normalizing networks."""
    return elu(x, alpha=1.6732632423543772) * 1.0507009873554805


@public_op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``."""
    x = _float(x)
    return relu(x) + emit("expm1", minimum(x, 0.0) * (1 / alpha)) * alpha


@public_op
def gelu(x: Any, approximate: bool = True) -> Any:
    """``x * Phi(x)``, Phi the normal distribution; `approximate`: through tanh."""
    x = _float(x)
    if approximate:
        inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * 0.5 * (emit("tanh", inner) + 1.0)
    return x * 0.5 * (emit("erf", x * math.sqrt(0.5)) + 1.0)


@public_op
def hard_tanh(x: Any) -> Any:
    """`x` limited to ``[-1, 1]``."""
    return clip(_float(x), -1.0, 1.0)


@public_op
def tanh_shrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    x = _float(x)
    return x - emit("tanh", x)


@public_op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where ``|x| > threshold``, else 0."""
    x = _float(x)
    far = emit("greater", emit("abs", x), lift(threshold, x.dtype))
    return emit("where", far, x, lift(0.0, x.dtype))


@public_op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved towards 0 by `threshold`, 0 if it is nearer."""
    x = _float(x)
    return maximum(x - threshold, 0.0) + minimum(x + threshold, 0.0)


@public_op
def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))``."""
    x = _float(x)
    return x * emit("tanh", emit("softplus", x))


@public_op
def squareplus(x: Any, b: float = 4) -> Any:
    """``(x + sqrt(x^2 + b)) / 2``."""
    x = _float(x)
    return (x + emit("sqrt", x * x + b)) * 0.5
