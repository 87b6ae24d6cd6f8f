"""Convolution, pooling and batch normalization of channels-last images.

`strides`, `dilations` and windows are a number or one per spatial axis; `padding` is
"valid", "same", "causal" (one axis), or a pair (in front, behind) for each axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydl import windows
from pydl.kernels.call import Array, one, run
from pydl.runtime import gpu

__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "avg_pool_grad", "batch_norm",
    "batch_norm_grad", "conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose",
    "conv3d", "conv3d_transpose", "conv_grad_w", "conv_grad_x", "depthwise_conv1d",
    "depthwise_conv2d", "max_pool1d", "max_pool2d", "max_pool3d", "max_pool_grad",
]  # fmt: skip

Numbers = int | Sequence[int]
P = ParamSpec("P")
R = TypeVar("R")


def _over(axes: int, name: str, function: Callable[P, R]) -> Callable[P, R]:
    """A function of images of any rank as one of images with so many spatial axes."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        shape = gpu.shape_of(args[0])
        if len(shape) != axes + 2:
            raise ValueError(
                f"{name}: expected images of {axes + 2} axes (batch, spatial, "
                f"channels), received shape {shape}"
            )
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call


def _attributes(
    name: str,
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Numbers,
    padding: Any,
    dilations: Numbers = 1,
) -> dict[str, Any]:
    axes = len(sizes)
    if len(window) != axes:
        raise ValueError(
            f"{name}: expected a window of {axes} axes for images of {axes + 2}, "
            f"received one of {len(window)}"
        )
    steps = windows.per_axis(f"{name}: strides", strides, axes)
    apart = windows.per_axis(f"{name}: dilations", dilations, axes)
    spans = windows.spans(window, apart)
    low, high = windows.pad_widths(name, padding, sizes, spans, steps)
    return {"strides": steps, "dilations": apart, "low": low, "high": high}


