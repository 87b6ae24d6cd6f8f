"""The largest value and the mean of windows over the axes of images."""

from __future__ import annotations

from typing import Any

from pydl import ops, windows
from pydl.layers.spatial.base import Spatial


class Pooling(Spatial):
    """One number for each window and channel."""

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, name=name, **kwargs)
        own = type(self).__name__
        strides = pool_size if strides is None else strides
        sizes = windows.per_axis(f"{own}: pool_size", pool_size, self._dims)
        steps = windows.per_axis(f"{own}: strides", strides, self._dims)
        self.pool_size = tuple(sizes)
        self.strides = tuple(steps)
        self.padding = windows.padding_name(own, padding, ("valid", "same"))

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        sizes = [shape[axis] for axis in self.spatial_axes]
        known = [windows.UNKNOWN if size is None else size for size in sizes]
        widths = windows.pad_widths(
            type(self).__name__, self.padding, known, self.pool_size, self.strides
        )
        places = windows.places(known, self.pool_size, self.strides, widths)
        if 0 in places:
            raise ValueError(
                "Computed output size would be zero or negative. Received: "
                f"`inputs.shape={tuple(input_shape)}`, `pool_size={self.pool_size}`, "
                f"`strides={self.strides}`, `padding={self.padding}`."
            )
        for axis, count in zip(self.spatial_axes, places, strict=True):
            shape[axis] = None if count == windows.UNKNOWN else count
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
        }


class MaxPooling(Pooling):
    """The largest of each window."""

    def call(self, inputs: Any) -> Any:
        return ops.max_pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class AveragePooling(Pooling):
    """The mean of each window."""

    def call(self, inputs: Any) -> Any:
        return ops.average_pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling1D(MaxPooling):
    """The largest value of windows over time steps.

    Args:
        pool_size: the steps of a window.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, time, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.MaxPooling1D()
    >>> layer(np.ones((1, 6, 2), "float32")).shape
    (1, 3, 2)
    """

    _dims = 1

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(MaxPooling):
    """The largest value of windows over rows and columns.

    Args:
        pool_size: rows and columns of a window; one number stands for both.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, rows, columns, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.MaxPooling2D()
    >>> layer(np.ones((1, 6, 4, 2), "float32")).shape
    (1, 3, 2, 2)
    """

    _dims = 2

    def __init__(
        self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(MaxPooling):
    """The largest value of windows over three axes.

    Args:
        pool_size: sizes of a window along the axes; one number stands for all.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, a, b, c, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.MaxPooling3D()
    >>> layer(np.ones((1, 2, 4, 6, 2), "float32")).shape
    (1, 1, 2, 3, 2)
    """

    _dims = 3

    def __init__(
        self, pool_size: Any = (2, 2, 2), strides: Any = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(AveragePooling):
    """The mean of windows over time steps.

    Args:
        pool_size: the steps of a window.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, time, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.AveragePooling1D(2)
    >>> layer(np.ones((1, 6, 2), "float32")).shape
    (1, 3, 2)
    """

    _dims = 1


class AveragePooling2D(AveragePooling):
    """The mean of windows over rows and columns.

    Args:
        pool_size: rows and columns of a window; one number stands for both.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, rows, columns, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.AveragePooling2D(2)
    >>> layer(np.ones((1, 6, 4, 2), "float32")).shape
    (1, 3, 2, 2)
    """

    _dims = 2


class AveragePooling3D(AveragePooling):
    """The mean of windows over three axes.

    Args:
        pool_size: sizes of a window along the axes; one number stands for all.
        strides: from window to window; None: `pool_size`.
        padding: ``"valid"``: windows lie inside; ``"same"``: ``size / strides``
            windows, rounded up; what sticks out does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        name: the layer's name.

    Input shape ``(batch, a, b, c, channels)`` (with
    ``"channels_first"`` the channels stand second); the output has a place for each
    window.

    >>> layer = pydl.layers.AveragePooling3D(2)
    >>> layer(np.ones((1, 2, 4, 6, 2), "float32")).shape
    (1, 1, 2, 3, 2)
    """

    _dims = 3


MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
