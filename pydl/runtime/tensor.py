"""`Tensor`: a value that exists, backed by a NumPy array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pydl.graph.node import dtype_name
from pydl.graph.operators import Operators
from pydl.runtime.eager import run_op


class Tensor(Operators):
    """An array with Keras's operators. Its content never changes.

    The array given is not copied and must be row-major; `pydl.ops.convert_to_tensor`
    makes tensors from anything else.
    """

    __slots__ = ("__dict__", "__weakref__", "_array", "_borrowed")

    def __init__(self, array: np.ndarray, *, borrowed: bool = False) -> None:
        self._array = array
        #: The array is a `Variable`'s own buffer: leave before it is written.
        self._borrowed = borrowed

    @property
    def array(self) -> np.ndarray:
        """The array itself, to read at once: a borrowed one may change later."""
        return self._array

    def detach(self) -> None:
        """Stop sharing a variable's buffer."""
        if self._borrowed:
            self._array = self._array.copy()
            self._borrowed = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> str:
        return dtype_name(self._array.dtype)

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    def numpy(self) -> np.ndarray:
        """The content, read-only."""
        self.detach()
        view = self._array.view()
        view.flags.writeable = False
        return view

    def astype(self, dtype: str) -> Tensor:
        """The same values as another dtype."""
        return Tensor(run_op("cast", [self._array], {"dtype": str(np.dtype(dtype))})[0])

    def item(self) -> Any:
        """The one element, as a Python number."""
        return self._array.item()

    def tolist(self) -> Any:
        """The content as nested lists of Python numbers."""
        return self._array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy:
            return np.array(self._array, dtype=dtype)
        return np.asarray(self.numpy(), dtype=dtype)

    def __dlpack__(self, **options: Any) -> Any:
        self.detach()
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __float__(self) -> float:
        return float(self._array.item())

    def __int__(self) -> int:
        return int(self._array.item())

    def __index__(self) -> int:
        return self._array.__index__()

    def __bool__(self) -> bool:
        return bool(self._array)

    def __format__(self, spec: str) -> str:
        return format(self._array.item() if self._array.ndim == 0 else self, spec)

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        self.detach()
        return (Tensor(np.asarray(row)) for row in self._array)

    def __repr__(self) -> str:
        return f"<Tensor shape={self.shape}, dtype={self.dtype}, value={self._array}>"
