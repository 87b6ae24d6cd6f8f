"""Ops on values that exist: each runs at once, through its best kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.placement import CPU, machine
from pydl.runtime import gpu


def run_op(op: str, arrays: Sequence[Any], attrs: dict[str, Any]) -> list[Any]:
    """The results of one opcode (`docs/opcodes.md`) on row-major arrays.

    It runs where an operand lies that is on a GPU, else on the present device, with
    products of the present precision. Raises
    ValueError, from the same check that a trace and a plan pass, when shapes, dtypes or
    attributes do not fit.
    """
    device, precision = machine()
    on_host = device == CPU
    if on_host:
        results = _core.run_eager(op, arrays, attrs, precision)
        if results is not None:
            return results
    if not on_host or not _all_host(arrays):
        return gpu.run_op(op, arrays, attrs)
    given = [row_major(array) for array in arrays]
    return _core.run_op(op, given, attrs, precision=precision)


def _all_host(arrays: Sequence[Any]) -> bool:
    return not any(gpu.is_device_array(x) for x in arrays)


def row_major(array: np.ndarray) -> np.ndarray:
    """The array itself if it is row-major, else a row-major copy of the same shape."""
    return array if array.flags.c_contiguous else np.array(array, order="C")
