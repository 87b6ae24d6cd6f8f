"""Images made brighter, duller, more colored or gray by chance."""

from __future__ import annotations

from typing import Any, ClassVar

from pydl import config, ops, random
from pydl.layers.preprocessing.image.arguments import (
    change_range,
    checked_value_range,
    is_number,
)
from pydl.layers.preprocessing.image.base import (
    ImageLayer,
    RandomImageLayer,
    Shape,
    between,
    per_image,
)

_PLANES = "channels_first"


class RandomColor(RandomImageLayer):
    """A layer that changes the values of pixels, and leaves all else as it is.

    Args:
        value_range: least and greatest value of pixels.
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = checked_value_range(type(self).__name__, value_range)

    def _clipped(self, images: Any) -> Any:
        return ops.clip(images, *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class RandomBrightness(RandomColor):
    """Makes each image brighter or darker, in training.

    Args:
        factor: how much is added, as a share of the value range, in [-1, 1]: a number n
            for ``(-n, n)``, or two.
        value_range: least and greatest value of pixels; the result is clipped to it.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> bright = pydl.layers.RandomBrightness((0.1, 0.1))
    >>> bright(np.ones((1, 1, 1), "float32")).tolist()
    [[[26.5]]]
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range, factor=factor, seed=seed, **kwargs)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        draws = between((shape[0], 1, 1, 1), *self.factor, seed)
        return {"rgb_delta": draws * (self.value_range[1] - self.value_range[0])}

    def _act(self, images: Any, transformation: Any) -> Any:
        return self._clipped(
            images + ops.cast(transformation["rgb_delta"], images.dtype)
        )


class RandomContrast(RandomColor):
    """Draws the values of each channel away from their mean, or to it, in training.

    Args:
        factor: in [0, 1]: two numbers for a contrast in ``[1 - lower, 1 + upper)``; one
            number n for ``[1, 1 + n)``.
        value_range: least and greatest value of pixels; the result is clipped to it.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> same = pydl.layers.RandomContrast(0.0)
    >>> same(np.array([[[1.0], [3.0]]])).tolist()
    [[[1.0], [3.0]]]
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range, factor=factor, seed=seed, **kwargs)

    def _draw(self, shape: Shape, seed: Any) -> Any:
        low, high = 1.0 - self.factor[0], 1.0 + self.factor[1]
        draws = between((shape[0], 1, 1, 1), low, high, seed)
        return {"contrast_factor": draws}

    def _act(self, images: Any, transformation: Any) -> Any:
        middle = ops.mean(images, axis=[2, 3], keepdims=True)
        factor = ops.cast(transformation["contrast_factor"], images.dtype)
        return self._clipped((images - middle) * factor + middle)


class RandomSaturation(RandomColor):
    """Makes colors stronger or weaker, in training.

    Args:
        factor: in [-1, 1], 0.5 for no change, 0 for gray, 1 for full colors: two
            numbers that it is drawn between, or one number n for ``(-n, n)``.
        value_range: least and greatest value of pixels; the saturation is clipped to
            it.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> gray = pydl.layers.RandomSaturation((0.0, 0.0))
    >>> gray(np.array([[[200.0, 100.0, 0.0]]])).tolist()
    [[[200.0, 200.0, 200.0]]]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        factor = between((shape[0],), *self.factor, seed)
        return {"factor": factor / (1.0 - factor + config.epsilon())}

    def _act(self, images: Any, transformation: Any) -> Any:
        factor = ops.cast(per_image(transformation["factor"]), images.dtype)
        hsv = ops.image.rgb_to_hsv(images, data_format=_PLANES)
        hue, saturation, value = ops.split(hsv, 3, axis=1)
        parts = [hue, self._clipped(saturation * factor), value]
        out = ops.concatenate(parts, axis=1)
        return ops.image.hsv_to_rgb(out, data_format=_PLANES)


class RandomHue(RandomColor):
    """Turns the hues of each image, in training.

    Args:
        factor: how far, in [0, 1]: two numbers that it is drawn between, or one number
            n for ``(0, n)``; 1 is half of the circle, either way.
        value_range: least and greatest value of pixels.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> same = pydl.layers.RandomHue((0.0, 0.0), value_range=(0, 1))
    >>> same(np.array([[[1.0, 0.5, 0.0]]])).tolist()
    [[[1.0, 0.5, 0.0]]]
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        draws = random.uniform((shape[0],), seed=seed)
        sign = ops.where(ops.greater(draws, 0.5), -1.0, 1.0)
        factor = between((shape[0],), *self.factor, seed)
        return {"factor": sign * factor * 0.5}

    def _act(self, images: Any, transformation: Any) -> Any:
        shares = change_range(images, self.value_range, (0, 1))
        hsv = ops.image.rgb_to_hsv(shares, data_format=_PLANES)
        hue, saturation, value = ops.split(hsv, 3, axis=1)
        hue = hue + ops.cast(per_image(transformation["factor"]), images.dtype)
        hue = ops.where(ops.greater(hue, 1.0), hue - 1.0, hue)
        hue = ops.where(ops.less(hue, 0.0), hue + 1.0, hue)
        out = ops.concatenate([hue, saturation, value], axis=1)
        out = ops.image.hsv_to_rgb(out, data_format=_PLANES)
        return change_range(ops.clip(out, 0.0, 1.0), (0, 1), self.value_range)


class RandomColorDegeneration(RandomColor):
    """Mixes each image with its gray form, in training.

    Args:
        factor: the share of gray, in [-1, 1]: two numbers that it is drawn between, or
            one number n for ``(-n, n)``.
        value_range: least and greatest value of pixels; the result is clipped to it.
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> gray = pydl.layers.RandomColorDegeneration((1.0, 1.0))
    >>> gray(np.array([[[255.0, 0.0, 0.0]]])).numpy().round().tolist()
    [[[76.0, 76.0, 76.0]]]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        return {"factor": between((shape[0], 1, 1, 1), *self.factor, seed)}

    def _act(self, images: Any, transformation: Any) -> Any:
        factor = ops.cast(transformation["factor"], images.dtype)
        gray = ops.image.rgb_to_grayscale(images, data_format=_PLANES)
        return self._clipped(images + factor * (gray - images))


