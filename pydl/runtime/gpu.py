"""Arrays in the memory of a GPU, behind one small interface.

They are CuPy's where CuPy is installed, else the runtime's own (`_core.DeviceArray`):
over the emulation, and where nothing but pydl uses the GPU. Arrays of others that offer
``__cuda_array_interface__`` (PyTorch's, Numba's) are taken as they are; C++ keeps the
order of their streams.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from pydl import _core
from pydl.placement import PRECISIONS, current_device, float32_matmul_precision
from pydl.runtime.cupy_pool import share_pool

T = TypeVar("T")

#: `cupy` or None, once it is known; see `_cupy`.
_found: list[Any] = []


def is_device_array(x: Any) -> bool:
    """Whether an object is an array in the memory of a GPU."""
    return type(x) is not np.ndarray and hasattr(x, "__cuda_array_interface__")


def device_of(x: Any) -> str:
    """The GPU an array lies on, "cuda:1" say."""
    if isinstance(x, _core.DeviceArray):
        return x.device
    if hasattr(x, "__dlpack_device__"):
        return f"cuda:{int(x.__dlpack_device__()[1])}"
    number = getattr(getattr(x, "device", None), "id", 0)
    return f"cuda:{int(number)}"


def place_of(arrays: Sequence[Any]) -> str | None:
    """The GPU some of these arrays lie on, None where all are on the host. Raises
    ValueError for arrays of two."""
    found: str | None = None
    for x in arrays:
        if type(x) is np.ndarray or not is_device_array(x):
            continue
        place = device_of(x)
        if found is not None and place != found:
            raise ValueError(
                f"expected operands on one device, received one on {found} and one on "
                f"{place}: bring one over, as with ops.convert_to_tensor(x.numpy())"
            )
        found = place
    return found


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array on either side."""
    if hasattr(x, "shape"):
        return tuple(x.shape)
    return tuple(x.__cuda_array_interface__["shape"])


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of an array on either side."""
    if isinstance(x, np.ndarray):
        found: np.dtype[Any] = x.dtype
    elif isinstance(x, _core.DeviceArray):
        found = _numpy_dtype(x.dtype)
    else:
        typestr = x.__cuda_array_interface__["typestr"]
        found = _numpy_dtype("bfloat16" if typestr == "<V2" else typestr)
    return found


def _numpy_dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes  # noqa: F401 - names it to NumPy
    found: np.dtype[Any] = np.dtype(name)
    return found


def _cupy() -> Any:
    """The module, None where it cannot serve: not installed, or no real GPU."""
    if not _found:
        real = _core.devices()["filler"] == "cuda"
        there = real and find_spec("cupy") is not None
        _found.append(importlib.import_module("cupy") if there else None)
        if there:
            share_pool(_found[0])
    return _found[0]


def require_cupy() -> Any:
    """The module `cupy`; ImportError saying how to install it."""
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        raise ImportError(
            "CuPy is needed to give a tensor as a CuPy array: pip install cupy-cuda13x "
            f"(cupy-cuda12x for CUDA 12). {error}"
        ) from error


def new(device: str, dtype: str, shape: Sequence[int]) -> Any:
    """An array on a GPU; its content is garbage."""
    cupy = _cupy()
    if cupy is None:
        return _core.DeviceArray(device, dtype, tuple(shape))
    with cupy.cuda.Device(int(device.partition(":")[2])):
        return cupy.empty(tuple(shape), dtype)


def new_like(x: Any, device: str, dtype: str, shape: Sequence[int]) -> Any:
    """As `new`, of the kind of `x` where pydl can make such."""
    if isinstance(x, _core.DeviceArray):
        return _core.DeviceArray(device, dtype, tuple(shape))
    return new(device, dtype, shape)


def upload(array: np.ndarray, device: str) -> Any:
    """A copy of a host array on a GPU."""
    made = _core.DeviceArray(device, array.dtype.name, array.shape)
    made.upload(np.ascontiguousarray(array).reshape(array.shape))
    return wrapped(made)


def wrapped(array: _core.DeviceArray) -> Any:
    """Memory of the runtime's as the array a `Tensor` holds, without a copy."""
    cupy = _cupy()
    return array if cupy is None else cupy.asarray(array)


def download(x: Any) -> np.ndarray:
    """A host copy of an array on a GPU; waits for what writes it."""
    host = np.empty(shape_of(x), dtype_of(x))
    if isinstance(x, _core.DeviceArray):
        x.download(host)
    else:
        _core.run_op("copy", [dense(x)], {}, [host], device_of(x))
    return host


def to_host(x: Any) -> np.ndarray:
    """An array on either side as a host array, copied only if it has to be."""
    if type(x) is not np.ndarray and is_device_array(x):
        return download(x)
    array: np.ndarray = np.asarray(x)
    return array


def dense(x: Any) -> Any:
    """The array itself if it is row-major, else a row-major copy (CuPy's)."""
    flags = getattr(x, "flags", None)
    if flags is None or getattr(flags, "c_contiguous", True):
        return x
    if isinstance(x, np.ndarray):
        return np.array(x, order="C")
    cupy = _cupy() or require_cupy()
    return cupy.ascontiguousarray(x)


def reshaped(x: Any, shape: Sequence[int]) -> Any:
    """A view of another shape, of an array on either side."""
    return x.reshape(tuple(shape))


def copied(x: Any) -> Any:
    """A copy beside the original."""
    return x.copy() if isinstance(x, np.ndarray) else run_op("copy", [x], {})[0]


def run_op(
    op: str, arrays: Sequence[Any], attrs: dict[str, Any], outputs: Any = None
) -> list[Any]:
    """The results of one opcode, computed on the GPU the operands lie on, else on the
    present one. Operands on the host travel; results stay on the GPU."""
    device = place_of([*arrays, *(outputs or ())]) or current_device()
    given = [dense(x) for x in arrays]
    if outputs is None:
        model = next((x for x in given if is_device_array(x)), None)
        specs = [(dtype_of(x).name, shape_of(x)) for x in given]
        outputs = [
            new_like(model, device, dtype, shape)
            for dtype, shape in _core.infer(op, specs, attrs)
        ]
    precision = PRECISIONS[float32_matmul_precision()]
    return with_room(
        lambda: _core.run_op(op, given, attrs, outputs, device, "", precision)
    )


def with_room(run: Callable[[], T]) -> T:
    """The result of a call that needs memory of a GPU. Where there is none left, what
    a pool of CuPy's own holds and does not use is given back, and the call made once
    more."""
    try:
        return run()
    except MemoryError:
        cupy = sys.modules.get("cupy")
        if cupy is None or not _found or _found[0] is None:
            raise
        cupy.get_default_memory_pool().free_all_blocks()
        return run()


def fits(device: str, nbytes: int) -> bool:
    """Whether data of this size may stay on a GPU: in half of the memory that is free,
    programs need the rest."""
    known = _core.device_info(device)
    return bool(nbytes <= (known["free_bytes"] + known["pooled_bytes"]) // 2)


def size_of(x: Any) -> int:
    """The number of elements."""
    return math.prod(shape_of(x))
