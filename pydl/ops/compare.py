"""Comparisons and logic: the results are bool."""

from __future__ import annotations

from typing import Any

from pydl.ops.apply import emit, lift, promote
from pydl.ops.public import public_op

__all__ = [
    "equal", "greater", "greater_equal", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "not_equal",
]  # fmt: skip


@public_op
def equal(x1: Any, x2: Any) -> Any:
    """``x1 == x2``."""
    return emit("equal", *promote(x1, x2))


@public_op
def not_equal(x1: Any, x2: Any) -> Any:
    """``x1 != x2``."""
    return emit("not_equal", *promote(x1, x2))


@public_op
def less(x1: Any, x2: Any) -> Any:
    """``x1 < x2``."""
    return emit("less", *promote(x1, x2))


@public_op
def less_equal(x1: Any, x2: Any) -> Any:
    """``x1 <= x2``."""
    return emit("less_equal", *promote(x1, x2))


@public_op
def greater(x1: Any, x2: Any) -> Any:
    """``x1 > x2``."""
    return emit("greater", *promote(x1, x2))


@public_op
def greater_equal(x1: Any, x2: Any) -> Any:
    """``x1 >= x2``."""
    return emit("greater_equal", *promote(x1, x2))


@public_op
def logical_and(x1: Any, x2: Any) -> Any:
    """Where both are true (not 0)."""
    return emit("logical_and", lift(x1, "bool"), lift(x2, "bool"))


@public_op
def logical_or(x1: Any, x2: Any) -> Any:
    """Where one or both are true (not 0)."""
    return emit("logical_or", lift(x1, "bool"), lift(x2, "bool"))


@public_op
def logical_not(x: Any) -> Any:
    """Where `x` is false (0)."""
    return emit("logical_not", lift(x, "bool"))


@public_op
def logical_xor(x1: Any, x2: Any) -> Any:
    """Where exactly one is true (not 0)."""
    return emit("not_equal", lift(x1, "bool"), lift(x2, "bool"))
