"""Images zoomed and sheared by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import ops, random
from pydl.layers.preprocessing.image.affine import RandomAffine, transform_rows
from pydl.layers.preprocessing.image.arguments import checked_range
from pydl.layers.preprocessing.image.base import Shape, between, per_image
from pydl.layers.preprocessing.image.boxes.formats import columns, joined


class RandomZoom(RandomAffine):
    """Zooms each image in or out about its middle, in training.

    Args:
        height_factor: how much more of the height is seen, as a share: a number n for
            ``(-n, n)``, or two; in (-1, 1]. Positive zooms out.
        width_factor: the same for the width; None: as for the height.
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"wrap"`` or
            ``"reflect"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: integer for repeatable draws.
        fill_value: of the mode ``"constant"``.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> out = pydl.layers.RandomZoom((1.0, 1.0), fill_mode="constant")
    >>> out(np.ones((4, 4, 1), "float32"))[0, :, 0].tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format,
            **kwargs,
        )  # fmt: skip
        self.height_factor, self.width_factor = height_factor, width_factor
        given = {"height_factor": height_factor, "width_factor": width_factor}
        self._ranges = [
            checked_range("RandomZoom", factor, name, -1.0, open_below=True)
            for name, factor in given.items()
            if factor is not None or name == "height_factor"
        ]

    def _draw(self, shape: Shape, seed: Any) -> Any:
        zooms = [
            between((shape[0], 1), 1.0 + low, 1.0 + high, seed)
            for low, high in self._ranges
        ]
        return {
            "height_zoom": zooms[0], "width_zoom": zooms[-1], "input_shape": shape
        }  # fmt: skip

    def _offsets(self, transformation: Any, size: Any) -> tuple[Any, Any]:
        """Where the first row and column come from."""
        rows, cols = transformation["height_zoom"], transformation["width_zoom"]
        height, width = size
        return (1.0 - rows) * ((height - 1.0) / 2.0), (1.0 - cols) * ((width - 1.0) / 2)

    def _matrix(self, images: Any, transformation: Any) -> Any:
        top, left = self._offsets(transformation, images.shape[2:])
        rows, cols = transformation["height_zoom"], transformation["width_zoom"]
        return transform_rows(cols, 0.0, left, 0.0, rows, top, 0.0, 0.0)

    def _moved(self, boxes: Any, transformation: Any, size: Any) -> Any:
        height, width = size
        top, left = (
            ops.expand_dims(o, -1) for o in self._offsets(transformation, size)
        )
        rows, cols = (
            ops.expand_dims(transformation[key], -1)
            for key in ("height_zoom", "width_zoom")
        )
        x1, y1, x2, y2 = columns(boxes)
        x1, x2 = (_seen(x, left, cols * width) * (1.0 / cols) for x in (x1, x2))
        y1, y2 = (_seen(y, top, rows * height) * (1.0 / rows) for y in (y1, y2))
        return joined(x1, y1, x2, y2)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


def _seen(x: Any, first: Any, length: Any) -> Any:
    """A place in the stretch that is seen, counted from its beginning."""
    return ops.minimum(ops.maximum(x, first), first + length) - first


class RandomShear(RandomAffine):
    """Moves rows and columns of each image against each other, in training.

    Args:
        x_factor: how far rows move for each row down, as a share: a number n for
            ``(-n, n)``, or two; in [0, 1].
        y_factor: the same for columns.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"wrap"`` or
            ``"reflect"``.
        fill_value: of the mode ``"constant"``.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict. Half
    of the images are sheared the other way.

    >>> pydl.layers.RandomShear(0.2, seed=1)(np.ones((2, 4, 4, 1), "float32")).shape
    (2, 4, 4, 1)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format,
            **kwargs,
        )  # fmt: skip
        # What a configuration holds comes back as it was: from -n on.
        self.x_factor = _shear_range(x_factor, "x_factor")
        self.y_factor = _shear_range(y_factor, "y_factor")

    def _draw(self, shape: Shape, seed: Any) -> Any:
        draws = random.uniform((shape[0], 1), seed=seed)
        sign = ops.where(ops.greater(draws, 0.5), -1.0, 1.0)
        y = between((shape[0], 1), *self.y_factor, seed)
        x = between((shape[0], 1), *self.x_factor, seed)
        shear = ops.concatenate([x, y], axis=1) * sign
        return {"shear_factor": shear, "input_shape": shape}

    def _matrix(self, images: Any, transformation: Any) -> Any:
        shear = transformation["shear_factor"]
        return transform_rows(1.0, shear[:, 0], 0.0, shear[:, 1], 1.0, 0.0, 0.0, 0.0)

    def _moved(self, boxes: Any, transformation: Any, size: Any) -> Any:
        """Each side where the farther of its ends comes to."""
        height, width = size
        shear = ops.cast(transformation["shear_factor"], "float32")
        x, y = (per_image(shear[:, i])[..., 0] for i in range(2))
        scale = np.array([width, height, width, height], "float32")
        x1, y1, x2, y2 = columns(boxes / scale)
        left = ops.less(x, 0.0)
        x1, x2 = (
            ops.where(left, x1 - x * y1, x1 - x * y2),
            ops.where(left, x2 - x * y2, x2 - x * y1),
        )
        down = ops.greater(y, 0.0)
        y1, y2 = (
            ops.where(down, y1 - y * x2, y1 - y * x1),
            ops.where(down, y2 - y * x1, y2 - y * x2),
        )
        return joined(x1, y1, x2, y2) * scale

    def get_config(self) -> dict[str, Any]:
        factors = {"x_factor": self.x_factor, "y_factor": self.y_factor}
        return {**super().get_config(), **factors}


def _shear_range(factor: Any, name: str) -> tuple[float, float]:
    mirrored = isinstance(factor, (tuple, list)) and len(factor) == 2
    if mirrored and -factor[0] == factor[1]:
        factor = factor[1]
    return checked_range("RandomShear", factor, name, 0.0)
