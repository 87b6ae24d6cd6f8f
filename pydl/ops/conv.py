"""Convolution of channels-last images over one to three spatial axes, its gradients,
and Keras's functions made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, promote_float
from pydl.ops.images import channels_last, check_images, in_format, spatial_sizes
from pydl.ops.public import public_op
from pydl.ops.rules import simple
from pydl.windows import UNKNOWN, Widths, pad_widths, per_axis, spans, transposed

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]

#: Attributes all three ops share.
_SHARED = ("strides", "dilations", "low", "high", "groups")


def _shared(call: OpCall) -> dict[str, Any]:
    return {name: call.attrs[name] for name in _SHARED if name in call.attrs}


def _conv_rule(call: OpCall, g: Any) -> list[Any]:
    x, weight = call.inputs
    attrs = _shared(call)
    return [
        lambda: emit("conv_grad_x", g, weight, size=spatial_sizes(x), **attrs),
        lambda: emit("conv_grad_w", x, g, window=list(weight.shape[:-2]), **attrs),
    ]


def _grad_x_rule(call: OpCall, g: Any) -> list[Any]:
    """The transposed convolution is linear in both operands: its gradients are the
    convolution, and the weight gradient, of `g` in the place of x."""
    grad_out, weight = call.inputs
    attrs = _shared(call)
    window = list(weight.shape[:-2])
    return [
        lambda: emit("conv", g, weight, **attrs),
        lambda: emit("conv_grad_w", g, grad_out, window=window, **attrs),
    ]


def _grad_w_rule(call: OpCall, g: Any) -> list[Any]:
    x, grad_out = call.inputs
    attrs = _shared(call)
    return [
        lambda: emit("conv_grad_x", grad_out, g, size=spatial_sizes(x), **attrs),
        lambda: emit("conv", x, g, **attrs),
    ]


define("conv", simple(_conv_rule), "A convolution, the window not turned over.")
define("conv_grad_x", simple(_grad_x_rule), "The transposed convolution.")
define("conv_grad_w", simple(_grad_w_rule), "The weight gradient of a convolution.")


@public_op
def conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """The convolution over one to three spatial axes; the window is not turned over.

    Args:
        inputs: images `[N, spatial..., C]`, or `[N, C, spatial...]` with
            ``data_format="channels_first"``.
        kernel: `[window..., C / groups, K]`. The groups follow from the shapes: output
            channel `k` sees the channels of group ``k // (K / groups)``.
        strides: from place to place, a number or one per axis, >= 1.
        padding: ``"valid"``: none; ``"same"``: zeros around, ``size / strides`` places,
            rounded up; ``"causal"`` (one axis): zeros in front; or a pair of numbers of
            zeros for each axis.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        dilation_rate: how far apart the taps of the window are, >= 1.

    Returns:
        `[N, places..., K]` in the layout of `inputs`.

    Raises:
        ValueError: shapes or arguments that do not fit, or no place for the window.

    >>> images, kernel = np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))
    >>> pydl.ops.conv(images, kernel).shape
    (1, 3, 3, 4)
    """
    x, weight = _operands("conv", data_format, inputs, kernel)
    groups = _groups(x, weight)
    out = _convolved("conv", x, weight, strides, padding, dilation_rate, groups)
    return in_format(out, data_format)


@public_op
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """A convolution of each channel by windows of its own.

    Args:
        inputs: as in `conv`.
        kernel: `[window..., C, M]`: `M` windows for each channel.
        strides, padding, data_format, dilation_rate: as in `conv`.

    Returns:
        `[N, places..., C * M]` in the layout of `inputs`: the `M` results of the first
        channel, then those of the second.

    Raises:
        ValueError: shapes or arguments that do not fit, or no place for the window.

    >>> images, kernel = np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))
    >>> pydl.ops.depthwise_conv(images, kernel).shape
    (1, 3, 3, 8)
    """
    name = "depthwise_conv"
    x, weight = _operands(name, data_format, inputs, kernel)
    out = _by_channel(name, x, weight, strides, padding, dilation_rate)
    return in_format(out, data_format)


@public_op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """A `depthwise_conv`, and a convolution of one tap that mixes its channels.

    Args:
        inputs: as in `conv`.
        depthwise_kernel: `[window..., C, M]`.
        pointwise_kernel: `[1..., C * M, K]`.
        strides, padding, data_format, dilation_rate: of the first of the two.

    Returns:
        `[N, places..., K]` in the layout of `inputs`.

    Raises:
        ValueError: shapes or arguments that do not fit, or no place for the window.

    >>> images, windows = np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))
    >>> pydl.ops.separable_conv(images, windows, np.ones((1, 1, 8, 3))).shape
    (1, 3, 3, 3)
    """
    name = "separable_conv"
    x, depthwise, pointwise = _operands(
        name, data_format, inputs, depthwise_kernel, pointwise_kernel
    )
    if any(tap not in (1, UNKNOWN) for tap in pointwise.shape[:-2]):
        raise ValueError(
            f"{name}: expected a pointwise_kernel of one tap, received shape "
            f"{pointwise.shape}"
        )
    out = _by_channel(name, x, depthwise, strides, padding, dilation_rate)
    _check_channels(name, out, pointwise.shape, -2)
    return in_format(_convolved(name, out, pointwise, 1, "valid", 1, 1), data_format)


@public_op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """The transposed convolution: the gradient of `conv` with respect to its images.

    Args:
        inputs: as in `conv`.
        kernel: `[window..., K, C]`, from the `C` channels of `inputs` to `K`.
        strides: how far apart the windows of neighbouring places are, >= 1.
        padding: ``"same"``: ``size * strides`` places; ``"valid"``: all that a window
            reaches, at least as many.
        output_padding: places more than the least that `strides` allow, less than
            `strides`; None: as said above.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        dilation_rate: how far apart the taps of the window are, >= 1.

    Returns:
        `[N, places..., K]` in the layout of `inputs`.

    Raises:
        ValueError: shapes or arguments that do not fit.

    >>> images, kernel = np.ones((1, 5, 5, 2)), np.ones((3, 3, 4, 2))
    >>> pydl.ops.conv_transpose(images, kernel, strides=2, padding="same").shape
    (1, 10, 10, 4)
    """
    name = "conv_transpose"
    x, weight = _operands(name, data_format, inputs, kernel)
    _check_channels(name, x, weight.shape, -1)
    axes = x.ndim - 2
    steps = per_axis(f"{name}: strides", strides, axes)
    dilations = per_axis(f"{name}: dilation_rate", dilation_rate, axes)
    more = output_padding
    if more is not None:
        more = per_axis(f"{name}: output_padding", more, axes, least=0)
    covered = spans(weight.shape[:-2], dilations)
    size, widths = transposed(name, spatial_sizes(x), covered, steps, padding, more)
    if UNKNOWN in size:
        raise ValueError(f"{name}: expected known sizes of images, received {x.shape}")
    attrs = _attributes(steps, dilations, widths)
    return in_format(emit("conv_grad_x", x, weight, size=size, **attrs), data_format)


def _operands(name: str, data_format: str | None, *given: Any) -> list[Any]:
    """The images, channels last, and kernels of as many axes, floats of one dtype."""
    x, *kernels = promote_float(*given)
    check_images(name, x)
    for kernel in kernels:
        if kernel.ndim != x.ndim:
            raise ValueError(
                f"{name}: expected a kernel of {x.ndim} axes (those of the window, "
                f"channels, channels) for inputs of shape {x.shape}, received shape "
                f"{kernel.shape}"
            )
    return [channels_last(x, data_format), *kernels]


def _groups(x: Any, weight: Any) -> int:
    channels, per_group = x.shape[-1], weight.shape[-2]
    if UNKNOWN in (channels, per_group) or channels == per_group:
        return 1
    if per_group == 0 or channels % per_group:
        raise ValueError(
            "conv: expected the channels of inputs to be a multiple of those the "
            f"kernel takes, received {channels} channels and a kernel of shape "
            f"{weight.shape}"
        )
    return int(channels // per_group)


def _check_channels(name: str, x: Any, kernel: Sequence[int], axis: int) -> None:
    if UNKNOWN not in (x.shape[-1], kernel[axis]) and x.shape[-1] != kernel[axis]:
        raise ValueError(
            f"{name}: expected a kernel for the {x.shape[-1]} channels of the images "
            f"on its axis {axis}, received a kernel of shape {tuple(kernel)}"
        )


def _by_channel(
    name: str, x: Any, kernel: Any, strides: Any, padding: Any, dilation_rate: Any
) -> Any:
    """Channels-last images, each channel by its own windows: as many groups."""
    _check_channels(name, x, kernel.shape, -2)
    *window, channels, multiplier = kernel.shape
    weight = emit("reshape", kernel, shape=[*window, 1, channels * multiplier])
    return _convolved(name, x, weight, strides, padding, dilation_rate, channels)


def _convolved(
    name: str,
    x: Any,
    weight: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    groups: int,
) -> Any:
    """The convolution of channels-last images by `[window..., C / groups, K]`."""
    axes = x.ndim - 2
    steps = per_axis(f"{name}: strides", strides, axes)
    dilations = per_axis(f"{name}: dilation_rate", dilation_rate, axes)
    covered = spans(weight.shape[:-2], dilations)
    widths = pad_widths(name, padding, spatial_sizes(x), covered, steps)
    attrs = _attributes(steps, dilations, widths)
    if groups != 1:
        attrs["groups"] = groups
    return emit("conv", x, weight, **attrs)


def _attributes(
    strides: list[int], dilations: list[int], widths: Widths
) -> dict[str, Any]:
    low, high = widths
    return {"strides": strides, "dilations": dilations, "low": low, "high": high}
