"""Calls of objects with variables as functions of the values of these variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydl import ops
from pydl.runtime.variable import Variable


@contextmanager
def with_values(
    what: str, variables: Sequence[Variable], values: Sequence[Any]
) -> Iterator[None]:
    """Give variables other values inside a ``with`` block, and their own after it.

    Works eagerly and under a trace. Raises ValueError, naming `what`, unless there is
    one value for each variable.
    """
    given = list(values)
    if len(given) != len(variables):
        raise ValueError(
            f"{what}: expected {len(variables)} values, one per variable, received "
            f"{len(given)}"
        )
    before = [ops.convert_to_tensor(variable) for variable in variables]
    try:
        for variable, value in zip(variables, given, strict=True):
            variable.assign(value)
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def values_of(variables: Sequence[Variable]) -> list[Any]:
    """The present values, which later writes do not change."""
    return [ops.convert_to_tensor(variable) for variable in variables]
