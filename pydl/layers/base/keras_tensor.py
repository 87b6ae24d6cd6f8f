"""Symbolic tensors: a shape, a dtype and the operation that makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from pydl import ops
from pydl.graph.operators import Operators
from pydl.objects.naming import auto_name

if TYPE_CHECKING:
    from pydl.layers.base.operation import Operation

SymbolicShape = tuple[int | None, ...]


class KerasHistory(NamedTuple):
    """Which output of which call of which operation a tensor is."""

    operation: Operation
    node_index: int
    tensor_index: int


class KerasTensor(Operators):
    """A tensor of the model graph. Axes of unknown size are None.

    Args:
        shape: sizes, None where unknown.
        dtype: name of the dtype.
        sparse, ragged: must be false; there are no such tensors.
        record_history: whether ops on it are recorded (always done).
        name: shown in summaries and error messages.
    """

    def __init__(
        self,
        shape: Any,
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        if sparse or ragged:
            raise ValueError("sparse and ragged tensors are not supported")
        self._shape = standardize_shape(shape)
        self._dtype = str(dtype)
        self.name = name or auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_history: KerasHistory | None = None

    @property
    def shape(self) -> SymbolicShape:
        """Sizes of the axes, None where unknown."""
        return self._shape

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def sparse(self) -> bool:
        """Always false."""
        return False

    @property
    def ragged(self) -> bool:
        """Always false."""
        return False

    def reshape(self, newshape: Any) -> Any:
        """As `ops.reshape`."""
        return ops.reshape(self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """As `ops.squeeze`."""
        return ops.squeeze(self, axis)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _no_value(self, what: str) -> NoReturn:
        raise ValueError(
            f"{what} needs the values of a KerasTensor, a symbolic placeholder (name "
            f"{self.name!r}, shape {self.shape}). Use pydl.layers or pydl.ops on it, "
            "or put the code into the call() of a Layer."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._no_value("np.asarray()")

    def __bool__(self) -> NoReturn:
        self._no_value("bool()")

    def __float__(self) -> NoReturn:
        self._no_value("float()")

    def __int__(self) -> NoReturn:
        self._no_value("int()")

    def __index__(self) -> NoReturn:
        self._no_value("an index")

    def __iter__(self) -> NoReturn:
        self._no_value("iteration")

    def __len__(self) -> NoReturn:
        self._no_value("len()")


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic."""
    return isinstance(x, KerasTensor)


def standardize_shape(shape: Any) -> SymbolicShape:
    """A tuple of sizes and None; ValueError names what cannot be a size."""
    if (
        shape is None
        or isinstance(shape, (str, bytes))
        or not hasattr(shape, "__iter__")
    ):
        raise ValueError(
            f"expected a shape: a tuple of integers and None, received {shape!r} (for "
            "one axis write `(n,)`)"
        )
    return tuple(_standardize_size(size, shape) for size in shape)


def _standardize_size(size: Any, shape: Any) -> int | None:
    if size is None:
        return None
    try:
        number = int(size.__index__())
    except (AttributeError, TypeError):
        raise ValueError(
            f"cannot use {tuple(shape)} as a shape: {size!r} (of type "
            f"{type(size).__name__}) is neither an integer nor None"
        ) from None
    if number < 0:
        raise ValueError(
            f"cannot use {tuple(shape)} as a shape: the size {number} is negative"
        )
    return number


def map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """Apply to each shape of a structure: its leaves are tuples of sizes."""
    if isinstance(shapes, dict):
        return {name: map_shapes(function, shape) for name, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, np.integer)) for size in shapes):
        return function(tuple(shapes))
    return type(shapes)(map_shapes(function, shape) for shape in shapes)
