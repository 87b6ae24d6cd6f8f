"""Making tensors: constants, ranges, one-hot rows, conversions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.graph.registry import define
from pydl.graph.trace import TraceTensor
from pydl.ops.apply import dtype_of, emit, from_python, lift
from pydl.ops.axes import one_axis, to_shape
from pydl.ops.dtypes import is_float, is_int, result_type, standardize_dtype
from pydl.ops.public import public_op
from pydl.ops.shape import broadcast_to, move_from_last
from pydl.placement import CPU, current_device
from pydl.runtime import gpu
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

__all__ = [
    "arange", "convert_to_numpy", "convert_to_tensor", "eye", "full", "full_like",
    "is_tensor", "linspace", "one_hot", "ones", "ones_like", "zeros", "zeros_like",
]  # fmt: skip

define("full", None, "A constant: it has no operands to differentiate by.")
define("one_hot", None, "Of integers: nothing to differentiate.")


@public_op
def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """`x` as a tensor, on the present device unless it is on a GPU already. Arrays are
    copied: later changes to them are not seen."""
    if sparse or ragged:
        raise ValueError(
            "convert_to_tensor: sparse and ragged tensors are not supported, received "
            f"sparse={sparse}, ragged={ragged}"
        )
    name = None if dtype is None else standardize_dtype(dtype)
    if isinstance(x, np.ndarray) or gpu.is_device_array(x):
        x = x if isinstance(x, Tensor) else gpu.copied(x)
    made = lift(x, name)
    place = current_device()
    if place != CPU and isinstance(made, Tensor) and made.device == CPU:
        return Tensor(gpu.upload(made.array, place))
    return made


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array."""
    if isinstance(x, Tensor | Variable | TraceTensor):
        array: np.ndarray = x.numpy()
        return array
    made = from_python(x)
    return made.numpy() if isinstance(made, Tensor) else np.asarray(made)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor (a Variable is not)."""
    return isinstance(x, Tensor | TraceTensor)


@public_op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor filled with one value."""
    if not isinstance(fill_value, bool | int | float):
        filled = lift(fill_value, None if dtype is None else standardize_dtype(dtype))
        return broadcast_to(filled, shape)
    weak = result_type(dtype_of(fill_value))
    name = weak if dtype is None else standardize_dtype(dtype)
    return _filled(to_shape("full", shape), name, fill_value)


def _filled(shape: list[int], dtype: str, value: float) -> Any:
    # Integers go through int: 2.5 of an integer dtype is 2, as in NumPy.
    number: float = value if is_float(dtype) else int(value)
    if dtype == "bool":
        number = int(value != 0)
    return emit("full", shape=shape, dtype=dtype, value=number)


@public_op
def zeros(shape: Any, dtype: Any = None) -> Any:
    """A tensor of zeros."""
    return _filled(to_shape("zeros", shape), standardize_dtype(dtype), 0)


@public_op
def ones(shape: Any, dtype: Any = None) -> Any:
    """A tensor of ones."""
    return _filled(to_shape("ones", shape), standardize_dtype(dtype), 1)


@public_op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of the shape (and dtype) of `x`, filled with one value."""
    x = lift(x)
    name = x.dtype if dtype is None else standardize_dtype(dtype)
    if -1 in x.shape:  # symbolic: only the shape and dtype matter
        return emit("cast", emit("equal", x, x), dtype=name)
    return full(x.shape, fill_value, name)


@public_op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """A tensor of zeros of the shape (and dtype) of `x`."""
    return full_like(x, 0, dtype)


@public_op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """A tensor of ones of the shape (and dtype) of `x`."""
    return full_like(x, 1, dtype)


@public_op
def arange(
    start: float,
    stop: float | None = None,
    step: float | None = None,
    dtype: Any = None,
) -> Any:
    """Evenly spaced numbers from `start` up to, without, `stop`."""
    if step == 0:
        raise ValueError("arange: expected a step other than 0, received step=0")
    bounds = [start, stop, step]
    kinds = [dtype_of(x) for x in bounds if x is not None]
    name = result_type(*kinds) if dtype is None else standardize_dtype(dtype)
    first, last = (0, start) if stop is None else (start, stop)
    count = max(0, math.ceil((last - first) / (1 if step is None else step)))
    values = first + np.arange(count) * (1 if step is None else step)
    return lift(values.astype(name))


@public_op
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on diagonal `k`, zeros elsewhere."""
    return lift(np.eye(N, M, k, dtype=standardize_dtype(dtype)))


@public_op
def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`; `retstep`: and their step."""
    name = floatx() if dtype is None else standardize_dtype(dtype)
    numbers, step = np.linspace(start, stop, num, endpoint, retstep=True, axis=axis)
    tensor = lift(numbers.astype(name))
    return (tensor, step) if retstep else tensor


@public_op
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """A row per index with 1 at that place; zeros for an index out of range."""
    if sparse:
        raise ValueError("one_hot: sparse tensors are not supported")
    x = lift(x)
    if not is_int(x.dtype):
        raise TypeError(f"one_hot: expected integer indices, received dtype {x.dtype}")
    if x.dtype not in ("int32", "int64"):
        x = lift(x, "int64" if x.dtype == "uint32" else "int32")
    rows = emit("one_hot", x, depth=num_classes, dtype=standardize_dtype(dtype))
    return move_from_last(rows, one_axis("one_hot", axis, rows.ndim))