def _conv(
    x: Array,
    weight: Array,
    *,
    strides: Numbers = 1,
    padding: Any = "valid",
    dilations: Numbers = 1,
    bias: Array | None = None,
    residual: Array | None = None,
    activation: str = "",
    out: Array | None = None,
) -> Array:
    """``activation(convolution + bias + residual)``, the epilogue in registers.

    Args:
        x: images `[N, spatial..., C]`.
        weight: `[window..., C / groups, K]`; the groups follow from the shapes.
        strides: from place to place.
        padding: see the module.
        dilations: how far apart the taps of the window are.
        bias: `[K]`.
        residual: of the result's shape.
        activation: "", "relu", "sigmoid" or "tanh".
        out: `[N, places..., K]` memory for the result.
    """
    shape, kernel = gpu.shape_of(x), gpu.shape_of(weight)
    attrs = _attributes("conv", shape[1:-1], kernel[:-2], strides, padding, dilations)
    attrs["groups"] = max(shape[-1] // max(kernel[-2], 1), 1)
    inputs = [x, weight]
    for name, operand in (("bias", bias), ("residual", residual)):
        if operand is not None:
            attrs[name] = 1
            inputs.append(operand)
    if activation:
        attrs["activation"] = activation
    return one("conv", inputs, attrs, out)


conv1d = _over(1, "conv1d", _conv)
conv2d = _over(2, "conv2d", _conv)
conv3d = _over(3, "conv3d", _conv)


def conv_grad_x(
    grad_out: Array,
    weight: Array,
    size: Sequence[int],
    *,
    strides: Numbers = 1,
    padding: Any = "valid",
    dilations: Numbers = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """The gradient with respect to the images of a convolution.

    Args:
        grad_out: `[N, places..., K]`.
        weight: `[window..., C / groups, K]`.
        size: the spatial sizes of the images.
        strides, padding, dilations, groups: those of the convolution.
        out: `[N, size..., C]` memory for the result.
    """
    window = gpu.shape_of(weight)[:-2]
    attrs = _attributes("conv_grad_x", size, window, strides, padding, dilations)
    own = {"size": list(size), "groups": groups}
    return one("conv_grad_x", [grad_out, weight], {**attrs, **own}, out)


def conv_grad_w(
    x: Array,
    grad_out: Array,
    window: Sequence[int],
    *,
    strides: Numbers = 1,
    padding: Any = "valid",
    dilations: Numbers = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """The gradient with respect to the weight of a convolution.

    Args:
        x: `[N, spatial..., C]`.
        grad_out: `[N, places..., K]`.
        window: its sizes.
        strides, padding, dilations, groups: those of the convolution.
        out: `[window..., C / groups, K]` memory for the result.
    """
    sizes = gpu.shape_of(x)[1:-1]
    attrs = _attributes("conv_grad_w", sizes, window, strides, padding, dilations)
    own = {"window": list(window), "groups": groups}
    return one("conv_grad_w", [x, grad_out], {**attrs, **own}, out)


def _depthwise_conv(
    x: Array,
    weight: Array,
    *,
    strides: Numbers = 1,
    padding: Any = "valid",
    dilations: Numbers = 1,
    bias: Array | None = None,
    activation: str = "",
    out: Array | None = None,
) -> Array:
    """Each channel by windows of its own.

    Args:
        x: images `[N, spatial..., C]`.
        weight: `[window..., C, M]`: `M` windows for each channel.
        strides, padding, dilations: as in `conv2d`.
        bias: `[C * M]`.
        activation: "", "relu", "sigmoid" or "tanh".
        out: `[N, places..., C * M]` memory for the result.
    """
    *window, channels, each = gpu.shape_of(weight)
    if channels != gpu.shape_of(x)[-1]:
        raise ValueError(
            f"depthwise_conv: expected a weight for the {gpu.shape_of(x)[-1]} channels "
            f"of x on its axis -2, received shape {gpu.shape_of(weight)}"
        )
    weight = gpu.reshaped(gpu.dense(weight), [*window, 1, channels * each])
    return _conv(
        x, weight, strides=strides, padding=padding, dilations=dilations, bias=bias,
        activation=activation, out=out,
    )  # fmt: skip


depthwise_conv1d = _over(1, "depthwise_conv1d", _depthwise_conv)
depthwise_conv2d = _over(2, "depthwise_conv2d", _depthwise_conv)


def _conv_transpose(
    x: Array,
    weight: Array,
    *,
    strides: Numbers = 1,
    padding: str = "valid",
    output_padding: Numbers | None = None,
    dilations: Numbers = 1,
    out: Array | None = None,
) -> Array:
    """The transposed convolution; see `pydl.ops.conv_transpose` for the sizes.

    Args:
        x: images `[N, spatial..., C]`.
        weight: `[window..., K, C]`.
        strides: how far apart the windows of neighbouring places are.
        padding: "valid" or "same".
        output_padding: places more than the least that `strides` allow.
        dilations: how far apart the taps of the window are.
        out: `[N, places..., K]` memory for the result.
    """
    name, sizes = "conv_transpose", gpu.shape_of(x)[1:-1]
    axes = len(sizes)
    steps = windows.per_axis(f"{name}: strides", strides, axes)
    apart = windows.per_axis(f"{name}: dilations", dilations, axes)
    more = output_padding
    if more is not None:
        more = windows.per_axis(f"{name}: output_padding", more, axes, least=0)
    spans = windows.spans(gpu.shape_of(weight)[:-2], apart)
    size, (low, high) = windows.transposed(name, sizes, spans, steps, padding, more)
    attrs = {
        "size": size, "strides": steps, "dilations": apart, "low": low, "high": high,
    }  # fmt: skip
    return one("conv_grad_x", [x, weight], attrs, out)


conv1d_transpose = _over(1, "conv1d_transpose", _conv_transpose)
conv2d_transpose = _over(2, "conv2d_transpose", _conv_transpose)
conv3d_transpose = _over(3, "conv3d_transpose", _conv_transpose)


def _pool_attributes(
    name: str, sizes: Sequence[int], window: Numbers, strides: Any, padding: Any
) -> dict[str, Any]:
    taps = windows.per_axis(f"{name}: window", window, len(sizes))
    steps = taps if strides is None else strides
    attrs = _attributes(name, sizes, taps, steps, padding)
    del attrs["dilations"]
    return {"window": taps, **attrs}


def _max_pool(
    x: Array, window: Numbers = 2, *, strides: Numbers | None = None,
    padding: Any = "valid",
) -> tuple[Array, Array]:  # fmt: skip
    """The largest value of each window, and where in the window it was.

    Args:
        x: images `[N, spatial..., C]`.
        window: its sizes.
        strides: from window to window; None: `window`.
        padding: see the module; less than the window.

    Returns:
        The values, and their row-major places in the window: uint8, or int32 where a
        window has more than 256.
    """
    sizes = gpu.shape_of(x)[1:-1]
    attrs = _pool_attributes("max_pool", sizes, window, strides, padding)
    values, index = run("max_pool", [x], attrs)
    return values, index


max_pool1d = _over(1, "max_pool1d", _max_pool)
max_pool2d = _over(2, "max_pool2d", _max_pool)
max_pool3d = _over(3, "max_pool3d", _max_pool)


def max_pool_grad(
    grad_out: Array, index: Array, size: Sequence[int], window: Numbers = 2, *,
    strides: Numbers | None = None, padding: Any = "valid", out: Array | None = None,
) -> Array:  # fmt: skip
    """The gradient of the values of `max_pool2d` and its kin, for images of the
    spatial sizes `size`; `index` is their second result."""
    attrs = _pool_attributes("max_pool_grad", size, window, strides, padding)
    return one("max_pool_grad", [grad_out, index], {**attrs, "size": list(size)}, out)


def _avg_pool(
    x: Array, window: Numbers = 2, *, strides: Numbers | None = None,
    padding: Any = "valid", count_padding: bool = False, out: Array | None = None,
) -> Array:  # fmt: skip
    """The mean of each window.

    Args:
        x: images `[N, spatial..., C]`.
        window: its sizes.
        strides: from window to window; None: `window`.
        padding: see the module; less than the window.
        count_padding: whether places outside count, as zeros.
        out: memory for the result.
    """
    sizes = gpu.shape_of(x)[1:-1]
    attrs = _pool_attributes("avg_pool", sizes, window, strides, padding)
    return one("avg_pool", [x], {**attrs, "count_padding": int(count_padding)}, out)


avg_pool1d = _over(1, "avg_pool1d", _avg_pool)
avg_pool2d = _over(2, "avg_pool2d", _avg_pool)
avg_pool3d = _over(3, "avg_pool3d", _avg_pool)


def avg_pool_grad(
    grad_out: Array, size: Sequence[int], window: Numbers = 2, *,
    strides: Numbers | None = None, padding: Any = "valid",
    count_padding: bool = False, out: Array | None = None,
) -> Array:  # fmt: skip
    """The gradient of `avg_pool2d` and its kin, for images of the spatial sizes
    `size`."""
    attrs = _pool_attributes("avg_pool_grad", size, window, strides, padding)
    own = {"size": list(size), "count_padding": int(count_padding)}
    return one("avg_pool_grad", [grad_out], {**attrs, **own}, out)


def batch_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    epsilon: float = 1e-3,
    residual: Array | None = None,
    activation: str = "",
) -> tuple[Array, Array, Array]:
    """``activation((x - mean) / sqrt(variance + epsilon) * gamma + beta + residual)``.

    Args:
        x: `[..., C]`.
        gamma, beta: `[C]`.
        epsilon: >= 0.
        residual: of `x`'s shape.
        activation: "" or "relu".

    Returns:
        The result; the mean and the variance `[C]` of each channel over all rows.
    """
    attrs: dict[str, Any] = {"epsilon": float(epsilon)}
    inputs = [x]
    given = (("scale", gamma), ("center", beta), ("residual", residual))
    for name, operand in given:
        if operand is not None:
            attrs[name] = 1
            inputs.append(operand)
    if activation:
        attrs["activation"] = activation
    out, mean, variance = run("batch_norm", inputs, attrs)
    return out, mean, variance


def batch_norm_grad(
    grad_out: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    *,
    epsilon: float = 1e-3,
    center: bool = True,
) -> list[Array]:
    """The gradients of `batch_norm` without epilogue: of `x`, of `gamma` if it is
    given, and of `beta` with `center`."""
    attrs: dict[str, Any] = {"epsilon": float(epsilon), "center": int(center)}
    inputs = [grad_out, x, mean, variance]
    if gamma is not None:
        attrs["scale"] = 1
        inputs.append(gamma)
    return run("batch_norm_grad", inputs, attrs)
