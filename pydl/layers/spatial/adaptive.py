"""As many windows as the output is to have places, evenly shared."""

from __future__ import annotations

from typing import Any

from pydl import ops, windows
from pydl.layers.spatial.base import Spatial


class AdaptivePooling(Spatial):
    """One number for each channel and each of `output_size` windows."""

    def __init__(
        self, output_size: Any, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        name = f"{type(self).__name__}: output_size"
        self.output_size = tuple(windows.per_axis(name, output_size, self._dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        for axis, size in zip(self.spatial_axes, self.output_size, strict=True):
            shape[axis] = size
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size}


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest of each window."""

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window."""

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest value of a given number of windows over time steps.

    Args:
        output_size: how many windows.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, time, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveMaxPooling1D(3)
    >>> layer(np.ones((1, 7, 2), "float32")).shape
    (1, 3, 2)
    """

    _dims = 1


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest value of a given number of windows over rows and columns.

    Args:
        output_size: how many windows along rows and columns; one number stands for
            both.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, rows, columns, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveMaxPooling2D(3)
    >>> layer(np.ones((1, 7, 5, 2), "float32")).shape
    (1, 3, 3, 2)
    """

    _dims = 2


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest value of a given number of windows over three axes.

    Args:
        output_size: how many windows along the axes; one number stands for all.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, a, b, c, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveMaxPooling3D(3)
    >>> layer(np.ones((1, 4, 5, 6, 2), "float32")).shape
    (1, 3, 3, 3, 2)
    """

    _dims = 3


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean of a given number of windows over time steps.

    Args:
        output_size: how many windows.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, time, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveAveragePooling1D(3)
    >>> layer(np.ones((1, 7, 2), "float32")).shape
    (1, 3, 2)
    """

    _dims = 1


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean of a given number of windows over rows and columns.

    Args:
        output_size: how many windows along rows and columns; one number stands for
            both.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, rows, columns, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveAveragePooling2D(3)
    >>> layer(np.ones((1, 7, 5, 2), "float32")).shape
    (1, 3, 3, 2)
    """

    _dims = 2


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean of a given number of windows over three axes.

    Args:
        output_size: how many windows along the axes; one number stands for all.
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.

    Input shape ``(batch, a, b, c, channels)`` (with
    ``"channels_first"`` the channels stand second). Windows share an axis evenly, and
    overlap where it cannot be divided.

    >>> layer = pydl.layers.AdaptiveAveragePooling3D(3)
    >>> layer(np.ones((1, 4, 5, 6, 2), "float32")).shape
    (1, 3, 3, 3, 2)
    """

    _dims = 3
