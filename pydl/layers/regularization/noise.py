"""Noise in training, and penalties on activities."""

from __future__ import annotations

import math
from typing import Any

from pydl import config, ops, random, regularizers
from pydl.layers.base import InputSpec, Layer
from pydl.layers.core.activation import Elementwise
from pydl.layers.core.dropout import Dropout

# SELU's constants: G. Klambauer et al. (2017), "Self-Normalizing Neural Networks".
_ALPHA = 1.6732632423543772
_SCALE = 1.0507009873554805


def _checked(name: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected a float value "
            f"between 0 and 1. Received: {name}={value}"
        )
    return float(value)


class GaussianNoise(Elementwise):
    """In training, adds normally distributed noise of mean 0.

    Args:
        stddev: its standard deviation, in [0, 1].
        seed: integer for reproducible noise.

    >>> x = np.ones((2, 2), "float32")
    >>> pydl.layers.GaussianNoise(0.1)(x).tolist()  # no noise outside training
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _checked("stddev", stddev)
        self.stddev = stddev
        self.seed = seed
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(
            inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(Elementwise):
    """In training, multiplies by normally distributed noise of mean 1.

    N. Srivastava et al. (2014), "Dropout", section 10.

    Args:
        rate: as `Dropout`'s, in [0, 1): the noise has the variance ``rate / (1 -
            rate)``.
        seed: integer for reproducible noise.

    >>> x = np.ones((2, 2), "float32")
    >>> pydl.layers.GaussianDropout(0.5)(x).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _checked("rate", rate)
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            raise ValueError(
                "GaussianDropout: in training expected rate < 1 (the noise has the "
                "variance rate / (1 - rate)), received rate=1"
            )
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        noise = random.normal(
            inputs.shape, 1.0, stddev, self.compute_dtype, self.seed_generator
        )
        return ops.multiply(inputs, noise)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(Elementwise):
    """In training, sets a share of the inputs to SELU's lower limit, then scales and
    shifts so that mean and variance stay.

    G. Klambauer et al. (2017), "Self-Normalizing Neural Networks".

    Args:
        rate: share to drop, in [0, 1].
        noise_shape: shape of the mask, broadcast to the input; None entries are the
            input's.
        seed: integer for reproducible masks.

    >>> x = np.ones((2, 2), "float32")
    >>> pydl.layers.AlphaDropout(0.5)(x).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        _checked("rate", rate)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        shape = inputs.shape
        if self.noise_shape is not None:
            pairs = zip(self.noise_shape, shape, strict=True)
            shape = [size if wanted is None else wanted for wanted, size in pairs]
        drawn = random.uniform(shape, dtype="float32", seed=self.seed_generator)
        kept = ops.greater_equal(drawn, self.rate)
        low, rate = -_ALPHA * _SCALE, self.rate
        a = ((1.0 - rate) * (1.0 + rate * low**2)) ** -0.5 if rate < 1 else 0.0
        return ops.where(kept, inputs, low) * a - a * low * rate

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class ActivityRegularization(Elementwise):
    """Returns its input and adds a penalty on it to the loss.

    Args:
        l1: weight of the sum of absolute values.
        l2: weight of the sum of squares.

    >>> layer = pydl.layers.ActivityRegularization(l1=0.5)
    >>> layer(np.array([[1.0, -1.0]], "float32")).tolist()
    [[1.0, -1.0]]
    >>> [float(loss) for loss in layer.losses]
    [1.0]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        penalty = regularizers.L1L2(l1=l1, l2=l2)
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}


class SpatialDropout(Dropout):
    """`Dropout` of whole feature maps: one decision per sample and channel."""

    _rank: int

    def __init__(
        self,
        rate: float,
        data_format: str | None,
        seed: Any,
        name: str | None,
        dtype: Any,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        channel = 1 if self.data_format == "channels_first" else len(inputs.shape) - 1
        shape = [n if i in (0, channel) else 1 for i, n in enumerate(inputs.shape)]
        return random.dropout(
            inputs, self.rate, noise_shape=shape, seed=self.seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "seed": self.seed,
            "name": self.name,
            "dtype": Layer.get_config(self)["dtype"],
            "data_format": self.data_format,
        }


class SpatialDropout1D(SpatialDropout):
    """In training, drops whole channels of sequences ``(batch, time, channels)``.

    J. Tompson et al. (2015), "Efficient Object Localization Using Convolutional
    Networks".

    Args:
        rate: share of channels to drop, in [0, 1].
        seed: integer for reproducible masks.

    >>> x = np.ones((1, 2, 2), "float32")
    >>> pydl.layers.SpatialDropout1D(0.5)(x).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """

    _rank = 3

    def __init__(
        self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(SpatialDropout):
    """In training, drops whole channels of images; see `SpatialDropout1D`.

    Args:
        rate: share of channels to drop, in [0, 1].
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        seed: integer for reproducible masks.
    """

    _rank = 4

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, data_format, seed, name, dtype)


class SpatialDropout3D(SpatialDropout):
    """In training, drops whole channels of volumes; see `SpatialDropout2D`."""

    _rank = 5

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, data_format, seed, name, dtype)
