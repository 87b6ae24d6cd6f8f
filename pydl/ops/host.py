"""Functions that no kernel computes: they run on the host, in NumPy, on values.

Under a trace there are no values yet, and the error says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.graph.trace import current_trace
from pydl.ops.apply import lift
from pydl.ops.public import any_symbolic, public_op
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

__all__ = ["nonzero", "unique"]


def host_array(what: str, x: Any) -> np.ndarray:
    """The values of `x`; raises TypeError where there are none."""
    if current_trace() is not None or any_symbolic(x):
        raise TypeError(
            f"{what}: needs values, which a traced or symbolic tensor does not have. "
            "Call it outside the model, or compile the model with run_eagerly=True."
        )
    if not isinstance(x, Tensor | Variable):
        x = lift(x)
    return np.asarray(x.numpy())


def on_host(name: str, function: Callable[..., Any], *operands: Any) -> Any:
    """``function`` of the operands as NumPy arrays. Raises NotImplementedError under a
    trace: a compiled program runs kernels only."""
    if current_trace() is not None:
        raise NotImplementedError(
            f"{name} runs on the host, through NumPy, and cannot be part of a compiled "
            "program, a model's graph or a gradient: call it outside, on tensors that "
            "hold values"
        )
    return function(*(lift(x).numpy() for x in operands))


@public_op
def nonzero(x: Any) -> tuple[Any, ...]:
    """The int32 indices of the elements that are not 0, one tensor per axis. Runs in
    NumPy, not under a trace."""
    found = np.nonzero(np.atleast_1d(host_array("nonzero", x)))
    return tuple(lift(index.astype(np.int32)) for index in found)


def _sized(values: np.ndarray, axis: int, size: int, fill: Any) -> np.ndarray:
    """`values` cut or filled to `size` along `axis`."""
    count = values.shape[axis]
    kept = np.take(values, np.arange(min(size, count)), axis)
    if count >= size:
        return kept
    if fill is None:
        fill = values.min() if values.size else 0
    shape = list(values.shape)
    shape[axis] = size - count
    return np.concatenate([kept, np.full(shape, fill, values.dtype)], axis)


@public_op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements (or, with `axis`, slices) in ascending order; on demand
    where each stands first, which one each element is, and how often it occurs. `size`:
    cut, or filled with `fill_value` (None: the least), to so many. Runs in NumPy, not
    under a trace."""
    array = host_array("unique", x)
    values, index, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    place = 0 if axis is None else axis
    inverse = inverse.reshape(array.shape if axis is None else (-1,))
    if size is not None:
        values = _sized(values, place, size, fill_value)
        index, counts = _sized(index, 0, size, 0), _sized(counts, 0, size, 0)
    results = [lift(values)]
    extra = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    results += [lift(array.astype(np.int32)) for wanted, array in extra if wanted]
    return results[0] if len(results) == 1 else tuple(results)
