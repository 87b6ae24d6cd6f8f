"""Any values as bucket numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import config, ops
from pydl.graph.trace import TraceTensor
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import (
    check_mode,
    dtype_name,
    encode,
    encoded_shape,
    refuse_sparse,
)
from pydl.layers.preprocessing.hashes import bucket, parse_salt


def host_array(layer: Layer, inputs: Any) -> np.ndarray:
    """The inputs as a NumPy array; TypeError inside a compiled step, which has no
    values to look at."""
    if isinstance(inputs, TraceTensor):
        raise TypeError(
            f"layer '{layer.name}' ({type(layer).__name__}) works on the host: call it "
            "on arrays before the model, as part of preparing data. Expected an array "
            f"or a list, received {inputs!r}"
        )
    return np.asarray(inputs.numpy() if hasattr(inputs, "numpy") else inputs)


class Hashing(Layer):
    """Integers or strings as numbers of buckets, the same ones in every run.

    Works on the host: call it on arrays before the model. Buckets are those of Keras:
    FarmHash of the text, or SipHash with a salt.

    Args:
        num_bins: number of buckets.
        mask_value: a value that alone gets bucket 0.
        salt: an integer or two: another salt gives other buckets.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``.
        sparse: must be False.

    >>> layer = pydl.layers.Hashing(num_bins=3)
    >>> layer([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        check_mode("Hashing", output_mode)
        refuse_sparse("Hashing", sparse)
        wanted = kwargs.pop("dtype", None)
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                "The `num_bins` for `Hashing` cannot be `None` or non-positive values. "
                f"Received: num_bins={num_bins}."
            )
        default = "int64" if output_mode == "int" else config.floatx()
        self.output_dtype = dtype_name(wanted) or default
        if output_mode == "int" and self.output_dtype not in ("int32", "int64"):
            raise ValueError(
                'When `output_mode="int"`, `dtype` should be an integer type, '
                f"'int32' or 'int64'. Received: dtype={wanted}"
            )
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.salt = parse_salt("Hashing", salt)
        self.output_mode = output_mode
        self.sparse = False
        self._convert_input_args = False
        self.built = True

    def call(self, inputs: Any) -> Any:
        array = host_array(self, inputs)
        if array.dtype.kind == "f":
            array = array.astype("int64")
        flat = [self._bucket(value) for value in array.reshape(-1).tolist()]
        bins = np.array(flat, "int64").reshape(array.shape)
        return encode(
            ops.convert_to_tensor(bins), self.output_mode, self.num_bins,
            self.output_dtype,
        )  # fmt: skip

    def _bucket(self, value: Any) -> int:
        if self.mask_value is None or self.num_bins <= 1:
            return bucket(value, self.num_bins, self.salt)
        if value == self.mask_value:
            return 0
        return 1 + bucket(value, self.num_bins - 1, self.salt)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dtype": self.output_dtype,
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }
