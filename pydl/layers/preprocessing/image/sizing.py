"""Images brought to a size, or cut to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import ops, random
from pydl.layers.base import KerasTensor
from pydl.layers.preprocessing.image.arguments import checked_sides
from pydl.layers.preprocessing.image.base import ImageLayer
from pydl.layers.preprocessing.image.boxes.formats import (
    columns,
    convert_format,
    joined,
)
from pydl.layers.preprocessing.image.boxes.geometry import clip_to_image_size
from pydl.ops.image.resampling import METHODS, aspect_box
from pydl.ops.indexing import slice_


class _Sized(ImageLayer):
    """A layer whose images all have one height and width."""

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width = checked_sides(type(self).__name__, height, width)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"{type(self).__name__}: expected the shape of one image or of a "
                f"batch, received {tuple(input_shape)}"
            )
        shape[self.height_axis], shape[self.width_axis] = self.height, self.width
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}

    def _box(self, images: Any, top: int, left: int, height: int, width: int) -> Any:
        """A part of the images."""
        key = [slice(None)] * 4
        key[self.height_axis] = slice(top, top + height)
        key[self.width_axis] = slice(left, left + width)
        return images[tuple(key)]

    def _fitted(self, images: Any) -> Any:
        """The largest part in the middle with the right proportions, resized."""
        return ops.image.resize(
            images, (self.height, self.width), crop_to_aspect_ratio=True,
            data_format=self.data_format,
        )  # fmt: skip

    def _finished(self, boxes: Any, source: str = "xyxy") -> Any:
        """Boxes of the result, clipped, in the layer's format."""
        boxes = clip_to_image_size(boxes, self.height, self.width, source)
        return convert_format(
            boxes, source, str(self.bounding_box_format), self.height, self.width
        )


