"""Several random layers as one, taken in an order drawn by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from pydl import ops, random
from pydl.layers.preprocessing.image.affine import RandomRotation, RandomTranslation
from pydl.layers.preprocessing.image.base import ImageLayer, RandomImageLayer, Shape
from pydl.layers.preprocessing.image.blurring import RandomSharpness
from pydl.layers.preprocessing.image.color import (
    RandomBrightness,
    RandomColor,
    RandomColorDegeneration,
    RandomContrast,
)
from pydl.layers.preprocessing.image.stretching import RandomShear
from pydl.layers.preprocessing.image.tones import (
    AutoContrast,
    Equalization,
    RandomPosterization,
    Solarization,
)

Step = Callable[[Any], Any]


class _Policy(RandomColor):
    """A layer that holds others and applies some of them.

    Args:
        value_range: least and greatest value of pixels.
        factor: how strong they are, in [0, 1]: a number n for ``(0, n)``, or two.
        interpolation: ``"nearest"`` or ``"bilinear"``.
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        value_range: Any,
        factor: Any,
        interpolation: str,
        seed: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, factor=factor, seed=seed, **kwargs)
        self.interpolation = interpolation

    def _make(self, names: Sequence[str]) -> None:
        """Make the layers of these names, as attributes."""
        strength: Any = self.factor
        shared: dict[str, Any] = {
            "dtype": self.dtype_policy, "data_format": "channels_first",
            "bounding_box_format": self.bounding_box_format,
        }  # fmt: skip
        drawn = {**shared, "seed": self.seed}
        moved = {**drawn, "interpolation": self.interpolation}
        colored = {**drawn, "value_range": self.value_range}
        toned = {**shared, "value_range": self.value_range}
        bits = max(1, int(8 * strength[1]))
        makers: dict[str, Callable[[], ImageLayer]] = {
            "random_shear": partial(RandomShear, strength, strength, **moved),
            "random_translation": partial(
                RandomTranslation, strength, strength, **moved
            ),
            "random_rotation": partial(RandomRotation, strength, **moved),
            "random_posterization": partial(RandomPosterization, bits, **colored),
            "solarization": partial(Solarization, strength, strength, **colored),
            "auto_contrast": partial(AutoContrast, **toned),
            "equalization": partial(Equalization, **toned),
            "random_brightness": partial(RandomBrightness, strength, **colored),
            "random_color_degeneration": partial(
                RandomColorDegeneration, strength, **colored
            ),
            "random_contrast": partial(RandomContrast, strength, **colored),
            "random_sharpness": partial(RandomSharpness, strength, **colored),
        }
        self._names = tuple(names)
        for name in names:
            setattr(self, name, makers[name]())

    def _draw_all(self, shape: Shape, seed: Any) -> dict[str, Any]:
        """A transformation of each layer, for images with their channels first."""
        found = {}
        shape = (shape[0], shape[self.channel_axis], *self._size(shape))
        for name in self._names:
            layer = getattr(self, name)
            is_random = isinstance(layer, RandomImageLayer)
            found[name] = layer._draw(shape, seed) if is_random else None
        return found

    def _step(self, kind: str, name: str, transformation: Any, x: Any) -> Any:
        """What one layer makes of images, masks or boxes, in their dtype."""
        out = getattr(getattr(self, name), kind)(x, transformation)
        return ops.cast(out, x.dtype) if hasattr(x, "dtype") else out

    def _steps(self, kind: str, transforms: dict[str, Any]) -> list[Step]:
        return [
            partial(self._step, kind, name, transforms[name]) for name in self._names
        ]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "interpolation": self.interpolation}


_GEOMETRY = ("random_shear", "random_translation", "random_rotation")
_COLORS = (
    "random_brightness", "random_color_degeneration", "random_contrast",
    "random_sharpness",
)  # fmt: skip
_TONES = ("random_posterization", "solarization", "auto_contrast", "equalization")


class RandAugment(_Policy):
    """Applies a few random changes, one after the other, to a batch; in training.

    E. Cubuk et al. (2020), "RandAugment".

    Args:
        value_range: least and greatest value of pixels.
        num_ops: how many changes.
        factor: how strong they are, in [0, 1]: a number n for ``(0, n)``, or two.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> pydl.layers.RandAugment(seed=1)(np.ones((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format=data_format, **kwargs
        )
        self.num_ops = num_ops
        self._make((*_GEOMETRY, *_COLORS, *_TONES))

    def _draw(self, shape: Shape, seed: Any) -> Any:
        chosen = random.randint((self.num_ops,), 0, len(self._names), seed=seed)
        return {"transforms": self._draw_all(shape, seed), "layer_idxes": chosen}

    def _applied(self, kind: str, x: Any, transformation: Any) -> Any:
        steps = self._steps(kind, transformation["transforms"])
        for i in range(self.num_ops):
            x = ops.switch(transformation["layer_idxes"][i], steps, x)
        return x

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._applied("transform_images", images, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        kind = "transform_segmentation_masks"
        masks = self._planes(segmentation_masks)
        return self._from_planes(self._applied(kind, masks, transformation))

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        return self._applied("transform_bounding_boxes", bounding_boxes, transformation)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}


class AugMix(_Policy):
    """Mixes images with several chains of random changes of them; in training. A batch
    goes through the same chains.

    D. Hendrycks et al. (2020), "AugMix".

    Args:
        value_range: least and greatest value of pixels.
        num_chains: how many chains.
        chain_depth: how many changes of a chain at most.
        factor: how strong they are, in [0, 1]: a number n for ``(0, n)``, or two.
        alpha: of the Dirichlet and beta distributions that the shares come from.
        all_ops: also change brightness, contrast, colors and sharpness.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> pydl.layers.AugMix(seed=1)(np.ones((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format=data_format, **kwargs
        )
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        self._make((*_GEOMETRY, *_TONES, *(_COLORS if all_ops else ())))

    def _draw(self, shape: Shape, seed: Any) -> Any:
        alpha = float(self.alpha)
        shares = random.gamma((self.num_chains,), alpha, seed=seed)
        shape_of_chains = (self.num_chains, self.chain_depth)
        # One number more than there are layers: nothing is done.
        chosen = random.randint(shape_of_chains, 0, len(self._names) + 1, seed=seed)
        return {
            "chain_mixing_weights": shares / ops.sum(shares),
            "weight_sample": random.beta((), alpha, alpha, seed=seed),
            "chain_transforms": [
                [self._draw_all(shape, seed) for _ in range(self.chain_depth)]
                for _ in range(self.num_chains)
            ],
            "layer_idxes": chosen,
        }

    def _mixed(self, kind: str, x: Any, transformation: Any) -> Any:
        total: Any = 0.0
        for i in range(self.num_chains):
            y = x
            for j in range(self.chain_depth):
                drawn = transformation["chain_transforms"][i][j]
                steps = [*self._steps(kind, drawn), _same]
                y = ops.switch(transformation["layer_idxes"][i, j], steps, y)
            share = ops.cast(transformation["chain_mixing_weights"][i], x.dtype)
            total = total + y * share
        own = ops.cast(transformation["weight_sample"], x.dtype)
        return own * x + (1.0 - own) * total

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._clipped(self._mixed("transform_images", images, transformation))

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        masks = self._planes(ops.cast(segmentation_masks, self.compute_dtype))
        out = self._mixed("transform_segmentation_masks", masks, transformation)
        return self._from_planes(out)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
        }


def _same(x: Any) -> Any:
    return x
