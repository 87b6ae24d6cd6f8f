"""Features brought to mean 0 and variance 1, or sorted into bins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from pydl import config, ops
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import (
    check_mode,
    encode,
    encoded_shape,
    refuse_sparse,
)


def batches_of(data: Any) -> Iterator[np.ndarray]:
    """The batches of an array, or of an iterable of batches (their first parts)."""
    if hasattr(data, "shape"):
        yield np.asarray(data)
        return
    if not isinstance(data, Iterable):
        raise TypeError(
            f"Unsupported data type: {type(data)}. `adapt` supports arrays, tensors "
            "and iterables of batches (e.g. list, generator)."
        )
    empty = True
    for batch in data:
        empty = False
        first = batch[0] if isinstance(batch, tuple) else batch
        if not hasattr(first, "shape"):
            raise TypeError(
                "adapt() expects an iterable that yields arrays or tensors with a "
                f"`.shape` attribute. Got an element of type {type(first).__name__}."
            )
        yield np.asarray(first)
    if empty:
        raise ValueError("adapt() received an empty iterable (no batches).")


class Normalization(Layer):
    """``(x - mean) / sqrt(variance)`` of features, with numbers learned by `adapt`.

    Args:
        axis: the axes that have their own mean and variance; None: one for all.
        mean, variance: given numbers instead of learned ones; both or neither.
        invert: undo it: ``x * sqrt(variance) + mean``.

    >>> layer = pydl.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]], "float32"))
    >>> layer(np.array([[5.0]], "float32")).tolist()
    [[3.0]]
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
        self.axis = tuple(axes)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. "
                f"Received: mean={mean} and variance={variance}"
            )
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the "
                f"same shape. Received: mean shape {np.shape(mean)} and variance shape "
                f"{np.shape(variance)}"
            )
        self.input_mean = None if mean is None else np.asarray(mean).tolist()
        self.input_variance = None if mean is None else np.asarray(variance).tolist()
        self.invert = invert
        self.supports_masking = True
        self.adapt_mean: Any = None

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). Received inputs "
                f"with ndim={rank}, while axis={self.axis}"
            )
        kept = sorted(axis % rank for axis in self.axis)
        shape = tuple(input_shape[axis] for axis in kept)
        if None in shape:
            raise ValueError(
                "All `axis` values to be kept must have a known shape. Received "
                f"axis={self.axis}, inputs.shape={tuple(input_shape)}"
            )
        self._kept = kept
        self._sizes = tuple(input_shape)
        if self.input_mean is None:
            add = self.add_weight
            self.adapt_mean = add(shape, "zeros", name="mean", trainable=False)
            self.adapt_variance = add(shape, "ones", name="variance", trainable=False)
            self.count = add((), "zeros", "int32", name="count", trainable=False)

    def _statistics(self) -> tuple[Any, Any]:
        """Mean and variance in a shape that broadcasts to the inputs."""
        shape = [1] * len(self._sizes)
        if self.adapt_mean is not None:
            for axis in self._kept:
                shape[axis] = self._sizes[axis]
            pair = self.adapt_mean, self.adapt_variance
            mean, variance = (ops.reshape(v, shape) for v in pair)
        else:
            given = np.asarray(self.input_mean, self.compute_dtype)
            count = given.ndim
            for axis, size in zip(self._kept[len(self._kept) - count :], given.shape,
                                  strict=True):  # fmt: skip
                shape[axis] = size
            mean = ops.convert_to_tensor(given.reshape(shape))
            spread = np.asarray(self.input_variance, self.compute_dtype)
            variance = ops.convert_to_tensor(spread.reshape(shape))
        return ops.cast(mean, self.compute_dtype), ops.cast(
            variance, self.compute_dtype
        )

    @property
    def mean(self) -> Any:
        """The mean; None before the layer is built."""
        return self._statistics()[0] if self.built else None

    @property
    def variance(self) -> Any:
        """The variance; None before the layer is built."""
        return self._statistics()[1] if self.built else None

    def adapt(self, data: Any) -> None:
        """Learn mean and variance from an array, or from an iterable of batches."""
        if self.input_mean is not None:
            raise ValueError(
                f"layer '{self.name}': mean and variance were given, so there is "
                "nothing to adapt"
            )
        total = 0
        mean: Any = 0.0
        spread: Any = 0.0
        for batch in batches_of(data):
            if not self.built:
                self.build(batch.shape)
            axes = tuple(i for i in range(batch.ndim) if i not in self._kept)
            self._check_batch(batch)
            count = int(np.prod([batch.shape[i] for i in axes], dtype="int64"))
            share = count / (total + count)
            x = batch.astype("float64")
            own_mean, own_spread = x.mean(axes), x.var(axes)
            new = mean * (1 - share) + own_mean * share
            # T. F. Chan et al. (1979): variances of parts joined about the new mean.
            spread = (spread + (mean - new) ** 2) * (1 - share)
            spread = spread + (own_spread + (own_mean - new) ** 2) * share
            mean, total = new, total + count
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(spread)

    def _check_batch(self, batch: np.ndarray) -> None:
        same = batch.ndim == len(self._sizes) and all(
            batch.shape[i] == self._sizes[i] for i in self._kept
        )
        if not same:
            raise ValueError(
                f"The layer was built with input_shape={self._sizes}, but adapt() is "
                "being called with data with an incompatible shape, data.shape="
                f"{batch.shape}"
            )

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        mean, variance = self._statistics()
        spread = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, spread))
        return ops.divide(ops.subtract(x, mean), spread)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": self.input_mean,
            "variance": self.input_variance,
        }


