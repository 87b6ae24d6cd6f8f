"""The small functions of `keras.ops`' core that are made of others."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from pydl.ops.apply import dtype_of, lift
from pydl.ops.arithmetic import cast, clip, maximum, minimum
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import is_float, result_type, standardize_dtype
from pydl.ops.indexing import get_item
from pydl.ops.public import public_op

__all__ = ["dtype", "saturate_cast", "unstack"]


def dtype(x: Any) -> str:
    """The name of the dtype of a tensor, array or number.

    >>> pydl.ops.dtype(1.5)
    'float32'
    """
    if hasattr(x, "dtype"):
        return standardize_dtype(getattr(x.dtype, "name", x.dtype))
    return result_type(dtype_of(x))


def _limits(name: str) -> tuple[float, float]:
    if name == "bool":
        return 0, 1
    if not is_float(name):
        info = np.iinfo(name)
        return int(info.min), int(info.max)
    finfo: Any = ml_dtypes.finfo
    low = float(finfo(name).min)
    return low, -low


@public_op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` as another dtype, numbers beyond its range becoming the nearest in it.

    >>> pydl.ops.saturate_cast([-5, 7, 300], "uint8").tolist()
    [0, 7, 255]
    """
    x, name = lift(x), standardize_dtype(dtype)
    if x.dtype == "bool" or name == x.dtype:
        return cast(x, name)
    (low, high), (least, most) = _limits(x.dtype), _limits(name)
    if is_float(x.dtype) and not is_float(name):
        return cast(x, name) if name != "bool" else cast(clip(x, 0.0, 1.0), name)
    kind: type = float if is_float(x.dtype) else int
    if low < least:
        x = maximum(x, kind(least))
    if high > most:
        x = minimum(x, kind(most))
    return cast(x, name)


@public_op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices of `x` along an axis, without it, as a list of `num` tensors.

    Raises ValueError where `num` is not the size of the axis, or the size is unknown.

    >>> [part.tolist() for part in pydl.ops.unstack([[1, 2], [3, 4]], axis=1)]
    [[1, 3], [2, 4]]
    """
    x = lift(x)
    place = one_axis("unstack", axis, x.ndim)
    count = x.shape[place]
    if count == -1 and num is None:
        raise ValueError(
            f"Cannot infer argument `num` from shape {x.shape}. Either provide a "
            "tensor with a concrete shape in the `axis` dimension or explicitly pass "
            "the `num` argument."
        )
    if num is not None and count not in (-1, num):
        raise ValueError(f"unstack: expected num={count}, the size of axis {axis} of "
                         f"shape {x.shape}, received num={num}")  # fmt: skip
    lead = (slice(None),) * place
    return [get_item(x, (*lead, i)) for i in range(count if num is None else num)]
