"""`Variable`: a named buffer that layers, optimizers and metrics keep state in."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.graph.node import dtype_size
from pydl.graph.operators import Operators
from pydl.graph.trace import Trace, TraceTensor, current_trace, outside_trace
from pydl.placement import CPU, current_device, device
from pydl.runtime import gpu, watchers
from pydl.runtime.tensor import Tensor

_counts: dict[str, int] = {}  # names given so far, for automatic ones
_making = threading.Lock()
_mirrors = 0  # made so far: programs look for new ones of their variables


def mirrors_made() -> int:
    """How many variables have been on a GPU so far."""
    return _mirrors


#: What a copy has in common with its original.
_KEPT = ("name", "path", "trainable", "autocast", "aggregation", "synchronization")
_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")


class Variable(Operators):
    """One 64-byte aligned, row-major buffer that never moves.

    On a GPU its content lies in a mirror of that buffer, kept there from step to step:
    `_core.Mirror` knows which side is newer and copies when the other is read.
    `version` grows with every write. Under a trace, reading gives a stand-in and
    assigning is recorded; see `pydl.graph.trace`. Arguments are those of
    `keras.Variable`: `initializer` is an array, a number or a
    ``callable(shape, dtype)`` (then `shape` is needed).
    """

    __slots__ = (
        "__dict__", "__weakref__", "_array", "_mirror", "_view", "aggregation",
        "autocast", "constraint", "dtype", "name", "path", "regularizer", "shape",
        "synchronization", "trainable", "version",
    )  # fmt: skip

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        if aggregation not in (None, *_AGGREGATIONS):
            raise ValueError(
                f"aggregation: expected one of {_AGGREGATIONS}, "
                f"received {aggregation!r}"
            )
        self.name = name or _automatic_name()
        self.path = self.name
        self.trainable = trainable
        self.autocast = autocast
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization
        self.regularizer: Any = None
        self.constraint: Any = None
        self.version = 0
        self._view: weakref.ref[Tensor] | None = None
        with outside_trace(), device(CPU):  # the same numbers wherever it is used
            content = _initial(initializer, shape, dtype, self.name)
        self.shape: tuple[int, ...] = content.shape
        self.dtype: str = content.dtype.name
        self._array = aligned_copy(content)
        self._mirror: _core.Mirror | None = None
        watchers.note_made(self)

    # -- reading --------------------------------------------------------------------

    @property
    def value(self) -> Tensor | TraceTensor:
        """The present content. Later writes do not change what was returned."""
        if watchers.active and (held := watchers.scoped_value(self)) is not None:
            return held  # type: ignore[no-any-return]
        trace = current_trace()
        if trace is not None:
            return trace.read(self)
        place = current_device()
        view = self._view() if self._view is not None else None
        if view is None or view.device != place:
            self.release_view()
            if place == CPU:
                view = Tensor(self.buffer, borrowed=True)
            else:
                view = Tensor(gpu.wrapped(self.mirror.on_device(place)), borrowed=True)
            self._view = weakref.ref(view)
        if watchers.active:
            watchers.note_read(self, view)
        return view

    @property
    def buffer(self) -> np.ndarray:
        """The buffer itself, with the newest content, for reading at once."""
        if self._mirror is not None:
            self._mirror.to_host()
        return self._array

    @property
    def memory(self) -> np.ndarray:
        """The buffer as it is, for programs: a GPU may have newer content."""
        return self._array

    @property
    def mirror(self) -> _core.Mirror:
        """The place of the content on a GPU, made at the first use there."""
        global _mirrors
        with _making:
            if self._mirror is None:
                self._mirror = _core.Mirror(self._array)
                _mirrors += 1
            return self._mirror

    @property
    def known_mirror(self) -> _core.Mirror | None:
        """`mirror` if the variable has been on a GPU."""
        return self._mirror

    def numpy(self) -> np.ndarray:
        """A copy of the present content."""
        if watchers.active and (held := watchers.scoped_value(self)) is not None:
            return np.array(held.numpy())
        return self.buffer.copy()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        content = self.numpy()
        return content if dtype is None else content.astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are variables with a buffer of their own."""
        return _rebuild, (self.numpy(), {name: getattr(self, name) for name in _KEPT})

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    # -- writing --------------------------------------------------------------------

    def assign(self, value: Any) -> Any:
        """Set the content. `value` must have the variable's shape; it is cast to its
        dtype. Returns the new value."""
        if watchers.active and (scope := watchers.current_scope()) is not None:
            scope.add_update((self, value))
            return scope.get_current_value(self)
        trace = current_trace()
        if trace is not None:
            tensor = self._traced(trace, value)
            trace.assign(self, tensor)
            return tensor
        if isinstance(value, Tensor) and self._takes_on_device(value):
            self._copy_on_device(value)
            return self.value
        array = self._checked(value)
        self.release_view()
        np.copyto(self._array, array, casting="unsafe")
        self._host_written()
        return self.value

    def _takes_on_device(self, value: Tensor) -> bool:
        same = value.shape == self.shape and value.dtype == self.dtype
        return same and value.device != CPU

    def _copy_on_device(self, value: Tensor) -> None:
        """The content of a tensor on a GPU, without a way over the host."""
        self.release_view()  # the value may be one
        mirror = self.mirror
        place = mirror.on_device(value.device)
        _core.run_op("copy", [gpu.dense(value.array)], {}, [place], place.device)
        mirror.device_written()
        self.version += 1

    def fill(self, number: float) -> None:
        """Set every element to a number: `assign` without its conversions. Not for
        traces."""
        self.release_view()
        self._array.fill(number)
        self._host_written()

    def _host_written(self) -> None:
        if self._mirror is not None:
            self._mirror.host_written()
        self.version += 1

    def assign_add(self, value: Any) -> Any:
        """Add to the content."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the content."""
        return self.assign(self - value)

    def release_view(self) -> None:
        """Before a write: what `value` gave out keeps the old content. The writer
        raises `version` afterwards."""
        if self._view is not None:
            view, self._view = self._view(), None
            if view is not None:
                view.detach()

    def _checked(self, value: Any) -> np.ndarray:
        array: np.ndarray = (
            gpu.to_host(value.array) if isinstance(value, Tensor) else np.asarray(value)
        )
        if array.shape != self.shape:
            raise self._wrong_shape(array.shape)
        if array.dtype.kind not in "biufV":
            raise TypeError(
                f"variable {self.path!r}: expected numbers to assign, received an "
                f"array of dtype {array.dtype}"
            )
        return array

    def _traced(self, trace: Trace, value: Any) -> TraceTensor:
        if isinstance(value, Variable):
            value = trace.read(value)
        if not isinstance(value, TraceTensor):
            return trace.constant(self._checked(value).astype(self.dtype))
        if value.shape != self.shape:
            raise self._wrong_shape(value.shape)
        if value.dtype != self.dtype:
            value = trace.add("cast", (value,), {"dtype": self.dtype})[0]
        traced: TraceTensor = value
        return traced

    def _wrong_shape(self, shape: tuple[int, ...]) -> ValueError:
        return ValueError(
            f"variable {self.path!r}: expected a value of shape {self.shape} to "
            f"assign, received shape {shape}"
        )

    def __repr__(self) -> str:
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={self.buffer}>"
        )


