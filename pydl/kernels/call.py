"""How a kernel is called on arrays of the host or of a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import _core
from pydl.placement import machine
from pydl.runtime import gpu
from pydl.runtime.eager import row_major

#: A NumPy array, or one on a GPU.
Array = Any


def run(
    op: str, inputs: Sequence[Array], attrs: dict[str, Any], outputs: Any = None
) -> list[Array]:
    """The results of an opcode, in `outputs` where memory is given."""
    if gpu.place_of([*inputs, *(outputs or ())]) is not None:
        return gpu.run_op(op, inputs, attrs, outputs)
    given = [row_major(x) for x in inputs]
    return _core.run_op(op, given, attrs, outputs, precision=machine()[1])


def one(op: str, inputs: Sequence[Array], attrs: dict[str, Any], out: Any) -> Array:
    """The result of an opcode that has one."""
    return run(op, inputs, attrs, None if out is None else [out])[0]