class Resizing(_Sized):
    """Brings images to one size.

    Args:
        height, width: that size.
        interpolation: as `ops.image.resize`'s; masks take the nearest pixel.
        crop_to_aspect_ratio: first cut the largest box of the right proportions out of
            the middle.
        pad_to_aspect_ratio: first pad to the right proportions.
        fill_mode: ``"constant"``.
        fill_value: what is padded with.
        antialias: average over all pixels that a smaller image's pixel covers.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict;
    integers stay integers.

    >>> pydl.layers.Resizing(8, 6)(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 8, 6, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)
        if interpolation not in METHODS:
            raise ValueError(
                f"Resizing: the `interpolation` argument should be one of {METHODS}. "
                f"Received: interpolation={interpolation!r}"
            )
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                "Resizing: only one of `crop_to_aspect_ratio` and "
                "`pad_to_aspect_ratio` may be True"
            )
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        return self._size(self._shape(data))

    def _resized(self, images: Any, interpolation: str) -> Any:
        return ops.image.resize(
            images, (self.height, self.width), interpolation, self.antialias,
            self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.fill_mode,
            self.fill_value, self.data_format,
        )  # fmt: skip

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if "float" in str(images.dtype):
            images = ops.cast(images, self.compute_dtype)
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._resized(segmentation_masks, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        height, width = transformation
        given = bounding_boxes["boxes"]
        absent = ops.logical_or(
            ops.all(ops.equal(given, -1), axis=-1, keepdims=True),
            ops.all(ops.equal(given, 0), axis=-1, keepdims=True),
        )
        source = str(self.bounding_box_format)
        boxes = convert_format(given, source, "xyxy", height, width)
        (x_scale, x_move), (y_scale, y_move) = self._box_motion(height, width)
        moved = np.array([x_move, y_move, x_move, y_move], "float32")
        scale = np.array([x_scale, y_scale, x_scale, y_scale], "float32")
        found = {**bounding_boxes, "boxes": boxes * scale + moved}
        found = clip_to_image_size(found, self.height, self.width)
        found["boxes"] = ops.where(absent, 0.0, found["boxes"])
        return convert_format(found, "xyxy", source, self.height, self.width)

    def _box_motion(self, height: int, width: int) -> Any:
        """Factor and offset of x, and of y."""
        y, x = self.height / height, self.width / width
        if not (self.pad_to_aspect_ratio or self.crop_to_aspect_ratio):
            return (x, 0.0), (y, 0.0)
        both = min(x, y) if self.pad_to_aspect_ratio else max(x, y)
        margins = []
        for own, size in ((self.width, width), (self.height, height)):
            rest = own - round(size * both, 4)  # whole numbers stay whole
            margins.append(rest // 2 if rest > 0 else -(-rest // 2))
        return (both, margins[0]), (both, margins[1])

    def _image_spec(self, images: Any) -> KerasTensor:
        is_float = "float" in str(images.dtype)
        dtype = self.compute_dtype if is_float else images.dtype
        return KerasTensor(self.compute_output_shape(images.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(_Sized):
    """Cuts the middle out of images. From images that are smaller it takes the largest
    part with the right proportions, resized.

    Args:
        height, width: the size of the result.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict; the
    result has the layer's dtype.

    >>> pydl.layers.CenterCrop(2, 2)(np.arange(16.0).reshape(4, 4, 1))[..., 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        return {"input_shape": self._shape(data)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        images = ops.cast(images, self.compute_dtype)
        height, width = self._size(images.shape)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        if top >= 0 and left >= 0:
            return self._box(images, top, left, self.height, self.width)
        return self._fitted(images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        height, width = self._size(transformation["input_shape"])
        source = str(self.bounding_box_format)
        found = convert_format(bounding_boxes, source, "xyxy", height, width)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        rows, cols = self.height, self.width
        if top < 0 or left < 0:
            top, left, rows, cols = aspect_box(height, width, (rows, cols))
        x1, y1, x2, y2 = columns(found["boxes"])
        x1, x2 = (ops.clip(x, left, left + cols) - left for x in (x1, x2))
        y1, y2 = (ops.clip(y, top, top + rows) - top for y in (y1, y2))
        x, y = self.width / cols, self.height / rows
        found["boxes"] = joined(x1 * x, y1 * y, x2 * x, y2 * y)
        return self._finished(found)


class RandomCrop(_Sized):
    """Cuts a part out of a batch of images at a place drawn by chance, in training;
    else, and from images that are not larger, the part in the middle.

    Args:
        height, width: the size of the result.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict; the
    result has the layer's dtype.

    >>> pydl.layers.RandomCrop(2, 3, seed=1)(np.ones((5, 6, 7, 3))).shape
    (5, 2, 3, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format=data_format, name=name, **kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        height, width = self._size(self._shape(data))
        if training and height > self.height and width > self.width:
            seed = self.generator if seed is None else seed
            return tuple(
                ops.cast(random.uniform((), 0.0, float(n + 1), seed=seed), "int32")
                for n in (height - self.height, width - self.width)
            )
        return aspect_box(height, width, (self.height, self.width))[:2]

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        images = ops.cast(images, self.compute_dtype)
        height, width = self._size(images.shape)
        if not training:
            return self._fitted(images)
        top, left = transformation
        if isinstance(top, int):
            images = self._box(images, top, left, self.height, self.width)
            if self._size(images.shape) == (self.height, self.width):
                return images
            size = (self.height, self.width)
            return ops.image.resize(images, size, data_format=self.data_format)
        start: list[Any] = [0] * 4
        start[self.height_axis], start[self.width_axis] = top, left
        shape = list(images.shape)
        shape[self.height_axis], shape[self.width_axis] = self.height, self.width
        return slice_(images, start, shape)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        top, left = (ops.cast(n, "float32") for n in transformation)
        source = str(self.bounding_box_format)
        size = (self.height, self.width)
        found = convert_format(bounding_boxes, source, "xyxy", *size)
        x1, y1, x2, y2 = columns(found["boxes"])
        x1, x2 = (ops.maximum(x - left, 0.0) for x in (x1, x2))
        y1, y2 = (ops.maximum(y - top, 0.0) for y in (y1, y2))
        found["boxes"] = joined(x1, y1, x2, y2)
        return convert_format(found, "xyxy", source, *size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
