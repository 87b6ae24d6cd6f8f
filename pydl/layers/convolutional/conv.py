"""Convolution over one, two and three axes."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.convolutional.base import LearnedWindows


class Conv(LearnedWindows):
    """The convolution of all channels by `filters` windows; see its subclasses."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        kernel = (kernel_initializer, kernel_regularizer, kernel_constraint)
        bias = (bias_initializer, bias_regularizer, bias_constraint)
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, {"kernel": kernel, "bias": bias},
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = self._positive("filters", filters)
        self.groups = self._positive("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of "
                f"groups. Received: groups={self.groups}, filters={self.filters}."
            )
        self._refuse_dilated_strides()

    def build(self, input_shape: Any) -> None:
        channels = self._build_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number "
                f"of groups. Received groups={self.groups}, but the input has "
                f"{channels} channels (full input shape is {tuple(input_shape)})."
            )
        self.compute_output_shape(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._learn("kernel", shape)
        self._learn_bias(self.filters)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution by itself: what a subclass with another kernel overrides."""
        return ops.conv(
            inputs, kernel, self.strides, self.padding, self.data_format,
            self.dilation_rate,
        )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        return self._finished(self.convolution_op(inputs, self.kernel))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "groups": self.groups}
        return {**super().get_config(), **own}


class Conv1D(Conv):
    """Convolution over time: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: channels of the output.
        kernel_size: steps a window takes in.
        strides: steps from window to window.
        padding: ``"valid"``: none; ``"same"``: zeros around, ``time / strides`` steps
            of output, rounded up; ``"causal"``: zeros in front, so that no output sees
            later steps.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        dilation_rate: how far apart the steps of a window are; 1 if `strides` is more.
        groups: the channels are divided into as many groups, each with windows of its
            own; divides the channels and `filters`.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, time, channels)``, output shape ``(batch, new_time,
    filters)``; with ``"channels_first"`` the last two axes are exchanged.

    >>> pydl.layers.Conv1D(3, 2, activation="relu")(np.ones((1, 5, 4), "float32")).shape
    (1, 4, 3)
    """

    _dims = 1
    _paddings = ("valid", "same", "causal")


class Conv2D(Conv):
    """Convolution of images: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: channels of the output.
        kernel_size: rows and columns of a window; one number stands for both.
        strides: rows and columns from window to window.
        padding: ``"valid"``: none; ``"same"``: zeros around, ``size / strides`` places,
            rounded up.
        data_format, dilation_rate, groups, activation, use_bias: as in `Conv1D`.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, rows, columns, channels)``, output shape ``(batch, new_rows,
    new_columns, filters)``; with ``"channels_first"`` the channels stand second.

    >>> layer = pydl.layers.Conv2D(3, 3, padding="same", activation="relu")
    >>> layer(np.ones((1, 5, 6, 4), "float32")).shape
    (1, 5, 6, 3)
    """

    _dims = 2

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1),
        padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = (1, 1), groups: int = 1, activation: Any = None,
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
            activation, use_bias, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv3D(Conv):
    """Convolution of volumes: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: channels of the output.
        kernel_size: sizes of a window along the three axes; one number stands for all.
        strides: from window to window, along each axis.
        padding: as in `Conv2D`.
        data_format, dilation_rate, groups, activation, use_bias: as in `Conv1D`.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, a, b, c, channels)``, output shape ``(batch, new_a, new_b,
    new_c, filters)``; with ``"channels_first"`` the channels stand second.

    >>> pydl.layers.Conv3D(2, 2)(np.ones((1, 3, 4, 5, 1), "float32")).shape
    (1, 2, 3, 4, 2)
    """

    _dims = 3

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1, 1),
        padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = (1, 1, 1), groups: int = 1, activation: Any = None,
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
            activation, use_bias, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
