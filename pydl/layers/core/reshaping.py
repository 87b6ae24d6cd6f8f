"""Layers that change the shape and nothing else."""

from __future__ import annotations

import math
from typing import Any

from pydl import config, ops
from pydl.layers.base import InputSpec, KerasTensor, Layer
from pydl.layers.base.keras_tensor import standardize_shape


class Flatten(Layer):
    """``(batch, ...)`` -> ``(batch, size)``.

    Args:
        data_format: ``"channels_first"`` moves the channels last before flattening.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"
        self.built = True

    def call(self, inputs: Any) -> Any:
        if self._channels_first and inputs.ndim > 2:
            inputs = ops.transpose(inputs, (0, *range(2, inputs.ndim), 1))
        known = _size(tuple(None if s == -1 else s for s in inputs.shape[1:]))
        batch = inputs.shape[0]
        return ops.reshape(inputs, (batch, -1 if known is None else known))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], _size(input_shape[1:]))

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """``(batch, ...)`` -> ``(batch, *target_shape)``; one entry may be -1."""

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        target = tuple(target_shape)
        if target.count(-1) > 1:
            raise ValueError(
                "The `target_shape` argument must not contain more than one `-1` "
                f"value. Received: target_shape={target}"
            )
        standardize_shape([size for size in target if size != -1])
        self.target_shape = target
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self._resolved(tuple(input_shape[1:])))

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def _resolved(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        size, known = _size(shape), math.prod(s for s in self.target_shape if s != -1)
        if size is None:
            return tuple(None if s == -1 else s for s in self.target_shape)
        missing = -1 in self.target_shape
        if (missing and (not known or size % known)) or (not missing and size != known):
            raise ValueError(
                "The total size of the tensor must be unchanged. Received: "
                f"input_shape={shape}, target_shape={self.target_shape}"
            )
        return tuple(size // known if s == -1 else s for s in self.target_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


def _size(shape: Any) -> int | None:
    return None if None in shape else math.prod(shape)


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: the axes of the input, counted from 1, in the order of the output.

    >>> pydl.layers.Permute((2, 1))(np.ones((4, 2, 3), "float32")).shape
    (4, 3, 2)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of "
                "indices in `dims` must be consecutive and start from 1. Received "
                f"dims={self.dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *(input_shape[dim] for dim in self.dims))

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """``(batch, features)`` -> ``(batch, n, features)``: each vector n times.

    Args:
        n: how many times.

    >>> pydl.layers.RepeatVector(3)(np.ones((4, 2), "float32")).shape
    (4, 3, 2)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)
        self.built = True

    def call(self, inputs: Any) -> Any:
        batch, features = inputs.shape
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}
