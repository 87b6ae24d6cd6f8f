"""Settings and questions about dtypes, under Keras's older names."""

from __future__ import annotations

from typing import Any

from pydl.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from pydl.layers.base import is_keras_tensor
from pydl.objects.naming import next_uid, reset_names
from pydl.ops.dtypes import is_float, is_int, standardize_dtype
from pydl.ops.dtypes import result_type as _common


def result_type(*dtypes: Any) -> str:
    """The dtype that operands of these dtypes are promoted to.

    >>> result_type("int32", "float32")
    'float32'
    """
    return _common(*(d if d in (bool, int, float) else standardize_dtype(d)
                     for d in dtypes))  # fmt: skip


def is_float_dtype(dtype: Any) -> bool:
    """Whether this is a float dtype.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int8")
    (True, False)
    """
    return is_float(standardize_dtype(dtype))


def is_int_dtype(dtype: Any) -> bool:
    """Whether this is an integer dtype, bool not counted.

    >>> is_int_dtype("uint8"), is_int_dtype("float32")
    (True, False)
    """
    return is_int(standardize_dtype(dtype))


def get_uid(prefix: str = "") -> int:
    """1 for the first call with this prefix, then 2, 3 and so on.

    >>> get_uid("an example") + 1 == get_uid("an example")
    True
    """
    return next_uid(prefix)


def clear_session(free_memory: bool = True) -> None:
    """Start the automatic names of layers again.

    Args:
        free_memory: accepted; memory is freed with the models that hold it.
    """
    reset_names()


__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon",
    "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip
