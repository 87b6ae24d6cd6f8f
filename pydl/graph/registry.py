"""The table of OpDefs: what Python knows of each opcode.

Shapes and types are checked in C++ (`_core.infer`); here stand the gradient rule and
the documentation. `pydl.ops` fills the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydl.graph.trace import TraceTensor

#: ``rule(call, grads) -> [gradient or None for each input]``. `grads` has one entry per
#: output, None where nothing flows back. Written in terms of other ops.
GradientRule = Callable[["OpCall", "Sequence[TraceTensor | None]"], "Sequence[Any]"]


@dataclass(frozen=True)
class OpCall:
    """A recorded call as a gradient rule sees it."""

    op: str
    inputs: tuple[TraceTensor, ...]
    outputs: tuple[TraceTensor, ...]
    attrs: dict[str, Any]


@dataclass(frozen=True)
class OpDef:
    """One opcode. `gradient` None: the op is not differentiable, by decision."""

    name: str
    gradient: GradientRule | None
    doc: str = ""


_TABLE: dict[str, OpDef] = {}


def define(name: str, gradient: GradientRule | None = None, doc: str = "") -> OpDef:
    """Enter an opcode. Raises ValueError if it is there already."""
    if name in _TABLE:
        raise ValueError(f"op {name!r} is defined twice")
    _TABLE[name] = OpDef(name, gradient, doc)
    return _TABLE[name]


def opdef(name: str) -> OpDef:
    """The definition of an opcode."""
    return _TABLE[name]


def defined() -> list[str]:
    """The names of all opcodes that have a definition."""
    return list(_TABLE)
