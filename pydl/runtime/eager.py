"""Ops on values that exist: each runs at once, through its best kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core


def run_op(
    op: str, arrays: Sequence[np.ndarray], attrs: dict[str, Any]
) -> list[np.ndarray]:
    """The results of one opcode (`docs/opcodes.md`) on row-major arrays.

    Raises ValueError, from the same check that a trace and a plan pass, when shapes,
    dtypes or attributes do not fit.
    """
    return _core.run_op(op, [row_major(array) for array in arrays], attrs)


def row_major(array: np.ndarray) -> np.ndarray:
    """The array itself if it is row-major, else a row-major copy of the same shape."""
    return array if array.flags.c_contiguous else np.array(array, order="C")
