"""Margins added, cut off, and elements repeated."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.spatial.base import Spatial, pairs

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class ZeroPadding(Spatial):
    """Zeros around the spatial axes."""

    def __init__(self, padding: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self._pairs = pairs("padding", padding, self._dims)
        self.padding = self._pairs[0] if self._dims == 1 else self._pairs

    def call(self, inputs: Any) -> Any:
        widths = [(0, 0)] * len(inputs.shape)
        for axis, pair in zip(self.spatial_axes, self._pairs, strict=True):
            widths[axis] = pair
        return ops.pad(inputs, widths)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        for axis, pair in zip(self.spatial_axes, self._pairs, strict=True):
            if shape[axis] is not None:
                shape[axis] += sum(pair)
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


class Cropping(Spatial):
    """The spatial axes without their ends."""

    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self._pairs = pairs("cropping", cropping, self._dims)
        self.cropping = self._pairs[0] if self._dims == 1 else self._pairs

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        key = [slice(None)] * len(inputs.shape)
        for axis, (low, high) in zip(self.spatial_axes, self._pairs, strict=True):
            key[axis] = slice(low, inputs.shape[axis] - high)
        return inputs[tuple(key)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        for axis, pair in zip(self.spatial_axes, self._pairs, strict=True):
            if shape[axis] is None:
                continue
            if sum(pair) >= shape[axis]:
                raise ValueError(
                    "Values in `cropping` argument should be smaller than the "
                    "corresponding spatial dimension of the input. Received: "
                    f"input_shape={tuple(input_shape)}, cropping={self.cropping}"
                )
            shape[axis] -= sum(pair)
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping}


class UpSampling(Spatial):
    """Each element repeated along the spatial axes."""

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        many = (size,) * self._dims if isinstance(size, int) else tuple(size)
        if len(many) != self._dims or not all(
            isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in many
        ):
            raise ValueError(
                f"Argument `size` should be a positive integer or {self._dims} of "
                f"them. Received: size={size}"
            )
        self._sizes = many
        self.size: Any = many

    def call(self, inputs: Any) -> Any:
        x = inputs
        for axis, size in zip(self.spatial_axes, self._sizes, strict=True):
            x = _repeat(x, size, axis)
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        for axis, size in zip(self.spatial_axes, self._sizes, strict=True):
            shape[axis] = None if shape[axis] is None else shape[axis] * size
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


def _repeat(x: Any, times: int, axis: int) -> Any:
    shape = list(x.shape)
    wide = [*shape[: axis + 1], times, *shape[axis + 1 :]]
    x = ops.broadcast_to(ops.expand_dims(x, axis + 1), wide)
    return ops.reshape(x, [*shape[:axis], shape[axis] * times, *shape[axis + 1 :]])


class UpSampling1D(UpSampling):
    """Each time step repeated: ``(batch, time, features)``.

    Args:
        size: how many times.

    >>> pydl.layers.UpSampling1D(2)(np.ones((1, 3, 4), "float32")).shape
    (1, 6, 4)
    """

    _dims = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"Expected an integer value for `size`, got {type(size)}.")
        super().__init__(size, "channels_last", **kwargs)
        self.size = size

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class UpSampling2D(UpSampling):
    """Each pixel repeated along rows and columns: ``(batch, rows, columns, channels)``.

    Args:
        size: how many times, along both axes or each.
        data_format: where the channels are.
        interpolation: ``"nearest"``: pixels are repeated; or ``"bilinear"``,
            ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.

    >>> pydl.layers.UpSampling2D(2)(np.ones((1, 3, 4, 5), "float32")).shape
    (1, 6, 8, 5)
    """

    _dims = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"UpSampling2D: interpolation: expected one of {_INTERPOLATIONS}, "
                f"received {interpolation!r}"
            )
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        size = [
            inputs.shape[axis] * times
            for axis, times in zip(self.spatial_axes, self._sizes, strict=True)
        ]
        return ops.image.resize(
            inputs, size, self.interpolation, data_format=self.data_format
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "interpolation": self.interpolation}


class UpSampling3D(UpSampling):
    """Each voxel repeated along three axes: ``(batch, a, b, c, channels)``.

    Args:
        size: how many times, along all axes or each.
        data_format: where the channels are.

    >>> pydl.layers.UpSampling3D(2)(np.ones((1, 1, 2, 3, 4), "float32")).shape
    (1, 2, 4, 6, 4)
    """

    _dims = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, **kwargs)


class ZeroPadding1D(ZeroPadding):
    """Zeros around the time steps.

    Args:
        padding: how many: one number, or before and after.
        data_format: where the channels are.

    >>> pydl.layers.ZeroPadding1D()(np.ones((1, 3, 4), "float32")).shape
    (1, 5, 4)
    """

    _dims = 1

    def __init__(
        self, padding: Any = 1, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(ZeroPadding):
    """Zeros around rows and columns.

    Args:
        padding: how many: one number, one per axis, or before and after per axis.
        data_format: where the channels are.

    >>> pydl.layers.ZeroPadding2D()(np.ones((1, 3, 4, 5), "float32")).shape
    (1, 5, 6, 5)
    """

    _dims = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(ZeroPadding):
    """Zeros around three axes.

    Args:
        padding: how many: one number, one per axis, or before and after per axis.
        data_format: where the channels are.

    >>> pydl.layers.ZeroPadding3D()(np.ones((1, 1, 2, 3, 4), "float32")).shape
    (1, 3, 4, 5, 4)
    """

    _dims = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class Cropping1D(Cropping):
    """The time steps without their ends.

    Args:
        cropping: how many to cut off: one number, or at the start and the end.

    >>> pydl.layers.Cropping1D()(np.ones((1, 3, 4), "float32")).shape
    (1, 1, 4)
    """

    _dims = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class Cropping2D(Cropping):
    """Rows and columns without their ends.

    Args:
        cropping: how many to cut off: one number, one per axis, or one pair (at the
            start, at the end) per axis.
        data_format: where the channels are.

    >>> pydl.layers.Cropping2D(1)(np.ones((1, 3, 4, 5), "float32")).shape
    (1, 1, 2, 5)
    """

    _dims = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(Cropping):
    """Three axes without their ends.

    Args:
        cropping: how many to cut off: one number, one per axis, or one pair (at the
            start, at the end) per axis.
        data_format: where the channels are.

    >>> pydl.layers.Cropping3D()(np.ones((1, 3, 4, 5, 4), "float32")).shape
    (1, 1, 2, 3, 4)
    """

    _dims = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)
