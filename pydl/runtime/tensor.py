"""`Tensor`: a value that exists, in a NumPy array or in the memory of a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pydl.graph import operators
from pydl.graph.node import DTYPE_NAMES
from pydl.graph.operators import Operators
from pydl.placement import CPU
from pydl.runtime import gpu, watchers


class Tensor(Operators):
    """An array with Keras's operators. Its content never changes.

    The array given is not copied and must be row-major; `pydl.ops.convert_to_tensor`
    makes tensors from anything else. On a GPU it is a CuPy array where CuPy is
    installed, else the runtime's own; `cupy` gives it as the former.
    """

    __slots__ = ("__dict__", "__weakref__", "_borrowed", "array")

    def __init__(self, array: Any, *, borrowed: bool = False) -> None:
        #: The array itself, to read at once: a borrowed one may change later. Plain, as
        #: every op reads it.
        self.array = array
        #: The array is a `Variable`'s own buffer: leave before it is written.
        self._borrowed = borrowed

    def detach(self) -> None:
        """Stop sharing a variable's buffer."""
        if self._borrowed:
            self.array = gpu.copied(self.array)
            self._borrowed = False

    @property
    def device(self) -> str:
        """Where the content lies: "cpu" or "cuda:<number>"."""
        return CPU if self._on_host else gpu.device_of(self.array)

    @property
    def _on_host(self) -> bool:
        return type(self.array) is np.ndarray or not gpu.is_device_array(self.array)

    def _host(self) -> np.ndarray:
        """The content on the host: the array itself, or a copy of what a GPU has."""
        return gpu.to_host(self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:
        if type(self.array) is np.ndarray:
            return DTYPE_NAMES[self.array.dtype]
        return gpu.dtype_of(self.array).name

    @property
    def ndim(self) -> int:
        return len(self.array.shape)

    @property
    def size(self) -> int:
        return gpu.size_of(self.array)

    def numpy(self) -> np.ndarray:
        """The content, read-only."""
        self.detach()
        view = self._host().view()
        view.flags.writeable = False
        return view

    def cupy(self) -> Any:
        """The content as a CuPy array, without a copy. Needs CuPy; the tensor must be
        on a GPU."""
        cupy = gpu.require_cupy()
        if self._on_host:
            raise ValueError(
                "cupy(): the tensor is on the CPU; make it inside "
                "`with pydl.device('cuda'):`, or use cupy.asarray(tensor.numpy())"
            )
        self.detach()
        return cupy.asarray(self.array)

    def astype(self, dtype: str) -> Tensor:
        """The same values as another dtype."""
        cast: Tensor = operators._ops.cast(self, dtype)
        return cast

    def item(self) -> Any:
        """The one element, as a Python number."""
        return self._host().item()

    def tolist(self) -> Any:
        """The content as nested lists of Python numbers."""
        return self._host().tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy:
            return np.array(self._host(), dtype=dtype)
        return np.asarray(self.numpy(), dtype=dtype)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self._on_host:  # so that hasattr() says no
            raise AttributeError("__cuda_array_interface__: the tensor is on the CPU")
        self.detach()
        found: dict[str, Any] = self.array.__cuda_array_interface__
        return found

    def __dlpack__(self, **options: Any) -> Any:
        self.detach()
        if isinstance(self.array, np.ndarray) or hasattr(self.array, "__dlpack__"):
            return self.array.__dlpack__(**options)
        return gpu.require_cupy().asarray(self.array).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        if self._on_host:
            kind, number = self.array.__dlpack_device__()
            return int(kind), int(number)
        return 2, int(self.device.partition(":")[2])  # kDLCUDA

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Copies and pickles hold the content on the host, and own it."""
        content = {"array": np.array(self._host()), "_borrowed": False}
        return dict(self.__dict__), content

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return self._host().__index__()

    def __bool__(self) -> bool:
        return bool(self._host())

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else self, spec)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor with no axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if watchers.active:  # a tape follows rows that ops cut out
            return (self[i] for i in range(len(self)))
        self.detach()
        if not self._on_host:
            return (self[i] for i in range(len(self)))
        return (Tensor(np.asarray(row)) for row in self.array)

    def __repr__(self) -> str:
        place = "" if self._on_host else f", device={self.device}"
        return (
            f"<Tensor shape={self.shape}, dtype={self.dtype}{place}, "
            f"value={self._host()}>"
        )
