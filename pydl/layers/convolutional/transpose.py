"""Transposed convolution over one, two and three axes."""

from __future__ import annotations

from typing import Any

from pydl import ops, windows
from pydl.layers.convolutional.base import LearnedWindows


class ConvTranspose(LearnedWindows):
    """The transposed convolution to `filters` channels; see its subclasses."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.output_padding = self._checked_output_padding(output_padding)
        self._refuse_dilated_strides()

    def _checked_output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        numbers = self._numbers("output_padding", value, least=0)
        for axis, (more, stride) in enumerate(zip(numbers, self.strides, strict=True)):
            if more >= stride:
                raise ValueError(
                    "`output_padding` must be strictly less than `strides` for all "
                    f"dimensions. At dimension {axis}, `output_padding` is {more} but "
                    f"`strides` is {stride}. Received: output_padding={numbers}, "
                    f"strides={self.strides}"
                )
        return numbers

    def build(self, input_shape: Any) -> None:
        channels = self._build_channels(input_shape)
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self._learn("kernel", shape)
        self._learn_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        out = ops.conv_transpose(
            inputs, self.kernel, self.strides, self.padding, self.output_padding,
            self.data_format, self.dilation_rate,
        )  # fmt: skip
        return self._finished(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes, _ = windows.transposed(
            type(self).__name__,
            self._spatial_sizes(input_shape),
            windows.spans(self.kernel_size, self.dilation_rate),
            self.strides,
            self.padding,
            self.output_padding,
        )
        return self._shape(input_shape[0], sizes, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "output_padding": self.output_padding}
        return {**super().get_config(), **own}


class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over time: from the output's shape of a `Conv1D` to its
    input's.

    Args:
        filters: channels of the output.
        kernel_size: steps a window reaches.
        strides: steps between the windows of neighbouring inputs.
        padding: ``"same"``: ``time * strides`` steps; ``"valid"``: all that a window
            reaches, at least as many.
        output_padding: steps more than the least that `strides` allow, less than
            `strides`; None: as said above.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        dilation_rate: how far apart the steps of a window are; 1 if `strides` is more.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, time, channels)``, output shape ``(batch, new_time,
    filters)``; with ``"channels_first"`` the last two axes are exchanged.

    >>> pydl.layers.Conv1DTranspose(3, 2, 2)(np.ones((1, 5, 4), "float32")).shape
    (1, 10, 3)
    """

    _dims = 1


class Conv2DTranspose(ConvTranspose):
    """Transposed convolution of images: from the output's shape of a `Conv2D` to its
    input's.

    Args:
        filters: channels of the output.
        kernel_size: rows and columns a window reaches.
        strides: rows and columns between the windows of neighbouring inputs.
        padding, output_padding, data_format, dilation_rate: as in `Conv1DTranspose`.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, rows, columns, channels)``, output shape ``(batch, new_rows,
    new_columns, filters)``; with ``"channels_first"`` the channels stand second.

    >>> layer = pydl.layers.Conv2DTranspose(3, 3, 2, padding="same")
    >>> layer(np.ones((1, 5, 6, 4), "float32")).shape
    (1, 10, 12, 3)
    """

    _dims = 2

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1),
        padding: str = "valid", output_padding: Any = None,
        data_format: str | None = None, dilation_rate: Any = (1, 1),
        activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format,
            dilation_rate, activation, use_bias, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv3DTranspose(ConvTranspose):
    """Transposed convolution of volumes: from the output's shape of a `Conv3D` to its
    input's.

    Args:
        filters: channels of the output.
        kernel_size: how far a window reaches along the three axes.
        strides: between the windows of neighbouring inputs, along each axis.
        padding, data_format, output_padding, dilation_rate: as in `Conv1DTranspose`.
        activation: function or name; None is linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input shape ``(batch, a, b, c, channels)``, output shape ``(batch, new_a, new_b,
    new_c, filters)``; with ``"channels_first"`` the channels stand second.

    >>> pydl.layers.Conv3DTranspose(2, 2, 2)(np.ones((1, 1, 2, 3, 4), "float32")).shape
    (1, 2, 4, 6, 2)
    """

    _dims = 3

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1, 1),
        padding: str = "valid", data_format: str | None = None,
        output_padding: Any = None, dilation_rate: Any = (1, 1, 1),
        activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format,
            dilation_rate, activation, use_bias, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
