"""Functions that no kernel computes: they run on the host, through NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl.graph.trace import current_trace
from pydl.ops.apply import lift


def on_host(name: str, function: Callable[..., Any], *operands: Any) -> Any:
    """``function`` of the operands as NumPy arrays. Raises NotImplementedError under a
    trace: a compiled program runs kernels only."""
    if current_trace() is not None:
        raise NotImplementedError(
            f"{name} runs on the host, through NumPy, and cannot be part of a compiled "
            "program, a model's graph or a gradient: call it outside, on tensors that "
            "hold values"
        )
    return function(*(lift(x).numpy() for x in operands))
