"""``(x, y, sample_weight)`` tuples, as data sources give them and steps take them."""

from __future__ import annotations

from typing import Any


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """``(x, y, sample_weight)`` without what is None; an `x` alone stays itself."""
    if sample_weight is not None:
        return (x, y, sample_weight)
    if y is not None:
        return (x, y)
    return x if not isinstance(x, (list, tuple)) else (x,)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """The reverse: always three values, None for what is not there."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return (data, None, None)
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "expected `x`, (x,), (x, y) or (x, y, sample_weight), received a tuple of "
            f"{len(data)} values"
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return (x, y, sample_weight)
