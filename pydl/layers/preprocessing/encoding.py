"""Integers as one-hot rows, sets or counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops

MODES = ("int", "one_hot", "multi_hot", "count")


def check_mode(name: str, mode: str, allowed: Sequence[str] = MODES) -> str:
    """The output mode; ValueError for one that is not allowed."""
    if mode not in allowed:
        raise ValueError(
            f"{name}: output_mode: expected one of {tuple(allowed)}, received {mode!r}"
        )
    return mode


def refuse_sparse(name: str, sparse: bool) -> None:
    """Raise ValueError for ``sparse=True``."""
    if sparse:
        raise ValueError(f"{name}: sparse: expected False, received {sparse}")


def dtype_name(dtype: Any) -> str | None:
    """The name in a `dtype` argument: of a dtype, a policy, or a policy's
    configuration, which Keras writes."""
    if isinstance(dtype, dict):
        dtype = dtype["config"]["name"]
    return None if dtype is None else str(getattr(dtype, "name", dtype))


def encode(
    indices: Any, mode: str, depth: int, dtype: str, count_weights: Any = None
) -> Any:
    """Integers ``(..., n)`` in a mode.

    ``"int"``: themselves. ``"one_hot"``: a row of length `depth` each; a last axis of
    size 1 goes. ``"multi_hot"``: one row per ``(...)``, 1 where an integer is among the
    n. ``"count"``: how often, or the sum of the weights. Integers outside ``[0,
    depth)`` count nothing.
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    indices = ops.cast(indices, "int32")
    if mode == "one_hot":
        if len(indices.shape) > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype)
    if len(indices.shape) == 0:
        indices = ops.expand_dims(indices, 0)
    hot = ops.one_hot(indices, depth, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(hot, axis=-2)
    if count_weights is not None:
        hot = hot * ops.expand_dims(ops.cast(count_weights, dtype), -1)
    return ops.sum(hot, axis=-2)


def encoded_shape(input_shape: Any, mode: str, depth: int | None) -> Any:
    """The shape of what `encode` gives."""
    shape = tuple(input_shape)
    if mode == "int":
        return shape
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*shape, depth)
    return (*shape[:-1], depth)
