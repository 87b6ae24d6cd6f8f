"""What stands for a value while it is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pydl.graph.node import Shape, Value
from pydl.graph.operators import Operators

if TYPE_CHECKING:
    from pydl.graph.trace import Trace


class NeedsValue(TypeError):
    """Code asked for the value of a tensor that is only being traced."""


class TraceTensor(Operators):
    """A value of a running trace. Has a shape and a dtype but no data."""

    __slots__ = ("_keras_mask", "trace", "value")

    def __init__(self, trace: Trace, value: Value) -> None:
        self.trace = trace
        self.value = value

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def dtype(self) -> str:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor with no axes")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<TraceTensor shape={self.shape} dtype={self.dtype}>"

    def _no_value(self, what: str) -> NoReturn:
        raise NeedsValue(
            f"{what} needs the value of a tensor that is only being traced (shape "
            f"{self.shape}, made by {self.value.node.op!r} at "
            f"{self.value.node.source or 'an unknown line'}). Use ops such as "
            "`ops.where` instead, or compile the model (or mark the pydl.function) "
            "with run_eagerly=True."
        )

    def __bool__(self) -> bool:
        self._no_value("bool()")

    def __float__(self) -> float:
        self._no_value("float()")

    def __int__(self) -> int:
        self._no_value("int()")

    def __index__(self) -> int:
        self._no_value("an index")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._no_value("np.asarray()")

    def numpy(self) -> np.ndarray:
        self._no_value(".numpy()")

    def item(self) -> Any:
        self._no_value(".item()")

    def tolist(self) -> Any:
        self._no_value(".tolist()")

    def __format__(self, spec: str) -> str:
        return self._no_value("a format") if spec else str(self)
