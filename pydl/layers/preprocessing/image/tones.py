"""Images whose tones are counted, stretched, cut or inverted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pydl import ops, random
from pydl.layers.preprocessing.image.arguments import (
    change_range,
    checked_range,
    checked_value_range,
)
from pydl.layers.preprocessing.image.base import ImageLayer, Shape, between, per_image
from pydl.layers.preprocessing.image.color import RandomColor

_FULL = (0, 255)


class RandomPosterization(RandomColor):
    """Leaves each image only its highest bits, in training.

    Args:
        factor: how many bits of 8: two integers for ``[lower, upper)``, or one number n
            for ``[1, n)``; 1 leaves one bit.
        value_range: least and greatest value of pixels.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> two = pydl.layers.RandomPosterization((1, 1))
    >>> two(np.array([[[100.0], [200.0]]])).tolist()
    [[[0.0], [128.0]]]
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (1, 8)

    def __init__(
        self,
        factor: Any,
        value_range: Any = _FULL,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        low, high = self.factor
        if low == high:
            bits = ops.full((shape[0],), int(low), dtype="uint8")
        else:
            bits = random.randint((shape[0],), int(low), int(high), "uint8", seed)
        return {"shift_factor": ops.subtract(ops.full_like(bits, 8), bits)}

    def _act(self, images: Any, transformation: Any) -> Any:
        shift = per_image(transformation["shift_factor"])
        bytes_ = ops.cast(change_range(images, self.value_range, _FULL), "uint8")
        kept = ops.left_shift(ops.right_shift(bytes_, shift), shift)
        return change_range(ops.cast(kept, images.dtype), _FULL, self.value_range)


class Solarization(RandomColor):
    """Inverts the pixels above a threshold, after something is added; in training.

    Args:
        addition_factor: how much is added, as a share of the value range, in [0, 1]: a
            number n for ``(0, n)``, or two.
        threshold_factor: pixels below are left, in [0, 1] of the value range: a number
            n for ``(0, n)``, or two.
        value_range: least and greatest value of pixels.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> pydl.layers.Solarization()(np.array([[[59.0, 62.0, 63.0]]])).tolist()
    [[[196.0, 193.0, 192.0]]]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = _FULL,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed=seed, **kwargs)
        self.addition_factor = checked_range(
            "Solarization", addition_factor, "addition_factor", 0.0, mirrored=False
        )
        self.threshold_factor = checked_range(
            "Solarization", threshold_factor, "threshold_factor", 0.0, mirrored=False
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        found = {}
        for name, (low, high) in (
            ("additions", self.addition_factor),
            ("thresholds", self.threshold_factor),
        ):
            high = max(high * 255, low)
            found[name] = between((shape[0], 1, 1, 1), low, high, seed)
        return found

    def _act(self, images: Any, transformation: Any) -> Any:
        more = ops.cast(transformation["additions"], images.dtype)
        threshold = ops.cast(transformation["thresholds"], images.dtype)
        tones = change_range(images, self.value_range, _FULL)
        tones = ops.clip(tones + more, 0.0, 255.0)
        tones = ops.where(ops.less(tones, threshold), tones, 255.0 - tones)
        return change_range(tones, _FULL, self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
        }


class _Toned(ImageLayer):
    """A layer that changes the values of pixels, by no chance.

    Args:
        value_range: least and greatest value of pixels.
    """

    def __init__(self, value_range: Any = _FULL, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = checked_value_range(type(self).__name__, value_range)

    def _toned(self, tones: Any) -> Any:
        """Floats in [0, 255], channels first, changed."""
        raise NotImplementedError

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        images = self._planes(ops.cast(images, self.compute_dtype))
        tones = self._toned(change_range(images, self.value_range, _FULL))
        out = self._from_planes(change_range(tones, _FULL, self.value_range))
        return ops.cast(out, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class AutoContrast(_Toned):
    """Stretches the values of each channel of each image over the whole range.

    Args:
        value_range: least and greatest value of pixels.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.
    Channels of one value are left.

    >>> pydl.layers.AutoContrast()(np.array([[[50.0], [100.0]]])).tolist()
    [[[0.0], [255.0]]]
    """

    def _toned(self, tones: Any) -> Any:
        low = ops.min(tones, axis=[2, 3], keepdims=True)
        high = ops.max(tones, axis=[2, 3], keepdims=True)
        flat = ops.equal(high, low)
        scale = 255.0 / ops.where(flat, 1.0, high - low)
        stretched = ops.clip(tones * scale - low * scale, 0.0, 255.0)
        return ops.where(flat, tones, stretched)


class Equalization(_Toned):
    """Spreads the values of each channel so that all are about as frequent, in
    training. The values of a whole batch are counted together.

    Args:
        value_range: least and greatest value of pixels.
        bins: how many values are told apart.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> x = np.array([[[0.0], [10.0], [10.0], [20.0]]])
    >>> pydl.layers.Equalization()(x).numpy().round().tolist()
    [[[0.0], [170.0], [170.0], [255.0]]]
    """

    def __init__(
        self,
        value_range: Any = _FULL,
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, data_format=data_format, **kwargs)
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
            raise ValueError(
                "Equalization: the `bins` argument should be an integer of at least 2. "
                f"Received: bins={bins!r}"
            )
        self.bins = bins

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return ops.cast(images, self.compute_dtype)
        return super().transform_images(images)

    def _toned(self, tones: Any) -> Any:
        x = tones
        channels, last = x.shape[1], self.bins - 1
        first = (np.arange(channels, dtype="int32") * self.bins)[:, None, None]
        # The two are rounded differently: as Keras counts, and as it looks up.
        counted = ops.cast(ops.clip(x * float(last) / 255.0, 0.0, last), "int32")
        looked_up = ops.cast(ops.clip(x / 255.0 * float(last), 0.0, last), "int32")
        ids = ops.reshape(counted + first, (-1,))
        counts = ops.segment_sum(
            ops.ones(ids.shape, "int64"), ids, num_segments=channels * self.bins
        )
        table, single = self._table(ops.reshape(counts, (channels, self.bins)))
        found = ops.take(ops.reshape(table, (-1,)), looked_up + first)
        single = ops.reshape(single, (channels, 1, 1))
        return ops.where(single, x, ops.cast(found, x.dtype))

    def _table(self, counts: Any) -> tuple[Any, Any]:
        """The new value of each bin, and which channels have only one."""
        whole = ops.cumsum(counts, axis=1)
        huge = ops.full_like(whole, np.iinfo("int64").max)
        least = ops.min(ops.where(whole > 0, whole, huge), axis=1, keepdims=True)
        rest = whole[:, -1:] - least
        rest = ops.where(ops.equal(rest, 0), ops.ones_like(rest), rest)
        risen = ops.cast((whole - least) * 255, "float32") / ops.cast(rest, "float32")
        single = ops.less_equal(ops.sum(ops.cast(counts > 0, "int32"), axis=1), 1)
        return ops.clip(ops.round(risen), 0.0, 255.0), single

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}


class ContrastLimitedAdaptiveHistogramEqualization(_Toned):
    """Equalizes images by tiles, with limited contrast (CLAHE).

    K. Zuiderveld (1994), "Contrast Limited Adaptive Histogram Equalization".

    Args:
        value_range: least and greatest value of pixels.
        clip_limit: how many times its even share a value may count; 0: no limit.
        tile_grid_size: rows and columns of tiles.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> layer = pydl.layers.ContrastLimitedAdaptiveHistogramEqualization()
    >>> layer(np.arange(256.0).reshape(1, 16, 16, 1)).shape
    (1, 16, 16, 1)
    """

    def __init__(
        self,
        value_range: Any = _FULL,
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, data_format=data_format, **kwargs)
        grid = tuple(tile_grid_size)
        if len(grid) != 2 or any(not isinstance(n, int) or n < 1 for n in grid):
            raise ValueError(
                f"{type(self).__name__}: the `tile_grid_size` argument should be two "
                f"positive integers. Received: tile_grid_size={tile_grid_size!r}"
            )
        self.clip_limit = clip_limit
        self.tile_grid_size = grid

    def _toned(self, tones: Any) -> Any:
        x = tones
        batch, channels, height, width = x.shape
        grid = self.tile_grid_size
        tile = [-(-n // count) for n, count in zip((height, width), grid, strict=True)]
        whole = [n * count for n, count in zip(tile, grid, strict=True)]
        for axis, (size, full) in enumerate(
            zip((height, width), whole, strict=True), 2
        ):
            if full != size:  # mirrored at the edge
                places = np.pad(np.arange(size), (0, full - size), mode="symmetric")
                x = ops.take(x, places, axis=axis)
        pixels = ops.cast(ops.clip(x, 0.0, 255.0), "int32")
        curves = ops.reshape(self._curves(pixels, tile), (-1,))
        shape = (batch, *grid, channels, 256)
        rows, columns = (
            _neighbors(*pair) for pair in zip(whole, tile, grid, strict=True)
        )
        total: Any = 0.0
        for row, row_share in rows:
            for column, column_share in columns:
                first = _flat_index(shape, row, column)
                share = row_share[:, None] * column_share[None, :]
                total = total + ops.take(curves, pixels + first) * share
        return ops.cast(total[:, :, :height, :width], tones.dtype)

    def _curves(self, pixels: Any, tile: list[int]) -> Any:
        """The new value of each value in each tile: ``(batch, rows, columns, channels,
        256)``."""
        batch, channels = pixels.shape[:2]
        rows, columns = self.tile_grid_size
        tiles = ops.reshape(pixels, (batch, channels, rows, tile[0], columns, tile[1]))
        tiles = ops.transpose(tiles, (0, 2, 4, 1, 3, 5))
        count, size = batch * rows * columns * channels, tile[0] * tile[1]
        ids = ops.reshape(tiles, (count, size))
        ids = ops.reshape(ids + np.arange(count, dtype="int32")[:, None] * 256, (-1,))
        ones = ops.ones(ids.shape, "float32")
        counts = ops.segment_sum(ones, ids, num_segments=count * 256)
        counts = ops.reshape(counts, (count, 256))
        if self.clip_limit > 0:
            clipped = ops.minimum(counts, float(self.clip_limit * size / 256.0))
            excess = ops.sum(counts - clipped, axis=-1, keepdims=True)
            counts = clipped + excess / 256.0
        whole = ops.cumsum(counts, axis=-1)
        least = ops.min(whole, axis=-1, keepdims=True)
        rest = float(size) - least
        rest = ops.where(ops.equal(rest, 0.0), 1.0, rest)
        return ops.clip((whole - least) * 255.0 / rest, 0.0, 255.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }


def _neighbors(
    whole: int, tile: int, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each pixel along an axis the two tiles whose middles lie around it, with
    their shares."""
    at = (np.arange(whole, dtype="float32") - np.float32(tile / 2.0)) / tile
    low = np.floor(at)
    share = at - low
    below, above = (np.clip(n, 0, count - 1).astype("int32") for n in (low, low + 1))
    return [(below, 1.0 - share), (above, share)]


def _flat_index(shape: tuple[int, ...], row: np.ndarray, column: np.ndarray) -> Any:
    """Where the curve of each pixel begins: ``(batch, channels, height, width)``."""
    batch, rows, columns, channels, values = shape
    image = np.arange(batch).reshape(-1, 1, 1, 1) * rows
    tile = (image + row[:, None]) * columns + column
    channel = np.arange(channels).reshape(1, -1, 1, 1)
    return ((tile * channels + channel) * values).astype("int32")
