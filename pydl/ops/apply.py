"""The one way from a function of tensors to a primitive: now, or into a trace.

`lift` makes a tensor of the current mode out of anything tensor-like; `apply` makes the
call. Outside a trace it is a `Tensor` and the primitive runs at once; under one it
is a `TraceTensor` and a node is added. Functions above this file do not know which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.config import floatx
from pydl.graph.trace import Trace, TraceTensor, current_trace
from pydl.ops.dtypes import is_float, result_type, standardize_dtype
from pydl.placement import CPU, current_device
from pydl.runtime import gpu, watchers
from pydl.runtime.autocast import read_dtype
from pydl.runtime.eager import run_op
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

TENSORS = (Tensor, TraceTensor, Variable)
_NUMBERS = (bool, int, float)  # np.float64 is a float: weak as well
_ARRAYS = (np.ndarray, np.generic)
#: NumPy looks the names up slowly. (bfloat16 it does not know by itself.)
_NUMPY_DTYPES = {
    name: np.dtype(name) for name in ("float16", "float32", "float64", "bool")
}


def apply(op: str, inputs: Sequence[Any], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """Call a primitive. Operands must have the dtypes it takes: nothing is promoted."""
    trace = current_trace()
    if trace is not None:
        return trace.add(op, [_into_trace(x, trace) for x in inputs], attrs)
    if watchers.active:
        tensors = [_eager_tensor(x) for x in inputs]
        results = _run(op, tensors, attrs)
        watchers.note_op(op, tensors, attrs, results)
        return results
    return _run(op, inputs, attrs)


def _run(op: str, inputs: Sequence[Any], attrs: dict[str, Any]) -> tuple[Tensor, ...]:
    if op == "reshape":
        return (_reshaped(_eager_tensor(inputs[0]), attrs),)
    arrays = [x.array if type(x) is Tensor else _array(x) for x in inputs]
    return tuple(map(Tensor, run_op(op, arrays, attrs)))


def emit(op: str, *inputs: Any, **attrs: Any) -> Any:
    """The first result of a primitive: what rules and functions are written in."""
    return apply(op, inputs, attrs)[0]


def lift(x: Any, dtype: str | None = None) -> Any:
    """`x` as a tensor of the current mode, of dtype `dtype` (cast if need be).

    Variables are read, inside a layer's call in its compute dtype. Python numbers take
    `dtype`, else floatx, int32 or bool.
    """
    trace = current_trace()
    if type(x) is Tensor and trace is None and (dtype is None or x.dtype == dtype):
        return x
    if not isinstance(x, TENSORS):
        x = from_python(x, dtype)
    elif dtype is None and isinstance(x, Variable):
        dtype = read_dtype(x)
    tensor = _into_trace(x, trace) if trace is not None else _eager_tensor(x)
    if dtype is not None and tensor.dtype != dtype:
        return emit("cast", tensor, dtype=dtype)
    return tensor


def dtype_of(x: Any) -> Any:
    """The dtype of an operand; ``bool``, ``int`` or ``float`` for a Python number."""
    kind = type(x)
    if kind is Tensor:  # these two first: nearly all operands of eager ops
        return x.dtype
    if kind is float or kind is int:
        return kind
    if isinstance(x, Variable):
        return read_dtype(x)
    if isinstance(x, TENSORS):
        return x.dtype
    if isinstance(x, _NUMBERS):
        return bool if isinstance(x, bool) else float if isinstance(x, float) else int
    if isinstance(x, _ARRAYS):
        return standardize_dtype(x.dtype)
    if gpu.is_device_array(x):
        return gpu.dtype_of(x).name
    return from_python(x).dtype


def promote(*operands: Any) -> list[Any]:
    """The operands as tensors of their common dtype."""
    if _are_alike(operands):
        return list(operands)
    common = result_type(*[dtype_of(x) for x in operands])
    return [lift(x, common) for x in operands]


def _are_alike(operands: Sequence[Any]) -> bool:
    """Whether all are eager tensors of one dtype, outside a trace: nothing to do."""
    dtype = None
    for x in operands:
        if type(x) is not Tensor:
            return False
        if dtype is not None and x.array.dtype is not dtype:
            return False
        dtype = x.array.dtype
    return current_trace() is None


def promote_float(*operands: Any) -> list[Any]:
    """As `promote`, integers and bools becoming floatx."""
    if _are_alike(operands) and operands and is_float(operands[0].dtype):
        return list(operands)
    common = result_type(*[dtype_of(x) for x in operands])
    if not is_float(common):
        common = floatx()
    return [lift(x, common) for x in operands]


def from_python(x: Any, dtype: str | None = None) -> Any:
    """A tensor or array of a number, array or nested list: not traced yet. `dtype` is
    what the caller casts it to; Python numbers have it already if they fit."""
    if isinstance(x, _NUMBERS):
        return _numbers(x, dtype or result_type(dtype_of(x)))
    if gpu.is_device_array(x):
        return gpu.dense(x)
    if isinstance(x, _ARRAYS):
        name = standardize_dtype(x.dtype)
        return np.asarray(x) if x.dtype.isnative else np.asarray(x).astype(name)
    if isinstance(x, list | tuple) and _holds_tensor(x):
        return emit_stack([lift(part, dtype) for part in x])
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            "expected a tensor, a NumPy array, a number or a list of them, received "
            f"{x!r} of type {type(x).__name__}"
        )
    if not isinstance(x, list | tuple) or _holds_array(x):
        return array
    kind = {"b": bool, "i": int, "u": int, "f": float}[array.dtype.kind]
    return _numbers(array, dtype or result_type(kind))


def emit_stack(tensors: list[Any]) -> Any:
    """The tensors as rows of a new first axis."""
    common = result_type(*(t.dtype for t in tensors))
    rows = [lift(t, common) for t in tensors]
    rows = [emit("reshape", t, shape=[1, *t.shape]) for t in rows]
    return apply("concatenate", rows, {"axis": 0})[0]


def _numbers(x: Any, dtype: str) -> Any:
    """Python numbers as an array; an integer that does not fit is an error."""
    if is_float(dtype) or dtype == "bool":
        return np.array(x, _NUMPY_DTYPES.get(dtype, dtype))
    if np.asarray(x).dtype.kind == "f":
        return np.asarray(x)  # cast by the op, by its rules for NaN and infinity
    info = np.iinfo(dtype)
    if np.size(x) and (np.min(x) < info.min or np.max(x) > info.max):
        raise ValueError(
            f"expected integers of dtype {dtype} ({info.min} to {info.max}), received "
            f"{np.max(x) if np.max(x) > info.max else np.min(x)}"
        )
    return np.array(x, dtype)


def _holds_tensor(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return any(_holds_tensor(part) for part in x)
    return isinstance(x, TENSORS)


def _holds_array(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return bool(x) and _holds_array(x[0])
    return isinstance(x, _ARRAYS) and not isinstance(x, float)


def _into_trace(x: Any, trace: Trace) -> TraceTensor:
    if isinstance(x, TraceTensor):
        if x.trace is not trace:
            raise ValueError(
                f"received {x!r} of another trace, {x.trace.graph.name!r}, while "
                f"tracing {trace.graph.name!r}: a traced value cannot leave its trace. "
                "Return it from the traced function instead of storing it."
            )
        return x
    if isinstance(x, Variable):
        if watchers.active and (held := watchers.scoped_value(x)) is not None:
            return _into_trace(held, trace)
        return trace.read(x)
    return trace.constant(gpu.to_host(_array(x)))


def _eager_tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Variable):
        content = x.value
        assert isinstance(content, Tensor)  # no trace is running
        return content
    return Tensor(_array(x))


def _reshaped(x: Tensor, attrs: dict[str, Any]) -> Tensor:
    """A view, as in a plan: no kernel has to run."""
    ((_, shape),) = _core.infer("reshape", [(x.dtype, x.shape)], attrs)
    x.detach()  # a view of a variable's buffer would change with it
    return Tensor(gpu.reshaped(x.array, shape))


def _array(x: Any) -> Any:
    """The array of an operand outside a trace; of a Variable, where ops run now."""
    if isinstance(x, Tensor):
        return x.array
    if isinstance(x, Variable):
        return x.buffer if current_device() == CPU else _eager_tensor(x).array
    if isinstance(x, TraceTensor):
        raise ValueError(
            f"received {x!r} of the trace {x.trace.graph.name!r}, which is not "
            "running: a traced value cannot leave its trace"
        )
    if isinstance(x, np.ndarray) or gpu.is_device_array(x):
        return x
    return from_python(x)
