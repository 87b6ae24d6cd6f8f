"""Activation functions by Keras's names, and their lookup by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import ops
from pydl.ops.nn import (
    celu,
    elu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    squareplus,
    tanh_shrink,
)
from pydl.ops.public import public_op

Activation = Callable[..., Any]


@public_op
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Any:
    """`x` from `threshold` up, below it ``negative_slope * (x - threshold)``; at most
    `max_value`."""
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    x = ops.convert_to_tensor(x)
    low = negative_slope * (x - threshold) if negative_slope else ops.zeros_like(x)
    out = ops.where(x >= threshold if threshold else x > 0, x, low)
    return out if max_value is None else ops.minimum(out, max_value)


@public_op
def softmax(x: Any, axis: int = -1) -> Any:
    """Positive numbers that sum to 1 along `axis`."""
    return ops.softmax(x, axis=axis)


@public_op
def gelu(x: Any, approximate: bool = False) -> Any:
    """``x * Phi(x)``, Phi the normal distribution; `approximate`: through tanh."""
    return ops.gelu(x, approximate=approximate)


@public_op
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return ops.tanh(x)


@public_op
def exponential(x: Any) -> Any:
    """``exp(x)``."""
    return ops.exp(x)


def linear(x: Any) -> Any:
    """`x` itself."""
    return x


@public_op
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of `x` along `axis` times the sigmoid of the second.

    Y. N. Dauphin et al. (2017), "Language Modeling with Gated Convolutional Networks".

    >>> float(glu([2.0, 0.0])[0])
    1.0
    """
    first, second = ops.split(x, 2, axis=axis)
    return ops.multiply(first, ops.sigmoid(second))


@public_op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` where it is above `threshold`, else `default_value`.

    >>> threshold([-1.0, 2.0], 0.0, 5.0).tolist()
    [5.0, 2.0]
    """
    return ops.where(ops.greater(x, threshold), x, default_value)


@public_op
def sparse_plus(x: Any) -> Any:
    """0 up to -1, ``x`` from 1, and ``(x + 1)^2 / 4`` between.

    >>> sparse_plus([-2.0, 0.0, 3.0]).tolist()
    [0.0, 0.25, 3.0]
    """
    x = ops.convert_to_tensor(x)
    middle = ops.square(ops.clip(x, -1.0, 1.0) + 1.0) * 0.25
    return ops.where(x >= 1.0, x, middle)


@public_op
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1, and ``(x + 1) / 2`` between.

    >>> sparse_sigmoid([-2.0, 0.0, 3.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return ops.clip(ops.multiply(ops.add(x, 1.0), 0.5), 0.0, 1.0)


@public_op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest distribution to `x` along `axis`: small values become 0.

    A. Martins and R. Astudillo (2016), "From Softmax to Sparsemax". Without a sort all
    pairs are compared: n^2 steps for n values.

    >>> sparsemax([0.5, 0.5, -9.0]).tolist()
    [0.5, 0.5, 0.0]
    """
    x = ops.moveaxis(ops.convert_to_tensor(x), axis, -1)
    above = ops.cast(ops.expand_dims(x, -2) >= ops.expand_dims(x, -1), x.dtype)
    number = ops.sum(above, axis=-1)  # of values at least as large
    total = ops.sum(above * ops.expand_dims(x, -2), axis=-1)
    support = ops.cast(number * x + 1.0 > total, x.dtype)
    size = ops.sum(support, axis=-1, keepdims=True)
    level = (ops.sum(support * x, axis=-1, keepdims=True) - 1.0) / size
    return ops.moveaxis(ops.maximum(x - level, 0.0), -1, axis)


swish = silu
hard_swish = hard_silu

_BY_NAME: dict[str, Activation] = {
    function.__name__: function
    for function in (
        celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu,
        hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6,
        selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
        sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
    )
}  # fmt: skip
_ALIASES: dict[str, Activation] = {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Activation:
    """An activation by name or config, or the callable itself. None: `linear`."""
    if identifier is None:
        return linear
    if isinstance(identifier, str | dict):
        return deserialize(identifier)
    if callable(identifier):
        function: Activation = identifier
        return function
    raise ValueError(
        "activation: expected a name, a callable, a config or None, received "
        f"{identifier!r} of type {type(identifier).__name__}"
    )


def serialize(activation: Activation) -> Any:
    """The name of an activation: what `deserialize` takes."""
    name = getattr(activation, "__name__", None)
    if name is None:
        raise ValueError(
            "activation: expected a function to serialize, received "
            f"{activation!r} of type {type(activation).__name__}"
        )
    return name


def deserialize(
    config: Any, custom_objects: dict[str, Any] | None = None
) -> Activation:
    """The activation named by `config`; `custom_objects` are looked up first."""
    name = config.get("config", config) if isinstance(config, dict) else config
    if not isinstance(name, str):
        raise ValueError(f"activation: expected a name, received {config!r}")
    found = (custom_objects or {}).get(name) or _BY_NAME.get(name) or _ALIASES.get(name)
    if found is None:
        raise ValueError(
            f"activation: unknown name {name!r}; expected one of "
            f"{', '.join(sorted(_BY_NAME))}, or a callable"
        )
    return found


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
