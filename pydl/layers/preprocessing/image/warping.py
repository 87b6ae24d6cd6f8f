"""Images seen from another side, or bent, by chance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pydl import ops, random
from pydl.layers.preprocessing.image.affine import FILL_MODES, INTERPOLATIONS
from pydl.layers.preprocessing.image.arguments import (
    checked_choice,
    checked_factor,
    checked_value_range,
    is_number,
)
from pydl.layers.preprocessing.image.base import (
    RandomImageLayer,
    Shape,
    between,
    per_image,
)
from pydl.layers.preprocessing.image.boxes.formats import (
    columns,
    convert_format,
    joined,
)
from pydl.layers.preprocessing.image.boxes.geometry import clip_to_image_size
from pydl.ops.image.warping import homography


class _Warped(RandomImageLayer):
    """A layer that warps chosen images; masks take the nearest pixel."""

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)
    interpolation: str

    def _warped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        """Images, channels first, where the transformation brings them."""
        raise NotImplementedError

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._warped(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        masks = self._planes(segmentation_masks)
        return self._from_planes(self._warped(masks, transformation, "nearest"))


class RandomPerspective(_Warped):
    """Moves the corners of images, each on its own, in training.

    Args:
        factor: the probability of each image to be changed, in [0, 1]: a number, or two
            that it is drawn between.
        scale: how far corners move, in [0, 1].
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: what lies outside.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> pydl.layers.RandomPerspective(scale=0.2)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, seed, data_format=data_format, **kwargs)
        if not is_number(scale) or not 0 <= scale <= 1:
            raise ValueError(
                "RandomPerspective: the `scale` argument should be a number in the "
                f"range [0,1]. Received: scale={scale!r}"
            )
        self.scale = scale
        self.interpolation = checked_choice(
            "RandomPerspective", "interpolation", interpolation, INTERPOLATIONS
        )
        self.fill_value = fill_value

    def _draw(self, shape: Shape, seed: Any) -> Any:
        height, width = self._size(shape)
        chosen = self._chosen(shape, seed)
        reach = 0.5 * self.scale
        moves = between((shape[0], 4, 2), -reach, reach, seed)
        x, y = width - 1.0, height - 1.0
        corners = np.array([[[0, 0], [x, 0], [0, y], [x, y]]], "float32")
        start = ops.convert_to_tensor(np.repeat(corners, shape[0], axis=0))
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape,
        }

    def _warped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        out = ops.image.perspective_transform(
            images, transformation["start_points"], transformation["end_points"],
            interpolation, self.fill_value, "channels_first",
        )  # fmt: skip
        return ops.where(per_image(transformation["apply_perspective"]), out, images)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        form = str(self.bounding_box_format)
        found = convert_format(bounding_boxes, form, "xyxy", *size)
        boxes = found["boxes"]
        moved = _around(
            boxes,
            homography(transformation["end_points"], transformation["start_points"]),
        )
        chosen = ops.reshape(transformation["apply_perspective"], (-1, 1, 1))
        found["boxes"] = ops.where(chosen, moved, boxes)
        found = clip_to_image_size(found, *size)
        return convert_format(found, "xyxy", form, *size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def _around(boxes: Any, t: Any) -> Any:
    """The boxes around where the corners of boxes come to."""
    a0, a1, a2, b0, b1, b2, c0, c1 = (
        ops.reshape(t[:, i], (-1, 1, 1)) for i in range(8)
    )
    x1, y1, x2, y2 = columns(boxes)
    xs, ys = joined(x1, x2, x1, x2), joined(y1, y2, y2, y1)
    k = c0 * xs + c1 * ys + 1.0
    out = (a0 * xs + a1 * ys + a2) / k, (b0 * xs + b1 * ys + b2) / k
    least = [ops.min(o, axis=-1, keepdims=True) for o in out]
    most = [ops.max(o, axis=-1, keepdims=True) for o in out]
    return ops.cast(joined(*least, *most), boxes.dtype)


class RandomElasticTransform(_Warped):
    """Bends images by smooth random fields, in training.

    Args:
        factor: the probability of each image to be changed, in [0, 1]: a number, or two
            that it is drawn between.
        scale: how strongly a batch is bent, in [0, 1]: a number n for ``(0, n)``, or
            two.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: what lies outside, as in `ops.image.map_coordinates`.
        fill_value: of the mode ``"constant"``.
        value_range: least and greatest value of pixels; the result is clipped to it.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> pydl.layers.RandomElasticTransform(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, seed, data_format=data_format, **kwargs)
        name = "RandomElasticTransform"
        self.scale = checked_factor(name, scale, self._FACTOR_BOUNDS, "scale")
        self.interpolation = checked_choice(
            name, "interpolation", interpolation, INTERPOLATIONS
        )
        self.fill_mode = checked_choice(
            name, "fill_mode", fill_mode, (*FILL_MODES, "mirror")
        )
        self.fill_value = fill_value
        self.value_range = checked_value_range(name, value_range)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        return {
            "apply_transform": self._chosen(shape, seed),
            "distortion_factor": between((), *self.scale, seed),
            # One key for images and masks: they are bent alike.
            "seed": random.draw_seed(seed),
        }

    def _warped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        height, width = images.shape[2:]
        factor = transformation["distortion_factor"]
        out = ops.image.elastic_transform(
            images,
            factor * (0.1 * max(height, width)),
            factor * (0.05 * min(height, width)),
            interpolation, self.fill_mode, self.fill_value,
            transformation["seed"], "channels_first",
        )  # fmt: skip
        out = ops.where(per_image(transformation["apply_transform"]), out, images)
        return ops.clip(out, *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "value_range": self.value_range,
        }
