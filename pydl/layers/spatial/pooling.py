"""One number per channel: the mean or the largest of all places."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.spatial.base import Spatial


class GlobalPooling(Spatial):
    """One number per channel.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims

    def compute_output_shape(self, input_shape: Any) -> Any:
        axes, shape = self.spatial_axes, list(input_shape)
        if self.keepdims:
            return tuple(1 if i in axes else n for i, n in enumerate(shape))
        return tuple(n for i, n in enumerate(shape) if i not in axes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keepdims": self.keepdims}


class _Average(GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self.spatial_axes, keepdims=self.keepdims)


class _Max(GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self.spatial_axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean over time steps.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    `call` takes a `mask` ``(batch, time)``: masked steps do not count.

    >>> layer = pydl.layers.GlobalAveragePooling1D()
    >>> layer(np.ones((2, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axes = self.spatial_axes
        if mask is None:
            return ops.mean(inputs, axis=axes, keepdims=self.keepdims)
        keep = ops.expand_dims(ops.cast(mask, "bool"), 3 - axes[0])
        kept = ops.where(keep, inputs, 0.0)
        number = ops.sum(ops.cast(keep, inputs.dtype), axes, keepdims=self.keepdims)
        return ops.divide(ops.sum(kept, axes, keepdims=self.keepdims), number)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_Average):
    """The mean over rows and columns.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    >>> layer = pydl.layers.GlobalAveragePooling2D()
    >>> layer(np.ones((2, 3, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 2


class GlobalAveragePooling3D(_Average):
    """The mean over three axes.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    >>> layer = pydl.layers.GlobalAveragePooling3D()
    >>> layer(np.ones((2, 1, 2, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 3


class GlobalMaxPooling1D(_Max):
    """The largest value over time steps.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    >>> layer = pydl.layers.GlobalMaxPooling1D()
    >>> layer(np.ones((2, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 1


class GlobalMaxPooling2D(_Max):
    """The largest value over rows and columns.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    >>> layer = pydl.layers.GlobalMaxPooling2D()
    >>> layer(np.ones((2, 3, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 2


class GlobalMaxPooling3D(_Max):
    """The largest value over three axes.

    Args:
        data_format: where the channels are.
        keepdims: keep the spatial axes, of size 1.

    >>> layer = pydl.layers.GlobalMaxPooling3D()
    >>> layer(np.ones((2, 1, 2, 3, 4), "float32")).shape
    (2, 4)
    """

    _dims = 3


GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
