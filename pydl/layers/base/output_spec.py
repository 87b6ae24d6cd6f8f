"""Output shapes of any function of tensors, by tracing it with stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import tree
from pydl.graph.trace import Trace, TraceTensor
from pydl.layers.base.keras_tensor import KerasTensor

#: Two sizes to put in for an unknown one: an output axis that differs between them
#: depends on it.
_SAMPLE_SIZES = (83, 89)


def trace_output_spec(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """KerasTensors of the shapes and dtypes `function` returns for symbolic arguments.

    Unknown sizes are traced as -1. Where Python code computes with a size, so that -1
    does not get through, two sample sizes tell which output axes depend on it.
    """
    symbolic = [t for t in tree.flatten((args, kwargs)) if isinstance(t, KerasTensor)]
    if all(None not in t.shape for t in symbolic):
        return tree.map_structure(_as_symbolic, _trace(function, args, kwargs, 0))
    try:
        return tree.map_structure(_as_symbolic, _trace(function, args, kwargs, -1))
    except (ValueError, TypeError) as unknown_size_error:
        try:
            first, second = (_trace(function, args, kwargs, n) for n in _SAMPLE_SIZES)
            return tree.map_structure(_merge, first, second)
        except (ValueError, TypeError):
            raise unknown_size_error from None


def _trace(function: Callable[..., Any], args: Any, kwargs: Any, unknown: int) -> Any:
    with Trace("output_spec") as trace:

        def stand_in(x: Any) -> Any:
            if not isinstance(x, KerasTensor):
                return x
            shape = [unknown if size is None else size for size in x.shape]
            return trace.input(x.name, shape, x.dtype)

        return function(
            *tree.map_structure(stand_in, args), **tree.map_structure(stand_in, kwargs)
        )


def _as_symbolic(x: Any) -> Any:
    if x is None or not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return x
    shape = [None if size == -1 else size for size in x.shape]
    return KerasTensor(shape, _dtype_name(x.dtype))


def _merge(first: Any, second: Any) -> Any:
    if not isinstance(first, TraceTensor):
        return _as_symbolic(first)
    pairs = zip(first.shape, second.shape, strict=True)
    return KerasTensor([a if a == b else None for a, b in pairs], first.dtype)


def _dtype_name(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))
