"""Initializers that draw random numbers.

An instance with an integer seed, or with none, gives the same values at every call;
a `SeedGenerator` as seed gives new ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import ops, random
from pydl.initializers.initializer import Initializer
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object

#: Standard deviation of a unit normal cut at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """An initializer with a seed."""

    def __init__(self, seed: Any = None) -> None:
        self._init_seed = seed
        if seed is None:
            import random as python_random  # 2 ms, for those who draw seeds only

            seed = python_random.randint(1, int(1e9))
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif not isinstance(seed, (int, np.integer, random.SeedGenerator)):
            raise ValueError(
                "`seed` should be None, an integer or a SeedGenerator, received: "
                f"seed={seed!r} (of type {type(seed).__name__})"
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normal with this mean and standard deviation."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return random.normal(
            tuple(shape), self.mean, self.stddev, dtype=dtype, seed=self.seed
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normal, values beyond two standard deviations drawn again."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return random.truncated_normal(
            tuple(shape), self.mean, self.stddev, dtype=dtype, seed=self.seed
        )


class RandomUniform(RandomInitializer):
    """Uniform in [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return random.uniform(
            tuple(shape), self.minval, self.maxval, dtype=dtype, seed=self.seed
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Variance ``scale / n``, n being the inputs, outputs or their mean (`mode`)."""

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if not scale > 0.0:
            raise ValueError(
                f"`scale` must be a positive float, received: scale={scale}"
            )
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _one_of(
            "distribution",
            distribution,
            ("truncated_normal", "untruncated_normal", "uniform"),
        )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        shape = tuple(shape)
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        scale = self.scale / max(1.0, fans[self.mode])
        kwargs: dict[str, Any] = {"dtype": dtype, "seed": self.seed}
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return random.uniform(shape, -limit, limit, **kwargs)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(scale), **kwargs)
        return random.truncated_normal(
            shape, 0.0, math.sqrt(scale) / _TRUNCATED_STDDEV, **kwargs
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Named(VarianceScaling):
    """A `VarianceScaling` with fixed scale, mode and distribution."""

    _fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        scale, mode, distribution = self._fixed
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {key: config[key] for key in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Named):
    """Xavier: uniform within ``sqrt(6 / (fan_in + fan_out))``."""

    _fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Xavier: truncated normal, variance ``2 / (fan_in + fan_out)``."""

    _fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Named):
    """Uniform within ``sqrt(6 / fan_in)``."""

    _fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal, variance ``2 / fan_in``."""

    _fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform within ``sqrt(3 / fan_in)``."""

    _fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Truncated normal, variance ``1 / fan_in``."""

    _fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """`gain` times a matrix with orthonormal rows or columns."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        shape = tuple(shape)
        if len(shape) < 2:
            raise ValueError(
                "Orthogonal initializer: expected 2 or more axes, received "
                f"shape={shape}"
            )
        rows, cols = math.prod(shape[:-1]), shape[-1]
        flat = (max(rows, cols), min(rows, cols))
        draw = np.asarray(random.normal(flat, dtype=dtype, seed=self.seed))
        q, r = np.linalg.qr(draw)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform
        matrix = (q.T if rows < cols else q).reshape(shape)
        return ops.convert_to_tensor((self.gain * matrix).astype(draw.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Inputs and outputs of one unit for a weight of this shape (channels last)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(
            shape[a] for a in output_axes
        )
    if len(shape) < 2:
        fan = math.prod(shape)
        return fan, fan
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"Invalid `{name}` argument: {value!r}. Expected one of {allowed}"
        )
