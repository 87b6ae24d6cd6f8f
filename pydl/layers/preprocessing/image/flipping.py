"""Images turned over by chance."""

from __future__ import annotations

from typing import Any

from pydl import ops, random
from pydl.layers.preprocessing.image.arguments import checked_choice
from pydl.layers.preprocessing.image.base import RandomImageLayer, Shape
from pydl.layers.preprocessing.image.boxes.formats import (
    columns,
    convert_format,
    joined,
)
from pydl.layers.preprocessing.image.boxes.geometry import clip_to_image_size


class RandomFlip(RandomImageLayer):
    """Turns images over, each with probability 1/2, in training.

    Args:
        mode: ``"horizontal"`` (left and right), ``"vertical"`` (top and bottom) or
            ``"horizontal_and_vertical"`` (both at once).
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> pydl.layers.RandomFlip(seed=3)(x, training=False)[0, :, 0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        known = ("horizontal", "vertical", "horizontal_and_vertical")
        self.mode = checked_choice("RandomFlip", "mode", mode, known)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        flips = ops.less_equal(random.uniform((shape[0], 1, 1, 1), seed=seed), 0.5)
        return {"flips": flips, "input_shape": shape}

    def _act(self, images: Any, transformation: Any) -> Any:
        axes = []
        if "vertical" in self.mode:
            axes.append(-2)
        if "horizontal" in self.mode:
            axes.append(-1)
        return ops.where(transformation["flips"], ops.flip(images, axes), images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        size, form = self._size(transformation["input_shape"]), self.bounding_box_format
        found = convert_format(bounding_boxes, str(form), "rel_xyxy", *size)
        x1, y1, x2, y2 = columns(found["boxes"])
        if "horizontal" in self.mode:
            x1, x2 = 1.0 - x2, 1.0 - x1
        if "vertical" in self.mode:
            y1, y2 = 1.0 - y2, 1.0 - y1
        flips = ops.squeeze(transformation["flips"], -1)
        found["boxes"] = ops.where(flips, joined(x1, y1, x2, y2), found["boxes"])
        found = clip_to_image_size(found, *size, bounding_box_format="rel_xyxy")
        return convert_format(found, "rel_xyxy", str(form), *size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