class Discretization(Layer):
    """Sorts numbers into bins.

    Args:
        bin_boundaries: rising boundaries: bin i holds ``boundaries[i - 1] <= x <
            boundaries[i]``.
        num_bins: learn as many bins of equal content with `adapt`, instead.
        epsilon: how exact `adapt` has to be, as a share of the data.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``.
        sparse: must be False.

    >>> layer = pydl.layers.Discretization(bin_boundaries=[0.0, 1.0])
    >>> layer(np.array([[-1.0, 0.5, 1.0]], "float32")).tolist()
    [[0, 1, 2]]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        refuse_sparse("Discretization", sparse)
        self.output_mode = check_mode("Discretization", output_mode)
        if num_bins is not None and num_bins < 0:
            raise ValueError(
                "`num_bins` must be greater than or equal to 0. Received: "
                f"`num_bins={num_bins}`"
            )
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                "Discretization: expected either `num_bins` or `bin_boundaries`, "
                f"received num_bins={num_bins} and bin_boundaries={bin_boundaries}"
            )
        self.bin_boundaries = None if bin_boundaries is None else list(bin_boundaries)
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.sparse = False
        self.summary = np.zeros((2, 0), "float32")
        self.built = True

    @property
    def output_dtype(self) -> str:
        """The dtype of the output: int32 for bins, else the layer's."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn boundaries of an array, or of `steps` batches of an iterable."""
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with "
                "`bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        for index, batch in enumerate(batches_of(data)):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take in a batch."""
        values = np.sort(np.asarray(data, "float32").reshape(-1))
        # A sorted batch is kept as about 1 / epsilon numbers of equal weight.
        step = max(values.size * self.epsilon, 1.0)
        picked = values[int(step - 1) :: int(step)]
        own = np.stack([picked, np.full_like(picked, step)])
        merged = np.concatenate([own, self.summary], axis=1)
        merged = merged[:, np.argsort(merged[0])]
        self.summary = _compressed(merged, self.epsilon)

    def finalize_state(self) -> None:
        """Make boundaries of what was taken in."""
        if self.num_bins is not None:
            found = _compressed(self.summary, 1.0 / self.num_bins)
            self.bin_boundaries = found[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget what was taken in."""
        if self.num_bins is not None:
            self.summary = np.zeros((2, 0), "float32")

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction "
                "time or call `adapt(dataset)` before you can start using the "
                "`Discretization` layer."
            )
        x = ops.expand_dims(ops.cast(inputs, config.floatx()), -1)
        edges = np.asarray(self.bin_boundaries, config.floatx())
        reached = ops.cast(ops.greater_equal(x, edges), "int32")
        bins = ops.sum(reached, axis=-1)
        depth = len(self.bin_boundaries) + 1
        return encode(bins, self.output_mode, depth, self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        depth = self.num_bins
        if self.bin_boundaries is not None:
            depth = len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """The layer of a `get_config` dict, learned boundaries included."""
        config = dict(config)
        learned = None
        if config.get("num_bins") is not None:
            learned = config.pop("bin_boundaries", None)
        layer = cls(**config)
        if learned is not None:
            layer.bin_boundaries = list(learned)
        return layer


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """At most about ``1 / epsilon`` numbers with weights, by linear interpolation of
    the distribution."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    own = weights / weights[-1]
    values = np.interp(shares, own, summary[0])
    reached = np.interp(shares, own, weights)
    return np.stack([values, np.diff(reached, prepend=0.0)]).astype("float32")
