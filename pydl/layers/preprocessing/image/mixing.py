"""Parts of images erased, and images mixed with each other, by chance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pydl import ops, random
from pydl.layers.preprocessing.image.arguments import checked_factor, is_number
from pydl.layers.preprocessing.image.base import (
    RandomImageLayer,
    Shape,
    between,
    per_image,
)
from pydl.layers.preprocessing.image.color import RandomColor


def _stretch(length: int, share: Any, seed: Any) -> tuple[Any, Any]:
    """A part of an axis for each image, by its share: where it begins and ends."""
    part = share * float(length)
    begin = random.uniform(tuple(part.shape), seed=seed) * (float(length) - part)
    return begin, begin + part


def _box_mask(layer: Any, shape: Shape, x: Any, y: Any) -> Any:
    """Where the pixels of each image lie in its box: one channel of bools."""
    inside = None
    for axis, (begin, end) in ((layer.width_axis, x), (layer.height_axis, y)):
        places = np.arange(shape[axis], dtype="float32")
        grid = [1] * 4
        grid[axis] = shape[axis]
        at = places.reshape(grid)
        within = ops.logical_and(
            ops.greater_equal(at, per_image(begin)), ops.less(at, per_image(end))
        )
        inside = within if inside is None else ops.logical_and(inside, within)
    return inside


class RandomErasing(RandomColor):
    """Erases a box of chosen images, in training.

    Z. Zhong et al. (2020), "Random Erasing Data Augmentation".

    Args:
        factor: the probability of each image to be changed, in [0, 1]: a number, or two
            that it is drawn between.
        scale: between which squares of its shares of width and height a box is drawn,
            in [0, 1].
        fill_value: what is put there: a number, three numbers, or None for noise.
        value_range: least and greatest value of pixels.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> pydl.layers.RandomErasing(seed=1)(np.ones((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 3)
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )
        bounds = self._FACTOR_BOUNDS
        self.scale = checked_factor("RandomErasing", scale, bounds, "scale")
        three = isinstance(fill_value, (tuple, list)) and len(fill_value) == 3
        if fill_value is not None and not is_number(fill_value) and not three:
            raise ValueError(
                "RandomErasing: the `fill_value` argument should be a number, three "
                f"numbers or None. Received: fill_value={fill_value!r}"
            )
        self.fill_value = fill_value

    def _draw(self, shape: Shape, seed: Any) -> Any:
        shares = ops.sqrt(between((shape[0], 2), *self.scale, seed))
        x = _stretch(shape[self.width_axis], shares[:, 0], seed)
        y = _stretch(shape[self.height_axis], shares[:, 1], seed)
        return {
            "apply_erasing": self._chosen(shape, seed),
            "batch_masks": _box_mask(self, shape, x, y),
            "fill_value": self._filling(shape, seed),
        }

    def _filling(self, shape: Shape, seed: Any) -> Any:
        if self.fill_value is None:
            return self._clipped(
                random.normal(shape, seed=seed) * float(self.value_range[1])
            )
        colors = np.asarray(self.fill_value, "float32").reshape(-1)
        grid = [1] * 4
        grid[self.channel_axis] = len(colors)
        return self._clipped(ops.convert_to_tensor(colors.reshape(grid)))

    def _act(self, images: Any, transformation: Any) -> Any:
        chosen = per_image(transformation["apply_erasing"])
        inside = self._planes(transformation["batch_masks"])
        filling = self._planes(ops.cast(transformation["fill_value"], images.dtype))
        return ops.where(ops.logical_and(chosen, inside), filling, images)

    def get_config(self) -> dict[str, Any]:
        own = {"scale": self.scale, "fill_value": self.fill_value}
        return {**super().get_config(), **own}


def _mixed(x: Any, order: Any, share: Any) -> Any:
    """`x`, and the rest of others in the given order."""
    x = ops.cast(x, share.dtype)
    share = ops.reshape(share, (-1, *[1] * (x.ndim - 1)))
    return share * x + (1.0 - share) * ops.take(x, order, axis=0)


class CutMix(RandomImageLayer):
    """Pastes a box of another image of the batch into each, and mixes their labels by
    the areas; in training.

    S. Yun et al. (2019), "CutMix".

    Args:
        factor: how much areas differ, in [0, 1]: the parameter of a beta distribution:
            a number n for ``(0, n)``, or two that it is drawn between.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: a batch of images ``(batch, height, width, channels)``, or a dict
    with ``"labels"`` ``(batch, classes)``; boxes cannot be mixed.

    >>> pydl.layers.CutMix(seed=1)(np.ones((4, 8, 8, 3), "float32")).shape
    (4, 8, 8, 3)
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, seed, data_format=data_format, **kwargs)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        alpha = between((), *self.factor, seed) + 1e-6
        ratio = ops.sqrt(1.0 - random.beta((shape[0],), alpha, alpha, seed=seed))
        height, width = self._size(shape)
        x, y = _stretch(width, ratio, seed), _stretch(height, ratio, seed)
        area = (x[1] - x[0]) * (y[1] - y[0])
        return {
            "permutation_order": _permutation(shape[0], seed),
            "batch_masks": _box_mask(self, shape, x, y),
            "mix_weight": 1.0 - area / float(width * height),
        }

    def _act(self, images: Any, transformation: Any) -> Any:
        others = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(self._planes(transformation["batch_masks"]), others, images)

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return labels
        share = ops.reshape(transformation["mix_weight"], (-1,))
        return _mixed(labels, transformation["permutation_order"], share)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        raise NotImplementedError("CutMix: bounding boxes cannot be mixed")


def _permutation(count: int, seed: Any) -> Any:
    return random.shuffle(np.arange(count, dtype="int32"), seed=seed)


class MixUp(RandomImageLayer):
    """Mixes each image, and its labels, with another one of the batch; in training.

    H. Zhang et al. (2018), "mixup".

    Args:
        alpha: how much, in [0, 1]: the parameter of a beta distribution.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: a batch of images ``(batch, height, width, channels)``, or a dict
    with ``"labels"`` ``(batch, classes)``. Boxes are those of both images.

    >>> data = {"images": np.ones((4, 8, 8, 3)), "labels": np.eye(4)}
    >>> pydl.layers.MixUp(seed=1)(data)["labels"].shape
    (4, 4)
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not is_number(alpha) or alpha <= 0:
            raise ValueError(
                "MixUp: the `alpha` argument should be a number above 0. Received: "
                f"alpha={alpha!r}"
            )
        self.alpha = alpha

    def _draw(self, shape: Shape, seed: Any) -> Any:
        alpha = float(self.alpha)
        return {
            "permutation_order": _permutation(shape[0], seed),
            "mix_weight": random.beta((shape[0],), alpha, alpha, seed=seed),
        }

    def _both(self, x: Any, transformation: Any) -> Any:
        share = ops.cast(transformation["mix_weight"], self.compute_dtype)
        return _mixed(x, transformation["permutation_order"], share)

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._both(images, transformation)

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return labels
        return self._both(labels, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_labels(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        order, found = transformation["permutation_order"], dict(bounding_boxes)
        for key in ("boxes", "labels"):
            others = ops.take(found[key], order, axis=0)
            found[key] = ops.concatenate([found[key], others], axis=1)
        return found

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
