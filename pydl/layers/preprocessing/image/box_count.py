"""As many boxes for each image."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import KerasTensor
from pydl.layers.preprocessing.image.base import ImageLayer, Shape


class MaxNumBoundingBoxes(ImageLayer):
    """Leaves the first boxes of each image, and fills up to so many.

    Args:
        max_number: how many boxes and labels each image has afterwards.
        fill_value: the numbers of boxes and labels filled in.

    Input and output: a dict with ``"images"`` and ``"bounding_boxes"``.

    >>> layer = pydl.layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    >>> boxes = {"boxes": np.ones((1, 2, 4)), "labels": np.ones((1, 2))}
    >>> data = {"images": np.ones((1, 8, 8, 3)), "bounding_boxes": boxes}
    >>> layer(data)["bounding_boxes"]["labels"].tolist()
    [[1.0, 1.0, -1.0]]
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if int(max_number) < 0:
            raise ValueError(
                "MaxNumBoundingBoxes: the `max_number` argument should be at least 0. "
                f"Received: max_number={max_number!r}"
            )
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        found = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            kept = found[key][:, : self.max_number]
            widths = [(0, 0)] * len(kept.shape)
            widths[1] = (0, self.max_number - kept.shape[1])
            found[key] = ops.pad(kept, widths, constant_values=self.fill_value)
        return found

    def _image_spec(self, images: Any) -> KerasTensor:
        return KerasTensor(images.shape, images.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes: dict[str, Shape] = {}
        for key, shape in input_shape["bounding_boxes"].items():
            if key not in ("boxes", "labels"):
                raise KeyError(
                    "MaxNumBoundingBoxes: expected 'boxes' and 'labels' in "
                    f"'bounding_boxes', received {key!r}"
                )
            boxes[key] = (shape[0], self.max_number, *shape[2:])
        return {**input_shape, "bounding_boxes": boxes}

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        specs = super().compute_output_spec(data)
        if isinstance(data, dict) and "bounding_boxes" in data:
            specs["bounding_boxes"] = {
                key: KerasTensor((x.shape[0], self.max_number, *x.shape[2:]), x.dtype)
                for key, x in data["bounding_boxes"].items()
            }
        return specs

    def get_config(self) -> dict[str, Any]:
        numbers = {"max_number": self.max_number, "fill_value": self.fill_value}
        return {**super().get_config(), **numbers}
