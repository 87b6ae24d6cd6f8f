"""Convolution of each channel by itself."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.convolutional.base import LearnedWindows


class DepthwiseConv(LearnedWindows):
    """Each channel by `depth_multiplier` windows of its own; see its subclasses."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        kernel = (depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        bias = (bias_initializer, bias_regularizer, bias_constraint)
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, {"depthwise": kernel, "bias": bias},
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = self._positive("depth_multiplier", depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._build_channels(input_shape)
        self.compute_output_shape(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._learn("kernel", shape, "depthwise")
        self._learn_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        out = ops.depthwise_conv(
            inputs, self.kernel, self.strides, self.padding, self.data_format,
            self.dilation_rate,
        )  # fmt: skip
        return self._finished(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        channels = self._channels(input_shape)
        filters = None if channels is None else channels * self.depth_multiplier
        return self._output_shape(input_shape, filters)

    def get_config(self) -> dict[str, Any]:
        own = {"depth_multiplier": self.depth_multiplier}
        return {**super().get_config(), **own}


class DepthwiseConv1D(DepthwiseConv):
    """Convolution over time of each channel by itself.

    Args:
        kernel_size: steps a window takes in.
        strides: steps from window to window.
        padding: ``"valid"``: none; ``"same"``: zeros around, ``time / strides`` steps
            of output, rounded up.
        depth_multiplier: windows, and channels of output, for each channel.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        dilation_rate: how far apart the steps of a window are.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        depthwise_initializer, bias_initializer: first values.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties.
        depthwise_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, time, channels)``, output shape ``(batch, new_time, channels *
    depth_multiplier)``; with ``"channels_first"`` the last two axes are exchanged.

    >>> pydl.layers.DepthwiseConv1D(2)(np.ones((1, 5, 4), "float32")).shape
    (1, 4, 4)
    """

    _dims = 1


class DepthwiseConv2D(DepthwiseConv):
    """Convolution of images, each channel by itself.

    Args:
        kernel_size: rows and columns of a window; one number stands for both.
        strides: rows and columns from window to window.
        padding, depth_multiplier, data_format, dilation_rate: as in `DepthwiseConv1D`.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        depthwise_initializer, bias_initializer: first values.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties.
        depthwise_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, rows, columns, channels)``, output shape ``(batch, new_rows,
    new_columns, channels * depth_multiplier)``; with ``"channels_first"`` the channels
    stand second.

    >>> layer = pydl.layers.DepthwiseConv2D(3, depth_multiplier=2)
    >>> layer(np.ones((1, 5, 6, 4), "float32")).shape
    (1, 3, 4, 8)
    """

    _dims = 2

    def __init__(
        self, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid",
        depth_multiplier: int = 1, data_format: str | None = None,
        dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, depthwise_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate,
            activation, use_bias, depthwise_initializer, bias_initializer,
            depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