class RandomInvert(RandomColor):
    """Inverts chosen images: light becomes dark; in training.

    Args:
        factor: the probability of each image to be changed, in [0, 1]: a number, or two
            that it is drawn between.
        value_range: least and greatest value of pixels.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, channels)``, a batch, or a dict.

    >>> always = pydl.layers.RandomInvert((1.0, 1.0), value_range=(0, 1))
    >>> always(np.array([[[0.25]]])).tolist()
    [[[0.75]]]
    """

    _FACTOR_BOUNDS: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor=factor, seed=seed, data_format=data_format, **kwargs
        )

    def _draw(self, shape: Shape, seed: Any) -> Any:
        return {"apply_inversion": self._chosen(shape, seed)}

    def _act(self, images: Any, transformation: Any) -> Any:
        chosen = per_image(transformation["apply_inversion"])
        return ops.where(chosen, self.value_range[1] - images, images)


class RandomGrayscale(RandomImageLayer):
    """Makes chosen images gray, in training; they keep their channels.

    Args:
        factor: the probability of each image to be changed, in [0, 1].
        data_format: where the channels are.
        seed: integer for repeatable draws.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> gray = pydl.layers.RandomGrayscale(1.0)
    >>> gray(np.array([[[255.0, 0.0, 0.0]]])).numpy().round().tolist()
    [[[76.0, 76.0, 76.0]]]
    """

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not is_number(factor) or not 0 <= factor <= 1:
            raise ValueError(
                "RandomGrayscale: the `factor` argument should be a number between 0 "
                f"and 1. Received: factor={factor!r}"
            )
        self.factor: Any = factor

    def _draw(self, shape: Shape, seed: Any) -> Any:
        draws = random.uniform((shape[0], 1, 1, 1), seed=seed)
        return ops.less(draws, self.factor)

    def _act(self, images: Any, transformation: Any) -> Any:
        gray = ops.image.rgb_to_grayscale(images, data_format=_PLANES)
        return ops.where(transformation, gray, images)


class RandomColorJitter(RandomColor):
    """Changes brightness, contrast, saturation and hue one after the other, in
    training.

    Args:
        value_range: least and greatest value of pixels.
        brightness_factor: as `RandomBrightness`'s; None: not changed.
        contrast_factor: as `RandomContrast`'s; None: not changed.
        saturation_factor: as `RandomSaturation`'s; None: not changed.
        hue_factor: as `RandomHue`'s; None: not changed.
        seed: integer for repeatable draws.
        data_format: where the channels are.

    Input and output: one image ``(height, width, 3)``, a batch, or a dict.

    >>> jitter = pydl.layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)
    >>> jitter(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        shared: dict[str, Any] = {
            "value_range": self.value_range, "seed": seed, "dtype": self.dtype_policy,
            "data_format": data_format,
        }  # fmt: skip
        self.random_brightness: ImageLayer | None = None
        self.random_contrast: ImageLayer | None = None
        self.random_saturation: ImageLayer | None = None
        self.random_hue: ImageLayer | None = None
        if brightness_factor is not None:
            self.random_brightness = RandomBrightness(brightness_factor, **shared)
        if contrast_factor is not None:
            self.random_contrast = RandomContrast(contrast_factor, **shared)
        if saturation_factor is not None:
            self.random_saturation = RandomSaturation(saturation_factor, **shared)
        if hue_factor is not None:
            self.random_hue = RandomHue(hue_factor, **shared)

    def _steps(self) -> dict[str, RandomColor]:
        names = ("brightness", "contrast", "saturation", "hue")
        steps = {name: getattr(self, f"random_{name}") for name in names}
        return {name: layer for name, layer in steps.items() if layer is not None}

    def _draw(self, shape: Shape, seed: Any) -> Any:
        return {name: layer._draw(shape, seed) for name, layer in self._steps().items()}

    def _act(self, images: Any, transformation: Any) -> Any:
        for name, layer in self._steps().items():
            images = layer._act(images, transformation[name])
        return images

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
