"""Pairs of categories as bucket numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import config, ops
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import (
    check_mode,
    dtype_name,
    encode,
    refuse_sparse,
)
from pydl.layers.preprocessing.hashes import cross_hash
from pydl.layers.preprocessing.hashing import host_array


class HashedCrossing(Layer):
    """Combinations of categorical features as numbers of buckets.

    Works on the host: call it on arrays before the model. Buckets are those of Keras.

    Args:
        num_bins: number of buckets.
        output_mode: ``"int"``: the bucket; ``"one_hot"``: a row of `num_bins`.
        sparse: must be False.

    `call` takes a list of two or more arrays of integers or strings of one shape:
    ``(batch, 1)``, ``(batch,)`` or ``()``.

    Raises:
        ValueError: other shapes or dtypes, or fewer than two features.

    >>> layer = pydl.layers.HashedCrossing(num_bins=5)
    >>> letters = np.array(["A", "B", "A", "B", "A"])
    >>> layer((letters, np.array([101, 101, 101, 102, 102]))).tolist()
    [1, 4, 1, 1, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        check_mode("HashedCrossing", output_mode, ("int", "one_hot"))
        refuse_sparse("HashedCrossing", sparse)
        super().__init__(name=name)
        default = "int64" if output_mode == "int" else config.floatx()
        self.output_dtype = dtype_name(dtype) or default
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = False
        self._convert_input_args = False
        self.built = True

    def call(self, inputs: Any) -> Any:
        features = self._features(inputs)
        rows = zip(*(feature.reshape(-1).tolist() for feature in features), strict=True)
        flat = [cross_hash(row) % self.num_bins for row in rows]
        bins = np.array(flat, "int64").reshape(features[0].shape)
        return encode(
            ops.convert_to_tensor(bins), self.output_mode, self.num_bins,
            self.output_dtype,
        )  # fmt: skip

    def _features(self, inputs: Any) -> list[np.ndarray]:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of at least two "
                f"inputs. Received: inputs={inputs}"
            )
        features = [host_array(self, value) for value in inputs]
        shape = features[0].shape
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise ValueError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or "
                f"`(batch_size, 1)`. Received: inputs[0].shape={shape}"
            )
        for index, feature in enumerate(features):
            if feature.shape != shape:
                raise ValueError(
                    "All `HashedCrossing` inputs should have equal shape. Received: "
                    f"inputs[0].shape={shape} and inputs[{index}].shape={feature.shape}"
                )
            if feature.dtype.kind not in "iuUSO":
                raise ValueError(
                    "All `HashedCrossing` inputs should have an integer or string "
                    f"dtype. Received: inputs[{index}].dtype={feature.dtype}"
                )
        return features

    def compute_output_shape(self, input_shape: Any) -> Any:
        if len(input_shape) < 2 or not all(
            isinstance(shape, (tuple, list)) for shape in input_shape
        ):
            raise ValueError(
                "Expected as input a list/tuple of 2 tensors. Received "
                f"input_shape={input_shape}"
            )
        shape = tuple(input_shape[0])
        if self.output_mode == "int":
            return shape
        flat = len(shape) > 1 and shape[-1] == 1
        return (*(shape[:-1] if flat else shape), self.num_bins)

    def compute_output_spec(self, inputs: Any) -> Any:
        shape = self.compute_output_shape([tuple(x.shape) for x in inputs])
        return KerasTensor(shape, self.output_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.output_dtype,
        }
