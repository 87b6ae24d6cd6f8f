"""Images rotated and moved by chance, and what layers share that warp by a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import ops
from pydl.layers.preprocessing.image.arguments import checked_choice, checked_range
from pydl.layers.preprocessing.image.base import RandomImageLayer, Shape, between
from pydl.layers.preprocessing.image.boxes.formats import convert_format
from pydl.layers.preprocessing.image.boxes.geometry import (
    affine_transform,
    clip_to_image_size,
)

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class RandomAffine(RandomImageLayer):
    """A layer whose images go through `ops.image.affine_transform`.

    Args:
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"wrap"`` or
            ``"reflect"``.
        interpolation: ``"nearest"`` or ``"bilinear"``; masks take the nearest pixel.
        fill_value: of the mode ``"constant"``.
    """

    def __init__(
        self, fill_mode: str, interpolation: str, fill_value: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.fill_mode = checked_choice(name, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = checked_choice(
            name, "interpolation", interpolation, INTERPOLATIONS
        )
        self.fill_value = fill_value

    def _matrix(self, images: Any, transformation: Any) -> Any:
        """The transforms of a batch, ``(batch, 8)``."""
        raise NotImplementedError

    def _warped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        """Images, channels first, where the transformation brings them."""
        return ops.image.affine_transform(
            images, self._matrix(images, transformation), interpolation,
            self.fill_mode, self.fill_value, "channels_first",
        )  # fmt: skip

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._warped(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        masks = self._planes(segmentation_masks)
        return self._from_planes(self._warped(masks, transformation, "nearest"))

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        form = str(self.bounding_box_format)
        found = convert_format(bounding_boxes, form, "xyxy", *size)
        found["boxes"] = self._moved(found["boxes"], transformation, size)
        found = clip_to_image_size(found, *size)
        return convert_format(found, "xyxy", form, *size)

    def _moved(self, boxes: Any, transformation: Any, size: Any) -> Any:
        """Boxes ``"xyxy"`` where the transformation brings them."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def transform_rows(*entries: Any) -> Any:
    """Eight numbers for each image as ``(batch, 8)``; those that are the same for all
    may be Python numbers."""
    batch = next(e.shape[0] for e in entries if hasattr(e, "shape"))
    found = [
        ops.reshape(e, (batch, 1)) if hasattr(e, "shape")
        else np.full((batch, 1), e, "float32")
        for e in entries
    ]  # fmt: skip
    return ops.concatenate([ops.cast(e, "float32") for e in found], axis=1)


class RandomRotation(RandomAffine):
    """Rotates each image about its middle by an angle drawn by chance, in training.

    Args:
        factor: the angle as a share of the whole circle, counterclockwise if positive:
            a number n for ``(-n, n)``, or two.
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"wrap"`` or
            ``"reflect"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: integer for repeatable draws.
        fill_value: of the mode ``"constant"``.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> half = pydl.layers.RandomRotation((0.5, 0.5))
    >>> half(np.arange(3.0).reshape(1, 3, 1))[0, :, 0].numpy().round(3).tolist()
    [2.0, 1.0, 0.0]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, factor=factor, seed=seed,
            data_format=data_format, **kwargs,
        )  # fmt: skip

    def _draw(self, shape: Shape, seed: Any) -> Any:
        low, high = (360.0 * f for f in self.factor)
        angle = between((shape[0],), low, high, seed)
        height, width = self._size(shape)
        turn = angle * (np.pi / 180.0)
        cos, sin = ops.cos(turn), ops.sin(turn)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        rows = transform_rows(
            cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0.0, 0.0
        )
        return {"angle": angle, "rotation_matrix": rows, "input_shape": shape}

    def _matrix(self, images: Any, transformation: Any) -> Any:
        return transformation["rotation_matrix"]

    def _moved(self, boxes: Any, transformation: Any, size: Any) -> Any:
        angle = transformation["angle"]
        none = ops.zeros_like(angle)
        return affine_transform(
            boxes, angle, none, none, ops.ones_like(angle), none, none, *size
        )


class RandomTranslation(RandomAffine):
    """Moves each image down or up and right or left, in training.

    Args:
        height_factor: how far, as a share of the height, down if positive: a number n
            for ``(-n, n)``, or two; in [-1, 1].
        width_factor: the same for the width, to the right if positive.
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"wrap"`` or
            ``"reflect"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: integer for repeatable draws.
        fill_value: of the mode ``"constant"``.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> right = pydl.layers.RandomTranslation(0.0, (0.5, 0.5), "constant")
    >>> right(np.arange(1.0, 5.0).reshape(1, 4, 1))[0, :, 0].tolist()
    [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
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
        name = "RandomTranslation"
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = checked_range(name, height_factor, "height_factor", -1.0)
        self._columns = checked_range(name, width_factor, "width_factor", -1.0)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        height, width = self._size(shape)
        down = between((shape[0], 1), *self._rows, seed) * height
        right = between((shape[0], 1), *self._columns, seed) * width
        moves = ops.concatenate([right, down], axis=1)
        return {"translations": moves, "input_shape": shape}

    def _matrix(self, images: Any, transformation: Any) -> Any:
        moves = transformation["translations"]
        return transform_rows(1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1], 0.0, 0.0)

    def _moved(self, boxes: Any, transformation: Any, size: Any) -> Any:
        moves = transformation["translations"]
        moves = ops.expand_dims(ops.concatenate([moves, moves], axis=1), 1)
        return boxes + ops.cast(moves, boxes.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }
