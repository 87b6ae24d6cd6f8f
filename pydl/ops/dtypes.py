"""The dtype of a result of mixed operands: the rules of `keras.backend.result_type`.

Python scalars are weak: they give way to a tensor's dtype and only say which kind is
needed at least (bool < int < float). ``np.float64`` numbers are Python floats and are
weak too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from pydl.config import floatx

#: Weak kinds in order, as they stand among the dtypes.
_WEAK = ("bool", "int", "float")

# The lattice of JAX: what each dtype may be promoted to in one step.
_UP: dict[str, tuple[str, ...]] = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "int8": ("int16",),
    "uint16": ("int32", "uint32"),
    "int16": ("int32",),
    "uint32": ("int64",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("float16", "bfloat16"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64",),
    "float64": (),
}

ALLOWED = tuple(name for name in _UP if name not in ("int", "float"))


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype given as a name, a NumPy type or a Python type."""
    if dtype is None:
        return floatx()
    if isinstance(dtype, str) and dtype in ALLOWED:
        return dtype
    if isinstance(dtype, type) and dtype in (bool, int, float):
        return {bool: "bool", int: "int32", float: floatx()}[dtype]
    try:
        name = str(np.dtype(dtype).name)
    except TypeError:
        name = str(dtype)
    if name not in ALLOWED:
        raise ValueError(
            f"dtype: expected one of {', '.join(ALLOWED)}, received {dtype!r}"
        )
    return name


def is_float(dtype: str) -> bool:
    """Whether the named dtype is a float."""
    return "float" in dtype


def is_int(dtype: str) -> bool:
    """Whether the named dtype is an integer, bool not included."""
    return "int" in dtype


def result_type(*dtypes: Any) -> str:
    """The common dtype. Operands are dtypes, or ``bool``, ``int``, ``float`` for weak
    ones.

    >>> result_type("int32", float)
    'float32'
    """
    return _common(dtypes, floatx())


@lru_cache(maxsize=4096)
def _common(dtypes: tuple[Any, ...], default: str) -> str:
    names = [
        d.__name__ if d in (bool, int, float) else standardize_dtype(d) for d in dtypes
    ]
    joined = names[0] if names else default
    for name in names[1:]:
        joined = _least_upper(joined, name)
    return {"int": "int32", "float": default}.get(joined, joined)


def _least_upper(a: str, b: str) -> str:
    common = _above(a) & _above(b)
    return next(c for c in common if common <= _above(c))


@lru_cache(maxsize=64)
def _above(name: str) -> frozenset[str]:
    return frozenset({name}).union(*(_above(up) for up in _UP[name]))