def _rebuild(content: np.ndarray, attributes: dict[str, Any]) -> Variable:
    variable = Variable(content)
    for name, value in attributes.items():
        setattr(variable, name, value)
    return variable


def aligned_copy(content: np.ndarray) -> np.ndarray:
    """A row-major copy at an address that is a multiple of 64."""
    raw = np.empty(content.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    array = raw[start : start + content.nbytes].view(content.dtype)
    array = array.reshape(content.shape)
    np.copyto(array, content)
    return array


def _initial(
    initializer: Any, shape: Sequence[int] | None, dtype: str | None, name: str
) -> np.ndarray:
    """The first content: from a callable, or converted from an array or number."""
    if callable(initializer):
        if shape is None:
            raise ValueError(
                f"variable {name!r}: `shape` is needed when the initializer is a "
                f"callable, received initializer={initializer!r} and shape=None"
            )
        return _from_callable(initializer, tuple(shape), dtype or "float32", name)
    array = np.asarray(initializer)
    if array.dtype.kind not in "biufV":
        raise TypeError(
            f"variable {name!r}: expected numbers as initializer, received an array of "
            f"dtype {array.dtype}"
        )
    if dtype is None and not hasattr(initializer, "dtype"):
        dtype = {"f": "float32", "i": "int32"}.get(array.dtype.kind)
    if shape is not None and tuple(shape) != array.shape:
        raise ValueError(
            f"variable {name!r}: expected an initial value of shape {tuple(shape)}, "
            f"received shape {array.shape}"
        )
    return array.astype(_known(dtype, name), copy=False) if dtype else array


def _from_callable(
    initializer: Callable[..., Any], shape: tuple[int, ...], dtype: str, name: str
) -> np.ndarray:
    array = np.asarray(initializer(shape, dtype=dtype))
    if array.shape != shape:
        raise ValueError(
            f"variable {name!r}: expected the initializer to return shape {shape}, "
            f"received shape {array.shape} from {initializer!r}"
        )
    return array.astype(_known(dtype, name), copy=False)


def _known(dtype: str, name: str) -> np.dtype[Any]:
    try:
        dtype_size(dtype)
    except KeyError:
        raise ValueError(
            f"variable {name!r}: expected the name of a dtype such as 'float32', "
            f"received {dtype!r}"
        ) from None
    if dtype == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(dtype)


def _automatic_name() -> str:
    count = _counts.get("variable", 0)
    _counts["variable"] = count + 1
    return "variable" if count == 0 else f"variable_{count}"
