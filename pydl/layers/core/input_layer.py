"""Where a model's graph starts."""

from __future__ import annotations

from typing import Any

from pydl import config
from pydl.layers.base import KerasTensor, Layer, Node
from pydl.layers.base.keras_tensor import standardize_shape
from pydl.ops.dtypes import standardize_dtype


class InputLayer(Layer):
    """Stands for one input of a model; see `Input`, which makes one.

    Args:
        shape: the input's shape without the batch axis.
        batch_size: size of the batch axis if it is fixed.
        dtype: None is `config.floatx()`.
        sparse, ragged: must be false.
        batch_shape: the shape with the batch axis, instead of `shape`.
        input_tensor: a KerasTensor to take over instead of making one.
        optional: whether None may be given for the input.
        name: key of the input when a model takes a dict.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        if sparse or ragged:
            raise ValueError(
                f"input {self.name!r}: sparse and ragged inputs are not supported"
            )
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to InputLayer: {kwargs}"
            )
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                f"input {self.name!r}: expected either `shape` or `batch_shape`, "
                f"received shape={shape}, batch_shape={batch_shape}"
            )
        if batch_shape is None:
            batch_shape = (batch_size, *standardize_shape(shape))
        self._batch_shape = standardize_shape(batch_shape)
        self._dtype_name = _input_dtype(dtype)
        self.optional = optional
        self.built = True
        made = KerasTensor(self._batch_shape, self._dtype_name, name=self.name)
        Node(self, outputs=made if input_tensor is None else input_tensor)

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The input's shape with the batch axis."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The input's dtype."""
        return self._dtype_name

    def call(self) -> None:
        """There is nothing to compute."""

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> Any:
    """A symbolic tensor to build a model from.

    Args: as `InputLayer`; `tensor` is its `input_tensor`.

    >>> x = pydl.Input((784,))
    >>> x.shape
    (None, 784)
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged,
        batch_shape=batch_shape, name=name, input_tensor=tensor, optional=optional,
    )  # fmt: skip
    return layer.output


def _input_dtype(dtype: Any) -> str:
    """The name of an input's dtype; strings are for layers that work on the host."""
    return (
        "string" if dtype == "string" else standardize_dtype(dtype or config.floatx())
    )
