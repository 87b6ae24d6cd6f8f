"""What image layers share: images alone or with labels, boxes and masks."""

from __future__ import annotations

from typing import Any, ClassVar

from pydl import config, ops, random, tree
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.image.arguments import checked_factor

Shape = tuple[int, ...]


class ImageLayer(Layer):
    """The base of layers that prepare images.

    Such a layer takes images, one or a batch, or a dict of ``"images"`` and any of
    ``"labels"``, ``"bounding_boxes"`` (a dict of ``"boxes"`` and ``"labels"``) and
    ``"segmentation_masks"``, and changes all of them alike. `call` draws a
    transformation (`get_random_transformation`) and hands it to ``transform_images``
    and so on, which subclasses define; they always get batches.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
        bounding_box_format: of the boxes, where there are any.
    """

    def __init__(
        self,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.bounding_box_format = bounding_box_format
        self._convert_input_args = False
        self.built = True
        first = self.data_format == "channels_first"
        self.height_axis, self.width_axis = (-2, -1) if first else (-3, -2)
        self.channel_axis = -3 if first else -1

    # -- what subclasses define -------------------------------------------------------

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        """What is done to this data, drawn by chance; None for nothing."""
        return None

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """A batch of images, changed."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `transform_images`"
        )

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The labels of a batch of images, changed."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The boxes of a batch of images, changed."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks of a batch of images, changed."""
        return segmentation_masks

    # -- one image --------------------------------------------------------------------

    def transform_single_image(
        self, image: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """One image, changed."""
        return _single(self.transform_images, image, transformation, training)

    def transform_single_label(
        self, label: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The label of one image, changed."""
        return _single(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The boxes of one image, changed."""
        return _single(
            self.transform_bounding_boxes, bounding_box, transformation, training
        )

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The mask of one image, changed."""
        return _single(
            self.transform_segmentation_masks, segmentation_mask, transformation,
            training,
        )  # fmt: skip

    def convert_weight(self, weight: Any) -> Any:
        """The weight as it is: there is one backend."""
        return weight

    # -- calling ----------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        if isinstance(data, dict):
            return self._call_on_dict(dict(data), training)
        images = ops.convert_to_tensor(data)
        transformation = self.get_random_transformation(images, training=training)
        if self._is_batch(images):
            return self.transform_images(images, transformation, training=training)
        return self.transform_single_image(images, transformation, training=training)

    def _call_on_dict(self, data: dict[str, Any], training: bool) -> dict[str, Any]:
        if "images" not in data:
            raise ValueError(
                f"{type(self).__name__}: expected a dict with a key 'images', received "
                f"the keys {sorted(data)}"
            )
        for key in ("images", "labels", "segmentation_masks"):
            if key in data:
                data[key] = ops.convert_to_tensor(data[key])
        if "bounding_boxes" in data:
            data["bounding_boxes"] = self._boxes(data["bounding_boxes"])
        names = _ONE if not self._is_batch(data["images"]) else _MANY
        transformation = self.get_random_transformation(data, training=training)
        for key, name in names.items():
            if key in data:
                transform = getattr(self, name)
                data[key] = transform(data[key], transformation, training=training)
        return data

    def _is_batch(self, images: Any) -> bool:
        if len(images.shape) not in (3, 4):
            raise ValueError(
                f"{type(self).__name__}: expected one image (rank 3) or a batch of "
                f"images (rank 4), received shape {tuple(images.shape)}"
            )
        return len(images.shape) == 4

    def _boxes(self, given: Any) -> dict[str, Any]:
        """Boxes and labels as tensors."""
        if not self.bounding_box_format:
            raise ValueError(
                f"{type(self).__name__}: received 'bounding_boxes', but does not know "
                "their format: give the layer a bounding_box_format, for example 'xyxy'"
            )
        if not isinstance(given, dict) or not {"boxes", "labels"} <= set(given):
            raise ValueError(
                f"{type(self).__name__}: expected 'bounding_boxes' to be a dict of "
                f"'boxes' and 'labels', received {given!r}"
            )
        boxes = ops.convert_to_tensor(given["boxes"], dtype="float32")
        labels = ops.convert_to_tensor(given["labels"])
        if boxes.ndim not in (2, 3) or labels.ndim not in (boxes.ndim - 1, boxes.ndim):
            raise ValueError(
                f"{type(self).__name__}: expected boxes of shape (boxes, 4) or (batch, "
                "boxes, 4) with a label for each, received boxes of shape "
                f"{tuple(boxes.shape)} and labels of shape {tuple(labels.shape)}"
            )
        return {**given, "boxes": boxes, "labels": labels}

    def _shape(self, data: Any) -> Shape:
        """The shape of a batch that holds the images of `data`."""
        images = data["images"] if isinstance(data, dict) else data
        shape = tuple(images.shape)
        return shape if len(shape) == 4 else (1, *shape)

    def _planes(self, x: Any) -> Any:
        """A batch with its channels first. Numbers that all channels share then lie
        beside long rows, not beside three channels, which loops are slow at."""
        if self.data_format == "channels_first":
            return x
        return ops.transpose(x, (0, 3, 1, 2))

    def _from_planes(self, x: Any) -> Any:
        """Undoes `_planes`."""
        if self.data_format == "channels_first":
            return x
        return ops.transpose(x, (0, 2, 3, 1))

    def _size(self, shape: Any) -> tuple[Any, Any]:
        """Height and width."""
        return shape[self.height_axis], shape[self.width_axis]

    # -- the model graph --------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def _image_spec(self, images: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(images.shape), self.compute_dtype)

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        if not isinstance(data, dict):
            return self._image_spec(data)
        specs = tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype), data)
        specs["images"] = self._image_spec(data["images"])
        if "segmentation_masks" in data:
            mask = data["segmentation_masks"]
            shape = self.compute_output_shape(mask.shape)
            specs["segmentation_masks"] = KerasTensor(shape, mask.dtype)
        return specs

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


_MANY = {
    "images": "transform_images",
    "bounding_boxes": "transform_bounding_boxes",
    "labels": "transform_labels",
    "segmentation_masks": "transform_segmentation_masks",
}
_ONE = {
    "images": "transform_single_image",
    "bounding_boxes": "transform_single_bounding_box",
    "labels": "transform_single_label",
    "segmentation_masks": "transform_single_segmentation_mask",
}


def _single(transform: Any, x: Any, transformation: Any, training: bool) -> Any:
    """What a function of batches makes of one."""
    batch = tree.map_structure(lambda part: ops.expand_dims(part, 0), x)
    out = transform(batch, transformation, training=training)
    return tree.map_structure(lambda part: ops.squeeze(part, 0), out)


class RandomImageLayer(ImageLayer):
    """An image layer that acts in training only, by chance.

    Subclasses draw in ``_draw(shape, seed)`` (of the batch's shape) and act in
    ``_act(images, transformation)``, which gets images with their channels first.

    Args:
        factor: how strong, within the class's bounds: a number, or two that it is drawn
            between; None where a layer has other arguments.
        seed: integer for repeatable draws.
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (-1, 1)

    def __init__(self, factor: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if factor is not None:
            name = type(self).__name__
            self.factor = checked_factor(name, factor, self._FACTOR_BOUNDS)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        if not training:
            return None
        return self._draw(self._shape(data), self.generator if seed is None else seed)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        """The transformation of images of a shape."""
        raise NotImplementedError

    def _act(self, images: Any, transformation: Any) -> Any:
        """The images, channels first, changed."""
        raise NotImplementedError

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        out = self._act(self._planes(images), transformation)
        return ops.cast(self._from_planes(out), self.compute_dtype)

    def _chosen(self, shape: Shape, seed: Any) -> Any:
        """Which images are changed: each with a probability drawn from `factor`."""
        likely = between((shape[0],), *self.factor, seed)
        return ops.less(random.uniform((shape[0],), seed=seed), likely)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "seed": self.seed}
        if hasattr(self, "factor"):
            config["factor"] = self.factor
        return config


def between(shape: Any, low: float, high: float, seed: Any) -> Any:
    """Numbers evenly distributed in ``[low, high)``; all `low` where both are equal."""
    if low == high:
        return ops.full(shape, float(low))
    return random.uniform(shape, low, high, seed=seed)


def per_image(x: Any) -> Any:
    """A number for each image, ``(batch,)``, beside images ``(batch, 1, 1, 1)``."""
    return ops.reshape(x, (-1, 1, 1, 1))
