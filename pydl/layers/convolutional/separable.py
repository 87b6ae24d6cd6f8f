"""Convolution of each channel by itself, then of one place's channels."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.convolutional.base import LearnedWindows


class SeparableConv(LearnedWindows):
    """A depthwise convolution and one of one tap; see its subclasses."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        windows = (depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        mixing = (pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        bias = (bias_initializer, bias_regularizer, bias_constraint)
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, {"depthwise": windows, "pointwise": mixing, "bias": bias},
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = self._positive("filters", filters)
        self.depth_multiplier = self._positive("depth_multiplier", depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._build_channels(input_shape)
        self.compute_output_shape(input_shape)
        each = self.depth_multiplier
        windows, ones = (*self.kernel_size, channels, each), (1,) * self._dims
        mixing = (*ones, channels * each, self.filters)
        self.depthwise_kernel = self._learn("depthwise_kernel", windows, "depthwise")
        self.pointwise_kernel = self._learn("pointwise_kernel", mixing, "pointwise")
        self._learn_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        out = ops.separable_conv(
            inputs, self.depthwise_kernel, self.pointwise_kernel, self.strides,
            self.padding, self.data_format, self.dilation_rate,
        )  # fmt: skip
        return self._finished(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "depth_multiplier": self.depth_multiplier}
        return {**super().get_config(), **own}


class SeparableConv1D(SeparableConv):
    """Convolution over time of each channel by itself, then of each step's channels.

    Args:
        filters: channels of the output.
        kernel_size: steps a window takes in.
        strides: steps from window to window.
        padding: ``"valid"``: none; ``"same"``: zeros around, ``time / strides`` steps
            of output, rounded up.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        dilation_rate: how far apart the steps of a window are.
        depth_multiplier: windows for each channel.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        depthwise_initializer, pointwise_initializer, bias_initializer: first values.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer,
            activity_regularizer: penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after
            each update.

    Input shape ``(batch, time, channels)``, output shape ``(batch, new_time,
    filters)``; with ``"channels_first"`` the last two axes are exchanged.

    >>> pydl.layers.SeparableConv1D(3, 2)(np.ones((1, 5, 4), "float32")).shape
    (1, 4, 3)
    """

    _dims = 1


class SeparableConv2D(SeparableConv):
    """Convolution of images, each channel by itself, then of each pixel's channels.

    Args:
        filters: channels of the output.
        kernel_size: rows and columns of a window; one number stands for both.
        strides: rows and columns from window to window.
        padding, data_format, dilation_rate, depth_multiplier: as in `SeparableConv1D`.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        depthwise_initializer, pointwise_initializer, bias_initializer: first values.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer,
            activity_regularizer: penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after
            each update.

    Input shape ``(batch, rows, columns, channels)``, output shape ``(batch, new_rows,
    new_columns, filters)``; with ``"channels_first"`` the channels stand second.

    >>> layer = pydl.layers.SeparableConv2D(3, 3, padding="same")
    >>> layer(np.ones((1, 5, 6, 4), "float32")).shape
    (1, 5, 6, 3)
    """

    _dims = 2

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1),
        padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = (1, 1), depth_multiplier: int = 1, activation: Any = None,
        use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        depthwise_constraint: Any = None, pointwise_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate,
            depth_multiplier, activation, use_bias, depthwise_initializer,
            pointwise_initializer, bias_initializer, depthwise_regularizer,
            pointwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
